//! Rows that somebody altered so that a secret would go to another Webex.

use std::time::Duration;

use lanyard_broker::{
    AddServiceApp, BeginSignIn, Error, HandOut, ImportedTokens, LookUp, Origin, Refresh, RefresherOptions, RemoveApp,
    ReplaceSecret, ServiceAppSource,
};
use lanyard_credential::{AppName, Credential, CredentialName, Kind};
use lanyard_protocol::{Environment, Method, ScopeSet};
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_simulator::Options;
use lanyard_store::{EventKind, StoreError};

use crate::world::{Call as _, World};

const HOUR: Duration = Duration::from_hours(1);

/// The number of calls that arrived at a Webex, apart from the control plane.
async fn calls(world: &World) -> usize {
    world.control(Method::GET, "/record", None).await.as_array().unwrap().len()
}

async fn forget(world: &World) {
    world.control(Method::DELETE, "/record", None).await;
}

/// Has the refresher and a command try to renew it.
async fn renew(world: &World, credential: &Credential) -> Error {
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    world.pass(HOUR, Duration::from_mins(20), &[&running]).await;
    running.stop().await;
    let call = Refresh { name: credential.name.clone(), force: true, take_over: false, expected: None };
    world.broker.call(call).await.unwrap_err()
}

#[tokio::test]
async fn the_secret_of_an_app_goes_to_the_apps_own_webex_alone() {
    let (world, other) = (World::new(Options::default()).await, World::new(Options::default()).await);
    let foreign = world.app_of(&other).await;
    let fleet = world.grant_through("fleet", foreign, HOUR).await;
    forget(&world).await;
    forget(&other).await;
    let error = renew(&world, &fleet).await;
    assert!(error.to_string().contains("foreign") || error.hint().is_some(), "{error}");
    assert_eq!((calls(&world).await, calls(&other).await), (0, 0), "{error}");
    let standing = world.now(&fleet).await.standing;
    let trouble = standing.trouble().unwrap();
    assert!(trouble.message.contains("the app foreign belongs to"), "{}", trouble.message);
}

#[tokio::test]
async fn a_credential_is_minted_at_the_webex_of_the_one_that_it_is_minted_through_alone() {
    let (world, other) = (World::new(Options::default()).await, World::new(Options::default()).await);
    let admin = world.plain("admin", Kind::Personal, world.personal(), None).await;
    let fleet = world.minted_through("fleet", &admin, &other.environment()).await;
    forget(&world).await;
    forget(&other).await;
    let error = renew(&world, &fleet).await;
    let call = HandOut { name: fleet.name.clone(), min_validity: Duration::ZERO, expected: None };
    assert!(world.broker.call(call).await.is_err());
    assert!(error.to_string().contains("admin"), "{error}");
    assert_eq!(calls(&other).await, 0);
}

#[tokio::test]
async fn a_client_cannot_be_given_another_identity_by_an_altered_row() {
    let world = World::new(Options::default()).await;
    let admin = world.plain("admin", Kind::Personal, world.personal(), None).await;
    let fleet = world.minted_through("fleet", &admin, &world.environment()).await;
    let lobby = world.plain("lobby", Kind::Bot, world.personal(), None).await;
    forget(&world).await;
    world.sql(&format!(
        "UPDATE credentials SET kind = 'service-app', app = (SELECT app FROM credentials WHERE id = '{fleet}'), standing = 'pending', \
         mint_via = '{admin}', mint_organisation = (SELECT mint_organisation FROM credentials WHERE id = '{fleet}'), wrapped_key = NULL, \
         access_token = NULL, generation = 0 WHERE id = '{lobby}'",
        fleet = fleet.id,
        admin = admin.id,
        lobby = lobby.id
    ));
    let call = HandOut { name: lobby.name.clone(), min_validity: Duration::ZERO, expected: None };
    let error = world.broker.call(call).await.unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Altered { .. })), "{error}");
    let error = renew(&world, &lobby).await;
    assert!(matches!(error, Error::Store(StoreError::Altered { .. })), "{error}");
    let audit = world.broker.store().audit(1000).await.unwrap();
    let minted = audit.iter().any(|entry| {
        entry.record.event.kind() == EventKind::Minted
            && entry.record.about.as_credential().is_some_and(|(_, name)| *name == lobby.name)
    });
    assert!(!minted, "a token was minted for another identity");
}

#[tokio::test]
async fn nothing_is_sent_and_nobody_is_sent_to_an_environment_that_was_written_into_an_app() {
    let (world, other) = (World::new(Options::default()).await, World::new(Options::default()).await);
    world.app_of(&world).await;
    let app = || -> AppName { "foreign".parse().unwrap() };
    let name = || -> CredentialName { "new".parse().unwrap() };
    world.sql(&format!("UPDATE apps SET environment = '{}' WHERE name = 'foreign'", other.environment().id()));
    forget(&other).await;
    let replace =
        |force| ReplaceSecret { name: app(), client_secret: ClientSecret::new("new-secret"), force, expected: None };
    let tokens = ImportedTokens {
        access: Some(AccessToken::new("imported-access")),
        refresh: Some(RefreshToken::new("imported-refresh")),
        scopes: None,
    };
    let look_up = LookUp {
        name: name(),
        origin: Origin::App { name: app(), kind: None },
        tokens,
        labels: Vec::new(),
        expected: None,
    };
    let sign_in =
        BeginSignIn { name: name(), app: Some(app()), scopes: ScopeSet::default(), replace: false, expected: None };
    let source = ServiceAppSource::RefreshToken(RefreshToken::new("pasted"));
    let service_app = AddServiceApp { name: name(), app: app(), source, replace: false, expected: None };
    let errors = [
        world.broker.call(replace(false)).await.err(),
        world.broker.call(replace(true)).await.err(),
        world.broker.call(look_up).await.err(),
        world.broker.call(sign_in).await.err(),
        world.broker.call(service_app).await.err(),
    ];
    for error in errors {
        assert!(matches!(&error, Some(Error::Store(StoreError::Altered { .. }))), "{error:?}");
    }
    assert_eq!(calls(&other).await, 0);
    world.broker.call(RemoveApp { name: app() }).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_was_damaged_is_replaced_at_every_webex() {
    let world = World::new(Options::default()).await;
    world.app_of(&world).await;
    let replace = |expected: Option<Environment>| ReplaceSecret {
        name: "foreign".parse().unwrap(),
        client_secret: ClientSecret::new("another"),
        force: true,
        expected,
    };
    world.sql("UPDATE apps SET client_secret = x'0102' WHERE name = 'foreign'");
    forget(&world).await;
    let error = world.broker.call(replace(Some(Environment::commercial()))).await.unwrap_err();
    assert!(matches!(&error, Error::AnotherEnvironment { .. }), "{error:?}");
    assert_eq!(calls(&world).await, 0);
    world.broker.call(replace(None)).await.unwrap();
    world.broker.call(replace(Some(world.environment()))).await.unwrap();
}

#[tokio::test]
async fn an_app_that_was_altered_is_told_from_one_whose_secret_is_damaged() {
    let (world, other) = (World::new(Options::default()).await, World::new(Options::default()).await);
    let fleet = world.grant("fleet", HOUR).await;
    let refresh = || Refresh { name: fleet.name.clone(), force: true, take_over: false, expected: None };
    world.sql(&format!("UPDATE apps SET environment = '{}'", other.environment().id()));
    let error = world.broker.call(refresh()).await.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("altered") && !hint.contains("lanyard app secret"), "{error}: {hint}");
    world.sql(&format!("UPDATE apps SET environment = '{}', client_secret = x'00'", world.environment().id()));
    let error = world.broker.call(refresh()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("lanyard app secret"), "{error:?}: {:?}", error.hint());
    assert_eq!(calls(&other).await, 0);
}
