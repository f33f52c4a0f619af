//! The id of a Webex space.

use std::fmt;
use std::str::FromStr;

use super::TargetError;

/// The id of a Webex space, as `/rooms` lists it.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomId(Box<str>);

impl RoomId {
    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoomId {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'=');
        if (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.into()))
        } else {
            Err(TargetError::Room)
        }
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

lanyard_protocol::serde_as_text!(RoomId);

const LONGEST: usize = 512;
