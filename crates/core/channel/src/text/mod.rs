//! Notices as people read them: plain text, HTML and Markdown. Everything that may come from outside is shown as [`visible`] shows it, and
//! then escaped for its format.

mod html;
mod markdown;
mod plain;

use lanyard_protocol::visible;
use url::Url;

use crate::notice::{AlertState, Notice};

/// A notice as people read it.
#[derive(Clone, Debug)]
pub struct NoticeText {
    summary: String,
    /// The name of the credential.
    about: Option<String>,
    facts: Vec<(&'static str, String)>,
    hint: Option<String>,
    link: Option<String>,
    source: String,
}

impl NoticeText {
    /// Writes a notice.
    pub fn of(notice: &Notice) -> Self {
        let data = &notice.data;
        let mut facts = Vec::new();
        if let Some(credential) = &data.credential {
            facts.push(("Credential", format!("{} ({})", credential.name, credential.kind)));
            let labels: Vec<_> = credential.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
            if !labels.is_empty() {
                facts.push(("Labels", shown(&labels.join(", "), LONGEST_FACT)));
            }
        }
        if let Some(alert) = data.details.get("alert").and_then(|alert| alert.as_str()) {
            facts.push(("Alert", shown(alert, LONGEST_FACT)));
        }
        // People with several homes have credentials of one name in each.
        if let Some((_, home)) = notice.source.rsplit_once(':') {
            facts.push(("Home", shown(home, LONGEST_FACT)));
        }
        facts.push(("Severity", data.severity.as_str().to_owned()));
        if data.state == AlertState::Resolved {
            facts.push(("State", "resolved".to_owned()));
        }
        facts.push(("Time", notice.time.strftime("%Y-%m-%d %H:%M UTC").to_string()));
        Self {
            summary: shown(&data.summary, LONGEST_SENTENCE),
            about: data.credential.as_ref().map(|credential| credential.name.to_string()),
            facts,
            hint: data.hint.as_deref().map(|hint| shown(hint, LONGEST_SENTENCE)).filter(|hint| !hint.is_empty()),
            link: data.link.as_deref().and_then(web_address),
            source: format!("Event {}, {}", notice.id, notice.kind),
        }
    }

    /// One line that says what happened to what.
    pub fn subject(&self) -> String {
        let sentence = shown(self.summary.trim_end_matches('.'), LONGEST_SUBJECT);
        match &self.about {
            // A summary that names the credential itself is enough.
            Some(name) if !sentence.split(|letter: char| !is_of_name(letter)).any(|word| word == name) => {
                format!("[Lanyard] {name}: {sentence}")
            }
            _ => format!("[Lanyard] {sentence}"),
        }
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_')
}

/// A text on one line, with hidden characters made visible, and shortened.
fn shown(text: &str, longest: usize) -> String {
    let text = visible(text.trim());
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// A link, if it leads to a web server: any other scheme could run something where it is opened.
fn web_address(link: &str) -> Option<String> {
    let url: Url = link.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

const LONGEST_SENTENCE: usize = 500;
const LONGEST_SUBJECT: usize = 150;
const LONGEST_FACT: usize = 300;

#[cfg(test)]
pub(crate) mod tests;
