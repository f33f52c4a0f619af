//! Scripted faults, and what the record says of them.

use std::sync::Arc;
use std::time::Duration;

use lanyard_simulator::{Options, RefreshBehaviour};
use lanyard_time::{BoxFuture, Sleep};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::world::{World, answer, text};

async fn strict() -> World {
    World::with(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await
}

fn first(world: &World) -> String {
    world.knows().service_app.refresh_token.clone()
}

#[tokio::test]
async fn a_replaced_reply_has_no_effect() {
    let world = strict().await;
    let limited = json!({"status": 429, "body": "<html>Slow down</html>", "content_type": "text/html",
        "headers": {"Retry-After": "30"}});
    world.fault(json!({"path": "/v1/access_token", "action": limited})).await;
    let reply = world.refresh_request(&first(&world)).send().await.unwrap();
    assert_eq!(reply.status(), 429);
    assert_eq!(reply.headers()["retry-after"], "30");
    assert_eq!(reply.headers()["content-type"], "text/html");
    assert_eq!(reply.text().await.unwrap(), "<html>Slow down</html>");
    assert_eq!(world.refresh(&first(&world)).await.0, 200, "the token was not spent");
    let record = world.record().await;
    let seen: Vec<_> = record.iter().map(|entry| (&entry["status"], &entry["effect"])).collect();
    assert_eq!(seen, [(&json!(429), &json!(false)), (&json!(200), &json!(true))]);
}

#[tokio::test]
async fn a_cut_before_the_effect_leaves_the_token_and_one_after_it_spends_it() {
    let world = strict().await;
    world.fault(json!({"path": "/v1/access_token", "action": {"cut": "before"}})).await;
    world.fault(json!({"path": "/v1/access_token", "after": 1, "action": {"cut": "after"}})).await;
    assert!(world.refresh_request(&first(&world)).send().await.is_err());
    let (status, reply) = world.refresh(&first(&world)).await;
    assert_eq!(status, 200);
    let second = text(&reply, "/refresh_token");
    assert!(world.refresh_request(&second).send().await.is_err());
    assert_eq!(world.refresh(&second).await.0, 400, "it was spent although no reply came");

    let record = world.record().await;
    let told = |field: &str| record.iter().map(|entry| entry[field].clone()).collect::<Vec<_>>();
    assert_eq!(told("effect"), [json!(false), json!(true), json!(true), json!(false)]);
    assert_eq!(told("reply_sent"), [json!(false), json!(true), json!(false), json!(true)]);
    assert_eq!(told("status"), [Value::Null, json!(200), json!(200), json!(400)]);
    assert_eq!(told("grant_type"), vec![json!("refresh_token"); 4]);
    assert_eq!(record[1]["issued_refresh_token_fingerprint"], record[2]["refresh_token_fingerprint"]);
    assert!(record[2]["issued_access_token_fingerprint"].is_string());
    assert!(!json!(record).to_string().contains(&second));
}

#[tokio::test]
async fn delays_are_waited_for_around_the_effect() {
    let world = World::start().await;
    world
        .fault(json!({"path": "/v1/access_token", "count": null, "action": {"delay_ms": 1500, "delay_after_ms": 700}}))
        .await;
    assert_eq!(world.refresh(&first(&world)).await.0, 200);
    assert_eq!(world.sleep.asked(), [Duration::from_millis(1500), Duration::from_millis(700)]);
    assert_eq!(world.control(Method::DELETE, "/faults", json!({})).await.0, 204);
    assert_eq!(world.refresh(&first(&world)).await.0, 200);
    assert_eq!(world.sleep.asked().len(), 2);
}

#[tokio::test]
async fn a_merge_changes_the_reply_and_not_what_happened() {
    let world = strict().await;
    let fields = json!({"expires_in": -5, "refresh_token": null, "token_type": "bearer"});
    world.fault(json!({"path": "/v1/*", "action": {"merge": fields}})).await;
    let (status, reply) = world.refresh(&first(&world)).await;
    assert_eq!(status, 200);
    assert_eq!((&reply["expires_in"], &reply["token_type"]), (&json!(-5), &json!("bearer")));
    assert_eq!(reply.get("refresh_token"), None);
    let record = world.record().await;
    assert!(record[0]["issued_refresh_token_fingerprint"].is_string());
    assert_eq!(world.refresh(&first(&world)).await.0, 400);
}

#[tokio::test]
async fn mangled_replies_arrive_whole_and_useless() {
    let world = World::start().await;
    for (mangle, check) in [
        ("empty", (|body| body.is_empty()) as fn(&[u8]) -> bool),
        ("truncate", |body| body.starts_with(b"{") && !body.ends_with(b"}")),
        ("html", |body| body.starts_with(b"<!doctype html>")),
        ("huge", |body| body.len() == 10 * 1024 * 1024),
        ("garbage", |body| std::str::from_utf8(body).is_err()),
    ] {
        world.fault(json!({"path": "/v1/access_token", "action": {"mangle": mangle}})).await;
        let reply = world.refresh_request(&first(&world)).send().await.unwrap();
        assert_eq!(reply.status(), 200, "{mangle}");
        assert!(check(&reply.bytes().await.unwrap()), "{mangle}");
    }
    assert!(world.record().await.iter().all(|entry| entry["reply_sent"] == json!(true)));
}

#[tokio::test]
async fn a_slow_body_goes_out_piece_by_piece_and_arrives_whole() {
    let world = World::start().await;
    let script = json!({"path": "/v1/people/me", "action": {"drip_bytes": 100, "drip_ms": 250}});
    world.fault(script).await;
    let (_, whole) = world.got("/people/me", &world.knows().bot.access_token).await;
    assert_eq!(text(&whole, "/type"), "bot");
    let pauses = world.sleep.asked();
    assert_eq!(pauses.len(), whole.to_string().len().div_ceil(100));
    assert!(pauses.iter().all(|pause| *pause == Duration::from_millis(250)));
}

#[tokio::test]
async fn a_reply_that_the_client_does_not_read_is_not_called_sent() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let world = World::start().await;
    world.fault(json!({"path": "/v1/people/me", "action": {"mangle": "huge"}})).await;
    let address = world.knows().base_url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    // Small, so that 10 MiB surely do not fit into what the system buffers.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let token = &world.knows().bot.access_token;
    let request = format!("GET /v1/people/me HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 16];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK\r");
    let entry = &world.record().await[0];
    assert_eq!((&entry["effect"], &entry["reply_sent"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn a_script_that_contradicts_itself_is_refused() {
    let world = World::start().await;
    let script = json!({"path": "/v1/people", "action": {"status": 500, "cut": "after"}});
    let (status, answer) = world.control(Method::POST, "/faults", script).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("only one"), "{answer}");
}

#[tokio::test]
async fn an_added_header_may_lie_about_the_time() {
    let world = World::start().await;
    let date = "Mon, 01 Jan 2001 00:00:00 GMT";
    world.fault(json!({"path": "/v1/people/me", "action": {"headers": {"date": date}}})).await;
    let token = world.knows().bot.access_token.clone();
    let reply = world.get("/people/me", &token).send().await.unwrap();
    assert_eq!(reply.headers()["date"], date);
    assert_eq!(answer(reply).await.0, 200);
}

/// A wait that lasts until the gate is opened.
#[derive(Clone, Debug)]
struct Gate(Arc<Semaphore>);

impl Sleep for Gate {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        let gate = self.0.clone();
        Box::pin(async move { drop(gate.acquire().await) })
    }
}

/// Looks at the record until its only entry is as wanted.
async fn recorded(world: &World, wanted: fn(&Value) -> bool) -> Value {
    for _ in 0..10_000 {
        match world.record().await.as_slice() {
            [entry] if wanted(entry) => return entry.clone(),
            _ => tokio::task::yield_now().await,
        }
    }
    panic!("the record never showed what was wanted: {:?}", world.record().await)
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_call() {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let world = World::delaying_by(Options {
        refresh: RefreshBehaviour::RotateStrict,
        sleep: Arc::new(gate.clone()),
        ..Options::default()
    })
    .await;
    world.fault(json!({"path": "/v1/access_token", "action": {"delay_ms": 1000}})).await;
    let call = tokio::spawn(world.refresh_request(&first(&world)).send());
    recorded(&world, |entry| entry["effect"] == json!(false)).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    gate.0.add_permits(1);
    let entry = recorded(&world, |entry| entry["effect"] == json!(true)).await;
    assert_eq!(entry["reply_sent"], json!(false));
    assert_eq!(world.refresh(&first(&world)).await.0, 400, "the token was spent for nobody");
}

#[tokio::test]
async fn stopping_gives_up_calls_that_are_being_delayed() {
    let world =
        World::delaying_by(Options { sleep: Arc::new(Gate(Arc::new(Semaphore::new(0)))), ..Options::default() }).await;
    world.fault(json!({"path": "/v1/access_token", "action": {"delay_ms": 1000}})).await;
    let call = tokio::spawn(world.refresh_request(&first(&world)).send());
    recorded(&world, |entry| entry["effect"] == json!(false)).await;
    world.simulator.stop().await;
    assert!(call.await.unwrap().is_err());
}
