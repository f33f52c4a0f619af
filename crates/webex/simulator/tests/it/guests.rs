//! Guests: people without an account.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, text};

async fn guest(world: &World, issuer: &str, subject: &str, name: &str) -> Value {
    let (status, guest) = world.tell("/guests/token", issuer, json!({"subject": subject, "displayName": name})).await;
    assert_eq!(status, 200, "{guest}");
    guest
}

#[tokio::test]
async fn the_same_subject_is_the_same_guest_and_its_earlier_token_lives_on() {
    let world = World::start().await;
    let issuer = world.machine_token().await;
    let first = guest(&world, &issuer, "visitor-1", "Ada").await;
    let again = guest(&world, &issuer, "visitor-1", "Ada L.").await;
    let other = guest(&world, &issuer, "visitor-2", "Bo").await;
    assert_eq!((&first["id"], &first["email"]), (&again["id"], &again["email"]));
    assert_ne!(first["accessToken"], again["accessToken"]);
    assert_ne!(first["id"], other["id"]);
    assert_eq!((&again["subject"], &again["expiresIn"]), (&json!("visitor-1"), &json!(64_799)));
    for token in [&first, &again].map(|guest| text(guest, "/accessToken")) {
        let (_, me) = world.read("/people/me", &token).await;
        assert_eq!((&me["id"], &me["displayName"]), (&first["id"], &json!("Ada L.")));
        assert_eq!(me["orgId"], world.knows().organisation.id);
    }
    assert_eq!(world.read("/guests/count", &issuer).await.1, json!({"guests": 2}));
}

#[tokio::test]
async fn a_guests_token_lasts_as_long_as_it_says() {
    let world = World::start().await;
    world.behave(json!({"guest_token_ttl_ms": 60_000})).await;
    let issuer = world.machine_token().await;
    let guest = guest(&world, &issuer, "visitor", "Ada").await;
    assert_eq!(guest["expiresIn"], 60);
    let token = text(&guest, "/accessToken");
    world.pass(Duration::from_secs(59));
    assert_eq!(world.status("/people/me", &token).await, 200);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.status("/people/me", &token).await, 401);
}

#[tokio::test]
async fn only_a_service_app_with_the_scope_has_guests() {
    let world = World::start().await;
    let order = json!({"subject": "visitor", "displayName": "Ada"});
    let personal = world.knows().personal.access_token.clone();
    assert_eq!(world.tell("/guests/token", &personal, order.clone()).await.0, 403);
    assert_eq!(world.status("/guests/count", &personal).await, 403);
    assert_eq!(world.tell("/guests/token", "made-up", order).await.0, 401);
    let issuer = world.machine_token().await;
    for incomplete in [json!({"subject": "visitor"}), json!({"subject": "", "displayName": "Ada"})] {
        assert_eq!(world.tell("/guests/token", &issuer, incomplete).await.0, 400);
    }
    assert_eq!(world.read("/guests/count", &issuer).await.1, json!({"guests": 0}));
}

#[tokio::test]
async fn a_guest_may_do_little_and_stands_in_no_directory() {
    let world = World::start().await;
    let issuer = world.machine_token().await;
    let before = people(&world).await;
    let guest = guest(&world, &issuer, "visitor", "Ada").await;
    let token = text(&guest, "/accessToken");
    assert_eq!(world.status("/people", &token).await, 403);
    assert_eq!(world.status("/devices", &token).await, 403);
    assert_eq!(people(&world).await, before);
}

async fn people(world: &World) -> usize {
    let (_, list) = world.read("/people?max=1000", &world.knows().personal.access_token).await;
    list["items"].as_array().unwrap().len()
}
