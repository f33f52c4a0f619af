//! The names of credentials, as many as a person can read.

use std::collections::BTreeSet;

use lanyard_credential::CredentialName;
use serde::{Deserialize, Serialize};

/// The names of credentials.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The first names, in their order.
    pub first: Vec<CredentialName>,
    /// How many credentials there are.
    pub count: usize,
}

impl Names {
    /// The first `limit` of these names.
    pub(crate) fn among<'a>(names: impl ExactSizeIterator<Item = &'a CredentialName>, limit: usize) -> Self {
        let count = names.len();
        let mut first = BTreeSet::new();
        for name in names {
            first.insert(name);
            if first.len() > limit {
                first.pop_last();
            }
        }
        Self { first: first.into_iter().cloned().collect(), count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_are_given_in_their_order_and_all_are_counted() {
        let all: Vec<CredentialName> = ["c", "a", "d", "b"].map(|name| name.parse().unwrap()).into();
        for (limit, expected) in [(0, ""), (2, "a b"), (4, "a b c d"), (9, "a b c d")] {
            let Names { first, count } = Names::among(all.iter(), limit);
            let first: Vec<_> = first.iter().map(CredentialName::as_str).collect();
            assert_eq!((first.join(" ").as_str(), count), (expected, 4));
        }
    }
}
