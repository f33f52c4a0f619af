//! A home that keeps still: nothing is handed out, renewed or changed; all can be read.

use jiff::Timestamp;

/// Why and since when a home keeps still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Why, for a person.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}
