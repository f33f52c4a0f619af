//! The end of the journal, as text to be kept elsewhere.

use std::fmt;
use std::str::FromStr;

use lanyard_vault::Mac;
use thiserror::Error;

use super::Position;

/// The end of the journal. Exported and kept elsewhere, it shows later whether the journal was cut or rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose chain, in a head that an earlier version exported: each writer had its own.
    pub writer: Option<String>,
    /// The number of the last entry.
    pub number: u64,
    /// That entry's mac.
    pub mac: Mac,
}

/// A line that is not a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a head: expected a number and a mac, separated by a space")]
pub struct HeadError;

lanyard_protocol::serde_as_text!(Head);

impl From<Position> for Head {
    fn from(Position { number, mac }: Position) -> Self {
        Self { writer: None, number, mac }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(writer) = &self.writer {
            write!(f, "{writer} ")?;
        }
        write!(f, "{} {}", self.number, self.mac)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    /// Number and mac are the last two words. A writer, whose name may itself contain spaces, comes before them.
    fn from_str(line: &str) -> Result<Self, HeadError> {
        let (rest, mac) = line.trim().rsplit_once(' ').ok_or(HeadError)?;
        let (writer, number) = rest.rsplit_once(' ').map_or((None, rest), |(writer, number)| (Some(writer), number));
        Ok(Self {
            writer: writer.map(str::to_owned),
            number: number.parse().map_err(|_| HeadError)?,
            mac: mac.parse().map_err(|_| HeadError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_with_a_writer_and_without() {
        for writer in [None, Some("host"), Some("a host")] {
            let head = Head { writer: writer.map(str::to_owned), number: 9, mac: Mac::BEGINNING };
            assert_eq!(head.to_string().parse(), Ok(head));
        }
        for line in ["", "9", "9 00", "x 9 00", &format!("nine {}", Mac::BEGINNING)] {
            assert_eq!(line.parse::<Head>(), Err(HeadError), "{line}");
        }
    }
}
