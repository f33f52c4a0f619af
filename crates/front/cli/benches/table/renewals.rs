//! How many renewals a second a broker finishes when nothing but its own work limits it, on each engine.
//!
//! The floor is the simulator's token endpoint, asked by plain clients: as many as a broker's renewals at a time, in the same minute. It
//! writes nothing to a disk.

use std::io;
use std::time::Duration;

use lanyard_home::Options;
use lanyard_store::{EventKind, Parts};
use lanyard_testkit::{Home, Options as Properties, Postgres, Webex, wait};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use url::form_urlencoded::Serializer;

use crate::engines::home;
use crate::hand_out::{in_turns, median};
use crate::process::Server;
use crate::rotations::fill;
use crate::scale::make;
use crate::table::{Row, Table};
use crate::{Plan, load, machine};

/// How many renewals a broker has under way at a time, unless it is told otherwise.
const AT_ONCE: usize = 16;

/// A rate that no broker reaches.
const UNLIMITED: &str = "1000000";

/// So long without a renewal, and something has gone wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// The figures of one turn.
struct Turn {
    /// Renewals a second, by a broker.
    broker: f64,
    /// Exchanges a second, by plain clients.
    floor: f64,
    /// Processor time of the broker for one renewal, in milliseconds.
    cost: f64,
}

pub(crate) fn measure(plan: &Plan, table: &mut Table, server: &Postgres) {
    let count = (plan.credentials / 50).max(10);
    let rounds = in_turns(
        plan.rounds.min(3),
        || turn(plan, count, &home(plan, Some(&server.database()))),
        || turn(plan, count, &home(plan, None)),
    );
    let (on_server, in_file): (Vec<_>, Vec<_>) = rounds.into_iter().unzip();
    for (engine, turns) in [("SQLite", &in_file), ("PostgreSQL", &on_server)] {
        let of = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure));
        let beside = format!(
            "{:.3} x the {:.0} /s of {AT_ONCE} plain clients; {:.1} ms of the broker's processor time for each",
            of(|turn| turn.broker / turn.floor),
            of(|turn| turn.floor),
            of(|turn| turn.cost)
        );
        let what = format!("renewals a second, {count} due together, {engine}");
        table.add(Row::seen(what, format!("{:.0} /s", of(|turn| turn.broker)), beside));
    }
    let ratio = median(on_server.iter().zip(&in_file).map(|(server, file)| server.broker / file.broker));
    table.add(Row::seen(
        "renewals a second, PostgreSQL against SQLite".to_owned(),
        format!("{ratio:.2} x"),
        String::new(),
    ));
}

/// Exchanges by plain clients, then renewals by a broker, each with grants of their own at one Webex.
fn turn(plan: &Plan, count: u32, home: &Home) -> Turn {
    let (webex, refresh_tokens) = Webex::with_grants(Properties::default(), 2 * count as usize);
    let (for_clients, for_broker) = refresh_tokens.split_at(count as usize);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
    let floor = exchanges(&runtime, &webex, for_clients);
    webex.forget_record();

    if home.path().exists() {
        runtime.block_on(async {
            let opened = lanyard_home::open_or_create(&home.path(), Parts::system(), Options::default()).await;
            let store = opened.expect("a home is made").store;
            fill(&store, &webex, for_broker).await;
            store.close().await.expect("it is closed");
        });
    } else {
        make(&home.path(), async |store| fill(&store, &webex, for_broker).await);
    }
    let (broker, used) = renewals(&runtime, plan, &webex, home, count);
    let cost = used.map_or(f64::NAN, |used| used.as_secs_f64() * 1e3 / f64::from(count));
    Turn { broker, floor, cost }
}

/// Renewals a second, from the first exchange until the last answer is written; and the processor time of the broker. The time of a journal
/// entry is that of its transaction, whose commit follows within milliseconds.
fn renewals(runtime: &Runtime, plan: &Plan, webex: &Webex, home: &Home, count: u32) -> (f64, Option<Duration>) {
    let opened = runtime.block_on(lanyard_home::open(&home.path(), Parts::system(), Options::default()));
    let store = opened.expect("the home opens").store;
    let mut position = runtime.block_on(store.journal_end()).expect("the journal is read");
    let broker = Server::broker_starting(&plan.binary, &home.path(), &["--rotations-per-second", UNLIMITED]);
    let (mut written, mut last) = (0, None);
    let mut stirred = load::now();
    while written < count {
        assert!(stirred.elapsed() < PATIENCE, "{written} of {count} were renewed, and no more are");
        // Rarely: what is read here is read while the broker writes.
        wait(Duration::from_millis(100));
        let page = runtime.block_on(store.journal_after(position, 10_000)).expect("the journal is read");
        assert!(page.follows, "nothing is pruned");
        for record in page.entries.into_iter().map(|entry| entry.record) {
            if record.event.kind() == EventKind::Rotated {
                written += 1;
                last = Some(record.at);
                stirred = load::now();
            }
        }
        position = page.position;
    }
    let used = machine::processor_time(broker.id());
    broker.stop();
    runtime.block_on(store.close()).expect("it is closed");
    let exchanges = webex.refreshes();
    assert_eq!(exchanges.len(), count as usize, "each refresh token is sent once");
    let first = exchanges.iter().filter_map(|entry| entry["at"].as_str()?.parse().ok()).min();
    let (first, last) = first.zip(last).expect("the exchanges have times");
    (f64::from(count) / last.duration_since(first).as_secs_f64(), used)
}

/// Exchanges a second by plain clients on connections that are kept.
fn exchanges(runtime: &Runtime, webex: &Webex, refresh_tokens: &[String]) -> f64 {
    let app = &webex.description().service_app;
    let host = webex.url().trim_start_matches("http://").trim_end_matches("/v1");
    let requests: Vec<_> = refresh_tokens
        .iter()
        .map(|refresh_token| {
            let body = Serializer::new(String::new())
                .append_pair("grant_type", "refresh_token")
                .append_pair("client_id", &app.client_id)
                .append_pair("client_secret", &app.client_secret)
                .append_pair("refresh_token", refresh_token)
                .finish();
            let length = body.len();
            format!(
                "POST /v1/access_token HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                 content-length: {length}\r\n\r\n{body}"
            )
        })
        .collect();
    let begun = load::now();
    LocalSet::new().block_on(runtime, async {
        let each = requests.len().div_ceil(AT_ONCE);
        let clients: Vec<_> = requests
            .chunks(each)
            .map(|requests| tokio::task::spawn_local(exchange(host.to_owned(), requests.to_vec())))
            .collect();
        for client in clients {
            client.await.expect("a client does not panic").expect("it is answered");
        }
    });
    f64::from(u32::try_from(requests.len()).unwrap_or(u32::MAX)) / begun.elapsed().as_secs_f64()
}

async fn exchange(host: String, requests: Vec<String>) -> io::Result<()> {
    let mut stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    for request in requests {
        stream.write_all(request.as_bytes()).await?;
        load::answer(&mut stream, &mut buffer).await?;
    }
    Ok(())
}
