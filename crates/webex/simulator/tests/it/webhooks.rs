//! Webhooks: what they send, how it is signed, and when they are switched off.

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::{World, answer, text};

/// A program that is told things.
struct Receiver {
    listener: TcpListener,
    url: String,
}

impl Receiver {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        Self { listener, url }
    }

    /// The next call, answered with this status: its signature and its body.
    async fn next(&self, status: u16) -> (Option<String>, String) {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        let mut read = Vec::new();
        let (head, length) = loop {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the call ends early");
            read.extend_from_slice(&buffer[..count]);
            let whole = String::from_utf8(read.clone()).unwrap();
            if let Some((head, _)) = whole.split_once("\r\n\r\n") {
                let header = |name: &str| {
                    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                    lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
                };
                let length: usize = header("content-length").unwrap().parse().unwrap();
                if read.len() >= head.len() + 4 + length {
                    break (header("x-spark-signature"), length);
                }
            }
        };
        stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").as_bytes()).await.unwrap();
        (head, String::from_utf8(read[read.len() - length..].to_vec()).unwrap())
    }
}

async fn hook(world: &World, receiver: &Receiver, rest: Value) -> Value {
    let mut body = json!({ "name": "watch", "targetUrl": receiver.url, "resource": "messages", "event": "created" });
    body.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let (status, made) = world.tell("/webhooks", &world.knows().personal.access_token, body).await;
    assert_eq!(status, 200, "{made}");
    made
}

/// The room in which the administrator and the bot are.
async fn room(world: &World) -> String {
    text(&world.got("/rooms", &world.knows().bot.access_token).await.1, "/items/0/id")
}

async fn say(world: &World, room: &str, words: &str) -> Value {
    world.tell("/messages", &world.knows().personal.access_token, json!({ "roomId": room, "text": words })).await.1
}

#[tokio::test]
async fn a_delivery_is_signed_and_tells_what_happened_but_not_what_was_said() {
    let world = World::start().await;
    let receiver = Receiver::new().await;
    let made = hook(&world, &receiver, json!({ "secret": "hush" })).await;
    assert_eq!((&made["status"], &made["ownedBy"]), (&json!("active"), &json!("creator")));
    let said = say(&world, &room(&world).await, "the secret plan").await;
    let (signature, body) = receiver.next(200).await;
    let mut mac = Hmac::<Sha1>::new_from_slice(b"hush").unwrap();
    mac.update(body.as_bytes());
    let signature = signature.expect("it is signed");
    let bytes: Vec<u8> = (0..20).map(|at| u8::from_str_radix(&signature[2 * at..2 * at + 2], 16).unwrap()).collect();
    mac.verify_slice(&bytes).expect("with the webhook's secret");
    assert!(!body.contains("the secret plan"));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&body["id"], &body["resource"], &body["event"]), (&made["id"], &json!("messages"), &json!("created")));
    assert_eq!((&body["data"]["id"], &body["data"]["roomId"]), (&said["id"], &said["roomId"]));
    assert_eq!(body["actorId"], said["personId"]);
}

#[tokio::test]
async fn a_filter_and_a_bots_ears_decide_what_is_told() {
    let world = World::start().await;
    let (everything, for_bot) = (Receiver::new().await, Receiver::new().await);
    let (room, admin) = (room(&world).await, world.knows().personal.access_token.clone());
    hook(&world, &everything, json!({ "filter": format!("roomId={room}") })).await;
    let bots = json!({ "name": "bot", "targetUrl": for_bot.url, "resource": "all", "event": "all" });
    assert_eq!(world.tell("/webhooks", &world.knows().bot.access_token, bots).await.0, 200);
    let other = text(&world.tell("/rooms", &admin, json!({ "title": "Other" })).await.1, "/id");
    say(&world, &other, "elsewhere").await;
    let quiet = say(&world, &room, "not for the bot").await;
    let (_, told) = everything.next(200).await;
    assert_eq!(
        serde_json::from_str::<Value>(&told).unwrap()["data"]["id"],
        quiet["id"],
        "the other room is filtered out"
    );
    let mention = json!({ "roomId": room, "markdown": format!("<@personEmail:{}>", world.knows().bot.email) });
    let (_, loud) = world.tell("/messages", &admin, mention).await;
    let (_, told) = for_bot.next(200).await;
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["data"]["id"], loud["id"]);
}

#[tokio::test]
async fn a_receiver_that_fails_five_times_is_called_no_more_until_it_is_switched_on() {
    let world = World::start().await;
    let receiver = Receiver::new().await;
    let (room, admin) = (room(&world).await, world.knows().personal.access_token.clone());
    let id = text(&hook(&world, &receiver, json!({})).await, "/id");
    let path = format!("/webhooks/{id}");
    for number in 0..5 {
        assert_eq!(world.got(&path, &admin).await.1["status"], "active", "after {number}");
        say(&world, &room, "hello").await;
        receiver.next(503).await;
        // What came of the delivery is written down once its answer was read.
        while number == 4 && world.got(&path, &admin).await.1["status"] == "active" {
            tokio::task::yield_now().await;
        }
    }
    let put = json!({ "name": "watch", "targetUrl": receiver.url, "status": "active" });
    let request = world.http.request(Method::PUT, world.url(&path)).bearer_auth(&admin).json(&put);
    assert_eq!(answer(request.send().await.unwrap()).await.1["status"], "active");
    let said = say(&world, &room, "again").await;
    let (signature, told) = receiver.next(200).await;
    assert_eq!(signature, None, "it has no secret");
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["data"]["id"], said["id"]);
    let gone = world.http.delete(world.url(&path)).bearer_auth(&admin).send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(world.got("/webhooks", &admin).await.1, json!({ "items": [] }));
}

#[tokio::test]
async fn whoever_made_a_service_app_is_told_when_it_is_authorised_and_when_no_more() {
    let world = World::start().await;
    let receiver = Receiver::new().await;
    let wanted = json!({ "resource": "serviceApp", "event": "all" });
    hook(&world, &receiver, wanted).await;
    let app = world.done("/service-apps", json!({ "scopes": ["spark-admin:devices_read"] })).await;
    let id = text(&app, "/application_id");
    for (decision, event) in [("authorise", "authorized"), ("withdraw", "deauthorized")] {
        world.done(&format!("/service-apps/{id}/{decision}"), json!({})).await;
        let (_, told) = receiver.next(200).await;
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!((&told["resource"], &told["event"]), (&json!("serviceApp"), &json!(event)));
        assert_eq!(
            (&told["data"]["id"], &told["data"]["authorizerOrgId"]),
            (&json!(id), &json!(world.knows().organisation.id))
        );
    }
}
