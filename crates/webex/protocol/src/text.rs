//! The text of a body, in whichever encoding it came.

use std::ops::Deref;

use zeroize::Zeroizing;

/// A body as text. Owned only where it had to be converted; then it is wiped on drop, because it may hold tokens.
pub(crate) enum Text<'a> {
    /// The body's own bytes.
    Borrowed(&'a str),
    /// A conversion of them.
    Owned(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'a> Text<'a> {
    /// Reads UTF-8 with or without a byte order mark, and UTF-16 and UTF-32 in either byte order, with a mark or by the zero
    /// bytes around the first letter, which is ASCII in JSON. Any other encoding is read as Latin-1: its accents may come out
    /// wrong, but JSON's own letters and tokens are ASCII.
    pub(crate) fn of(body: &'a [u8]) -> Self {
        let (body, encoding) = match *body {
            [0xef, 0xbb, 0xbf, ref rest @ ..] => (rest, Encoding::Bytes),
            [0xff, 0xfe, 0, 0, ref rest @ ..] => (rest, Encoding::Four(u32::from_le_bytes)),
            [0, 0, 0xfe, 0xff, ref rest @ ..] => (rest, Encoding::Four(u32::from_be_bytes)),
            [0xff, 0xfe, ref rest @ ..] => (rest, Encoding::Two(u16::from_le_bytes)),
            [0xfe, 0xff, ref rest @ ..] => (rest, Encoding::Two(u16::from_be_bytes)),
            [1..=255, 0, 0, 0, ..] => (body, Encoding::Four(u32::from_le_bytes)),
            [0, 0, 0, 1..=255, ..] => (body, Encoding::Four(u32::from_be_bytes)),
            [1..=255, 0, ..] => (body, Encoding::Two(u16::from_le_bytes)),
            [0, 1..=255, ..] => (body, Encoding::Two(u16::from_be_bytes)),
            _ => (body, Encoding::Bytes),
        };
        match encoding {
            Encoding::Bytes => match std::str::from_utf8(body) {
                Ok(text) => Self::Borrowed(text),
                Err(_) => Self::owned(2 * body.len(), body.iter().map(|byte| char::from(*byte))),
            },
            Encoding::Two(read) => {
                let units = body.as_chunks().0.iter().map(|bytes| read(*bytes));
                Self::owned(3 * body.len(), char::decode_utf16(units).map(|letter| letter.unwrap_or(REPLACEMENT)))
            }
            Encoding::Four(read) => {
                let units = body.as_chunks().0.iter().map(|bytes| read(*bytes));
                Self::owned(body.len(), units.map(|unit| char::from_u32(unit).unwrap_or(REPLACEMENT)))
            }
        }
    }

    /// The text with blanks in place of control characters: JSON forbids them inside a text, and between values a blank means
    /// no less than a line feed.
    pub(crate) fn without_controls(self) -> Self {
        let is_control = |byte: u8| byte < 0x20;
        if !self.bytes().any(is_control) {
            return self;
        }
        Self::owned(self.len(), self.chars().map(|letter| if letter < ' ' { ' ' } else { letter }))
    }

    /// Collects letters into a buffer that is never outgrown.
    fn owned(longest: usize, letters: impl Iterator<Item = char>) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(longest));
        text.extend(letters);
        Self::Owned(text)
    }
}

/// How letters are written as bytes.
enum Encoding {
    /// UTF-8, or a single byte each.
    Bytes,
    /// UTF-16.
    Two(fn([u8; 2]) -> u16),
    /// UTF-32.
    Four(fn([u8; 4]) -> u32),
}

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, write: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(write).collect()
    }

    fn utf32(text: &str, write: fn(u32) -> [u8; 4]) -> Vec<u8> {
        text.chars().flat_map(|letter| write(letter.into())).collect()
    }

    #[test]
    fn a_body_is_the_same_text_in_every_encoding() {
        let json = r#"{"a":"Zoë 🙂"}"#;
        let marked = format!("\u{feff}{json}");
        for body in [
            json.as_bytes().to_vec(),
            marked.clone().into_bytes(),
            utf16(json, u16::to_le_bytes),
            utf16(json, u16::to_be_bytes),
            utf16(&marked, u16::to_le_bytes),
            utf16(&marked, u16::to_be_bytes),
            utf32(json, u32::to_le_bytes),
            utf32(json, u32::to_be_bytes),
            utf32(&marked, u32::to_le_bytes),
            utf32(&marked, u32::to_be_bytes),
        ] {
            assert_eq!(&*Text::of(&body), json, "{body:?}");
        }
        assert_eq!(&*Text::of(b"{\"a\":\"Zo\xeb\"}"), "{\"a\":\"Zoë\"}");
        assert_eq!(&*Text::of(b""), "");
    }

    #[test]
    fn control_characters_become_blanks() {
        assert_eq!(&*Text::of(b"{\n\"a\":\"b\tc\0\"}").without_controls(), "{ \"a\":\"b c \"}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(body in proptest::collection::vec(any::<u8>(), 0..40)) {
            let text = Text::of(&body).without_controls();
            prop_assert!(!text.bytes().any(|byte| byte < 0x20));
        }
    }
}
