//! The typed calls: what goes out, and what is made of what comes back.

use std::time::Duration;

use lanyard_client::{CallOptions, MintError, Obtained};
use lanyard_protocol::oauth::device::DevicePoll;
use lanyard_protocol::oauth::{ClientAuth, MintRefused};
use lanyard_protocol::{AppClientId, ConnectionStatus, Environment, ListDevices, ListWorkspaces, OrgId};
use lanyard_secret::{AccessToken, ClientSecret, DeviceCode};

use crate::server::{Server, Step, answer};
use crate::world::World;

fn ok(body: &str) -> Step {
    answer("200 OK", &[("content-type", "application/json")], body)
}

fn token() -> AccessToken {
    AccessToken::new("bearer")
}

fn auth() -> ClientAuth {
    ClientAuth { client_id: AppClientId::new("C1"), client_secret: ClientSecret::new("s") }
}

async fn mint(world: &World, environment: &Environment) -> Result<Obtained, MintError> {
    world.transport.service_app_token(environment, &token(), "app", &auth(), &OrgId::new("org")).await
}

#[tokio::test]
async fn a_token_learns_its_end() {
    let webex = Server::playing([ok(r#"{"exp":1768630439322}"#)]).await;
    let end = World::new().transport.token_expiry(&webex.environment(), &token()).await.unwrap();
    assert_eq!(end.as_millisecond(), 1_768_630_439_322);
    assert_eq!(webex.lines(), ["GET /v1/authorizations/tokenExpiry"]);
    assert_eq!(webex.header("authorization"), [Some("Bearer bearer".to_owned())]);
}

#[tokio::test]
async fn a_service_apps_tokens_are_minted_and_count_from_the_sending() {
    let webex = Server::playing([ok(
        r#"{"access_token":"a","expires_in":3600,"refresh_token":"r","refresh_token_expires_in":7776000,"token_type":"Bearer"}"#,
    )])
    .await;
    let (world, environment) = (World::new(), webex.environment());
    let minted = mint(&world, &environment).await.unwrap();
    assert_eq!(minted.reply.access_token.expose_secret(), "a");
    assert_eq!(minted.sent, lanyard_time::Clock::now(&world.clock));
    assert_eq!(webex.lines(), ["POST /v1/applications/app/token"]);
    assert_eq!(webex.header("content-type"), [Some("application/json".to_owned())]);
    assert_eq!(webex.bodies(), [r#"{"clientId":"C1","clientSecret":"s","targetOrgId":"org"}"#]);
}

#[tokio::test]
async fn minting_is_sent_once_and_its_refusal_is_typed() {
    for (step, expected) in [
        (answer("403 Forbidden", &[], r#"{"message":"Service App not authorized by Full Admin"}"#), "NotAuthorised"),
        (answer("401 Unauthorized", &[], r#"{"message":"Invalid client credentials"}"#), "WrongClient"),
        (answer("429 Too Many Requests", &[("retry-after", "9")], "<html>"), "Limited"),
        (answer("503 Service Unavailable", &[], ""), "Unclear"),
    ] {
        let webex = Server::playing([step, ok("{}")]).await;
        let (world, environment) = (World::new(), webex.environment());
        let MintError::Refused(refused) = mint(&world, &environment).await.unwrap_err() else { panic!("{expected}") };
        assert!(format!("{refused:?}").starts_with(expected), "{refused:?}");
        assert_eq!(refused.is_transient(), matches!(expected, "Limited" | "Unclear"), "{expected}");
        assert_eq!(webex.seen().len(), 1);
    }
    let webex = Server::playing([Step::Cut]).await;
    let environment = webex.environment();
    let world = World::new();
    let error = world.transport.guest_token(&environment, &token(), "s", "n").await.unwrap_err();
    assert!(matches!(&error, MintError::Send(_)) && error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_guest_gets_a_token() {
    let webex = Server::playing([
        ok(r#"{"id":"p","subject":"s","displayName":"n","email":"e","accessToken":"guest","expiresIn":64799}"#),
        answer("403 Forbidden", &[], ""),
    ])
    .await;
    let (world, environment) = (World::new(), webex.environment());
    let guest = world.transport.guest_token(&environment, &token(), "s", "n").await.unwrap().guest;
    assert_eq!((guest.access_token.expose_secret(), guest.expires_in), ("guest", Some(Duration::from_secs(64_799))));
    let error = world.transport.guest_token(&environment, &token(), "s", "n").await.unwrap_err();
    assert!(matches!(error, MintError::Refused(MintRefused::Forbidden { scope: "guest-issuer:write", .. })), "{error}");
    assert_eq!(webex.lines(), ["POST /v1/guests/token", "POST /v1/guests/token"]);
    assert_eq!(webex.bodies()[0], r#"{"subject":"s","displayName":"n"}"#);
}

#[tokio::test]
async fn a_device_signs_in_while_a_person_does_so_elsewhere() {
    let webex = Server::playing([
        ok(
            r#"{"device_code":"d","expires_in":300,"user_code":"729703","verification_uri":"https://login.webex.com/verify","interval":2}"#,
        ),
        answer("428 Precondition Required", &[], r#"{"message":"authorization_pending","trackingId":"T"}"#),
        ok(r#"{"access_token":"a","refresh_token":"r","expires_in":9,"token_type":"bearer"}"#),
    ])
    .await;
    let (world, environment) = (World::new(), webex.environment());
    let scopes = "spark:people_read".parse().unwrap();
    let begun = world.transport.device_authorize(&environment, &AppClientId::new("C1"), &scopes).await.unwrap();
    assert_eq!(begun.authorization.user_code, "729703");
    let poll = async || world.transport.device_poll(&environment, &auth(), &DeviceCode::new("d")).await.unwrap().poll;
    assert!(matches!(poll().await, DevicePoll::Pending));
    assert!(matches!(poll().await, DevicePoll::Granted(_)));
    assert_eq!(
        webex.header("authorization"),
        [None, Some("Basic QzE6cw==".to_owned()), Some("Basic QzE6cw==".to_owned())]
    );
    assert_eq!(webex.lines()[1], "POST /v1/device/token");
}

#[tokio::test]
async fn devices_and_workspaces_are_read_to_the_last_page() {
    let webex = Server::playing([
        answer(
            "200 OK",
            &[("link", "<{base}/devices?start=1>; rel=next")],
            r#"{"items":[{"id":"d","connectionStatus":"connected"}]}"#,
        ),
        ok(r#"{"items":[{"id":null,"connectionStatus":"dreaming"},7]}"#),
        ok(r#"{"items":[{"id":"w","devices":[{"id":"d"}]},{"displayName":"without an id"}]}"#),
    ])
    .await;
    let (world, environment) = (World::new(), webex.environment());
    let options = CallOptions::default();
    let which = ListDevices { max: Some(1), ..ListDevices::default() };
    let devices = world.transport.devices(&environment, &token(), &which, &options).await.unwrap();
    let status: Vec<_> = devices.items.iter().map(|device| device.connection_status).collect();
    assert_eq!(status, [ConnectionStatus::Connected, ConnectionStatus::Unknown]);
    assert_eq!(devices.problems[0].index, 2);
    let which = ListWorkspaces { include_devices: true, ..ListWorkspaces::default() };
    let workspaces = world.transport.workspaces(&environment, &token(), &which, &options).await.unwrap();
    assert_eq!((workspaces.items.len(), workspaces.problems.len()), (1, 1));
    assert_eq!(
        webex.lines(),
        ["GET /v1/devices?max=1", "GET /v1/devices?start=1", "GET /v1/workspaces?includeDevices=true"]
    );
}
