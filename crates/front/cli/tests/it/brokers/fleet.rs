//! A home full of service apps' credentials that all fall due at once, and the Webex that gave them.

use std::time::Duration;

use lanyard_credential::{
    Credential, CredentialId, Generation, Grant, Kind, RefreshRight, Standing, Subject, Validity,
};
use lanyard_home::Options;
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_store::{NewCredential, NewTokens, Parts};
use lanyard_testkit::{Home, Method, Options as Properties, RefreshBehaviour, Webex};
use lanyard_time::{BootId, BootTime, Moment, SystemEntropy};
use serde_json::json;
use tokio::runtime::Runtime;

use super::record::fingerprint;
use crate::LANYARD;
use crate::kinds::add_service_app;

/// The home, the Webex, and the credentials between them.
pub(super) struct Fleet {
    pub(super) webex: Webex,
    pub(super) home: Home,
    pub(super) ships: Vec<Ship>,
}

/// One credential, as it was added.
pub(super) struct Ship {
    pub(super) id: String,
    pub(super) name: String,
    /// That of its first refresh token.
    pub(super) first: String,
}

/// How long the tokens last that Webex gives: nothing falls due twice.
const LIFE: Duration = Duration::from_hours(1);

/// How old the first ones are: good for half a minute more, and long due.
const AGE: Duration = Duration::from_secs(59 * 60 + 30);

/// So many grants each organisation gives: an account holds 750 live tokens at most.
const IN_ONE: usize = 200;

impl Fleet {
    /// A Webex that treats refresh tokens so, and a home with so many of its credentials, made past the binary.
    pub(super) fn new(refresh: RefreshBehaviour, count: usize) -> Self {
        let organisations = count.div_ceil(IN_ONE);
        let webex = Webex::with(Properties {
            refresh,
            access_token_ttl: LIFE,
            organisations,
            people: 3,
            devices: 0,
            ..Properties::default()
        });
        let home = Home::new(LANYARD);
        let app = &webex.description().service_app;
        add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);

        let organisations = webex.control(Method::GET, "/organisations", None);
        let organisations = organisations.as_array().unwrap();
        let authorise = format!("/service-apps/{}/authorise", app.application_id);
        let grants: Vec<_> = (0..count)
            .map(|number| {
                let organisation = json!({ "organisation_id": organisations[number / IN_ONE]["id"] });
                let granted = webex.control(Method::POST, &authorise, Some(&organisation));
                granted["refresh_token"].as_str().unwrap().to_owned()
            })
            .collect();
        let ships = runtime().block_on(fill(&home, &webex, &grants));
        Self { webex, home, ships }
    }
}

/// A runtime for looking into the store.
pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn fill(home: &Home, webex: &Webex, grants: &[String]) -> Vec<Ship> {
    let parts = Parts::system();
    let store = lanyard_home::open(&home.path(), parts.clone(), Options::default()).await.unwrap().store;
    let app = store.app(&"fleet".parse().unwrap()).await.unwrap().unwrap().id;
    let now = parts.clock.now();
    // Before the machine was started, so that it does not matter for how long it has run.
    let obtained = Moment {
        wall: now.wall - AGE,
        boot: BootTime { boot: BootId::new("an-earlier-boot"), elapsed: Duration::ZERO },
    };
    let validity = Validity { obtained, access: Some(LIFE), refresh: RefreshRight::Lasting(None) };
    let mut ships = Vec::with_capacity(grants.len());
    for (number, refresh) in grants.iter().enumerate() {
        let name = format!("ship-{number}");
        let credential = Credential {
            id: CredentialId::random(&SystemEntropy),
            name: name.parse().unwrap(),
            kind: Kind::ServiceApp,
            environment: Environment::at(webex.url()).unwrap(),
            app: Some(app),
            standing: Standing::Active,
            grant: Grant::default(),
            generation: Generation::default(),
            validity: None,
            scopes: None,
            subject: Subject::Unknown("nobody asked".to_owned()),
            organisation: None,
            created_at: now.wall,
            last_rotated_at: None,
            labels: std::collections::BTreeMap::default(),
            mint: None,
        };
        let tokens = NewTokens {
            access: Some(AccessToken::new(format!("first-of-{name}"))),
            refresh: Some(RefreshToken::new(refresh.as_str())),
            validity: validity.clone(),
            scopes: None,
        };
        let stored = store.insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await.unwrap();
        ships.push(Ship { id: stored.id.to_string(), name, first: fingerprint(refresh) });
    }
    store.close().await.unwrap();
    ships
}
