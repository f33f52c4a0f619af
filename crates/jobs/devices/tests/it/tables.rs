//! The tables of the job.

use crate::world::{World, on_both_engines};

/// Opening compares the tables with the declared schema.
async fn a_home_opens_again(world: World) {
    assert!(lanyard_devices::watches(&world.store).await.unwrap().is_empty());
    world.store.close().await.unwrap();
    assert!(lanyard_devices::watches(&world.again().await).await.unwrap().is_empty());
}

on_both_engines!(a_home_opens_again);
