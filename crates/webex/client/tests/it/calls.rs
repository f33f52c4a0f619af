//! Tests of which requests are sent again, and which never are.

use std::time::Duration;

use http::StatusCode;
use lanyard_client::{CallError, CallOptions, Patience, SendError};
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{AccessToken, SecretBytes};
use tokio::net::TcpListener;

use crate::server::{Server, Step, answer};
use crate::world::World;

fn request(environment: &Environment, method: &Method) -> Request {
    let request = Request::new(method.clone(), environment.resource(&["rooms"])).bearer(&AccessToken::new("canary"));
    if *method == Method::GET {
        request
    } else {
        request.body("application/json", SecretBytes::new(b"{\"a\":1}".to_vec()))
    }
}

#[tokio::test]
async fn whatever_is_limited_waits_as_long_as_webex_asks_and_is_sent_again_unchanged() {
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for status in ["429 Too Many Requests", "423 Locked"] {
            let limited = answer(status, &[("retry-after", "7"), ("content-type", "text/html")], "<html>wait</html>");
            let webex = Server::playing([limited, answer("200 OK", &[], "{}")]).await;
            let (world, environment) = (World::new(), webex.environment());
            let request = request(&environment, &method);
            let exchange = world.transport.call(&environment, request, &CallOptions::default()).await.unwrap();
            assert_eq!(exchange.response.status, StatusCode::OK);
            assert_eq!(world.waits(), [7], "{method} {status}");
            assert_eq!(webex.lines(), [format!("{method} /v1/rooms"), format!("{method} /v1/rooms")]);
            assert_eq!(webex.bodies()[0], webex.bodies()[1]);
            assert_eq!(
                webex.header("authorization"),
                [Some("Bearer canary".to_owned()), Some("Bearer canary".to_owned())]
            );
            let ids = webex.header("trackingid");
            assert_ne!(ids[0], ids[1]);
            assert_eq!(ids[1], Some(exchange.tracking_id.to_string()));
        }
    }
}

#[tokio::test]
async fn a_wait_may_be_a_date_by_webexs_own_clock_or_else_by_this_one() {
    let until = ("retry-after", "Thu, 01 Jan 2026 00:00:20 GMT");
    let theirs = answer("429 Too Many Requests", &[until, ("date", "Thu, 01 Jan 2026 00:00:15 GMT")], "");
    let ours = answer("429 Too Many Requests", &[until], "");
    let webex = Server::playing([theirs, ours, answer("200 OK", &[], "{}")]).await;
    let (world, environment) = (World::new(), webex.environment());
    let request = request(&environment, &Method::GET);
    world.transport.call(&environment, request, &CallOptions::default()).await.unwrap();
    let waits = world.waits();
    // After the first wait of five seconds and a fraction the clock here shows 00:00:05.
    assert_eq!(waits[0], 5);
    assert!((14..=15).contains(&waits[1]), "{waits:?}");
}

#[tokio::test]
async fn what_only_reads_is_sent_again_after_a_fault_and_after_a_lost_answer() {
    for fault in [
        Step::Cut,
        Step::CutWithin,
        answer("502 Bad Gateway", &[], ""),
        answer("503 Service Unavailable", &[], ""),
        answer("504 Gateway Timeout", &[], ""),
    ] {
        let webex = Server::playing([fault.clone(), fault.clone(), answer("200 OK", &[], "{}")]).await;
        let (world, environment) = (World::new(), webex.environment());
        let request = request(&environment, &Method::GET);
        let exchange = world.transport.call(&environment, request, &CallOptions::default()).await.unwrap();
        assert_eq!(exchange.response.status, StatusCode::OK, "{fault:?}");
        assert_eq!((webex.seen().len(), world.waits().len()), (3, 2), "{fault:?}");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_never_sent_again() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for fault in [
            Step::Cut,
            Step::CutWithin,
            answer("500 Internal Server Error", &[], ""),
            answer("502 Bad Gateway", &[("retry-after", "1")], ""),
            answer("503 Service Unavailable", &[("retry-after", "1")], ""),
            answer("504 Gateway Timeout", &[], ""),
        ] {
            let webex = Server::playing([fault.clone(), answer("200 OK", &[], "{}")]).await;
            let (world, environment) = (World::new(), webex.environment());
            let request = request(&environment, &method);
            match world.transport.call(&environment, request, &CallOptions::default()).await {
                Ok(exchange) => assert!(exchange.response.status.is_server_error(), "{method} {fault:?}"),
                Err(CallError::Send(error)) => assert!(!error.nothing_was_sent(), "{method} {fault:?}"),
                Err(error) => panic!("{error}"),
            }
            assert_eq!((webex.seen().len(), world.waits().len()), (1, 0), "{method} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_taken_at_its_word() {
    for status in ["400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "500 Internal Server Error"]
    {
        let webex = Server::playing([answer(status, &[("retry-after", "1")], ""), answer("200 OK", &[], "{}")]).await;
        let (world, environment) = (World::new(), webex.environment());
        let request = request(&environment, &Method::GET);
        world.transport.call(&environment, request, &CallOptions::default()).await.unwrap();
        assert_eq!(webex.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn patience_ends_after_five_tries_and_the_last_answer_is_given() {
    let limited = answer("429 Too Many Requests", &[("retry-after", "3")], "");
    let webex = Server::playing(vec![limited; 9]).await;
    let (world, environment) = (World::new(), webex.environment());
    let request = request(&environment, &Method::POST);
    let exchange = world.transport.call(&environment, request, &CallOptions::default()).await.unwrap();
    assert_eq!(exchange.response.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((webex.seen().len(), world.waits()), (5, vec![3, 3, 3, 3]));
}

#[tokio::test]
async fn a_wait_beyond_the_callers_patience_is_not_begun() {
    let limited = |seconds| answer("429 Too Many Requests", &[("retry-after", seconds)], "");
    let webex = Server::playing([limited("40"), limited("40")]).await;
    let (world, environment) = (World::new(), webex.environment());
    let patient = request(&environment, &Method::GET);
    let exchange = world.transport.call(&environment, patient, &CallOptions::default()).await.unwrap();
    assert_eq!(exchange.response.retry_after(), Some(Duration::from_secs(40)));
    assert_eq!((webex.seen().len(), world.waits()), (2, vec![40]));

    let webex = Server::playing([limited("1")]).await;
    let environment = webex.environment();
    let hasty = request(&environment, &Method::GET);
    world.transport.call(&environment, hasty, &CallOptions::once()).await.unwrap();
    assert_eq!((webex.seen().len(), world.waits().len()), (1, 1));
}

#[tokio::test]
async fn pauses_of_our_own_grow() {
    let webex = Server::playing(vec![Step::Cut; 6]).await;
    let (world, environment) = (World::new(), webex.environment());
    let options = CallOptions::default().with(Patience { total: Duration::from_hours(1), tries: 6 });
    let error = world.transport.call(&environment, request(&environment, &Method::GET), &options).await.unwrap_err();
    assert!(matches!(error, CallError::Send(SendError::Unanswered(..))), "{error}");
    // Half a second, doubled each time, of which the upper half counts.
    let waits = world.waits();
    assert_eq!(waits.len(), 5);
    assert!(waits[3] >= 2 && waits[4] >= 4 && waits[4] <= 8, "{waits:?}");
}

#[tokio::test]
async fn where_no_connection_came_about_anything_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::at(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let world = World::new();
    let request = request(&environment, &Method::POST);
    let error = world.transport.call(&environment, request, &CallOptions::default()).await.unwrap_err();
    assert!(matches!(&error, CallError::Send(error) if error.nothing_was_sent()), "{error}");
    assert_eq!(world.waits().len(), 4);
}

#[tokio::test]
async fn a_request_that_leads_elsewhere_is_not_sent() {
    let webex = Server::playing([answer("200 OK", &[], "{}")]).await;
    let elsewhere = Server::playing([answer("200 OK", &[], "{}")]).await;
    let world = World::new();
    let request = request(&elsewhere.environment(), &Method::GET);
    let error = world.transport.call(&webex.environment(), request, &CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, CallError::Send(SendError::ForeignOrigin(_))), "{error}");
    assert!(webex.seen().is_empty() && elsewhere.seen().is_empty() && world.waits().is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_never_followed() {
    let elsewhere = Server::playing([answer("200 OK", &[], "{}")]).await;
    let target = elsewhere.environment().resource(&["rooms"]).expose().to_string();
    let webex = Server::playing([answer("307 Temporary Redirect", &[("location", &target)], "")]).await;
    let environment = webex.environment();
    let request = request(&environment, &Method::GET);
    let exchange = World::new().transport.call(&environment, request, &CallOptions::default()).await.unwrap();
    assert_eq!(exchange.response.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(elsewhere.seen().is_empty());
}
