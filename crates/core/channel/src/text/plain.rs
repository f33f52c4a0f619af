//! Plain text.

use std::fmt::Write as _;

use super::NoticeText;

impl NoticeText {
    /// The notice as plain text.
    pub fn plain(&self) -> String {
        let mut text = format!("{}\n\n", self.summary);
        for (name, value) in &self.facts {
            // A `String` takes everything.
            let _ = writeln!(text, "{name:<11} {value}");
        }
        text.push('\n');
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "Next: {hint}");
        }
        if let Some(link) = &self.link {
            let _ = writeln!(text, "More: {link}");
        }
        if self.hint.is_some() || self.link.is_some() {
            text.push('\n');
        }
        let _ = writeln!(text, "{}", self.source);
        text
    }
}
