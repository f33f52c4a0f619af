//! Rooms, memberships and messages, and who is told of them.

use std::time::Duration;

use lanyard_simulator::Options;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fidelity::Office;
use crate::lists::every_page;
use crate::people_life::write;
use crate::world::{World, gateway, text};

async fn gone(world: &World, path: &str, token: &str) -> u16 {
    write(world, Method::DELETE, path, token, Value::Null).await.0.as_u16()
}

async fn made(world: &World, path: &str, token: &str, body: Value) -> Value {
    let (status, made) = world.tell(path, token, body).await;
    assert_eq!(status, 200, "{made}");
    made
}

const ALL: &str = "spark:rooms_read spark:rooms_write spark:memberships_read spark:memberships_write \
                   spark:messages_read spark:messages_write spark:people_read";

#[tokio::test]
async fn a_room_is_made_renamed_talked_in_and_taken_away() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let room = made(&world, "/rooms", &admin, json!({ "title": "Rollout" })).await;
    assert_eq!((&room["type"], &room["isLocked"]), (&json!("group"), &json!(false)));
    let id = text(&room, "/id");
    let (_, renamed) =
        write(&world, Method::PUT, &format!("/rooms/{id}"), &admin, json!({ "title": "Rollout 2" })).await;
    assert_eq!(renamed["title"], "Rollout 2");

    let colleague = world.someone().await;
    let theirs = text(&world.signed_in(&colleague, ALL).await, "/access_token");
    gateway(&world.got(&format!("/rooms/{id}"), &theirs).await, 404);
    let member = made(&world, "/memberships", &admin, json!({ "roomId": id, "personEmail": colleague })).await;
    assert_eq!((&member["personEmail"], &member["isModerator"]), (&json!(colleague), &json!(false)));
    gateway(&world.tell("/memberships", &admin, json!({ "roomId": id, "personEmail": colleague })).await, 409);
    assert_eq!(world.status(&format!("/rooms/{id}"), &theirs).await, 200);

    for number in 0..7 {
        world.pass(Duration::from_secs(1));
        made(&world, "/messages", &theirs, json!({ "roomId": id, "text": format!("message {number}") })).await;
    }
    let pages = every_page(&world, &format!("/messages?roomId={id}&max=3"), "items", &admin).await;
    let texts: Vec<_> = pages.concat().iter().map(|message| text(message, "/text")).collect();
    assert_eq!((pages.len(), texts[0].as_str(), texts[6].as_str()), (3, "message 6", "message 0"));
    let fourth = text(&pages[1][0], "/id");
    let (_, earlier) = world.got(&format!("/messages?roomId={id}&beforeMessage={fourth}"), &admin).await;
    assert_eq!(earlier["items"].as_array().unwrap().len(), 3);

    let edit = json!({ "roomId": id, "markdown": "**better**" });
    gateway(&write(&world, Method::PUT, &format!("/messages/{fourth}"), &admin, edit.clone()).await, 403);
    let (_, edited) = write(&world, Method::PUT, &format!("/messages/{fourth}"), &theirs, edit).await;
    assert_eq!((&edited["markdown"], edited["updated"].is_string()), (&json!("**better**"), true));
    let answer_to_it =
        made(&world, "/messages", &admin, json!({ "roomId": id, "parentId": fourth, "text": "yes" })).await;
    assert_eq!(answer_to_it["parentId"], fourth.as_str());
    assert_eq!(gone(&world, &format!("/messages/{fourth}"), &admin).await, 204, "a moderator may");
    gateway(&world.got(&format!("/messages/{fourth}"), &admin).await, 404);

    let membership = text(&member, "/id");
    assert_eq!(gone(&world, &format!("/memberships/{membership}"), &theirs).await, 204);
    gateway(&world.got(&format!("/messages?roomId={id}"), &theirs).await, 404);
    assert_eq!(gone(&world, &format!("/rooms/{id}"), &admin).await, 204);
    gateway(&world.got(&format!("/rooms/{id}"), &admin).await, 404);
}

#[tokio::test]
async fn two_who_write_to_each_other_have_one_room() {
    let world = World::start().await;
    let admin = world.knows().clone();
    let token = admin.personal.access_token;
    let colleague = world.someone().await;
    let theirs = text(&world.signed_in(&colleague, ALL).await, "/access_token");
    let first = made(&world, "/messages", &token, json!({ "toPersonEmail": colleague, "text": "hello" })).await;
    let second =
        made(&world, "/messages", &theirs, json!({ "toPersonEmail": admin.admin.email, "text": "hello" })).await;
    assert_eq!((&first["roomId"], &first["roomType"]), (&second["roomId"], &json!("direct")));
    let (_, said) = world.got(&format!("/messages/direct?personEmail={colleague}"), &token).await;
    assert_eq!(said["items"].as_array().unwrap().len(), 2);
    let (_, rooms) = world.got("/rooms?type=direct", &theirs).await;
    let (_, me) = world.got("/people/me", &token).await;
    assert_eq!(rooms["items"][0]["title"], me["displayName"], "each sees the other's name");
    let id = text(&first, "/roomId");
    gateway(&write(&world, Method::PUT, &format!("/rooms/{id}"), &token, json!({ "title": "x" })).await, 400);
    gateway(&world.tell("/messages", &token, json!({ "toPersonEmail": admin.admin.email, "text": "me" })).await, 400);
    gateway(&world.tell("/messages", &token, json!({ "toPersonEmail": "nobody@example.com", "text": "x" })).await, 404);
}

#[tokio::test]
async fn a_bot_reads_what_mentions_it_and_nothing_else_that_is_said_in_a_group() {
    let world = World::start().await;
    let knows = world.knows().clone();
    let (bot, admin) = (&knows.bot.access_token, &knows.personal.access_token);
    // It is in one room from the beginning, and was spoken to there.
    let (_, rooms) = world.got("/rooms", bot).await;
    let id = text(&rooms, "/items/0/id");
    let quiet = made(&world, "/messages", admin, json!({ "roomId": id, "text": "not for machines" })).await;
    let mention = json!({ "roomId": id, "markdown": format!("<@personEmail:{}|Bot> status", knows.bot.email) });
    let loud = made(&world, "/messages", admin, mention).await;
    assert_eq!(loud["text"], "Bot status");
    gateway(&world.got(&format!("/messages?roomId={id}"), bot).await, 403);
    let (_, heard) = world.got(&format!("/messages?roomId={id}&mentionedPeople=me"), bot).await;
    assert_eq!(heard["items"].as_array().unwrap().len(), 2);
    gateway(&world.got(&format!("/messages/{}", text(&quiet, "/id")), bot).await, 404);
    assert_eq!(world.status(&format!("/messages/{}", text(&loud, "/id")), bot).await, 200);
    made(&world, "/messages", bot, json!({ "roomId": id, "text": "all is well" })).await;
}

#[tokio::test]
async fn scopes_and_shapes_are_checked() {
    let world = World::start().await;
    let admin = world.knows().personal.access_token.clone();
    let reader = text(&world.signed_in(&world.knows().admin.email, "spark:rooms_read").await, "/access_token");
    assert_eq!(world.status("/rooms", &reader).await, 200);
    gateway(&world.tell("/rooms", &reader, json!({ "title": "x" })).await, 403);
    for path in ["/messages?roomId=x", "/memberships"] {
        gateway(&world.got(path, &reader).await, 403);
    }
    let id = text(&world.got("/rooms", &admin).await.1, "/items/0/id");
    for (path, body) in [
        ("/rooms", json!({})),
        ("/rooms", json!({ "title": "  " })),
        ("/messages", json!({ "roomId": id })),
        ("/messages", json!({ "text": "to whom?" })),
        ("/messages", json!({ "roomId": id, "toPersonEmail": "a@b.example", "text": "both" })),
        ("/messages", json!({ "roomId": id, "text": "x".repeat(7440) })),
        ("/messages", json!({ "roomId": id, "text": "x", "parentId": "nothing" })),
        ("/memberships", json!({ "roomId": id })),
        ("/webhooks", json!({ "name": "x", "targetUrl": "nowhere", "resource": "messages", "event": "created" })),
        ("/webhooks", json!({ "name": "x", "targetUrl": "http://a.example", "resource": "tea", "event": "created" })),
    ] {
        let status = world.tell(path, &admin, body.clone()).await.0.as_u16();
        assert!(matches!(status, 400 | 404), "{path} {body}: {status}");
    }
    gateway(&world.got("/messages", &admin).await, 400);
    gateway(&world.got(&format!("/memberships?personEmail={}", world.knows().admin.email), &admin).await, 400);
}

#[tokio::test]
async fn lists_have_empty_pages_where_that_is_asked_for() {
    let world = World::with(Options::default()).await;
    let admin = world.knows().personal.access_token.clone();
    for number in 0..4 {
        made(&world, "/rooms", &admin, json!({ "title": format!("Room {number}") })).await;
    }
    world.behave(json!({ "empty_pages": true })).await;
    for path in ["/rooms?max=2", "/devices?max=8", "/workspaces?max=4"] {
        let pages = every_page(&world, path, "items", &admin).await;
        assert!(pages.iter().any(Vec::is_empty) && !pages[0].is_empty(), "{path}");
        let ids: std::collections::BTreeSet<_> = pages.concat().iter().map(|item| text(item, "/id")).collect();
        assert_eq!(ids.len(), pages.concat().len(), "{path}: nothing twice");
    }
}

#[tokio::test]
async fn a_room_has_tabs_for_those_who_are_in_it() {
    let office = Office::open().await;
    let (_, room) = office.write(Method::POST, "/rooms", json!({ "title": "Tabs" })).await;
    let tab = |url: &str, name: &str| json!({ "roomId": room["id"], "contentUrl": url, "displayName": name });
    let (status, made) = office.write(Method::POST, "/room/tabs", tab("https://www.example.com", "Home")).await;
    assert_eq!((status.as_u16(), &made["roomType"], &made["displayName"]), (200, &json!("group"), &json!("Home")));
    let list = format!("/room/tabs?roomId={}", text(&room, "/id"));
    assert_eq!(office.read(&list).await["items"], json!([made]));
    let one = format!("/room/tabs/{}", text(&made, "/id"));
    assert_eq!(office.read(&one).await, made);
    let (_, changed) = office.write(Method::PUT, &one, tab("http://127.0.0.1:9000/x", "Other")).await;
    assert_eq!((&changed["id"], &changed["displayName"]), (&made["id"], &json!("Other")));
    for wrong in [tab("http://www.example.com", "x"), tab("javascript:1", "x"), tab("https://www.example.com", " ")] {
        gateway(&office.write(Method::POST, "/room/tabs", wrong).await, 400);
    }
    let someone = office.world.someone().await;
    let stranger = text(&office.world.signed_in(&someone, "spark:rooms_read spark:rooms_write").await, "/access_token");
    for path in [&one, &list] {
        gateway(&office.world.got(path, &stranger).await, 404);
    }
    assert_eq!(office.write(Method::DELETE, &one, Value::Null).await.0, 204);
    assert_eq!(office.read(&list).await["items"], json!([]));
    gateway(&office.world.got("/room/tabs", &office.token).await, 400);
}

#[tokio::test]
async fn what_happened_in_rooms_is_kept_for_compliance_officers() {
    let office = Office::open().await;
    let (_, room) = office.write(Method::POST, "/rooms", json!({ "title": "Kept" })).await;
    let id = text(&room, "/id");
    let said = json!({ "roomId": id, "text": "hello" });
    let (_, message) = office.write(Method::POST, "/messages", said).await;
    office.world.pass(Duration::from_mins(1));
    assert_eq!(office.write(Method::DELETE, &format!("/rooms/{id}"), Value::Null).await.0, 204);

    let list = office.read("/events").await;
    let words = |list: &Value| -> Vec<String> {
        let events = list["items"].as_array().unwrap().iter();
        events.map(|event| format!("{} {}", text(event, "/resource"), text(event, "/type"))).collect()
    };
    assert_eq!(words(&list)[0], "rooms deleted", "the latest comes first");
    assert!(list["items"].as_array().unwrap().iter().all(|event| event["actorId"] == message["personId"]));
    let messages = office.read("/events?resource=messages&type=created").await;
    assert_eq!(
        (words(&messages), &messages["items"][0]["data"]["text"]),
        (vec!["messages created".to_owned()], &json!("hello"))
    );
    let one = format!("/events/{}", text(&messages, "/items/0/id"));
    assert_eq!(office.read(&one).await, messages["items"][0]);
    for (query, expected) in [
        ("from=2026-03-02T08:00:30Z", vec!["rooms deleted"]),
        ("to=2026-03-02T08:00:30Z&resource=rooms", vec!["rooms created"]),
        ("actorId=nobody", vec![]),
    ] {
        assert_eq!(words(&office.read(&format!("/events?{query}")).await), expected, "{query}");
    }
    assert_eq!(
        every_page(&office.world, "/events?max=1", "items", &office.token).await.concat(),
        *list["items"].as_array().unwrap()
    );
    gateway(&office.world.got("/events?to=2030-01-01T00:00:00Z", &office.token).await, 400);
    let someone = office.world.someone().await;
    let token = text(&office.world.signed_in(&someone, "spark-compliance:events_read").await, "/access_token");
    gateway(&office.world.got("/events", &token).await, 403);
}
