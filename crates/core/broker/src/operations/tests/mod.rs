//! Sends every operation and every reply as bytes and back.

mod channels;
mod clients;
mod values;

use std::sync::Arc;

use lanyard_operation::{OwnerDoor, Registry};
use lanyard_time::{SystemClock, SystemEntropy, SystemSleep};

use self::values::trips;
use super::register;
pub(super) use crate::trips::Trips;
use crate::{Broker, Parts, calls};

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
