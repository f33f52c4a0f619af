//! The store on PostgreSQL against the store in a file.
//!
//! Both are durable at each commit: SQLite syncs its log, and PostgreSQL runs with the settings that it comes with, on the same disk,
//! behind a Unix socket.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::time::Duration;

use lanyard_home::Options;
use lanyard_store::{About, Event, JournalRecord, Parts, Store};
use lanyard_testkit::{Home, Postgres, RefreshBehaviour, Webex};
use lanyard_time::{Clock as _, SystemClock};
use tokio::runtime::Runtime;

use crate::hand_out::{TOKEN, in_turns, median};
use crate::load::Load;
use crate::process::Server;
use crate::table::{Row, Table, Target, say};
use crate::{Plan, load, renewals};

/// The target for a hand-out: the token is in the broker's memory with either engine. Equal to the target under the rotation of another
/// credential.
const HAND_OUT: Target = Target::AtMost(1.1);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => return say(&format!("PostgreSQL is left out: {why}")),
    };
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(14 * 24));
    let in_file = home(plan, None).with_acme(&webex);
    let on_server = home(plan, Some(&server.database())).with_acme(&webex);
    commits(plan, table, &in_file, &on_server);
    hand_outs(plan, table, &in_file, &on_server);
    renewals::measure(plan, table, &server);
}

/// A home, whose settings name a database if one is given.
pub(crate) fn home(plan: &Plan, address: Option<&str>) -> Home {
    let home = Home::new(&plan.binary);
    if let Some(address) = address {
        DirBuilder::new().mode(0o700).create(home.path()).expect("the home is new");
        let settings = home.path().join("lanyard.toml");
        fs::write(&settings, format!("store = \"{address}\"\nkey_source = \"file\"\n")).expect("it is written");
        fs::set_permissions(&settings, Permissions::from_mode(0o600)).expect("it is ours");
    }
    home
}

/// The time of one commit: an entry of the audit, one after the other.
fn commits(plan: &Plan, table: &mut Table, in_file: &Home, on_server: &Home) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
    let opened = |home: &Home| runtime.block_on(open(home));
    let (file, server) = (opened(in_file), opened(on_server));
    let one = |store: &Store| commit(&runtime, store, plan.runs);
    let rounds = in_turns(plan.rounds, || one(&server), || one(&file));
    let of = |which: fn(&(f64, f64)) -> f64| median(rounds.iter().map(which)) * 1e3;
    let ratio = median(rounds.iter().map(|(server, file)| server / file));
    let beside = format!("{:.2} ms, SQLite {:.2} ms", of(|pair| pair.0), of(|pair| pair.1));
    table.add(Row::seen("one commit, PostgreSQL".to_owned(), format!("{ratio:.2} x"), beside));
}

async fn open(home: &Home) -> Store {
    lanyard_home::open(&home.path(), Parts::system(), Options::default()).await.expect("the home opens").store
}

/// The median of so many, in seconds.
fn commit(runtime: &Runtime, store: &Store, count: u32) -> f64 {
    let event = Event::Answered { means: "bench".to_owned(), times: 1 };
    let record =
        JournalRecord { at: SystemClock::new().now().wall, about: About::Home, actor: "bench".to_owned(), event };
    median((0..count).map(|_| {
        let begun = load::now();
        runtime.block_on(store.append(&record)).expect("it is appended");
        begun.elapsed().as_secs_f64()
    }))
}

fn hand_outs(plan: &Plan, table: &mut Table, in_file: &Home, on_server: &Home) {
    let (file, server) =
        (Server::broker(&plan.binary, &in_file.path()), Server::broker(&plan.binary, &on_server.path()));
    for &clients in plan.clients {
        let load = |broker: &Server| {
            let socket = &broker.socket;
            Load { socket, path: TOKEN, clients, kept: true, time: plan.turn, server: broker.id() }.run()
        };
        let rounds = in_turns(plan.rounds, || load(&server), || load(&file));
        let ratio = median(rounds.iter().map(|(server, file)| server.p50() / file.p50()));
        let micros = |seen: Vec<f64>| median(seen) * 1e6;
        let beside = format!(
            "{:.0} µs, SQLite {:.0} µs",
            micros(rounds.iter().map(|(server, _)| server.p50()).collect()),
            micros(rounds.iter().map(|(_, file)| file.p50()).collect())
        );
        let what = format!("hand-out with PostgreSQL, kept alive, {clients} at a time: p50");
        table.add(Row::against(what, HAND_OUT, ratio, " x", beside));
    }
    file.stop();
    server.stop();
}
