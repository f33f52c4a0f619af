//! A call through the proxy, against the call itself and against nginx.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Webex};

use crate::hand_out::{in_turns, median};
use crate::load::{Load, Seen, now, seconds};
use crate::process::Server;
use crate::table::{Row, Table, Target};
use crate::{Plan, nginx};

/// The path of each call: its reply is small, and equal for all clients.
const CALL: &str = "/v1/people/me";
/// So many calls in each turn.
const CALLS: usize = 300;
/// Against nginx.
const RATE: Target = Target::AtLeast(0.8);

/// A connection that is kept, and what is said on it.
struct Kept<S> {
    stream: S,
    request: String,
}

impl<S: std::io::Read + std::io::Write> Kept<S> {
    /// Calls again and again, one after the other; the shortest times first.
    fn times(&mut self) -> Vec<Duration> {
        let mut times: Vec<_> = (0..CALLS).map(|_| self.call()).collect();
        times.sort_unstable();
        times
    }

    fn call(&mut self) -> Duration {
        let mut buffer = [0; 16 * 1024];
        let begun = now();
        self.stream.write_all(self.request.as_bytes()).expect("it reads");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut buffer[filled..]).expect("it answers");
            assert!(read > 0, "it closed: {}", String::from_utf8_lossy(&buffer[..filled]));
            filled += read;
            if is_whole(&buffer[..filled]) {
                break;
            }
        }
        let took = begun.elapsed();
        assert!(buffer.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&buffer[..filled]));
        took
    }
}

/// Whether these bytes are an answer with all of its body.
fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => body.ends_with("0\r\n\r\n"),
    }
}

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(14 * 24));
    let home = Home::signed_in(&plan.binary, &webex);
    let token = home.token();
    let broker = Server::broker(&plan.binary, &home.path());
    let host = webex.url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let mut direct = Kept {
        stream: TcpStream::connect(&host).expect("the simulator listens"),
        request: format!("GET {CALL} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"),
    };
    direct.stream.set_nodelay(true).expect("a socket option");
    let mut proxied = Kept {
        stream: UnixStream::connect(&broker.socket).expect("the broker listens"),
        request: format!("GET /webex/acme{CALL} HTTP/1.1\r\nhost: lanyard\r\n\r\n"),
    };
    let mut rounds = Vec::new();
    for _ in 0..=plan.rounds {
        rounds.push((proxied.times(), direct.times()));
    }
    for hundredth in [50, 99] {
        let of = |times: &[Duration]| seconds(times, hundredth);
        let added = median(rounds.iter().skip(1).map(|(proxied, direct)| of(proxied) - of(direct)));
        let proxied = median(rounds.iter().skip(1).map(|(proxied, _)| of(proxied)));
        let direct = median(rounds.iter().skip(1).map(|(_, direct)| of(direct)));
        let beside = format!("{:.0} µs, the call itself {:.0} µs", proxied * 1e6, direct * 1e6);
        let what = format!("proxy, one client, kept alive: what it adds to a call, p{hundredth}");
        table.add(Row::seen(what, format!("{:.0} µs", added * 1e6), beside));
    }
    match nginx::start(home.beside(), &host, &token) {
        Some(nginx) => against(&nginx, &broker, plan, table),
        None => {
            table.add(Row::seen("proxy, kept alive".to_owned(), "-".to_owned(), "nginx is not installed".to_owned()));
        }
    }
}

/// Both add the token to the same call, from the same clients to the same simulator, in turns.
fn against(nginx: &Server, broker: &Server, plan: &Plan, table: &mut Table) {
    for &clients in plan.clients.iter().filter(|clients| **clients <= 16) {
        let load = |server: &Server, path: &str| {
            let (socket, time) = (&server.socket, plan.turn);
            Load { socket, path, clients, kept: true, time, server: server.id() }.run()
        };
        let path = format!("/webex/acme{CALL}");
        let rounds = in_turns(plan.rounds, || load(broker, &path), || load(nginx, CALL));
        let ratio = |of: fn(&Seen) -> f64| median(rounds.iter().map(|(ours, nginx)| of(ours) / of(nginx)));
        let both = |of: fn(&Seen) -> f64| {
            (median(rounds.iter().map(|(ours, _)| of(ours))), median(rounds.iter().map(|(_, nginx)| of(nginx))))
        };
        let what = format!("proxy, kept alive, {clients} client{}", if clients == 1 { "" } else { "s" });
        let (ours, theirs) = both(Seen::per_second);
        let beside = format!("{:.2} k/s, nginx {:.2} k/s", ours / 1e3, theirs / 1e3);
        table.add(Row::against(format!("{what}: requests/s"), RATE, ratio(Seen::per_second), " x", beside));
        let (ours, theirs) = both(Seen::p50);
        let beside = format!("{:.0} µs, nginx {:.0} µs", ours * 1e6, theirs * 1e6);
        table.add(Row::seen(format!("{what}: p50"), format!("{:.2} x", ratio(Seen::p50)), beside));
        let (ours, theirs) = both(Seen::cost);
        let beside = format!("{ours:.1} µs, nginx {theirs:.1} µs");
        table.add(Row::seen(format!("{what}: processor time"), format!("{:.2} x", ratio(Seen::cost)), beside));
    }
}
