//! OAuth scopes.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

/// One scope, such as `spark:people_read` (RFC 6749, section 3.3: printable ASCII without space, quote and backslash).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(Box<str>);

/// A text that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not a scope: a scope has no spaces, quotes or backslashes, like spark:people_read")]
pub struct ScopeError(String);

impl Scope {
    /// The scope as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if !text.is_empty() && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(ScopeError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(Scope, ScopeSet);

/// A set of scopes. Written with single spaces in alphabetical order; read with white space or commas between them, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// Whether the scope is one of them.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// The scopes that a reply names as granted: a text, or a list of texts. `None` where it names none, which says nothing.
    pub fn granted(value: &Value) -> Option<Self> {
        let set = match value {
            // A text that was encoded for a form and not decoded has pluses.
            Value::String(text) => text.replace('+', " ").parse().ok()?,
            Value::Array(scopes) => scopes.iter().filter_map(|scope| scope.as_str()?.parse().ok()).collect(),
            _ => return None,
        };
        Some(set).filter(|set: &Self| !set.is_empty())
    }

    /// Those of `self` that `other` lacks.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl FromStr for ScopeSet {
    type Err = ScopeError;

    /// Commas between scopes count as white space: no scope of Webex has one, and some programs write them.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split([' ', ',', '\t', '\n', '\r']).filter(|scope| !scope.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_reads_any_order_and_writes_one() {
        let set: ScopeSet = "spark:rooms_read  spark:people_read\nspark:rooms_read".parse().unwrap();
        assert_eq!(set.to_string(), "spark:people_read spark:rooms_read");
        assert_eq!(set.len(), 2);
        assert_eq!("spark:people_read, spark:rooms_read,".parse(), Ok(set));
    }

    #[test]
    fn what_a_request_asked_for_and_did_not_get_can_be_named() {
        let asked: ScopeSet = "a b c".parse().unwrap();
        let got: ScopeSet = "b".parse().unwrap();
        assert_eq!(asked.without(&got).to_string(), "a c");
    }

    #[test]
    fn a_scope_has_no_spaces_and_no_quotes() {
        assert!("spark:people_read".parse::<Scope>().is_ok());
        assert!("identity:placeonetimepassword_create".parse::<Scope>().is_ok());
        for bad in ["", "a b", "\"a\"", "a\\b", "ä"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad}");
        }
    }
}
