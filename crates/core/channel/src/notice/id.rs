//! The id of an event.

use std::fmt;
use std::str::FromStr;

use super::kind::NoticeError;

/// The id of an event: up to 64 letters, digits, dashes and underscores. It is safe in a header, an environment variable and a
/// Message-ID.
///
/// A receiver recognises a repeated delivery by it, so it must be unique among all homes that deliver to the same receiver.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(Box<str>);

impl NoticeId {
    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NoticeId {
    type Err = NoticeError;

    fn from_str(text: &str) -> Result<Self, NoticeError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(NoticeError::Id)
        }
    }
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

lanyard_protocol::serde_as_text!(NoticeId);

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_wherever_it_is_put() {
        for good in ["1", "6ac7d7d6-0000-4000-8000-000000000000", "msg_p5jXN8AQM9", &"x".repeat(64)] {
            assert!(good.parse::<NoticeId>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a\r\nb", "a.b", "a@b", "<a>", "ä", "a\0", &"x".repeat(65)] {
            assert_eq!(bad.parse::<NoticeId>(), Err(NoticeError::Id), "{bad:?}");
        }
    }
}
