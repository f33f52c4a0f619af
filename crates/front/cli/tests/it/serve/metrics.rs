//! `GET /metrics`.

use std::time::Duration;

use lanyard_credential::{Kind, RefreshRight, Validity};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens};
use lanyard_testkit::{Home, Reply, Served, Webex, credential};

use super::exposition::Page;
use crate::snapshots::furnished;

/// The metrics of a broker that has read all its credentials.
fn page(broker: &Served) -> Page {
    assert_eq!(broker.ask("GET", "/api/v1/credentials").status, 200);
    let reply = broker.ask("GET", "/metrics");
    assert_eq!(reply.status, 200, "{reply:?}");
    Page::prometheus(&reply.body)
}

fn key(home: &Home, name: &str, more: &[&str]) -> String {
    home.run([&["client", "add", name][..], more].concat()).ok().trim().to_owned()
}

fn ask_as(broker: &Served, key: &str, path: &str) -> Reply {
    broker.ask_with("GET", path, &[("Authorization", &format!("Bearer {key}"))], "")
}

#[test]
fn every_family_is_described_in_either_format() {
    let (_webex, home) = furnished();
    let broker = Served::start(&home, [] as [&str; 0]);
    let reply = broker.ask("GET", "/metrics");
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let page = Page::prometheus(&reply.body);
    // As Prometheus asks.
    let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
    let reply = broker.ask_with("GET", "/metrics", &[("Accept", accept)], "");
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let open = Page::open_metrics(&reply.body);
    let without_suffix = |name: &str| name.trim_end_matches("_total").trim_end_matches("_info").to_owned();
    assert_eq!(page.names().into_iter().map(without_suffix).collect::<Vec<_>>(), open.names());
    let described: Vec<_> = page
        .names()
        .into_iter()
        .map(|name| format!("{name} ({}) {}", page.family(name).kind, page.family(name).help))
        .collect();
    insta::assert_snapshot!("metrics", described.join("\n"));
}

#[test]
fn metrics_need_their_own_capability_and_are_recorded_in_counted_batches() {
    let (_webex, home) = furnished();
    let scraper = key(&home, "prometheus", &["--all-credentials", "--can", "metrics"]);
    let others = key(&home, "others", &["--all-credentials", "--can", "token,proxy,read,refresh,manage"]);
    let broker = Served::start(&home, ["--http", "127.0.0.1:0"]);
    for _ in 0..20 {
        assert_eq!(broker.ask_remote(Some(&scraper), "GET", "/metrics").status, 200);
    }
    assert_eq!(broker.ask_remote(Some(&others), "GET", "/metrics").problem(), Some("refused"));
    assert_eq!(broker.ask_remote(None, "GET", "/metrics").status, 401);
    assert_eq!(broker.ask_remote(None, "POST", "/metrics").status, 405);
    assert_eq!(ask_as(&broker, &scraper, "/api/v1/credentials").problem(), Some("refused"));
    assert_eq!(ask_as(&broker, &scraper, "/metrics?collect=credentials").problem(), Some("bad-request"));
    assert!(broker.stop().status.success());
    let audit: Vec<serde_json::Value> =
        serde_json::from_str(&home.run(["--json", "audit", "--limit", "1000"]).ok()).unwrap();
    let of = |actor: &str, action: &str| {
        let own = audit.iter().filter(|record| record["actor"] == actor && record["action"] == action);
        own.map(|record| record["detail"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let answered = of("client prometheus", "answered");
    assert!(answered.len() < 20 && answered.iter().all(|detail| detail.starts_with("metrics.read")), "{answered:?}");
    assert_eq!(of("client others", "refused"), ["metrics.read: refused (it may not do this: metrics)"]);
    assert!(of("client prometheus", "refused").iter().any(|detail| detail.contains("metrics.read: bad-request")));
}

#[test]
fn the_hundred_soonest_are_named_and_to_a_client_only_its_own() {
    let (webex, home) = furnished();
    add_people(&home, &webex, 200);
    let only = key(&home, "only", &["--credential", "person-007,person-150", "--can", "metrics"]);
    let broker = Served::start(&home, [] as [&str; 0]);
    let all = page(&broker);
    let names = all.labels(SOONEST, "name");
    let soonest: Vec<_> = (0..99).map(|number| format!("person-{number:03}")).collect();
    // The token of the portal is valid for twelve hours. An integration is renewed in time.
    assert_eq!(names, soonest.iter().map(String::as_str).chain(["mine"]).collect());
    assert_eq!(all.value("lanyard_credentials", &[("kind", "personal"), ("state", "expiring")]), 201.0);
    assert_eq!(all.value("lanyard_credentials", &[("kind", "integration"), ("state", "active")]), 1.0);
    assert_eq!(all.value("lanyard_credentials", &[("kind", "guest")]), 0.0);

    let limited = Page::prometheus(&ask_as(&broker, &only, "/metrics").body);
    let names: Vec<_> = limited.labels(SOONEST, "name").into_iter().collect();
    assert_eq!(names, ["person-007", "person-150"]);
    let expiry = |page: &Page| page.value(SOONEST, &[("name", "person-007")]);
    assert!((expiry(&limited) - expiry(&all)).abs() < 1e-6);
    assert_eq!(limited.value("lanyard_credentials", &[]), all.value("lanyard_credentials", &[]));

    // No other family has a label that names a credential or a client.
    for name in all.names() {
        let family = all.family(name);
        let labels = family.samples.iter().flat_map(|sample| sample.labels.iter());
        let named =
            labels.filter(|(_, value)| ["person-", "acme", "lobby", "only"].iter().any(|it| value.contains(it)));
        assert!(name == SOONEST || named.count() == 0, "{name}: {family:?}");
    }
}

const SOONEST: &str = "lanyard_credential_expiry_timestamp_seconds";

/// Adds personal tokens that expire an hour after each other.
fn add_people(home: &Home, webex: &Webex, count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let parts = lanyard_store::Parts::system();
        let opened = lanyard_home::open(&home.path(), parts.clone(), lanyard_home::Options::default()).await.unwrap();
        let environment = Environment::at(webex.url()).unwrap();
        for number in 0..count {
            let credential = credential(&format!("person-{number:03}"), Kind::Personal, &environment);
            let access = Some(Duration::from_hours(u64::from(number) + 100));
            let validity = Validity { obtained: parts.clock.now(), access, refresh: RefreshRight::None };
            let tokens = NewTokens {
                access: Some(AccessToken::new(format!("token-{number}"))),
                refresh: None,
                validity,
                scopes: None,
            };
            opened.store.insert_credential(&NewCredential { credential, tokens: Some(tokens) }).await.unwrap();
        }
        opened.store.close().await.unwrap();
    });
}
