//! Replies of Webex, for `lanyard api`: byte for byte on a pipe, made visible on a terminal.

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use lanyard_protocol::{visible, visible_json};

use crate::exit::Failure;

/// Writes a body; JSON is indented on a terminal.
pub(crate) fn body(bytes: &[u8]) -> Result<(), Failure> {
    let shown = shown_body(bytes, std::io::stdout().is_terminal());
    put(&shown)?;
    if shown.is_empty() || shown.ends_with(b"\n") { Ok(()) } else { put(b"\n") }
}

fn shown_body(bytes: &[u8], terminal: bool) -> Cow<'_, [u8]> {
    if !terminal {
        return Cow::Borrowed(bytes);
    }
    let shown = match lanyard_protocol::parse_json::<serde_json::Value>(bytes) {
        Ok(value) => visible_json(&format!("{value:#}")).into_owned(),
        Err(_) => visible_lines(&String::from_utf8_lossy(bytes)),
    };
    Cow::Owned(shown.into_bytes())
}

/// Writes a header line.
pub(crate) fn header(name: &str, value: &[u8]) -> Result<(), Failure> {
    let value = if std::io::stdout().is_terminal() {
        Cow::Owned(visible(&String::from_utf8_lossy(value)).into_owned().into_bytes())
    } else {
        Cow::Borrowed(value)
    };
    put(&[name.as_bytes(), b": ", &value, b"\n"].concat())
}

/// Writes a text and ends its line.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut shown = if std::io::stdout().is_terminal() { visible_lines(text) } else { text.to_owned() };
    shown.push('\n');
    put(shown.as_bytes())
}

fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// Writes a piece of JSON.
pub(crate) fn json(text: &str) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() { put(visible_json(text).as_bytes()) } else { put(text.as_bytes()) }
}

fn put(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    super::written(out.write_all(bytes).and_then(|()| out.flush()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_has_every_byte_and_a_terminal_no_sequence() {
        let hostile = b"{\"a\":\"\xc2\x9b31m\"}";
        assert_eq!(&*shown_body(hostile, false), hostile);
        assert_eq!(&*shown_body(hostile, true), b"{\n  \"a\": \"\\u009b31m\"\n}");
        assert_eq!(&*shown_body(b"<b>\x1b[2J\n\xff", true), "<b>\\u{1b}[2J\n\u{fffd}".as_bytes());
    }
}
