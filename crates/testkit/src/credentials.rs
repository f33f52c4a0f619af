//! Apps and credentials for a store that a test fills itself.
//!
//! The unit tests of `lanyard-store` have a store of other types than this crate: for them, everything that is a value is made of the
//! types of `lanyard-credential`.

use std::collections::BTreeMap;

use lanyard_credential::{
    App, AppId, AppKind, Credential, CredentialId, Generation, Grant, Kind, Standing, Subject, Validity,
};
use lanyard_protocol::{AppClientId, Environment};
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_simulator::ServiceApp;
use lanyard_store::{NewApp, NewCredential, NewTokens, Store};
use lanyard_time::SystemEntropy;

/// An active credential without an app, tokens or labels.
pub fn credential(name: &str, kind: Kind, environment: &Environment) -> Credential {
    Credential {
        id: CredentialId::random(&SystemEntropy),
        name: name.parse().expect("a credential can have this name"),
        kind,
        environment: environment.clone(),
        app: None,
        mint: None,
        standing: Standing::Active,
        grant: Grant::default(),
        generation: Generation::default(),
        validity: None,
        scopes: None,
        subject: Subject::Unknown("not asked yet".to_owned()),
        organisation: None,
        created_at: "2026-01-01T00:00:00Z".parse().expect("a moment"),
        last_rotated_at: None,
        labels: BTreeMap::new(),
    }
}

/// An app of either kind, with the client id `C123` and one redirect URI.
pub fn app(name: &str, kind: AppKind, environment: &Environment) -> App {
    App {
        id: AppId::random(&SystemEntropy),
        name: name.parse().expect("an app can have this name"),
        kind,
        environment: environment.clone(),
        client_id: AppClientId::new("C123"),
        redirect_uris: vec!["http://127.0.0.1:7417/callback".parse().expect("a redirect URI")],
        scopes: "spark:people_read".parse().expect("a scope"),
        application_id: None,
    }
}

/// A service app of the simulator, which is asked at `environment`.
pub fn service_app(name: &str, environment: &Environment, described: &ServiceApp) -> NewApp {
    let app = App {
        client_id: AppClientId::new(described.client_id.as_str()),
        redirect_uris: Vec::new(),
        application_id: Some(described.application_id.clone()),
        ..app(name, AppKind::ServiceApp, environment)
    };
    NewApp { app, client_secret: ClientSecret::new(described.client_secret.as_str()) }
}

/// The tokens of a grant.
pub fn granted(access: &str, refresh: &str, validity: &Validity) -> NewTokens {
    NewTokens {
        access: Some(AccessToken::new(access)),
        refresh: Some(RefreshToken::new(refresh)),
        validity: validity.clone(),
        scopes: None,
    }
}

/// Adds a credential of the service app for each refresh token: `ship-0`, `ship-1`, and so on. Webex does not know their access tokens.
pub async fn insert_fleet(store: &Store, app: &App, refresh_tokens: &[String], validity: &Validity) -> Vec<Credential> {
    let mut fleet = Vec::with_capacity(refresh_tokens.len());
    for (number, refresh) in refresh_tokens.iter().enumerate() {
        let name = format!("ship-{number}");
        let credential = Credential { app: Some(app.id), ..credential(&name, Kind::ServiceApp, &app.environment) };
        let new = NewCredential { credential, tokens: None };
        // In two steps: a credential that is added with a refresh token has it compared with all others of its app.
        let added = store.insert_credential(&new).await.expect("the credential is added");
        let tokens = granted(&format!("first-of-{name}"), refresh, validity);
        let given = store.replace_grant(added.id, &tokens, &added.subject, None).await;
        given.expect("the tokens are stored").expect("the credential was just added");
        fleet.push(added);
    }
    fleet
}
