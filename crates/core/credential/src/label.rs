//! Words of the operator's own, by which credentials are found again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::name::LabelKey;

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The label's key.
    pub key: LabelKey,
    /// The label's value.
    pub value: LabelValue,
}

/// The value of a label: up to 256 printable characters, or none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelValue(Box<str>);

/// A text that cannot be a label.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LabelError {
    /// There is no `=` in it.
    #[error("{0:?} is not a label; use KEY=VALUE")]
    NoValue(String),
    /// The key is none.
    #[error("its key is invalid: {0}")]
    Key(crate::NameError),
    /// The value is too long, or holds what cannot be printed.
    #[error("a label's value has up to {LONGEST} printable characters")]
    Value,
}

const LONGEST: usize = 256;

impl LabelValue {
    /// The value as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LabelValue {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let fits = text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(LabelError::Value) }
    }
}

lanyard_protocol::serde_as_text!(LabelValue);

impl fmt::Display for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for LabelValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        let (key, value) = text.split_once('=').ok_or_else(|| LabelError::NoValue(text.chars().take(80).collect()))?;
        Ok(Self { key: key.parse().map_err(LabelError::Key)?, value: value.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_key_and_a_value() {
        let label: Label = "team=a = b".parse().unwrap();
        assert_eq!((label.key.as_str(), label.value.as_str()), ("team", "a = b"));
        assert!("empty=".parse::<Label>().is_ok());
        assert!(format!("x={}", "é".repeat(256)).parse::<Label>().is_ok());
    }

    #[test]
    fn what_cannot_be_printed_or_found_is_no_label() {
        for bad in ["team", "=x", "Team=x", "a b=x", "x=a\nb", "x=\u{1b}[2J", &format!("x={}", "y".repeat(257))] {
            assert!(bad.parse::<Label>().is_err(), "{bad:?}");
        }
    }
}
