//! Workspace integrations: activation, tokens, and the queue.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

use crate::world::{Answer, World, answer, text};

/// An activated integration, with an access token and a queue.
struct Active<'w> {
    world: &'w World,
    registered: Value,
    claims: Value,
    token: String,
    poll_url: String,
}

impl<'w> Active<'w> {
    async fn start(world: &'w World) -> Self {
        let order = json!({ "scopes": ["spark-admin:devices_read", "spark:xapi_statuses"] });
        let registered = world.done("/workspace-integrations", order).await;
        let claims = claims(&text(&registered, "/activation_code"));
        let (status, reply) = refresh(world, &registered, &claims).await;
        assert_eq!(status, 200, "{reply}");
        let mut active =
            Self { world, registered, claims, token: text(&reply, "/access_token"), poll_url: String::new() };
        let change = json!({ "provisioningState": "completed", "queue": { "state": "enabled" } });
        let (status, view) = active.change(&change).await;
        assert_eq!((status, &view["provisioningState"]), (StatusCode::OK, &json!("completed")));
        active.poll_url = text(&view, "/queue/pollUrl");
        active
    }

    async fn change(&self, change: &Value) -> Answer {
        let url = text(&self.claims, "/appUrl");
        answer(self.world.http.patch(url).bearer_auth(&self.token).json(change).send().await.unwrap()).await
    }

    async fn poll(&self) -> Vec<Value> {
        let (status, reply) =
            answer(self.world.http.get(&self.poll_url).bearer_auth(&self.token).send().await.unwrap()).await;
        assert_eq!(status, 200, "{reply}");
        reply["messages"].as_array().unwrap().clone()
    }

    async fn tell(&self, message: &str) {
        let path = format!("/workspace-integrations/{}/messages", text(&self.registered, "/id"));
        self.world.done(&path, json!({ "message": message })).await;
    }

    /// Lets the first devices fail, one after the other; their ids.
    async fn fail_devices(&self, count: usize) -> Vec<String> {
        let (_, devices) = self.world.control(Method::GET, "/devices", json!({})).await;
        let ids: Vec<String> = devices.as_array().unwrap()[..count].iter().map(|device| text(device, "/id")).collect();
        let script = json!({ "devices": { "ids": ids }, "steps": [{ "do": "fail" }] });
        self.world.done("/devices/script", script).await;
        ids
    }
}

async fn refresh(world: &World, registered: &Value, claims: &Value) -> Answer {
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": registered["client_id"],
        "client_secret": registered["client_secret"],
        "refresh_token": claims["refreshToken"],
    });
    answer(world.http.post(text(claims, "/oauthUrl")).json(&body).send().await.unwrap()).await
}

fn claims(jwt: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn the_keys_of_the_region_verify_an_activation_code() {
    let world = World::start().await;
    let registered = world.done("/workspace-integrations", json!({ "scopes": [] })).await;
    let code = text(&registered, "/activation_code");
    let (signed, signature) = code.rsplit_once('.').unwrap();
    let origin = world.knows().base_url.strip_suffix("/v1").unwrap().to_owned();
    let (_, keys) = answer(world.http.get(format!("{origin}/xapi-a/jwks")).send().await.unwrap()).await;
    let number = |name: &str| URL_SAFE_NO_PAD.decode(text(&keys, &format!("/keys/0/{name}"))).unwrap();
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok());
    let claims = claims(&code);
    assert_eq!(claims["webexapisBaseUrl"], world.knows().base_url.as_str());
    for field in ["/oauthUrl", "/appUrl", "/refreshToken", "/region", "/jti", "/expiryTime"] {
        assert!(!text(&claims, field).is_empty(), "{field}");
    }
}

#[tokio::test]
async fn it_refreshes_with_json_and_with_nothing_else() {
    let world = World::start().await;
    let active = Active::start(&world).await;
    assert_eq!(world.status("/devices", &active.token).await, 200);
    let (status, _) = world
        .token_request(&[
            ("grant_type", "refresh_token"),
            ("client_id", &text(&active.registered, "/client_id")),
            ("client_secret", &text(&active.registered, "/client_secret")),
            ("refresh_token", &text(&active.claims, "/refreshToken")),
        ])
        .await;
    assert_eq!(status, 400);
    let reply =
        world.http.get(&active.poll_url).bearer_auth(&world.knows().personal.access_token).send().await.unwrap();
    assert_eq!(reply.status(), 403, "a queue is its own integration's");
}

#[tokio::test]
async fn a_change_of_a_device_is_pushed_once() {
    let world = World::start().await;
    let active = Active::start(&world).await;
    let failed = active.fail_devices(1).await;
    let messages = active.poll().await;
    assert_eq!(messages.len(), 1);
    assert_eq!((&messages[0]["type"], text(&messages[0], "/deviceId")), (&json!("status"), failed[0].clone()));
    assert_eq!(messages[0]["changes"]["updated"]["ConnectionStatus"], "disconnected");
    active.tell("healthCheck").await;
    let messages = active.poll().await;
    assert_eq!((messages.len(), &messages[0]["type"]), (1, &json!("healthCheck")));
    active.change(&json!({ "operationalState": "operational" })).await;
    let (_, list) = world.control(Method::GET, "/workspace-integrations", json!({})).await;
    assert_eq!(list[0]["health_checks_answered"], 1);
}

#[tokio::test]
async fn a_queue_drops_and_repeats_messages_if_it_is_told_to() {
    let world = World::start().await;
    let active = Active::start(&world).await;
    world.behave(json!({ "queue_drops_every": 2 })).await;
    active.fail_devices(4).await;
    let first = active.poll().await;
    assert_eq!(first.len(), 2);
    world.behave(json!({ "queue_drops_every": 0, "queue_repeats": true })).await;
    active.tell("updateApproved").await;
    let second = active.poll().await;
    assert_eq!(second[..2], first[..]);
    assert_eq!(claims(&text(&second[2], "/jwt"))["action"], "updateApproved");
}

#[tokio::test]
async fn a_removal_ends_the_tokens_until_it_is_activated_again() {
    let world = World::start().await;
    let active = Active::start(&world).await;
    active.tell("removed").await;
    assert_eq!(world.status("/devices", &active.token).await, 401);
    assert_eq!(refresh(&world, &active.registered, &active.claims).await.0, 400);
    let path = format!("/workspace-integrations/{}/activate", text(&active.registered, "/id"));
    let again = claims(&text(&world.done(&path, json!({})).await, "/activation_code"));
    assert_eq!(again["appUrl"], active.claims["appUrl"]);
    assert_eq!(refresh(&world, &active.registered, &again).await.0, 200);
}
