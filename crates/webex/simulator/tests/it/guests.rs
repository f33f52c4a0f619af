//! Guests, for whom a service app asks for tokens.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, gateway, text};

fn visitor(subject: &str, name: &str) -> Value {
    json!({ "subject": subject, "displayName": name })
}

#[tokio::test]
async fn a_guests_token_acts_as_the_guest_for_about_eighteen_hours() {
    let world = World::start().await;
    let machine = world.machine().await;
    let (status, guest) = world.posted("/guests/token", &machine, &visitor("visitor-1", "A visitor")).await;
    assert_eq!((status.as_u16(), &guest["expiresIn"], &guest["subject"]), (200, &json!(64_799), &json!("visitor-1")));
    let token = text(&guest, "/accessToken");
    let (_, me) = world.got("/people/me", &token).await;
    assert_eq!((&me["id"], &me["displayName"], &me["type"]), (&guest["id"], &json!("A visitor"), &json!("person")));
    assert_eq!(me["emails"], json!([guest["email"]]));
    for path in ["/people", "/devices", "/workspaces", "/organizations", "/telephony/calls", "/meetings"] {
        gateway(&world.got(path, &token).await, 403);
    }
    gateway(&world.posted("/guests/token", &token, &visitor("another", "Another")).await, 403);

    world.pass(Duration::from_secs(64_798));
    assert_eq!(world.status("/people/me", &token).await, 200);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.status("/people/me", &token).await, 401);
}

#[tokio::test]
async fn asking_again_leaves_the_earlier_token_and_may_rename_the_guest() {
    let world = World::start().await;
    let machine = world.machine().await;
    let ask =
        async |subject: &str, name: &str| world.posted("/guests/token", &machine, &visitor(subject, name)).await.1;
    let (one, again, other) = (ask("a", "Ann").await, ask("a", "Anna").await, ask("b", "Ben").await);
    assert_eq!(one["id"], again["id"]);
    assert_ne!(one["id"], other["id"]);
    assert_ne!(one["accessToken"], again["accessToken"]);
    for token in [&one, &again] {
        let (status, me) = world.got("/people/me", &text(token, "/accessToken")).await;
        assert_eq!((status.as_u16(), &me["displayName"]), (200, &json!("Anna")));
    }
    assert_eq!(world.got("/guests/count", &machine).await.1, json!({ "guests": 2 }));
    let (_, people) = world.got("/people?max=1000", &machine).await;
    assert_eq!(people["items"].as_array().unwrap().len(), 250, "guests stand in no list of people");
}

#[tokio::test]
async fn only_a_service_app_with_the_scope_may_ask() {
    let world = World::start().await;
    let good = visitor("a", "Ann");
    gateway(&world.posted("/guests/token", "made-up", &good).await, 401);
    for token in [&world.knows().personal.access_token, &world.knows().bot.access_token] {
        gateway(&world.posted("/guests/token", token, &good).await, 403);
        gateway(&world.got("/guests/count", token).await, 403);
    }
    let app = world.done("/service-apps", json!({ "scopes": ["guest-issuer:read"] })).await;
    let authorised = world.done(&format!("/service-apps/{}/authorise", text(&app, "/application_id")), json!({})).await;
    let (client, secret) = (text(&app, "/client_id"), text(&app, "/client_secret"));
    let refresh = text(&authorised, "/refresh_token");
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client.as_str()),
        ("client_secret", secret.as_str()),
        ("refresh_token", refresh.as_str()),
    ];
    let reader = text(&world.token_request(&fields).await.1, "/access_token");
    gateway(&world.posted("/guests/token", &reader, &good).await, 403);
    assert_eq!(world.got("/guests/count", &reader).await.1, json!({ "guests": 0 }));

    let machine = world.machine().await;
    for bad in [json!({}), visitor("", "Ann"), visitor("a", ""), json!({ "subject": 5, "displayName": "Ann" })] {
        gateway(&world.posted("/guests/token", &machine, &bad).await, 400);
    }
}
