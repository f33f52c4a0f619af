//! Whom Webex asked to wait.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use lanyard_client::{CallError, CallOptions, Patience, SubjectKey};
use lanyard_protocol::{Environment, Method, Request};

use crate::server::{Server, answer};
use crate::world::World;

fn rooms(environment: &Environment) -> Request {
    Request::new(Method::GET, environment.resource(&["rooms"]))
}

/// A limit of fifty seconds.
async fn limited(world: &World, subject: &SubjectKey) -> (Server, Environment) {
    let long = answer("429 Too Many Requests", &[("retry-after", "50")], "");
    let webex = Server::playing([long, answer("200 OK", &[], "{}"), answer("200 OK", &[], "{}")]).await;
    let environment = webex.environment();
    let options = CallOptions::once().of(subject.clone());
    let first = world.transport.call(&environment, rooms(&environment), &options).await.unwrap();
    assert_eq!(first.response.status, StatusCode::TOO_MANY_REQUESTS);
    (webex, environment)
}

#[tokio::test]
async fn another_call_of_a_limited_subject_fails_at_once_where_it_would_not_wait_so_long() {
    let (world, anna) = (World::new(), SubjectKey::new("anna"));
    let (webex, environment) = limited(&world, &anna).await;
    world.clock.advance(Duration::from_secs(10));
    let options = CallOptions::once().of(anna);
    let error = world.transport.call(&environment, rooms(&environment), &options).await.unwrap_err();
    assert!(matches!(error, CallError::Limited(_)) && error.is_limited(), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
    assert_eq!((webex.seen().len(), world.waits().len()), (1, 0));
}

#[tokio::test]
async fn another_call_of_a_limited_subject_waits_where_it_has_the_patience() {
    let (world, anna) = (World::new(), SubjectKey::new("anna"));
    let (webex, environment) = limited(&world, &anna).await;
    world.clock.advance(Duration::from_secs(10));
    let options = CallOptions::default().of(anna);
    let exchange = world.transport.call(&environment, rooms(&environment), &options).await.unwrap();
    assert_eq!(exchange.response.status, StatusCode::OK);
    assert_eq!((webex.seen().len(), world.waits()), (2, vec![40]));
    // The wait is over: the next one goes at once.
    world.transport.call(&environment, rooms(&environment), &options).await.unwrap();
    assert_eq!(world.waits().len(), 1);
}

#[tokio::test]
async fn another_subject_and_a_call_without_one_do_not_wait() {
    let (world, anna) = (World::new(), SubjectKey::new("anna"));
    let (webex, environment) = limited(&world, &anna).await;
    let bert = CallOptions::default().of(SubjectKey::new("bert"));
    world.transport.call(&environment, rooms(&environment), &bert).await.unwrap();
    world.transport.call(&environment, rooms(&environment), &CallOptions::default()).await.unwrap();
    assert_eq!((webex.seen().len(), world.waits().len()), (3, 0));
}

#[tokio::test]
async fn another_api_is_not_limited_and_a_long_limit_is_tried_once_a_minute() {
    let (world, anna) = (World::new(), SubjectKey::new("anna"));
    let limited = answer("429 Too Many Requests", &[("retry-after", "3600")], "");
    let ok = answer("200 OK", &[], "{}");
    let webex = Server::playing([limited.clone(), ok.clone(), limited, ok.clone(), ok]).await;
    let environment = webex.environment();
    let options = CallOptions::once().of(anna);
    let call = async |segments: &[&str]| {
        let request = Request::new(Method::GET, environment.resource(segments));
        let exchange = world.transport.call(&environment, request, &options).await;
        exchange
            .map(|exchange| exchange.response.status.as_u16())
            .map_err(|error| error.retry_after().unwrap().as_secs())
    };
    assert_eq!(call(&["reports"]).await, Ok(429));
    assert_eq!(call(&["people"]).await, Ok(200));
    assert_eq!(call(&["reports", "x1"]).await, Err(60));
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(call(&["reports"]).await, Ok(429));
    assert_eq!(call(&["reports"]).await, Err(60));
    world.clock.advance(Duration::from_mins(1));
    assert_eq!(call(&["reports"]).await, Ok(200));
    assert_eq!(call(&["reports"]).await, Ok(200));
    assert_eq!(webex.seen().len(), 5);
}

#[tokio::test]
async fn one_without_patience_is_told_how_long_it_would_have_been() {
    let (world, anna) = (World::new(), SubjectKey::new("anna"));
    let (_webex, environment) = limited(&world, &anna).await;
    let options = CallOptions::once().of(anna);
    let error = world.transport.call(&environment, rooms(&environment), &options).await.unwrap_err();
    assert_eq!(error.to_string(), "Webex asked to wait 50 s more before the next call");
}

#[tokio::test]
async fn a_locked_resource_limits_nobody_else() {
    let locked = answer("423 Locked", &[("retry-after", "100")], "");
    let webex = Server::playing([locked, answer("200 OK", &[], "{}")]).await;
    let (world, environment) = (World::new(), webex.environment());
    let options = CallOptions::default().of(SubjectKey::new("anna")).with(Patience::NONE);
    world.transport.call(&environment, rooms(&environment), &options).await.unwrap();
    let second = world.transport.call(&environment, rooms(&environment), &options).await.unwrap();
    assert_eq!(second.response.status, StatusCode::OK);
}

#[tokio::test]
async fn calls_of_one_subject_at_the_same_time_hold_each_other_up_by_nothing_but_the_wait() {
    let ok = answer("200 OK", &[], "{}");
    let webex = Server::playing(
        std::iter::once(answer("429 Too Many Requests", &[("retry-after", "5")], "")).chain(vec![ok; 20]),
    )
    .await;
    let world = Arc::new(World::new());
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let (world, environment) = (Arc::clone(&world), webex.environment());
            tokio::spawn(async move {
                let options = CallOptions::default().of(SubjectKey::new("anna"));
                world.transport.call(&environment, rooms(&environment), &options).await.unwrap().response.status
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(webex.seen().len(), 9);
}
