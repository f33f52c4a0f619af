//! A database file is one machine's: its leases end by the boot clock.

use lanyard_store::Claim;

use crate::world::{LEASE, World, claimed};

#[tokio::test]
async fn a_lease_runs_out_on_the_boot_clock_whatever_the_wall_clock_says() {
    let world = World::new().await;
    let other = world.seen_by(world.elsewhere()).await;
    let id = world.signed_in().await.id;
    claimed(&world.store, id).await;
    world.clock.jump_wall(jiff::SignedDuration::from_hours(24));
    assert!(matches!(other.claim(id, LEASE).await.unwrap(), Claim::Held { .. }));
    world.clock.jump_wall(jiff::SignedDuration::from_hours(-48));
    world.clock.advance(LEASE);
    claimed(&other, id).await;
}

#[tokio::test]
async fn the_lease_of_an_earlier_boot_is_free_at_once() {
    let world = World::new().await;
    let id = world.signed_in().await.id;
    claimed(&world.seen_by(world.elsewhere()).await, id).await;
    assert!(matches!(world.store.claim(id, LEASE).await.unwrap(), Claim::Held { .. }));
    world.clock.reboot("next");
    claimed(&world.seen_by(world.me()).await, id).await;
}
