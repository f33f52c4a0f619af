//! The words before the flags: `[NAME] [METHOD] PATH`.

use lanyard_broker::{ApiPath, FindWebex, Show};
use lanyard_credential::{CredentialName, NameError};
use lanyard_protocol::Method;

use super::Caller;
use crate::access::Access;
use crate::exit::Failure;

/// The meaning of the words.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) name: Option<CredentialName>,
    pub(super) method: Option<Method>,
    pub(super) path: Place,
    pub(super) ambiguous: Ambiguous,
}

/// Where a call goes.
#[derive(Debug)]
pub(super) enum Place {
    Path(ApiPath),
    /// An address, which must be the credential's own Webex's.
    Address(String),
}

/// A word that means something else if a credential has this name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ambiguous {
    No,
    /// `lanyard api me`: a path, or a credential without a path.
    Path(CredentialName),
    /// `lanyard api get rooms`: a method, or a credential.
    Method(CredentialName),
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Reads a method, in upper or lower case.
pub(super) fn method(text: &str) -> Result<Method, String> {
    let upper = text.to_ascii_uppercase();
    let known = METHODS.contains(&upper.as_str()).then(|| Method::from_bytes(upper.as_bytes()).ok()).flatten();
    known.ok_or_else(|| format!("unknown method {text:?}; use {}", METHODS.join(", ")))
}

impl Words {
    /// The last word is the path; `method` is the one of `--method`.
    pub(super) fn read(words: &[String], named: Option<Method>) -> Result<Self, Failure> {
        let usage = |message: String| Failure::Usage { message, hint: "lanyard api [NAME] [METHOD] PATH".to_owned() };
        let Some((path, before)) = words.split_last() else { return Err(usage("no path is given".to_owned())) };
        let has_method = named.is_some() || before.last().is_some_and(|word| method(word).is_ok());
        if METHODS.contains(&path.as_str()) && !has_method {
            let name = before.first().map(|name| format!("{name} ")).unwrap_or_default();
            return Err(Failure::Usage {
                message: format!("no path is given: {path} is a method"),
                hint: format!("lanyard api {name}{path} people/me"),
            });
        }
        let place = if path.contains("://") {
            Place::Address(path.clone())
        } else {
            Place::Path(ApiPath::parse(path).map_err(|error| usage(format!("{path:?}: {error}")))?)
        };
        let mut ambiguous = Ambiguous::No;
        let (name, word) = match before {
            [] => {
                ambiguous = path.parse().map_or(Ambiguous::No, Ambiguous::Path);
                (None, None)
            }
            [word] => match method(word) {
                Ok(method) if named.is_none() => {
                    ambiguous = word.parse().map_or(Ambiguous::No, Ambiguous::Method);
                    (None, Some(method))
                }
                _ => (Some(word), None),
            },
            [name, word, ..] => (Some(name), Some(method(word).map_err(usage)?)),
        };
        if named.is_some() && word.is_some() {
            return Err(usage("the method is given twice".to_owned()));
        }
        let name = name.map(|name| {
            name.parse().map_err(|error: NameError| usage(format!("{name:?} is not a credential's name: {error}")))
        });
        let name = name.transpose()?;
        Ok(Self { name, method: named.or(word), path: place, ambiguous })
    }
}

impl Place {
    /// The path below the Webex of the caller's credential.
    pub(super) async fn within(self, caller: &Caller) -> Result<ApiPath, Failure> {
        let address = match self {
            Self::Path(path) => return Ok(path),
            Self::Address(address) => address,
        };
        let failed = |message: String| Failure::Usage { message, hint: "lanyard api [NAME] [METHOD] PATH".to_owned() };
        let Some(name) = caller.name.clone() else { return Err(failed("no credential is named".to_owned())) };
        let webex = match caller.broker.perform(FindWebex { name: name.clone() }).await? {
            Some(webex) => webex,
            // Says that there is no such credential, and which ones have similar names.
            None => caller.broker.perform(Show { name }).await?.credential.environment,
        };
        ApiPath::within(&webex, &address).map_err(|error| failed(format!("{address:?}: {error}")))
    }
}

impl Ambiguous {
    /// Refuses the word if a credential has this name, rather than to guess what is meant.
    pub(super) async fn refuse(&self, broker: &Access) -> Result<(), Failure> {
        let (Self::Path(name) | Self::Method(name)) = self else { return Ok(()) };
        if broker.perform(FindWebex { name: name.clone() }).await?.is_none() {
            return Ok(());
        }
        Err(match self {
            Self::Method(_) => Failure::Usage {
                message: format!("{name} is a credential here, and also a method"),
                hint: format!(
                    "for the method: lanyard api -X {name} PATH; for the credential: lanyard api {name} GET PATH"
                ),
            },
            _ => Failure::Usage {
                message: format!("no path is given: {name} is a credential"),
                hint: format!("lanyard api {name} people/me"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str], named: Option<Method>) -> Option<(Option<String>, Option<String>, String)> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let words = Words::read(&words, named).ok()?;
        let path = match words.path {
            Place::Path(path) => path.as_str().to_owned(),
            Place::Address(address) => address,
        };
        Some((words.name.map(|name| name.to_string()), words.method.map(|method| method.to_string()), path))
    }

    #[test]
    fn words_are_told_apart() {
        let is = |name: Option<&str>, method: Option<&str>, path: &str| {
            Some((name.map(str::to_owned), method.map(str::to_owned), path.to_owned()))
        };
        assert_eq!(words(&["people/me"], None), is(None, None, "people/me"));
        assert_eq!(words(&["acme", "people/me"], None), is(Some("acme"), None, "people/me"));
        assert_eq!(words(&["DELETE", "rooms/x"], None), is(None, Some("DELETE"), "rooms/x"));
        assert_eq!(words(&["delete", "rooms/x"], None), is(None, Some("DELETE"), "rooms/x"));
        assert_eq!(words(&["acme", "post", "rooms"], None), is(Some("acme"), Some("POST"), "rooms"));
        assert_eq!(words(&["rooms"], Some(Method::PUT)), is(None, Some("PUT"), "rooms"));
        assert_eq!(words(&["get", "rooms"], Some(Method::PUT)), is(Some("get"), Some("PUT"), "rooms"));
        assert_eq!(words(&["https://x.example/v1/a"], None), is(None, None, "https://x.example/v1/a"));
        assert_eq!(words(&["acme", "fetch", "rooms"], None), None);
        assert_eq!(words(&["acme", "GET", "rooms"], Some(Method::PUT)), None);
        assert_eq!(words(&["ACME", "rooms"], None), None);
        assert_eq!(words(&["//evil.example/"], None), None);
        assert_eq!(words(&["acme", "GET"], None), None);
        assert_eq!(words(&["POST"], None), None);
        assert_eq!(words(&["get"], None), is(None, None, "get"));
        assert_eq!(words(&["acme", "GET", "GET"], None), is(Some("acme"), Some("GET"), "GET"));
    }

    #[test]
    fn a_word_that_could_be_a_credential_is_looked_up() {
        let ambiguous = |given: &[&str]| {
            let given: Vec<_> = given.iter().map(|word| (*word).to_owned()).collect();
            Words::read(&given, None).unwrap().ambiguous
        };
        assert_eq!(ambiguous(&["me"]), Ambiguous::Path("me".parse().unwrap()));
        assert_eq!(ambiguous(&["people/me"]), Ambiguous::No);
        assert_eq!(ambiguous(&["get", "rooms"]), Ambiguous::Method("get".parse().unwrap()));
        assert_eq!(ambiguous(&["GET", "rooms"]), Ambiguous::No);
    }
}
