//! A statement and its values, for any engine.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_vault::Sealed;

/// A constant SQL text with the values for its `$n`, and the table that its rows are of.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) table: &'static str,
    pub(crate) text: &'static str,
    pub(crate) values: Vec<Value>,
}

/// A value to bind. A null has a type too: PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(Option<String>),
    /// A whole number.
    Integer(Option<i64>),
    /// Yes or no.
    Boolean(Option<bool>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

/// A statement on `table`.
pub fn sql(table: &'static str, text: &'static str) -> Statement {
    Statement { table, text, values: Vec::new() }
}

impl Statement {
    /// Adds the value of the next `$n`.
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into().storable());
        self
    }

    /// Adds several values.
    pub fn bind_all(mut self, values: impl IntoIterator<Item = Value>) -> Self {
        self.values.extend(values.into_iter().map(Value::storable));
        self
    }
}

impl Value {
    /// Replaces NUL in a text, so that every engine stores the same value: PostgreSQL does not accept a NUL in a text.
    fn storable(self) -> Self {
        match self {
            Self::Text(Some(text)) if text.contains('\0') => Self::Text(Some(text.replace('\0', "\u{fffd}"))),
            value => value,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(Some(number.into()))
    }
}

impl From<Option<u32>> for Value {
    fn from(number: Option<u32>) -> Self {
        Self::Integer(number.map(i64::from))
    }
}

/// Numbers of the system's own that fill 64 bits keep their bits.
impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(Some(number.cast_signed()))
    }
}

impl From<Option<u64>> for Value {
    fn from(number: Option<u64>) -> Self {
        Self::Integer(number.map(u64::cast_signed))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Boolean(Some(flag))
    }
}

impl From<Option<bool>> for Value {
    fn from(flag: Option<bool>) -> Self {
        Self::Boolean(flag)
    }
}

/// Milliseconds since 1970.
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Integer(Some(at.as_millisecond()))
    }
}

/// Milliseconds since 1970.
impl From<Option<Timestamp>> for Value {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Integer(at.map(Timestamp::as_millisecond))
    }
}

/// Milliseconds.
impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Integer(Some(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Milliseconds.
impl From<Option<Duration>> for Value {
    fn from(duration: Option<Duration>) -> Self {
        duration.map_or(Self::Integer(None), Self::from)
    }
}

impl From<&Sealed> for Value {
    fn from(sealed: &Sealed) -> Self {
        Self::Bytes(Some(sealed.as_bytes().to_vec()))
    }
}

impl From<Option<&Sealed>> for Value {
    fn from(sealed: Option<&Sealed>) -> Self {
        sealed.map_or(Self::Bytes(None), Self::from)
    }
}

impl From<Option<&[u8]>> for Value {
    fn from(bytes: Option<&[u8]>) -> Self {
        Self::Bytes(bytes.map(<[u8]>::to_vec))
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Some(bytes.to_vec()))
    }
}
