//! A command and a broker of different versions.

use http::{HeaderMap, HeaderValue, StatusCode};
use lanyard_broker::wire::{self, encode};
use lanyard_broker::{Class, ListApps};
use lanyard_server::owner::{self, Owner};

use super::world::{Impostor, Step, World};

fn headers(protocol: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(owner::PROTOCOL, HeaderValue::from(protocol));
    headers
}

#[tokio::test]
async fn a_broker_does_nothing_for_who_speaks_another_protocol() {
    let world = World::new().await;
    for headers in [headers(wire::PROTOCOL + 1), HeaderMap::new()] {
        let body = encode(&ListApps).unwrap();
        let response = owner::answer(&world.broker, "somebody", &headers, "ListApps", body).await;
        assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(response.headers()["lanyard-error"], "other-protocol");
        assert_eq!(response.headers()[owner::VERSION], owner::OUR_VERSION);
    }
}

#[tokio::test]
async fn a_call_that_nobody_knows_and_one_that_cannot_be_read_are_told_apart() {
    let world = World::new().await;
    for (name, body, status, kind) in [
        ("Nothing", &b"null"[..], StatusCode::NOT_FOUND, "no-such-call"),
        ("Show", &b"null"[..], StatusCode::BAD_REQUEST, "unreadable-call"),
    ] {
        let body = zeroize::Zeroizing::new(body.to_vec());
        let response = owner::answer(&world.broker, "somebody", &headers(wire::PROTOCOL), name, body).await;
        assert_eq!(
            (response.status(), &response.headers()["lanyard-error"]),
            (status, &HeaderValue::from_static(kind))
        );
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn a_command_says_so_where_the_broker_speaks_another_protocol() {
    for answer in [
        "HTTP/1.1 412 No\r\nlanyard-error: other-protocol\r\nlanyard-version: 9.9.9\r\ncontent-length: 0\r\n\r\n",
        // A reply in another form is not read, even where it could be.
        "HTTP/1.1 200 OK\r\nlanyard-protocol: 999\r\nlanyard-version: 9.9.9\r\ncontent-length: 2\r\n\r\n[]",
    ] {
        let impostor = Impostor::playing([Step::Answer(answer.to_owned())]);
        let owner = Owner::connect(&impostor.socket()).await.unwrap().unwrap();
        let error = owner.call(ListApps).await.unwrap_err();
        assert_eq!(error.class(), Class::Store);
        assert!(error.to_string().contains("Lanyard 9.9.9"), "{error}");
        assert!(error.hint().unwrap().contains("stop that broker"));
    }
}

#[tokio::test]
async fn another_version_with_the_same_protocol_is_understood_and_known() {
    let protocol = wire::PROTOCOL;
    let answer = format!(
        "HTTP/1.1 200 OK\r\nlanyard-protocol: {protocol}\r\nlanyard-version: 9.9.9\r\ncontent-length: 2\r\n\r\n[]"
    );
    let impostor = Impostor::playing([Step::Answer(answer)]);
    let owner = Owner::connect(&impostor.socket()).await.unwrap().unwrap();
    assert!(owner.call(ListApps).await.unwrap().is_empty());
    assert_eq!(owner.other_version(), Some("9.9.9"));
}
