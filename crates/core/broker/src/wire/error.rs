//! Errors on their way: `#[serde(with = "crate::wire::error")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Told};

/// An error as it is kept: its text, and its variant if callers ask for that.
#[derive(Deserialize, Serialize)]
enum Kept {
    /// An import goes on where a name is there already.
    NameTaken(String),
    Told(Told),
}

/// An error to be written.
pub(super) struct Written<'a>(pub(super) &'a Error);

/// An error that was read.
pub(super) struct Read(pub(super) Error);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = match self.0 {
            Error::NameTaken(name) => Kept::NameTaken(name.clone()),
            error => Kept::Told(Told::of(error)),
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Kept::deserialize(deserializer)? {
            Kept::NameTaken(name) => Error::NameTaken(name),
            Kept::Told(told) => told.into(),
        }))
    }
}

#[expect(clippy::borrowed_box, reason = "serde passes the field as it is")]
pub(crate) fn serialize<S: Serializer>(error: &Box<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    Written(error).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<Error>, D::Error> {
    Ok(Box::new(Read::deserialize(deserializer)?.0))
}
