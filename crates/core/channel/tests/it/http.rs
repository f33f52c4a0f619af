//! Deliveries over HTTP.

use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lanyard_channel::{AlertmanagerAuth, AlertmanagerTarget, Channels, DeliveryError, JsonTarget, Notice, Target};
use lanyard_secret::SecretText;
use lanyard_testkit::Authority;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::server::{Server, Step, answer};
use crate::world::{self, SECRET, World, notice, webhook};

#[tokio::test]
async fn a_webhook_receives_a_signed_cloud_event() {
    let server = Server::playing([answer("204 No Content", &[]), answer("200 OK", &[])]).await;
    let (world, target) = (World::new(), webhook(&server.url("/hooks/1?key=2"), true));
    world.deliver(&target, &notice()).await.unwrap();
    world.deliver(&target, &notice()).await.unwrap();
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    for seen in server.seen() {
        assert_eq!(seen.line(), "POST /hooks/1?key=2 HTTP/1.1");
        assert_eq!(seen.header("content-type"), Some("application/cloudevents+json"));
        assert_eq!(seen.header("webhook-id"), Some("4711"), "a repeated delivery has the same id");
        assert_eq!(seen.header("webhook-timestamp"), Some("1796040005"));
        let signed = format!("4711.1796040005.{}", seen.body());
        let signature = seen.header("webhook-signature").unwrap().strip_prefix("v1,").unwrap();
        ring::hmac::verify(&key, signed.as_bytes(), &STANDARD.decode(signature).unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(seen.body()).unwrap(), notice());
    }
}

#[tokio::test]
async fn an_answer_decides_how_a_delivery_went() {
    let server = Server::playing([
        answer("500 Internal Server Error", &[]),
        answer("429 Too Many Requests", &[("retry-after", "17")]),
        answer("404 Not Found", &[]),
        answer("307 Temporary Redirect", &[("location", "https://other.example/canary")]),
        Step::Answer("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut".to_owned()),
        Step::Answer("canary, which is not HTTP\r\n\r\n".to_owned()),
        Step::Answer(String::new()),
    ])
    .await;
    let (world, target) = (World::new(), webhook(&server.url("/canary"), true));
    let mut said = Vec::new();
    for _ in 0..7 {
        said.push(match world.deliver(&target, &notice()).await {
            Ok(()) => "delivered".to_owned(),
            Err(error) => format!("{error} / retry: {} {:?}", error.may_retry(), error.retry_after()),
        });
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    127.0.0.1 did not accept the event: it answered with 500 Internal Server Error / retry: true None
    127.0.0.1 did not accept the event: it answered with 429 Too Many Requests / retry: true Some(17s)
    127.0.0.1 refused the event: it answered with 404 Not Found / retry: false None
    127.0.0.1 refused the event: it answered with a redirect to other.example (307), and redirects are not followed / retry: false None
    delivered
    127.0.0.1 did not accept the event: it gave no valid answer / retry: true None
    127.0.0.1 did not accept the event: it gave no valid answer / retry: true None
    ");
    assert!(!said.join("\n").contains("canary"));
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_not_followed() {
    let inner = Server::playing([answer("200 OK", &[])]).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let outer = Server::playing([answer(status, &[("location", &inner.url("/canary"))])]).await;
        let error = World::new().deliver(&webhook(&outer.url("/"), true), &notice()).await.unwrap_err();
        assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("a redirect to 127.0.0.1"), "{error}");
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn a_receiver_that_hangs_or_drips_is_left_after_the_limit() {
    for begin in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-le"] {
        let server = Server::playing([Step::Stall(begin.to_owned())]).await;
        let (world, target) = (World::new(), webhook(&server.url("/canary"), true));
        let notice = notice();
        let (ended, ()) = tokio::join!(world.deliver(&target, &notice), async {
            server.asked().await;
            world.alarm.ring(Channels::LONGEST_HTTP);
        });
        let error = ended.unwrap_err();
        assert_eq!(error.to_string(), "127.0.0.1 took longer than 10 s");
        assert!(error.may_retry());
    }
}

#[tokio::test]
async fn a_body_that_drips_or_floods_does_not_undo_a_success() {
    let drip = Step::Stall("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx".to_owned());
    let server = Server::playing([drip]).await;
    let (world, target) = (World::new(), webhook(&server.url("/"), true));
    world.alarm.ring(Duration::from_secs(1));
    world.deliver(&target, &notice()).await.unwrap();

    let server = Server::playing([Step::Flood]).await;
    let (world, target) = (World::new(), webhook(&server.url("/"), true));
    world.deliver(&target, &notice()).await.unwrap();
    // The part that was read, and the part that fits into the buffers of both sides.
    let sent = server.flooded().await;
    assert!(sent < 16 * 1024 * 1024, "{sent}");
}

#[tokio::test]
async fn alertmanager_receives_an_alert() {
    let server = Server::playing([answer("200 OK", &[]), answer("200 OK", &[])]).await;
    let target = |url: &str, auth| {
        let labels = vec!["customer".parse().unwrap()];
        Target::Alertmanager(AlertmanagerTarget { url: url.parse().unwrap(), auth, labels, allow_private: true })
    };
    let basic = AlertmanagerAuth::Basic { username: "lanyard".to_owned(), password: SecretText::new("secret") };
    let world = World::new();
    world.deliver(&target(&server.url(""), None), &notice()).await.unwrap();
    world.deliver(&target(&server.url("/prefix/"), Some(basic)), &notice()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].line(), "POST /api/v2/alerts HTTP/1.1");
    assert_eq!(seen[0].header("authorization"), None);
    assert_eq!(seen[1].line(), "POST /prefix/api/v2/alerts HTTP/1.1");
    assert_eq!(seen[1].header("authorization"), Some("Basic bGFueWFyZDpzZWNyZXQ="));
    let body: Value = serde_json::from_str(seen[0].body()).unwrap();
    assert_eq!(body[0]["labels"]["customer"], "acme-dental");
    assert_eq!(body[0]["startsAt"], "2026-11-30T12:00:00Z");
}

#[tokio::test]
async fn a_json_api_receives_its_own_form() {
    let server = Server::playing([answer("201 Created", &[])]).await;
    let template = json!({
        "short_description": "Lanyard: {{data.summary}}",
        "caller": { "name": "{{data.credential.name}}", "urgency": 1 },
        "lines": ["{{data.hint}}", "{{data.details.count}}", "{{type}} {{data.details.absent}}"],
    });
    let headers = [("X-Api-Key".to_owned(), SecretText::new("canary"))];
    let target = Target::Json(JsonTarget {
        url: server.url("/api/now/table/incident").parse().unwrap(),
        headers: headers.into(),
        template: lanyard_channel::Template::new(template).unwrap(),
        allow_private: true,
    });
    let mut notice = notice();
    notice.data.summary = r#"","urgency":9,"x":"{{data.hint}}"#.to_owned();
    notice.data.details.insert("count".to_owned(), 3.into());
    World::new().deliver(&target, &notice).await.unwrap();
    let seen = server.only();
    assert_eq!(seen.header("x-api-key"), Some("canary"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(
        serde_json::from_str::<Value>(seen.body()).unwrap(),
        json!({
            "short_description": r#"Lanyard: ","urgency":9,"x":"{{data.hint}}"#,
            "caller": { "name": "acme", "urgency": 1 },
            "lines": ["lanyard login acme", 3, "lanyard.credential.needs-login "],
        })
    );
}

#[tokio::test]
async fn tls_is_accepted_from_a_trusted_authority_for_this_host_alone() {
    let authority = Authority::new();
    for (authorities, host, expected) in [
        (vec![&authority], "localhost", Ok(())),
        (vec![&authority], "other.example", Err(())),
        (vec![], "localhost", Err(())),
    ] {
        let server = Server::over_tls([answer("200 OK", &[])], authority.acceptor(host)).await;
        let trusting = |channels: Channels| match authorities.first() {
            Some(authority) => channels.trusting(authority.pem().as_bytes()).unwrap(),
            None => channels,
        };
        let world = World::with(trusting);
        let target = webhook(&format!("https://localhost:{}/canary", server.port()), true);
        let delivered = world.deliver(&target, &notice()).await;
        assert_eq!(server.seen().len(), usize::from(expected.is_ok()));
        if let (Err(error), Err(())) = (&delivered, expected) {
            assert_eq!(
                error.to_string(),
                "localhost cannot be reached: its certificate is not valid for this host, or its authority is not trusted"
            );
        } else {
            delivered.unwrap();
        }
    }
}

#[tokio::test]
async fn a_proxy_is_used_if_it_is_asked_for_and_for_public_targets_alone() {
    let refusal = || answer("502 Bad Gateway", &[]);
    let proxy = Server::playing([refusal(), refusal()]).await;
    let world = World::with(|channels| channels.through(&format!("http://localhost:{}", proxy.port())).unwrap());
    let error = world.deliver(&webhook("https://hooks.invalid/canary", false), &notice()).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unreachable { .. }), "{error:?}");
    assert_eq!(proxy.only().line(), "CONNECT hooks.invalid:443 HTTP/1.1");
    assert!(!format!("{:?} {error:?}", proxy.seen()).contains("canary"));

    let error = world.deliver(&webhook("https://127.0.0.1/", false), &notice()).await.unwrap_err();
    assert!(matches!(error, DeliveryError::AddressRefused { .. }), "{error:?}");
    let server = Server::playing([answer("200 OK", &[])]).await;
    world.deliver(&webhook(&server.url("/"), true), &notice()).await.unwrap();
    assert_eq!(proxy.connections(), 1);
    for odd in ["", "proxy.example:3128", "ftp://proxy.example"] {
        assert!(Channels::new(world::transport()).through(odd).is_err(), "{odd}");
    }
}

/// Names the address to which the other process delivers.
const ADDRESS: &str = "LANYARD_TEST_ADDRESS";

/// The environment is that of a process, so another process delivers.
#[tokio::test]
async fn a_proxy_of_the_environment_is_ignored() {
    let proxy = Server::playing([answer("502 Bad Gateway", &[])]).await;
    let server = Server::playing([answer("200 OK", &[])]).await;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["http::one_who_delivers", "--exact", "--ignored"]).env(ADDRESS, server.url("/"));
    for name in ["no_proxy", "NO_PROXY", "REQUEST_METHOD"] {
        command.env_remove(name);
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, proxy.url("")).env(name.to_uppercase(), proxy.url(""));
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((server.seen().len(), proxy.connections()), (1, 0));
}

/// The other process.
#[tokio::test]
#[ignore = "another test runs it, in a process with an environment of its own"]
async fn one_who_delivers() {
    let Ok(address) = std::env::var(ADDRESS) else { return };
    World::new().deliver(&webhook(&address, true), &notice()).await.unwrap();
}
