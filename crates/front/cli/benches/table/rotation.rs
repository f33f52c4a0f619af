//! A token from the Unix socket while another credential's rotation takes five seconds, against the same without.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Webex, wait};
use serde_json::json;

use crate::Plan;
use crate::hand_out::{TOKEN, median};
use crate::load::{Load, Seen};
use crate::process::Server;
use crate::table::{Row, Table, Target};

const P50: Target = Target::AtMost(1.1);
const P99: Target = Target::AtMost(1.5);

/// How long the other rotation takes.
const SLOW: Duration = Duration::from_secs(5);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(14 * 24));
    let home = Home::signed_in(&plan.binary, &webex);
    home.sign_in(&webex, "other");
    let broker = Server::broker(&plan.binary, &home.path());
    let load = |clients| {
        Load { socket: &broker.socket, path: TOKEN, clients, kept: false, time: plan.turn, server: broker.id() }.run()
    };
    let loads = || plan.clients.iter().map(|&clients| load(clients)).collect::<Vec<_>>();
    loads();
    let mut rounds: Vec<(Vec<Seen>, Vec<Seen>)> = Vec::new();
    for _ in 0..plan.rounds {
        let quiet = loads();
        let millis = u64::try_from(SLOW.as_millis()).expect("it is short");
        webex.forget_record();
        webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_ms": millis } }));
        let done = AtomicBool::new(false);
        let slow = std::thread::scope(|scope| {
            let rotating = scope.spawn(|| {
                let answer = broker.ask("POST", "/api/v1/credentials/other/refresh?force=true");
                done.store(true, Ordering::SeqCst);
                answer
            });
            // Until the request has gone out: the processor is then as idle as it was.
            wait(Duration::from_millis(200));
            let slow = loads();
            assert!(!done.load(Ordering::SeqCst), "the rotation outlasts the load");
            let answer = rotating.join().expect("asking does not panic").expect("the broker answers");
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            slow
        });
        rounds.push((slow, quiet));
    }
    for (place, clients) in plan.clients.iter().enumerate() {
        let ratio =
            |of: fn(&Seen) -> f64| median(rounds.iter().map(|(slow, quiet)| of(&slow[place]) / of(&quiet[place])));
        let beside = |of: fn(&Seen) -> f64| {
            let slow = median(rounds.iter().map(|(slow, _)| of(&slow[place])));
            let quiet = median(rounds.iter().map(|(_, quiet)| of(&quiet[place])));
            format!("{:.0} µs, without {:.0} µs", slow * 1e6, quiet * 1e6)
        };
        let what = format!("hand-out under another's five-second rotation, {clients} clients");
        table.add(Row::against(format!("{what}: p50"), P50, ratio(Seen::p50), " x", beside(Seen::p50)));
        table.add(Row::against(format!("{what}: p99"), P99, ratio(Seen::p99), " x", beside(Seen::p99)));
    }
}
