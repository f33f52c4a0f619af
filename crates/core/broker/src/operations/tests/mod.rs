//! Sends every operation and every reply as bytes and back.

mod channels;
mod clients;
mod values;

use std::fmt::Debug;
use std::sync::Arc;

use lanyard_operation::{Operation, OwnerDoor, Registry, decode, encode};
use lanyard_time::{SystemClock, SystemEntropy, SystemSleep};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::values::{CANARY, trips};
use super::register;
use crate::{Broker, Parts, calls};

/// The operations that were tried, and their results.
#[derive(Default)]
pub(crate) struct Trips(Vec<&'static str>);

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

#[tokio::test]
async fn every_operation_and_every_reply_arrives_as_it_left() {
    let mut tried = Trips::default();
    trips(&mut tried);
    clients::trips(&mut tried);
    calls::trips(&mut tried);
    channels::trips(&mut tried);
    let mut tried = tried.0;
    tried.sort_unstable();
    tried.dedup();
    let home = tempfile::tempdir().unwrap();
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
    let parts = lanyard_store::Parts::new(clock.clone(), entropy.clone());
    let store = lanyard_home::open_or_create(&home.path().join("home"), parts, lanyard_home::Options::default()).await;
    let broker = Broker::new(&store.unwrap().store, Parts { clock, entropy, sleep: Arc::new(SystemSleep) }, "test");
    let mut registry = Registry::<OwnerDoor>::default();
    register(&mut registry, &broker);
    assert_eq!(tried, registry.names().collect::<Vec<_>>(), "each operation is tried");
}
