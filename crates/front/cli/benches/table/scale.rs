//! Start and memory of a broker with many credentials.

use std::path::Path;
use std::time::Duration;

use lanyard_credential::{Kind, RefreshRight, Validity};
use lanyard_home::Options;
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_store::{NewCredential, NewTokens, Parts, Store};
use lanyard_testkit::{credential, wait};
use lanyard_time::{Clock as _, SystemClock};
use tempfile::TempDir;

use crate::hand_out::median;
use crate::process::Server;
use crate::table::{Row, Table, Target};
use crate::{Plan, load, machine};

/// In seconds, for 100,000.
const START: Target = Target::AtMost(1.0);
/// In megabytes, for 100,000.
const MEMORY: Target = Target::AtMost(200.0);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let directory = tempfile::Builder::new().prefix("lanyard-bench-").tempdir().expect("a directory is had");
    let home = directory.path().join("home");
    make(&home, async |store| fill(&store, plan.credentials).await);
    let mut starts = Vec::new();
    let mut memory = Vec::new();
    for _ in 0..plan.rounds.min(5) {
        let begun = load::now();
        let broker = Server::broker_starting(&plan.binary, &home, &[]);
        let path = format!("/api/v1/credentials/room-{}/token", plan.credentials / 2);
        let answer = loop {
            match broker.ask("GET", &path) {
                Some(answer) => break answer,
                None => wait(Duration::from_micros(200)),
            }
        };
        starts.push(begun.elapsed().as_secs_f64());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        // Waits until all credentials are in memory. The work after the start counts towards the memory that it needs.
        assert!(broker.ask("GET", "/api/v1/credentials/room-0").is_some(), "it answers");
        wait(Duration::from_secs(1));
        memory.extend(machine::memory(broker.id()));
        broker.stop();
    }
    let what = format!("{} credentials", plan.credentials);
    let beside = format!("of {} starts, until the first token", starts.len());
    table.add(Row::against(format!("{what}: start"), START, median(starts), " s", beside));
    let megabytes = |kilobytes: u64| f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0;
    let resident = median(memory.iter().map(|(resident, _)| megabytes(*resident)));
    let most = median(memory.iter().map(|(_, most)| megabytes(*most)));
    table.add(Row::against(format!("{what}: memory, a second later"), MEMORY, resident, " MB", String::new()));
    table.add(Row::against(format!("{what}: memory, the most"), MEMORY, most, " MB", String::new()));
}

/// A home that `fill` fills. It is made in memory where that can be had: each credential is a transaction.
pub(crate) fn make(home: &Path, fill: impl AsyncFnOnce(Store)) {
    let fast = Path::new("/dev/shm");
    let place = if fast.is_dir() { TempDir::new_in(fast) } else { TempDir::new() }.expect("a directory is had");
    let made = place.path().join("home");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
    runtime.block_on(async {
        let opened = lanyard_home::open_or_create(&made, Parts::system(), Options::default()).await;
        let store = opened.expect("a home is made").store;
        fill(store.clone()).await;
        store.close().await.expect("it is closed");
    });
    let copied = std::process::Command::new("cp").arg("-a").args([&made, home]).status();
    assert!(copied.expect("cp(1) runs").success());
}

async fn fill(store: &Store, credentials: u32) {
    for number in 0..credentials {
        store.insert_credential(&integration(number)).await.expect("a credential is added");
    }
}

/// An integration's credential as Webex grants it: its tokens have the length that they have there.
fn integration(number: u32) -> NewCredential {
    let validity = Validity {
        obtained: SystemClock::new().now(),
        access: Some(Duration::from_hours(14 * 24)),
        refresh: RefreshRight::Lasting(Some(Duration::from_hours(90 * 24))),
    };
    let scopes = "spark:kms spark:people_read spark-admin:devices_read spark-admin:workspaces_read";
    let tokens = NewTokens {
        access: Some(AccessToken::new(format!("{number:0>120}"))),
        refresh: Some(RefreshToken::new(format!("{number:0>120}"))),
        validity,
        scopes: Some(scopes.parse().expect("they are scopes")),
    };
    let credential = credential(&format!("room-{number}"), Kind::Integration, &Environment::commercial());
    NewCredential { credential, tokens: Some(tokens) }
}
