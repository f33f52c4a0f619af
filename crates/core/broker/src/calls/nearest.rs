//! The existing names that are most like a name that does not exist.

use crate::{Broker, Error};
use lanyard_credential::{AppName, ClientName, CredentialName};

/// The most names that are suggested.
const MOST: usize = 3;
/// The most letters that may differ.
const DISTANCE: usize = 2;
/// The letters that make a common beginning.
const BEGINNING: usize = 3;

impl Broker {
    /// There is no such credential; the nearest that there are go with the error.
    pub(crate) async fn no_such_credential(&self, name: &CredentialName) -> Error {
        match self.store.credential_names().await {
            Ok(all) => Error::NoSuchCredential {
                near: nearest(name.as_str(), all.iter().map(CredentialName::as_str)),
                name: name.clone(),
            },
            Err(error) => error.into(),
        }
    }

    /// There is no such app; the nearest that there are go with the error.
    pub(crate) async fn no_such_app(&self, name: &AppName) -> Error {
        match self.store.app_names().await {
            Ok(all) => {
                Error::NoSuchApp { near: nearest(name.as_str(), all.iter().map(AppName::as_str)), name: name.clone() }
            }
            Err(error) => error.into(),
        }
    }

    /// There is no such client, or it is refused; the nearest that there are go with the error.
    pub(crate) async fn no_such_client(&self, name: &ClientName) -> Error {
        let refused = match self.store.client_list().await {
            Ok(list) => list.refused.into_iter().find(|refused| refused.name == name.as_str()),
            Err(error) => return error.into(),
        };
        if let Some(refused) = refused {
            return Error::RefusedClient { name: name.clone(), why: refused.to_string() };
        }
        match self.store.client_names().await {
            Ok(all) => Error::NoSuchClient {
                near: nearest(name.as_str(), all.iter().map(ClientName::as_str)),
                name: name.clone(),
            },
            Err(error) => error.into(),
        }
    }
}

/// The names that differ from `wanted` by two letters at most, or begin alike; the nearest first.
pub(crate) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| {
            let distance = distance(wanted, name);
            // Names of two letters are all two letters apart.
            let alike = distance <= DISTANCE && distance < wanted.len().min(name.len());
            (alike || begins_alike(wanted, name)).then_some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.into_iter().take(MOST).map(|(_, name)| name.to_owned()).collect()
}

/// At least three letters, and half of the shorter name.
fn begins_alike(a: &str, b: &str) -> bool {
    let common = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    common >= BEGINNING && 2 * common >= a.len().min(b.len())
}

/// Levenshtein's distance, in bytes: names are ASCII.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_seen() {
        let names = ["acme", "lobby-east", "lobby-west", "x1", "zebra"];
        for (wanted, expected) in [
            ("acm", &["acme"][..]),
            ("amce", &["acme"]),
            ("acme2", &["acme"]),
            ("lobby", &["lobby-east", "lobby-west"]),
            ("loby-west", &["lobby-west"]),
            ("y2", &[]),
            ("quite-another", &[]),
        ] {
            assert_eq!(nearest(wanted, names.into_iter()), expected, "{wanted}");
        }
    }

    #[test]
    fn the_distance_is_levenshteins() {
        for (a, b, expected) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2), ("a", "a", 0)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
