//! Which letters a token may have.

use std::fmt;

/// A letter that no token has, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OddLetter {
    letter: char,
    place: usize,
}

impl OddLetter {
    /// The first letter of `text` that no token has. Tokens are visible ASCII (RFC 6750, section 2.1) without quotes and
    /// backslashes, so that they fit into a header, a line and a quoted text.
    pub fn find(text: &str) -> Option<Self> {
        let odd = |letter: char| !letter.is_ascii_graphic() || matches!(letter, '"' | '\\');
        text.chars().position(odd).and_then(|place| Some(Self { letter: text.chars().nth(place)?, place }))
    }

    /// Whether it is white space or a control character.
    pub fn is_white_space(self) -> bool {
        self.letter.is_whitespace() || self.letter.is_control()
    }
}

/// A name for the letter, never the letter itself: many of them cannot be seen.
impl fmt::Display for OddLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {} is U+{:04X}", self.place + 1, u32::from(self.letter))?;
        match NAMES.iter().find(|(letter, _)| *letter == self.letter) {
            Some((_, name)) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// The letters that come with a token from web pages, editors and chats.
const NAMES: [(char, &str); 19] = [
    (' ', "space"),
    ('\t', "tab"),
    ('\n', "line feed"),
    ('\r', "carriage return"),
    ('"', "quotation mark"),
    ('\\', "backslash"),
    ('\u{a0}', "no-break space"),
    ('\u{ad}', "soft hyphen"),
    ('\u{200b}', "zero-width space"),
    ('\u{200c}', "zero-width non-joiner"),
    ('\u{200d}', "zero-width joiner"),
    ('\u{200e}', "left-to-right mark"),
    ('\u{2011}', "non-breaking hyphen"),
    ('\u{2013}', "en dash"),
    ('\u{201c}', "left double quotation mark"),
    ('\u{201d}', "right double quotation mark"),
    ('\u{2026}', "ellipsis"),
    ('\u{2060}', "word joiner"),
    ('\u{feff}', "byte order mark"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_letter_is_named_with_its_place() {
        for (text, expected) in [
            ("a\u{200b}", "character 2 is U+200B (zero-width space)"),
            ("\"a\"", "character 1 is U+0022 (quotation mark)"),
            ("a\nb", "character 2 is U+000A (line feed)"),
            ("a\\n", "character 2 is U+005C (backslash)"),
            ("aé", "character 2 is U+00E9"),
            ("a\u{7f}", "character 2 is U+007F"),
        ] {
            assert_eq!(OddLetter::find(text).map(|odd| odd.to_string()).as_deref(), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn every_letter_of_a_bearer_token_is_fine() {
        for text in ["", "abcXYZ0189-._~+/==", "NmFjN2Q2_PF84_1eb65fdf-9643-417f-9974-ad72cae0e10f", "a:b'c{}|!"] {
            assert_eq!(OddLetter::find(text), None, "{text}");
        }
    }
}
