//! A call through the proxy, against the call itself.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Webex};

use crate::Plan;
use crate::hand_out::median;
use crate::load::{now, seconds};
use crate::process::Server;
use crate::table::{Row, Table};

/// The path of each call: its reply is small, and equal for all clients.
const CALL: &str = "/v1/people/me";
/// So many calls in each turn.
const CALLS: usize = 300;

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
}
