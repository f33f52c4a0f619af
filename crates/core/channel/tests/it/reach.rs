//! Which addresses a delivery reaches.

use lanyard_channel::{DeliveryError, TargetError};

use crate::server::{Server, answer};
use crate::world::{World, notice, webhook};

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_before_a_connection() {
    let server = Server::playing([]).await;
    let target = webhook(&format!("https://localhost:{}/canary", server.port()), false);
    target.check().unwrap();
    let error = World::new().deliver(&target, &notice()).await.unwrap_err();
    let DeliveryError::AddressRefused { refused, .. } = &error else { panic!("{error:?}") };
    assert!(refused.address.is_loopback() && refused.can_be_allowed);
    let shown = error.to_string();
    assert!(shown.starts_with("localhost is not allowed: its address ") && shown.ends_with("is a loopback address"));
    assert!(!error.may_retry());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_literal_private_address_is_refused_before_a_connection() {
    let server = Server::playing([]).await;
    for host in ["127.0.0.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let target = webhook(&format!("https://{host}:{}/canary", server.port()), false);
        let error = World::new().deliver(&target, &notice()).await.unwrap_err();
        assert!(matches!(error, DeliveryError::AddressRefused { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn without_tls_only_private_addresses_are_reached_and_only_if_allowed() {
    let server = Server::playing([answer("200 OK", &[])]).await;
    let url = format!("http://localhost:{}/", server.port());
    let error = World::new().deliver(&webhook(&url, false), &notice()).await.unwrap_err();
    assert_eq!(error, DeliveryError::Target(TargetError::HttpsRequired("localhost".to_owned())));
    assert_eq!(server.connections(), 0);
    World::new().deliver(&webhook(&url, true), &notice()).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_unknown_name_and_a_closed_port_are_unreachable() {
    let closed = { Server::playing([]).await.port() };
    for (url, expected) in [
        ("http://lanyard.invalid/canary".to_owned(), "lanyard.invalid cannot be reached: its name cannot be resolved"),
        (format!("http://127.0.0.1:{closed}/canary"), "127.0.0.1 cannot be reached: the connection was refused"),
    ] {
        let error = World::new().deliver(&webhook(&url, true), &notice()).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.may_retry());
        assert!(!format!("{error:?}").contains("canary"));
    }
}
