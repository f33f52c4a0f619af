//! Operations and replies that a test sends as bytes and back.

use std::fmt::Debug;

use lanyard_operation::{Operation, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// No debugging text and no bytes on the way hold this.
pub(crate) const CANARY: &str = "canary";

/// The operations that were tried, and their results.
#[derive(Default)]
pub(crate) struct Trips(pub(crate) Vec<&'static str>);

impl Trips {
    /// Sends an operation and its reply as bytes and back.
    pub(crate) fn trip<O: Operation>(&mut self, call: &O, reply: &O::Reply)
    where
        O::Reply: Debug,
    {
        round(call);
        round(reply);
        self.0.push(O::DECLARED.name);
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
