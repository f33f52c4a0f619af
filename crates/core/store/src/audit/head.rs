//! The end of a chain, as text to be kept elsewhere.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::Head;

/// A line that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a head: writer, number and mac, separated by spaces")]
pub struct HeadError;

lanyard_protocol::serde_as_text!(Head);

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.writer, self.sequence, self.mac)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    /// The writer may itself hold spaces: number and mac are the last two words.
    fn from_str(line: &str) -> Result<Self, HeadError> {
        let (rest, mac) = line.trim().rsplit_once(' ').ok_or(HeadError)?;
        let (writer, sequence) = rest.rsplit_once(' ').ok_or(HeadError)?;
        Ok(Self {
            writer: writer.to_owned(),
            sequence: sequence.parse().map_err(|_| HeadError)?,
            mac: mac.parse().map_err(|_| HeadError)?,
        })
    }
}
