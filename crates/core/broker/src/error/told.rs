//! An error of another process.

use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Class, Error};

/// A failure in another process, in the same words: everything that a person or a program is shown of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    class: Class,
    hint: Option<String>,
    /// Its own sentence, and those of its causes.
    said: Cause,
}

/// One sentence, and the one behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    message: String,
    source: Option<Box<Cause>>,
}

impl Told {
    /// A failure that is told in one sentence.
    pub fn new(class: Class, message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self { class, hint: hint.into(), said: Cause { message: message.into(), source: None } }
    }

    /// Adds the causes of the failure.
    pub fn because(mut self, source: &(dyn StdError + 'static)) -> Self {
        self.said.source = Some(Box::new(Cause::of(source)));
        self
    }

    /// Takes everything from an error that travels.
    pub fn of(error: &Error) -> Self {
        Self { class: error.class(), hint: error.hint(), said: Cause::of(error) }
    }

    /// The class of the failure, for programs.
    pub fn class(&self) -> Class {
        self.class
    }

    /// The next step.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl Cause {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        Self { message: error.to_string(), source: error.source().map(|source| Box::new(Self::of(source))) }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.said.fmt(f)
    }
}

impl StdError for Told {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.said.source()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
