//! Deadlines are on the wall clock, and a reboot of the machine is another kernel.

use lanyard_credential::rotation::Writer;
use lanyard_store::{EXCHANGE, MARGIN};

use crate::world::{World, begun, open};

#[tokio::test]
async fn a_process_of_an_earlier_boot_cannot_be_seen_and_has_its_time() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    drop(begun(&world.seen_by(world.me()).await, id).await);
    assert_eq!(open(&world.store, id).await.unwrap().1, Writer::Gone);
    world.clock.reboot("next");
    let next = world.seen_by(world.me()).await;
    assert_eq!(open(&next, id).await.unwrap().1, Writer::Unknown);
    world.clock.advance(EXCHANGE + MARGIN);
    assert_eq!(open(&next, id).await.unwrap().1, Writer::Presumed);
}

#[tokio::test]
async fn a_wall_clock_that_was_set_back_keeps_nobody_waiting_for_longer_than_an_exchange_takes() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    drop(begun(&world.seen_by(world.elsewhere()).await, id).await);
    // A machine without a clock that runs on: it is 1970 again after each boot.
    world.clock.reboot("next");
    world.clock.jump_wall(jiff::SignedDuration::from_hours(-24 * 365));
    let next = world.seen_by(world.me()).await;
    assert_eq!(open(&next, id).await.unwrap().1, Writer::Unknown);
    world.clock.advance(EXCHANGE);
    assert_eq!(open(&next, id).await.unwrap().1, Writer::Unknown);
    world.clock.advance(MARGIN);
    assert_eq!(open(&next, id).await.unwrap().1, Writer::Presumed);
}
