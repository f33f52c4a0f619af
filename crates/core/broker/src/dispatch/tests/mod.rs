//! Every call there and every reply back.

mod clients;
mod values;

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use self::values::{CANARY, trips};
use super::{NAMES, Travels};
use crate::wire::{WireError, decode, decode_error, encode, encode_error};
use crate::{Class, Error, Told};

/// Which calls were tried, and with what came of it.
#[derive(Default)]
pub(super) struct Trips(Vec<&'static str>);

impl Trips {
    /// Sends a call there and a reply back.
    pub(super) fn trip<C: Travels>(&mut self, call: &C, reply: &C::Reply)
    where
        C::Reply: Debug,
    {
        round(call);
        round(reply);
        self.0.push(C::NAME);
    }
}

/// Asserts that a value is written again as it was read, and that neither its text nor its bytes show a secret.
fn round<T: Serialize + DeserializeOwned + Debug>(value: &T) {
    let bytes = encode(value).unwrap();
    let back: T = decode(&bytes).unwrap();
    assert_eq!(encode(&back).unwrap(), bytes, "{value:?}");
    assert_eq!(format!("{back:?}"), format!("{value:?}"));
    assert!(!format!("{back:?}").contains(CANARY), "{back:?}");
    assert!(!String::from_utf8_lossy(&bytes).contains(CANARY), "{value:?}");
}

#[test]
fn every_call_and_every_reply_arrives_as_it_left() {
    let mut tried = Trips::default();
    trips(&mut tried);
    clients::trips(&mut tried);
    let mut tried = tried.0;
    tried.sort_unstable();
    tried.dedup();
    assert_eq!(tried, NAMES, "each call is tried");
}

#[test]
fn a_buffer_does_not_grow_while_it_is_written() {
    let bytes = encode(&values::app()).unwrap();
    assert_eq!(bytes.capacity(), bytes.len());
}

#[test]
fn an_error_is_told_in_the_same_words_with_its_causes() {
    let source = std::io::Error::other(std::io::Error::from(std::io::ErrorKind::StorageFull));
    for class in
        [Class::Failed, Class::Usage, Class::NoSuchName, Class::PersonMustAct, Class::Unreachable, Class::Store]
    {
        for hint in [None, Some("do this".to_owned())] {
            let error: Error = Told::new(class, "it failed", hint.clone()).because(&source).into();
            let back = decode_error(&encode_error(&error).unwrap()).unwrap();
            assert_eq!((back.class(), back.to_string(), back.hint()), (class, "it failed".to_owned(), hint));
            let mut causes = Vec::new();
            let mut cause = std::error::Error::source(&back);
            while let Some(found) = cause {
                causes.push(found.to_string());
                cause = found.source();
            }
            assert_eq!(causes.first(), Some(&source.to_string()));
        }
    }
}

#[test]
fn a_name_that_is_taken_is_still_known_as_that() {
    let back = decode_error(&encode_error(&Error::NameTaken("acme".to_owned())).unwrap()).unwrap();
    assert!(matches!(back, Error::NameTaken(name) if name == "acme"));
}

#[test]
fn bytes_that_are_no_call_are_refused_and_not_repeated() {
    let wire = Zeroizing::new(b"{\"name\":\"canary\x07".to_vec());
    let error = decode::<crate::Show>(&wire).unwrap_err();
    assert!(matches!(error, WireError(1..)) && !error.to_string().contains(CANARY), "{error}");
}
