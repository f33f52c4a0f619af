//! How many rotations a second there are when very many fall due together.

use std::time::Duration;

use lanyard_credential::{RefreshRight, Validity};
use lanyard_protocol::Environment;
use lanyard_store::Store;
use lanyard_testkit::{Options, Webex, insert_fleet, service_app, wait};
use lanyard_time::{Clock as _, SystemClock};

use crate::process::Server;
use crate::scale::make;
use crate::table::{Row, Table};
use crate::{Plan, load, machine};

/// For how long rotations are counted.
const TIME: Duration = Duration::from_secs(10);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let count = plan.credentials / 10;
    let (webex, refresh_tokens) = Webex::with_grants(Options::default(), count as usize);
    let directory = tempfile::Builder::new().prefix("lanyard-bench-").tempdir().expect("a directory is had");
    let home = directory.path().join("home");
    make(&home, async |store| fill(&store, &webex, &refresh_tokens).await);
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

/// Adds a credential for each refresh token of the service app; their access tokens have expired.
pub(crate) async fn fill(store: &Store, webex: &Webex, refresh_tokens: &[String]) {
    let environment = Environment::at(webex.url()).expect("the simulator is an environment");
    let app = service_app("rooms", &environment, &webex.description().service_app);
    store.insert_app(&app).await.expect("an app is added");
    let validity = Validity {
        obtained: SystemClock::new().now(),
        access: Some(Duration::from_millis(1)),
        refresh: RefreshRight::Lasting(Some(Duration::from_hours(90 * 24))),
    };
    insert_fleet(store, &app.app, refresh_tokens, &validity).await;
}
