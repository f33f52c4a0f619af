//! Messages in a space.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use lanyard_channel::{Channels, DeliveryError, NoticeText, SpaceTarget, Target};
use lanyard_client::{ApiClient, CallOptions, IssuedToken, SubjectKey, TokenSource, Transport};
use lanyard_credential::CredentialId;
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{AccessToken, SecretBytes};
use lanyard_simulator::{Options, Simulator};
use lanyard_time::{SystemClock, SystemEntropy};
use serde_json::{Value, json};

use crate::alarm::Alarm;
use crate::server::{Server, answer};
use crate::world::{notice, now};

/// A source with one token.
#[derive(Clone, Debug)]
struct Only(IssuedToken);

impl Only {
    fn new(api: &str, token: &str) -> Self {
        Self(IssuedToken {
            token: AccessToken::new(token),
            generation: 1,
            environment: Arc::new(Environment::at(api).unwrap()),
            subject: SubjectKey::new("somebody"),
        })
    }
}

impl TokenSource for Only {
    type Error = Infallible;

    async fn issue(&self) -> Result<IssuedToken, Infallible> {
        Ok(self.0.clone())
    }

    async fn replace(&self, _: &IssuedToken) -> Result<Option<IssuedToken>, Infallible> {
        Ok(None)
    }
}

/// A source without a token.
struct Empty;

impl TokenSource for Empty {
    type Error = &'static str;

    async fn issue(&self) -> Result<IssuedToken, &'static str> {
        Err("acme needs a new sign-in")
    }

    async fn replace(&self, _: &IssuedToken) -> Result<Option<IssuedToken>, &'static str> {
        Ok(None)
    }
}

fn channels() -> (Channels, Arc<Transport>) {
    let transport = Arc::new(Transport::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy)));
    (Channels::new(Arc::clone(&transport)).with_sleep(Arc::new(Alarm::new())), transport)
}

fn space(room: &str) -> (Target, CredentialId) {
    let credential = "6ac7d7d6-0000-4000-8000-000000000000".parse().unwrap();
    (Target::Space(SpaceTarget { credential, room: room.parse().unwrap() }), credential)
}

#[tokio::test]
async fn a_space_shows_a_notice_as_it_is_whatever_it_holds() {
    let simulator =
        Simulator::start(Options::default(), Arc::new(SystemClock::new()), Arc::new(SystemEntropy)).await.unwrap();
    let description = simulator.description().clone();
    let source = Only::new(&description.base_url, &description.personal.access_token);
    let (channels, transport) = channels();
    let client = ApiClient::new(&transport, &source);
    let made: Value = client
        .resource(
            |environment| {
                let body = SecretBytes::new(json!({ "title": "Alerts" }).to_string().into_bytes());
                Request::new(Method::POST, environment.resource(&["rooms"])).body("application/json", body)
            },
            &CallOptions::once(),
        )
        .await
        .unwrap();
    let room = made["id"].as_str().unwrap();
    let (target, credential) = space(room);

    let mut hostile = notice();
    let email = &description.admin.email;
    hostile.data.summary = format!(
        "<@personEmail:{email}> <@all> **bold** [a](https://evil.example) `code` <b>x</b> &amp; \u{202e}\\* 1_000_000 #1"
    );
    hostile.data.hint = Some(format!("lanyard login `acme` <@personEmail:{email}>"));
    for notice in [notice(), hostile] {
        let asked = |id| {
            assert_eq!(id, credential);
            source.clone()
        };
        channels.deliver(&target, &notice, &now(), &[], asked).await.unwrap();
        let messages: Value = client
            .resource(
                |environment| {
                    let mut url = environment.resource(&["messages"]).into_inner();
                    url.query_pairs_mut().append_pair("roomId", room).append_pair("max", "1");
                    Request::new(Method::GET, lanyard_secret::SafeUrl::new(url))
                },
                &CallOptions::once(),
            )
            .await
            .unwrap();
        let message = &messages["items"][0];
        let text = message["text"].as_str().unwrap();
        let shown = lanyard_protocol::visible(&notice.data.summary).into_owned();
        assert!(text.starts_with(&shown), "{text}");
        let html = message["html"].as_str().unwrap();
        assert!(!html.contains("<b>") && !html.contains("<spark-mention"), "{html}");
        let links: Vec<_> = html.match_indices("href=").collect();
        assert_eq!(links.len(), 1, "{html}");
        assert!(html.contains("<a href=\"https://lanyard.example/credentials/acme\">Open in Lanyard</a>"), "{html}");
        assert!(message.get("mentionedPeople").is_none_or(Value::is_null), "{message}");
    }
    simulator.stop().await;
}

#[tokio::test]
async fn webexs_answer_decides_how_a_delivery_went() {
    let script = [
        answer("200 OK", &[]),
        answer("404 Not Found", &[]),
        answer("502 Bad Gateway", &[]),
        answer("429 Too Many Requests", &[("retry-after", "17")]),
    ];
    let webex = Server::playing(script).await;
    let source = Only::new(&webex.url("/v1"), "canary");
    let (channels, _) = channels();
    let (target, _) = space("ROOM");
    let mut said = Vec::new();
    for _ in 0..5 {
        said.push(match channels.deliver(&target, &notice(), &now(), &[], |_| source.clone()).await {
            Ok(()) => "delivered".to_owned(),
            Err(error) => format!("{error} / retry: {} {:?}", error.may_retry(), error.retry_after().is_some()),
        });
    }
    insta::assert_snapshot!(said.join("\n"), @r"
    delivered
    Webex refused the event: it answered with 404 Not Found / retry: false false
    Webex did not accept the event: it answered with 502 Bad Gateway / retry: true false
    Webex did not accept the event: it answered with 429 Too Many Requests / retry: true true
    Webex did not accept the event: it asked to wait before the next call / retry: true true
    ");
    let seen = &webex.seen()[0];
    assert_eq!(seen.line(), "POST /v1/messages HTTP/1.1");
    let expected = json!({ "roomId": "ROOM", "markdown": NoticeText::of(&notice()).markdown() });
    assert_eq!(serde_json::from_str::<Value>(seen.body()).unwrap(), expected);

    let error = channels.deliver(&target, &notice(), &now(), &[], |_| Empty).await.unwrap_err();
    assert_eq!(error.to_string(), "nothing was sent: acme needs a new sign-in");
    assert!(matches!(error, DeliveryError::NoToken { .. }) && error.may_retry(), "{error:?}");
    let closed = Only::new("http://127.0.0.1:1/v1", "canary");
    let error = channels.deliver(&target, &notice(), &now(), &[], |_| closed).await.unwrap_err();
    assert!(matches!(error, DeliveryError::Unreachable { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("canary"));
    assert_eq!(Channels::LONGEST, Duration::from_secs(30));
}
