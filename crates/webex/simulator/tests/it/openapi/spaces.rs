//! Rooms, memberships, messages and webhooks against Cisco's documents.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use lanyard_testkit::left_out;

use super::documents;
use crate::world::{World, text};

#[tokio::test]
async fn what_is_read_and_written_of_rooms_is_as_ciscos_documents_have_it() {
    let documents = match documents() {
        Ok(documents) => documents,
        Err(why) => return left_out(&why),
    };
    let world = World::start().await;
    let knows = world.knows().clone();
    let (admin, bot) = (&knows.personal.access_token, &knows.bot.access_token);
    let colleague = world.someone().await;
    let people = world.got("/people?max=9", admin).await.1;
    let stranger = text(&people, "/items/8/emails/0");
    let mut deviating = BTreeSet::new();
    let room = text(&world.got("/rooms", bot).await.1, "/items/0/id");
    let direct =
        text(&world.tell("/messages", admin, json!({ "toPersonEmail": colleague, "text": "hi" })).await.1, "/id");
    let member = text(&world.got(&format!("/memberships?roomId={room}"), admin).await.1, "/items/1/id");
    let hook = json!({ "name": "w", "targetUrl": "http://127.0.0.1:9/", "resource": "messages", "event": "created", "secret": "s", "filter": "roomType=group" });
    let hook = text(&world.tell("/webhooks", admin, hook).await.1, "/id");
    let own = text(&world.tell("/messages", admin, json!({ "roomId": room, "text": "a" })).await.1, "/id");

    let tab = json!({ "roomId": room, "contentUrl": "https://www.example.com", "displayName": "Home" });
    let tab_id = text(&world.tell("/room/tabs", admin, tab.clone()).await.1, "/id");

    for (token, operation, path) in [
        (admin, "/room/tabs", format!("/room/tabs?roomId={room}")),
        (admin, "/room/tabs/{id}", format!("/room/tabs/{tab_id}")),
        (admin, "/rooms", "/rooms".to_owned()),
        (bot, "/rooms", "/rooms?type=group&sortBy=created".to_owned()),
        (admin, "/rooms/{roomId}", format!("/rooms/{room}")),
        (admin, "/rooms/{roomId}/meetingInfo", format!("/rooms/{room}/meetingInfo")),
        (admin, "/memberships", "/memberships".to_owned()),
        (admin, "/memberships", format!("/memberships?roomId={room}")),
        (admin, "/memberships/{membershipId}", format!("/memberships/{member}")),
        (admin, "/messages", format!("/messages?roomId={room}")),
        (bot, "/messages", format!("/messages?roomId={room}&mentionedPeople=me")),
        (admin, "/messages/direct", format!("/messages/direct?personEmail={colleague}")),
        (admin, "/messages/{messageId}", format!("/messages/{direct}")),
        (admin, "/webhooks", "/webhooks".to_owned()),
        (admin, "/webhooks/{webhookId}", format!("/webhooks/{hook}")),
    ] {
        deviating.extend(documents.judge("messaging", "GET", operation, world.get(&path, token)).await);
    }
    // What an event is about is shown as REST shows it; the document lists the fields of some resources alone.
    let events = world.get("/events?max=50", admin);
    let events = documents.judge("admin", "GET", "/events", events).await;
    deviating.extend(events.into_iter().filter(|deviation| !deviation.contains("].data.")));
    let mention = format!("<@personEmail:{}> hello", knows.bot.email);
    for (method, operation, path, body) in [
        ("POST", "/room/tabs", "/room/tabs".to_owned(), tab.clone()),
        ("PUT", "/room/tabs/{id}", format!("/room/tabs/{tab_id}"), tab),
        ("POST", "/rooms", "/rooms".to_owned(), json!({ "title": "New", "description": "d" })),
        ("PUT", "/rooms/{roomId}", format!("/rooms/{room}"), json!({ "title": "Renamed" })),
        ("POST", "/memberships", "/memberships".to_owned(), json!({ "roomId": room, "personEmail": stranger })),
        (
            "PUT",
            "/memberships/{membershipId}",
            format!("/memberships/{member}"),
            json!({ "isModerator": true, "isRoomHidden": false }),
        ),
        ("POST", "/messages", "/messages".to_owned(), json!({ "roomId": room, "markdown": mention })),
        ("PUT", "/messages/{messageId}", format!("/messages/{own}"), json!({ "roomId": room, "markdown": "*b*" })),
        (
            "POST",
            "/webhooks",
            "/webhooks".to_owned(),
            json!({ "name": "x", "targetUrl": "http://127.0.0.1:9/", "resource": "rooms", "event": "updated" }),
        ),
        (
            "PUT",
            "/webhooks/{webhookId}",
            format!("/webhooks/{hook}"),
            json!({ "name": "y", "targetUrl": "http://127.0.0.1:9/", "status": "active" }),
        ),
    ] {
        let method_of = Method::from_bytes(method.as_bytes()).unwrap();
        let request = world.http.request(method_of, world.url(&path)).bearer_auth(admin).json(&body);
        deviating.extend(documents.judge("messaging", method, operation, request).await);
    }
    assert!(deviating.is_empty(), "{deviating:#?}");
}
