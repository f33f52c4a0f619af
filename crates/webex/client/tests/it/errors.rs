//! Tests of the texts of errors, and of secrets that must not be in them.

use std::fmt::Write as _;

use lanyard_client::{CallError, CallOptions, SendError};
use lanyard_protocol::{Environment, Method, OrgId, Request};
use lanyard_secret::{AccessToken, SafeUrl};
use tokio::net::TcpListener;

use crate::server::{Server, Step, answer};
use crate::world::World;

/// The error of `/people/me`, in all its words.
async fn failing(environment: &Environment) -> (CallError, String) {
    let error = World::new().transport.me(environment, &AccessToken::new("canary-token")).await.unwrap_err();
    let words = error.to_string();
    let mut whole = format!("{words} {error:?}");
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
    while let Some(error) = cause {
        let _ = write!(whole, " {error}");
        cause = error.source();
    }
    assert!(!whole.contains("canary"), "{whole}");
    (error, words)
}

#[tokio::test]
async fn an_error_ends_with_the_tracking_id_that_was_sent_where_none_came_back() {
    for step in [
        Step::Cut,
        Step::CutWithin,
        answer("404 Not Found", &[], ""),
        answer("429 Too Many Requests", &[], "<html>canary</html>"),
        answer("403 Forbidden", &[], r#"{"message":"No.","trackingId":""}"#),
        answer("200 OK", &[], r#"{"id":["canary"]}"#),
        answer("200 OK", &[], "canary"),
    ] {
        let webex = Server::playing([step.clone()]).await;
        let (_, words) = failing(&webex.environment()).await;
        let sent = webex.header("trackingid").remove(0).unwrap();
        assert!(words.ends_with(&format!("(tracking id {sent})")), "{step:?}: {words}");
    }
}

#[tokio::test]
async fn an_error_ends_with_webexs_tracking_id_where_it_names_one() {
    let in_the_body =
        answer("403 Forbidden", &[("trackingid", "HEAD_1")], r#"{"message":"No.","trackingId":"BODY_1"}"#);
    let in_the_head = answer("403 Forbidden", &[("trackingid", "HEAD_1, HEAD_1")], "<html>");
    for (step, id) in [(in_the_body, "BODY_1"), (in_the_head, "HEAD_1")] {
        let webex = Server::playing([step]).await;
        let (_, words) = failing(&webex.environment()).await;
        assert!(words.ends_with(&format!("(tracking id {id})")), "{words}");
    }
}

#[tokio::test]
async fn a_webex_that_is_not_there_is_named_with_the_id_that_would_have_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::at(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let (error, words) = failing(&environment).await;
    assert!(matches!(error, CallError::Send(SendError::NotSent(..))), "{error:?}");
    assert!(words.contains("/v1/people/me cannot be reached (tracking id LANYARD_"), "{words}");
}

#[tokio::test]
async fn an_error_shows_no_query() {
    for step in [Step::Cut, answer("404 Not Found", &[], ""), answer("200 OK", &[], "x".repeat(100).as_str())] {
        let webex = Server::playing([step]).await;
        let environment = webex.environment();
        let mut url = environment.resource(&["people"]).into_inner();
        url.set_query(Some("email=canary"));
        let request = Request::new(Method::GET, SafeUrl::new(url));
        let options = CallOptions { longest: 50, ..CallOptions::once() };
        let world = World::new();
        let token = AccessToken::new("canary");
        let mut pages = world.transport.pages::<OrgId>(&environment, &token, request, &options);
        let error = pages.next_page().await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!shown.contains("canary"), "{shown}");
        assert!(error.to_string().contains("(tracking id LANYARD_"), "{error}");
    }
}
