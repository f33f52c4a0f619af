//! A command and a broker of different versions.

use http::{HeaderMap, HeaderValue, StatusCode};
use lanyard_broker::wire::{self, encode};
use lanyard_broker::{Class, ListApps};
use lanyard_server::owner::{self, Meant, Owner};
use lanyard_store::{DatabasePlace, StoreIdentity};

use super::calls::add_app;
use super::world::{Impostor, Step, World, connect};

fn headers(protocol: u32, store: &StoreIdentity) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(owner::PROTOCOL, HeaderValue::from(protocol));
    headers.insert(owner::STORE, store.to_string().parse().unwrap());
    headers
}

#[tokio::test]
async fn a_broker_does_nothing_for_who_speaks_another_protocol() {
    let world = World::new().await;
    let store = world.broker.store().identity();
    for headers in [headers(wire::PROTOCOL + 1, &store), HeaderMap::new()] {
        let body = encode(&ListApps).unwrap();
        let response = owner::answer(&world.broker, &store, "somebody", &headers, "ListApps", body).await;
        assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
        assert_eq!(response.headers()["lanyard-error"], "other-protocol");
        assert_eq!(response.headers()[owner::VERSION], owner::OUR_VERSION);
    }
}

#[tokio::test]
async fn a_call_that_nobody_knows_and_one_that_cannot_be_read_are_told_apart() {
    let world = World::new().await;
    let store = world.broker.store().identity();
    for (name, body, status, kind) in [
        ("Nothing", &b"null"[..], StatusCode::NOT_FOUND, "no-such-call"),
        ("Show", &b"null"[..], StatusCode::BAD_REQUEST, "unreadable-call"),
    ] {
        let body = zeroize::Zeroizing::new(body.to_vec());
        let headers = headers(wire::PROTOCOL, &store);
        let response = owner::answer(&world.broker, &store, "somebody", &headers, name, body).await;
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
        let owner = connect(&impostor.socket()).await.unwrap().unwrap();
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
    let owner = connect(&impostor.socket()).await.unwrap().unwrap();
    assert!(owner.call(ListApps).await.unwrap().is_empty());
    assert_eq!(owner.other_version(), Some("9.9.9"));
}

#[tokio::test]
async fn a_broker_does_nothing_for_a_command_that_means_another_store() {
    let world = World::new().await;
    let other = DatabasePlace::Server { address: "postgres://u@localhost/other".parse().unwrap(), password_file: None };
    let meant = Meant { store: other.identity(), why: "LANYARD_STORE", hint: "unset LANYARD_STORE" };
    let owner = Owner::connect(&world.socket(), meant).await.unwrap().unwrap();
    for _ in 0..2 {
        let error = owner.call(add_app()).await.unwrap_err();
        assert_eq!((error.class(), error.hint().as_deref()), (Class::Usage, Some("unset LANYARD_STORE")));
        let said = error.to_string();
        assert!(said.contains("home/lanyard.db") && said.contains("other (LANYARD_STORE)"), "{said}");
    }
    assert!(world.owner().await.call(ListApps).await.unwrap().is_empty(), "nothing was done");

    // A command that names no store is of a version that cannot be trusted to mean this one.
    let mut nameless = headers(wire::PROTOCOL, &world.broker.store().identity());
    nameless.remove(owner::STORE);
    let (store, body) = (world.broker.store().identity(), encode(&ListApps).unwrap());
    let response = owner::answer(&world.broker, &store, "somebody", &nameless, "ListApps", body).await;
    assert_eq!(response.headers()["lanyard-error"], "other-store");
}
