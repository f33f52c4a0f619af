//! `lanyard token` as a process.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Webex};

use crate::Plan;
use crate::hand_out::in_turns;
use crate::process::{Server, lanyard, own_binary, time};
use crate::table::{Row, Table, Target};
use crate::{bare, dying, load};

const WITH: Target = Target::AtMost(2.0);
/// In milliseconds: the one target that is no ratio.
const WITHOUT: Target = Target::AtMost(10.0);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(14 * 24));
    let home = Home::signed_in(&plan.binary, &webex);
    with_a_broker(plan, &home.path(), table);
    without(plan, &home.path(), table, "nothing in the log");
    long_log(plan, &home, table);
}

fn with_a_broker(plan: &Plan, home: &Path, table: &mut Table) {
    let broker = Server::broker(&plan.binary, home);
    let ours = || time(lanyard(&plan.binary, home).args(["token", "acme"]));
    let bare = || time(Command::new(own_binary()).args([bare::PART, "acme", "--socket"]).arg(&broker.socket));
    let times = in_turns(plan.runs, ours, bare);
    let (mut ours, mut bare): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    ours.sort_unstable();
    bare.sort_unstable();
    let (ours, bare) = (load::seconds(&ours, 50) * 1e3, load::seconds(&bare, 50) * 1e3);
    let beside = format!("p50 {ours:.2} ms, bare {bare:.2} ms, {} runs", plan.runs);
    table.add(Row::against("token with a broker, against a bare client".to_owned(), WITH, ours / bare, " x", beside));
    broker.stop();
}

fn without(plan: &Plan, home: &Path, table: &mut Table, what: &str) {
    let mut times: Vec<_> = (0..plan.runs).map(|_| time(lanyard(&plan.binary, home).args(["token", "acme"]))).collect();
    times.sort_unstable();
    row(table, what, &times, "");
}

fn row(table: &mut Table, what: &str, sorted: &[Duration], beside: &str) {
    let (p50, p99) = (load::seconds(sorted, 50) * 1e3, load::seconds(sorted, 99) * 1e3);
    let beside = format!("p99 {p99:.2} ms, {} runs{beside}", sorted.len());
    table.add(Row::against(format!("token without a broker, {what}"), WITHOUT, p50, " ms", beside));
}

/// A log that could not be copied back, since a reader held on to an earlier moment: once beside that reader, and once after
/// everybody was killed.
fn long_log(plan: &Plan, home: &Home, table: &mut Table) {
    let database = home.path().join("lanyard.db");
    let log = home.path().join("lanyard.db-wal");
    let writer = dying::start(&home.path(), if plan.runs < 50 { 200 } else { 4000 });
    let megabytes = || std::fs::metadata(&log).map_or(0, |log| log.len()) / (1024 * 1024);
    let size = megabytes();
    without(plan, &home.path(), table, &format!("a log of {size} MB that somebody reads"));
    drop(writer);
    // The first command after a crash has it all to itself, so the home is put back as it was each time.
    let kept = [&database, &log].map(|path| (path, home.beside().join(path.file_name().expect("it has a name"))));
    for (path, copy) in &kept {
        std::fs::copy(path, copy).expect("a file is copied");
    }
    let mut times = Vec::new();
    for _ in 0..plan.runs.div_ceil(5) {
        for (path, copy) in &kept {
            std::fs::copy(copy, path).expect("a file is copied");
        }
        times.push(time(lanyard(&plan.binary, &home.path()).args(["token", "acme"])));
    }
    times.sort_unstable();
    row(table, &format!("a log of {size} MB that a crash left"), &times, "");
}
