//! The paths that a client may call.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use lanyard_protocol::{SegmentError, decode_segment};
use thiserror::Error;

/// A path, or many: `/xapi/status`, `/people/*`, `/devices/**`.
///
/// It is compared segment by segment, decoded, and exactly: upper and lower case differ. `*` stands for one segment, whatever it
/// is, and `**` at the end for all that follow, be it none. A star that is meant itself is written `%2A`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    segments: Vec<Segment>,
    /// Whether it ends in `**`.
    open: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Segment {
    Any,
    Text(Box<str>),
}

/// Why a text is no pattern for paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathPatternError {
    /// It does not begin with a slash.
    #[error("a path begins with a slash, and is written without /v1: /people/*")]
    NoSlash,
    /// It names the version, which every path has.
    #[error("a path is written without /v1: /people/*")]
    Version,
    /// Two slashes follow each other, or one stands at the end.
    #[error("a path has no empty segment: no slash at its end, and no two together")]
    Empty,
    /// `.` or `..`, in whatever spelling, also with a parameter behind it.
    #[error("a path has no dot segment")]
    Dot,
    /// A slash or a backslash inside a segment.
    #[error("a segment has no slash or backslash in it, encoded or not")]
    Separator,
    /// A control character.
    #[error("a path has no control characters")]
    Control,
    /// A `%` without two hexadecimal digits behind it, bytes that are no UTF-8, or text that is encoded twice.
    #[error("a path is UTF-8, percent-encoded once at most")]
    Encoding,
    /// `**` before the end.
    #[error("** stands for all that follows, and only at the end")]
    OpenMiddle,
    /// A star beside other characters.
    #[error("a star stands for a whole segment: /people/*, not /people/a*")]
    PartOfSegment,
    /// A query or a fragment.
    #[error("a path has no query and no fragment: a client is not limited by them")]
    Query,
}

impl PathPattern {
    /// Whether it is one path and no other.
    pub fn is_exact(&self) -> bool {
        !self.open && !self.segments.contains(&Segment::Any)
    }

    /// Whether the path of these segments, decoded, is one that it stands for.
    pub fn matches(&self, path: &[&str]) -> bool {
        let fits = if self.open { path.len() >= self.segments.len() } else { path.len() == self.segments.len() };
        fits && self.segments.iter().zip(path).all(|(own, given)| match own {
            Segment::Any => true,
            Segment::Text(text) => &**text == *given,
        })
    }
}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, PathPatternError> {
        let path = text.strip_prefix('/').ok_or(PathPatternError::NoSlash)?;
        if path.contains(['?', '#']) {
            return Err(PathPatternError::Query);
        }
        let (path, open) = match path.strip_suffix("**") {
            Some("") => return Ok(Self { segments: Vec::new(), open: true }),
            Some(before) => (before.strip_suffix('/').ok_or(PathPatternError::PartOfSegment)?, true),
            None => (path, false),
        };
        if path == "v1" || path.starts_with("v1/") {
            return Err(PathPatternError::Version);
        }
        let segments = path.split('/').map(segment).collect::<Result<_, _>>()?;
        Ok(Self { segments, open })
    }
}

/// Parses a segment. It refuses everything that the proxy refuses in the path of a call, because such a pattern would never match.
fn segment(text: &str) -> Result<Segment, PathPatternError> {
    match text {
        "*" => Ok(Segment::Any),
        "**" => Err(PathPatternError::OpenMiddle),
        _ if text.contains('*') => Err(PathPatternError::PartOfSegment),
        _ => Ok(Segment::Text(decode_segment(text)?)),
    }
}

impl From<SegmentError> for PathPatternError {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Encoding | SegmentError::NotUtf8 => Self::Encoding,
            SegmentError::Empty => Self::Empty,
            SegmentError::Separator => Self::Separator,
            SegmentError::Control => Self::Control,
            SegmentError::Dot => Self::Dot,
        }
    }
}

impl fmt::Display for PathPattern {
    /// In one spelling, which is read as the same pattern.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            f.write_char('/')?;
            match segment {
                Segment::Any => f.write_char('*')?,
                Segment::Text(text) => write_encoded(text, f)?,
            }
        }
        if self.open { f.write_str("/**") } else { Ok(()) }
    }
}

/// Everything is encoded that has a meaning in a pattern, in a list of patterns, or on a line.
fn write_encoded(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()=:@+;".contains(&byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

lanyard_protocol::serde_as_text!(PathPattern);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, path: &[&str]) -> bool {
        pattern.parse::<PathPattern>().expect(pattern).matches(path)
    }

    #[test]
    fn a_star_is_one_segment_and_two_are_the_rest() {
        for (pattern, path, expected) in [
            ("/people", &["people"][..], true),
            ("/people", &["people", "me"], false),
            ("/people", &["People"], false),
            ("/people/*", &["people", "me"], true),
            ("/people/*", &["people"], false),
            ("/people/*", &["people", "me", "x"], false),
            ("/*/me", &["people", "me"], true),
            ("/*/me", &["people", "you"], false),
            ("/devices/**", &["devices"], true),
            ("/devices/**", &["devices", "a", "b"], true),
            ("/devices/**", &["devicesx"], false),
            ("/devices/*/**", &["devices"], false),
            ("/devices/*/**", &["devices", "a"], true),
            ("/**", &["anything", "at", "all"], true),
            ("/@analytics/**", &["@analytics", "v1", "meeting"], true),
            ("/@analytics/**", &["@analytics-calling", "v1"], false),
            ("/p%65ople/%C3%A4", &["people", "ä"], true),
            ("/people/%2A", &["people", "*"], true),
            ("/people/%2A", &["people", "me"], false),
            ("/people/%2a%2A", &["people", "me", "you"], false),
            // What is decoded is not read again: a star that was encoded is a character.
            ("/people/*", &["people", "*"], true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path:?}");
        }
    }

    #[test]
    fn what_two_servers_could_understand_differently_is_no_pattern() {
        use PathPatternError as E;
        for (bad, error) in [
            ("", E::NoSlash),
            ("people", E::NoSlash),
            ("**", E::NoSlash),
            ("https://webexapis.com/v1/people", E::NoSlash),
            ("/", E::Empty),
            ("//", E::Empty),
            ("//people", E::Empty),
            ("/people/", E::Empty),
            ("/people//me", E::Empty),
            ("/people//**", E::Empty),
            ("/.", E::Dot),
            ("/people/..", E::Dot),
            ("/people/../admin", E::Dot),
            ("/people/%2e%2E", E::Dot),
            ("/people/.%2e/x", E::Dot),
            ("/people/..;x=y", E::Dot),
            ("/people/;x", E::Dot),
            ("/people/a%2Fb", E::Separator),
            ("/people/a%2fb", E::Separator),
            ("/people/a\\b", E::Separator),
            ("/people/a%5Cb", E::Separator),
            ("/people/a\nb", E::Control),
            ("/people/%00", E::Control),
            ("/people/%7F", E::Control),
            ("/people/%C2%85", E::Control),
            ("/people/%", E::Encoding),
            ("/people/%2", E::Encoding),
            ("/people/%zz", E::Encoding),
            ("/people/%+1", E::Encoding),
            ("/people/%ff", E::Encoding),
            ("/people/%C0%AF", E::Encoding),
            ("/people/%252e", E::Encoding),
            ("/people/%25%32%66", E::Encoding),
            ("/**/people", E::OpenMiddle),
            ("/people/**/**", E::OpenMiddle),
            ("/people/a*", E::PartOfSegment),
            ("/people/a**", E::PartOfSegment),
            ("/people/***", E::PartOfSegment),
            ("/people**", E::PartOfSegment),
            ("/people?max=1", E::Query),
            ("/people#x", E::Query),
        ] {
            assert_eq!(bad.parse::<PathPattern>().err(), Some(error), "{bad:?}");
        }
    }

    #[test]
    fn only_a_pattern_without_stars_is_exact() {
        for (pattern, exact) in
            [("/people/me", true), ("/x/%2A", true), ("/x/*", false), ("/x/**", false), ("/**", false)]
        {
            assert_eq!(pattern.parse::<PathPattern>().unwrap().is_exact(), exact, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_pattern_is_written_as_it_is_read(text in "(/([a-z*%ä, ;]{1,3}|%2A|\\*)){1,4}(/\\*\\*)?") {
            if let Ok(pattern) = text.parse::<PathPattern>() {
                let shown = pattern.to_string();
                prop_assert_eq!(shown.parse::<PathPattern>(), Ok(pattern));
                prop_assert!(!shown.contains([',', ' ', '\n']), "{}", shown);
            }
        }

        #[test]
        fn nothing_that_is_read_makes_it_panic(text in "\\PC*") {
            let _ = text.parse::<PathPattern>();
        }
    }
}
