//! A token from the Unix socket, against the floor.

use lanyard_testkit::{Home, RefreshBehaviour, Webex};

use crate::Plan;
use crate::load::{Load, Seen};
use crate::process::Server;
use crate::table::{Row, Table, Target};

/// Where the token of the credential that tests call `acme` is.
pub(crate) const TOKEN: &str = "/api/v1/credentials/acme/token";

/// The targets of DESIGN's section 8; connections that are kept are measured beside, against the same.
const P50: Target = Target::AtMost(1.25);
const P99: Target = Target::AtMost(1.5);
const RATE: Target = Target::AtLeast(0.8);

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let webex = Webex::start(RefreshBehaviour::Keep, std::time::Duration::from_hours(14 * 24));
    let home = Home::signed_in(&plan.binary, &webex);
    let broker = Server::broker(&plan.binary, &home.path());
    let answer = broker.ask("GET", TOKEN).expect("the broker answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head and a body");
    let floor = Server::floor(home.beside(), body.len());
    let bare = floor.ask("GET", TOKEN).expect("the floor answers");
    assert_eq!(names(head), names(bare.split_once("\r\n\r\n").expect("a head").0), "both answer with the same headers");
    for kept in [false, true] {
        for &clients in plan.clients {
            let load = |server: &Server| {
                let socket = &server.socket;
                Load { socket, path: TOKEN, clients, kept, time: plan.turn, server: server.id() }.run()
            };
            let rounds = in_turns(plan.rounds, || load(&broker), || load(&floor));
            report(table, &format!("hand-out, {}", words(clients, kept)), &rounds);
        }
    }
}

fn words(clients: usize, kept: bool) -> String {
    let how = if kept { "kept alive" } else { "a connection per request" };
    format!("{how}, {clients} client{}", if clients == 1 { "" } else { "s" })
}

/// The names of an answer's headers, in order.
fn names(head: &str) -> Vec<&str> {
    let mut names: Vec<_> = head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    names.sort_unstable();
    names
}

/// Measures two things in turns; who begins changes from round to round. Once before it counts, to get warm.
pub(crate) fn in_turns<T>(rounds: u32, mut one: impl FnMut() -> T, mut other: impl FnMut() -> T) -> Vec<(T, T)> {
    let mut seen = Vec::new();
    for round in 0..=rounds {
        let pair = if round % 2 == 0 {
            let first = one();
            (first, other())
        } else {
            let first = other();
            (one(), first)
        };
        if round > 0 {
            seen.push(pair);
        }
    }
    seen
}

/// The median.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

fn report(table: &mut Table, what: &str, rounds: &[(Seen, Seen)]) {
    let ratio = |of: fn(&Seen) -> f64| median(rounds.iter().map(|(ours, floor)| of(ours) / of(floor)));
    let both = |of: fn(&Seen) -> f64| {
        (median(rounds.iter().map(|(ours, _)| of(ours))), median(rounds.iter().map(|(_, floor)| of(floor))))
    };
    let times = |of| {
        let (ours, floor) = both(of);
        format!("{:.0} µs, floor {:.0} µs", ours * 1e6, floor * 1e6)
    };
    table.add(Row::against(format!("{what}: p50"), P50, ratio(Seen::p50), " x", times(Seen::p50)));
    table.add(Row::against(format!("{what}: p99"), P99, ratio(Seen::p99), " x", times(Seen::p99)));
    let (ours, floor) = both(Seen::per_second);
    let rates = format!("{:.1} k/s, floor {:.1} k/s", ours / 1e3, floor / 1e3);
    table.add(Row::against(format!("{what}: requests/s"), RATE, ratio(Seen::per_second), " x", rates));
    let (ours, floor) = both(Seen::cost);
    let busy = |which: fn(&(Seen, Seen)) -> &Seen| {
        let server = median(rounds.iter().map(|pair| which(pair).busy().0));
        let clients = median(rounds.iter().map(|pair| which(pair).busy().1));
        format!("server {:.0} %, clients {:.0} % of a core", server * 100.0, clients * 100.0)
    };
    let beside = format!(
        "{ours:.1} µs, floor {floor:.1} µs; broker's turn: {}; floor's: {}",
        busy(|pair| &pair.0),
        busy(|pair| &pair.1)
    );
    let cost = format!("{:.2} x", ratio(Seen::cost));
    table.add(Row::seen(format!("{what}: processor time"), cost, beside));
}
