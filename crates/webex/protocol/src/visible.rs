//! Text of foreign origin, made harmless for a terminal, a log line and a reader.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Writes every character that a person would not see as itself as an escape, such as `\n`, `\u{1b}` or `\u{202e}`.
///
/// The result is one line that has the width and the order that it seems to have: it moves no cursor, sets no clipboard, forges no
/// row, and does not look like another text.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            hidden if is_hidden(hidden) => {
                // A `String` takes everything.
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(hidden));
            }
            plain => shown.push(plain),
        }
    }
    Cow::Owned(shown)
}

/// Like [`visible`], for JSON text: hidden characters inside its strings become JSON's own escapes, and its line breaks stay.
pub fn visible_json(text: &str) -> Cow<'_, str> {
    let hidden = |character: char| character != '\n' && is_hidden(character);
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether a character acts on a terminal, reorders its neighbours, ends a line, or shows nothing: control characters (C0, DEL, C1),
/// bidirectional controls, zero-width and other invisible characters, and Unicode's line and paragraph separators.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // A soft hyphen, a grapheme joiner, an Arabic direction mark, fillers and separators that show nothing.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            // Zero-width characters, direction marks, line and paragraph separators, embeddings and overrides.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            // Joiners, invisible operators, isolates, and the deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            // Tags: a whole text can be hidden in them.
            | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_or_hides_is_written_out() {
        for (raw, shown) in [
            ("Ada Admin", "Ada Admin"),
            ("Zoë 李 שלום 👩", "Zoë 李 שלום 👩"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}", r"\u{1b}]52;c;ZXZpbA==\u{7}"),
            ("\u{1b}[2J", r"\u{1b}[2J"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("a\nb\r\tc\u{7f}\0", r"a\nb\r\tc\u{7f}\u{0}"),
            ("ab\u{202e}cd\u{2066}", r"ab\u{202e}cd\u{2066}"),
            ("a\u{2028}b\u{2029}", r"a\u{2028}b\u{2029}"),
            ("ac\u{200b}me\u{feff}\u{2060}", r"ac\u{200b}me\u{feff}\u{2060}"),
            ("a\u{e0041}", r"a\u{e0041}"),
            (r"C:\new", r"C:\new"),
        ] {
            assert_eq!(visible(raw), shown);
        }
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "a": "\u{1b}\u{7f}\u{9b}\u{202e}\n\u{e0041}é" });
        for text in [value.to_string(), format!("{value:#}")] {
            let shown = visible_json(&text);
            assert!(!shown.contains(|c| c != '\n' && is_hidden(c)), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left_and_a_second_time_changes_nothing(text in any::<String>()) {
            let shown = visible(&text).into_owned();
            prop_assert!(!shown.contains(is_hidden));
            prop_assert_eq!(&*visible(&shown), &shown);
        }
    }
}
