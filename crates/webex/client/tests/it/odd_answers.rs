//! Answers that are compressed or written in ways that nobody asked for.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt as _;
use lanyard_client::{CallError, ExchangeError, Obtained, Outgoing, SendError, SetupError, Transport, Upload};
use lanyard_protocol::oauth::{ClientAuth, Rejection, TokenError};
use lanyard_protocol::{AppClientId, Environment};
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_time::{SeededEntropy, SystemClock};

use crate::server::{Server, answer, answer_bytes};
use crate::world::World;

const PAIR: &str = r#"{"access_token":"a","refresh_token":"r","expires_in":60}"#;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn refresh(environment: &Environment) -> Result<Obtained, ExchangeError> {
    let auth = ClientAuth { client_id: AppClientId::new("C1"), client_secret: ClientSecret::new("s") };
    World::new().transport.refresh(environment, &auth, &RefreshToken::new("old")).await
}

#[tokio::test]
async fn tokens_arrive_compressed_and_are_not_asked_for_compressed() {
    let stated = answer_bytes("200 OK", &[("content-encoding", "gzip")], &gzip(PAIR));
    let unstated = answer_bytes("200 OK", &[("content-type", "application/json")], &gzip(PAIR));
    let marked = answer("200 OK", &[], &format!("\u{feff}{PAIR}"));
    let webex = Server::playing([stated, unstated, marked]).await;
    for _ in 0..3 {
        let reply = refresh(&webex.environment()).await.unwrap().reply;
        assert_eq!(reply.refresh_token.unwrap().expose_secret(), "r");
    }
    assert_eq!(webex.header("accept-encoding"), [None, None, None]);
}

#[tokio::test]
async fn a_compressed_refusal_is_understood() {
    let refusal = gzip(r#"{"error":"invalid_grant"}"#);
    let webex = Server::playing([answer_bytes("400 Bad Request", &[("content-encoding", "gzip")], &refusal)]).await;
    let error = refresh(&webex.environment()).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Token(TokenError::Rejected(Rejection::Grant(_)))), "{error}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_decompressed_says_so() {
    let broken = &gzip(PAIR)[..20];
    let webex = Server::playing([answer_bytes("200 OK", &[("content-encoding", "gzip")], broken)]).await;
    let error = refresh(&webex.environment()).await.unwrap_err();
    assert!(error.to_string().contains("compressed in a way that could not be undone"), "{error}");
}

#[tokio::test]
async fn a_bomb_is_too_long() {
    let bomb = gzip(&" ".repeat(1 << 20));
    let webex = Server::playing([answer_bytes("200 OK", &[("content-encoding", "gzip")], &bomb)]).await;
    let error = refresh(&webex.environment()).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Send(SendError::TooLong(..))), "{error}");
}

#[tokio::test]
async fn a_stream_is_passed_on_as_it_came() {
    let body = gzip("{}");
    let webex = Server::playing([answer_bytes("200 OK", &[("content-encoding", "gzip")], &body)]).await;
    let environment = webex.environment();
    let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SeededEntropy::new(7)));
    let url = environment.resource(&["rooms"]);
    let request = Outgoing { method: Method::GET, url, headers: HeaderMap::new(), body: Upload::Empty };
    let response = transport.stream(&environment, request, None).await.unwrap().response;
    assert_eq!(
        (response.status(), &response.headers()["content-encoding"]),
        (StatusCode::OK, &"gzip".parse().unwrap())
    );
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), body);
}

#[tokio::test]
async fn a_call_never_goes_out_without_its_token() {
    let webex = Server::playing([]).await;
    let error = World::new().transport.me(&webex.environment(), &AccessToken::new("a\u{200b}")).await.unwrap_err();
    assert!(matches!(error, CallError::Send(SendError::Setup(SetupError::Token(_)))), "{error}");
    assert!(error.to_string().contains("U+200B (zero-width space)"), "{error}");
    assert!(webex.seen().is_empty());
}
