//! One segment of a path: what a call asks for, and what a policy allows, are read alike.

use thiserror::Error;

/// Why a segment is not read: two servers could take it differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SegmentError {
    /// A `%` without two hexadecimal digits behind it, or text that is encoded twice.
    #[error("the segment is percent-encoded wrongly, or twice")]
    Encoding,
    /// Bytes that are no UTF-8.
    #[error("the segment is not UTF-8")]
    NotUtf8,
    /// Nothing.
    #[error("the segment is empty")]
    Empty,
    /// A slash or a backslash in it.
    #[error("the segment has a slash or a backslash in it")]
    Separator,
    /// A control character.
    #[error("the segment has a control character in it")]
    Control,
    /// `.` or `..`, also with a parameter behind it.
    #[error("the segment is a dot segment")]
    Dot,
}

/// Decodes a segment, once.
pub fn decode_segment(segment: &str) -> Result<Box<str>, SegmentError> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(SegmentError::Encoding) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(*high), digit(*low)) else { return Err(SegmentError::Encoding) };
        bytes.push(high << 4 | low);
        rest = after;
    }
    let text = String::from_utf8(bytes).map_err(|_| SegmentError::NotUtf8)?;
    if text.is_empty() {
        return Err(SegmentError::Empty);
    }
    if text.contains(['/', '\\']) {
        return Err(SegmentError::Separator);
    }
    if text.chars().any(char::is_control) {
        return Err(SegmentError::Control);
    }
    // Some servers cut a parameter off before they look for dots.
    if matches!(text.split(';').next(), Some("." | ".." | "")) {
        return Err(SegmentError::Dot);
    }
    // A server that decodes once more would see another path. No id of Webex looks so.
    let still_encoded =
        |window: &[u8]| matches!(window, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit());
    if text.as_bytes().windows(3).any(still_encoded) {
        return Err(SegmentError::Encoding);
    }
    Ok(text.into())
}
