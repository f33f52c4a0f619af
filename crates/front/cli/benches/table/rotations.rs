//! How many rotations a second there are when very many fall due together.

use std::time::Duration;

use lanyard_credential::{App, AppId, AppKind, Kind, RefreshRight, Validity};
use lanyard_protocol::{AppClientId, Environment};
use lanyard_secret::{AccessToken, ClientSecret, RefreshToken};
use lanyard_store::{NewApp, NewTokens, Store};
use lanyard_testkit::{RefreshBehaviour, Webex, wait};
use lanyard_time::{Clock as _, SystemClock, SystemEntropy};

use crate::process::Server;
use crate::scale::{credential, make};
use crate::table::{Row, Table};
use crate::{Plan, load, machine};

/// For how long rotations are counted.
const TIME: Duration = Duration::from_secs(10);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(14 * 24));
    let directory = tempfile::Builder::new().prefix("lanyard-bench-").tempdir().expect("a directory is had");
    let home = directory.path().join("home");
    let count = plan.credentials / 10;
    make(&home, async |store| fill(&store, count, &webex).await);
    webex.forget_record();
    let begun = load::now();
    let broker = Server::broker(&plan.binary, &home);
    let before = machine::processor_time(broker.id());
    wait(TIME);
    let rotations = u32::try_from(webex.refreshes().len()).unwrap_or(u32::MAX);
    let took = begun.elapsed();
    let used = machine::processor_time(broker.id()).zip(before).map(|(after, before)| after.saturating_sub(before));
    let each = used.map_or(f64::NAN, |used| used.as_secs_f64() * 1e3 / f64::from(rotations));
    let rate = f64::from(rotations) / took.as_secs_f64();
    let beside = format!("{rotations} in {:.1} s; {each:.1} ms of processor time for each", took.as_secs_f64());
    table.add(Row::seen(format!("rotations a second, {count} due together"), format!("{rate:.1} /s"), beside));
    broker.stop();
}

/// So many credentials of one service app, whose tokens have all ended. Webex keeps the refresh token, so one does for all.
async fn fill(store: &Store, count: u32, webex: &Webex) {
    let service_app = &webex.description().service_app;
    let environment = Environment::at(webex.url()).expect("the simulator is an environment");
    let app = NewApp {
        app: App {
            id: AppId::random(&SystemEntropy),
            name: "rooms".parse().expect("it is a name"),
            kind: AppKind::ServiceApp,
            environment: environment.clone(),
            client_id: AppClientId::new(service_app.client_id.as_str()),
            redirect_uris: Vec::new(),
            scopes: "spark:people_read".parse().expect("it is a scope"),
            application_id: Some(service_app.application_id.clone()),
        },
        client_secret: ClientSecret::new(service_app.client_secret.as_str()),
    };
    store.insert_app(&app).await.expect("an app is added");
    let validity = Validity {
        obtained: SystemClock::new().now(),
        access: Some(Duration::from_millis(1)),
        refresh: RefreshRight::Lasting(Some(Duration::from_hours(90 * 24))),
    };
    for number in 0..count {
        let mut new = credential(number);
        new.credential.kind = Kind::ServiceApp;
        new.credential.environment = environment.clone();
        new.credential.app = Some(app.app.id);
        new.tokens = None;
        let tokens = NewTokens {
            access: Some(AccessToken::new(format!("{number:0>120}"))),
            refresh: Some(RefreshToken::new(service_app.refresh_token.as_str())),
            validity: validity.clone(),
            scopes: None,
        };
        // In two steps: one that is added with a refresh token has it compared with those of all others.
        let added = store.insert_credential(&new).await.expect("a credential is added");
        let given = store.replace_grant(added.id, &tokens, &added.subject, None).await;
        given.expect("tokens are stored").expect("the credential was just added");
    }
}
