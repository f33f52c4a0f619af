//! Markdown for Webex.

use std::fmt::Write as _;

use super::{NoticeText, shown};

impl NoticeText {
    /// The notice as Markdown, no longer than a message may be.
    pub fn markdown(&self) -> String {
        let facts: Vec<_> = self.facts.iter().map(|(name, value)| format!("{name}: {}", escaped(value))).collect();
        let whole = self.around(&self.summary, &facts.join("  \n"), self.hint.as_deref());
        if whole.len() <= LONGEST_MESSAGE {
            return whole;
        }
        self.around(
            &shown(&self.summary, SHORTENED),
            "",
            self.hint.as_deref().map(|hint| shown(hint, SHORTENED)).as_deref(),
        )
    }

    fn around(&self, summary: &str, facts: &str, hint: Option<&str>) -> String {
        let mut text = format!("**{}**", escaped(summary));
        if !facts.is_empty() {
            let _ = write!(text, "\n\n{facts}");
        }
        if let Some(hint) = hint {
            let _ = write!(text, "\n\nNext: {}", code(hint));
        }
        if let Some(link) = self.link.as_ref().filter(|link| link.len() <= LONGEST_LINK) {
            // Letters that would end the address are written as percent codes.
            let link = link.replace('(', "%28").replace(')', "%29").replace('\\', "%5C").replace('`', "%60");
            let _ = write!(text, "\n\n[Open in Lanyard]({link})");
        }
        let _ = write!(text, "\n\n{}", escaped(&self.source));
        text
    }
}

/// Text without any meaning for Markdown, HTML or Webex' mentions (`<@all>`).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                escaped.extend(['\\', letter]);
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// A command in the form of code, if nothing in it has a meaning there.
fn code(text: &str) -> String {
    if text.contains(['`', '<', '>', '&', '\\']) { escaped(text) } else { format!("`{text}`") }
}

/// The longest message that Webex accepts is 7439 bytes.
const LONGEST_MESSAGE: usize = 7000;
const LONGEST_LINK: usize = 2000;
/// The length of a text in a message that would otherwise be too long; each letter becomes five bytes at most, or four of its own.
const SHORTENED: usize = 200;
