//! `GET /metrics`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use lanyard_credential::{Kind, RefreshRight, Validity};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_store::{NewCredential, NewTokens};
use lanyard_testkit::{Home, Reply, Served, Webex, credential};

use serde_json::{Value, json};

use super::exposition::Page;
use crate::snapshots::furnished;
use crate::store_options;

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
    let mut names: Vec<_> = page.names().into_iter().map(without_suffix).collect();
    names.sort();
    assert_eq!(names, open.names());
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
    let audit: Vec<Value> = serde_json::from_str(&home.run(["--json", "audit", "--limit", "1000"]).ok()).unwrap();
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
    assert_eq!(all.count("lanyard_credentials", &[("kind", "personal"), ("state", "expiring")]), 201);
    assert_eq!(all.count("lanyard_credentials", &[("kind", "integration"), ("state", "active")]), 1);
    assert_eq!(all.count("lanyard_credentials", &[("kind", "guest")]), 0);

    let limited = Page::prometheus(&ask_as(&broker, &only, "/metrics").body);
    let names: Vec<_> = limited.labels(SOONEST, "name").into_iter().collect();
    assert_eq!(names, ["person-007", "person-150"]);
    let expiry = |page: &Page| page.value(SOONEST, &[("name", "person-007")]);
    assert!((expiry(&limited) - expiry(&all)).abs() < 1e-6);
    assert_eq!(limited.count("lanyard_credentials", &[]), all.count("lanyard_credentials", &[]));

    // No other family has a label that names a credential or a client.
    for name in all.names() {
        let family = all.family(name);
        let labels = family.samples.iter().flat_map(|sample| sample.labels.iter());
        let found =
            labels.filter(|(_, value)| ["person-", "acme", "lobby", "only"].iter().any(|it| value.contains(it)));
        assert!(name == SOONEST || found.count() == 0, "{name}: {family:?}");
    }
}

#[test]
fn what_the_broker_does_is_counted() {
    let (webex, home) = furnished();
    let key = key(&home, "reader", &["--credential", "acme", "--can", "read"]);
    let broker = Served::start(&home, [] as [&str; 0]);
    let before = page(&broker);
    assert_eq!(broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true").status, 200);
    for _ in 0..7 {
        assert_eq!(broker.ask("GET", "/api/v1/credentials/acme/token").status, 200);
    }
    for status in [200, 404, 503, 429] {
        if status != 200 {
            let action = json!({ "status": status, "body": {}, "headers": { "retry-after": "30" } });
            webex.fault(&json!({ "path": "/v1/people/me", "count": 1, "action": action }));
        }
        assert_eq!(broker.ask("GET", "/webex/lobby/v1/people/me").status, status);
    }
    assert_eq!(page(&broker).count("lanyard_webex_limited_subjects", &[]), 1);
    assert_eq!(ask_as(&broker, &key, "/api/v1/credentials/acme/token").status, 403);
    assert_eq!(ask_as(&broker, &key, "/webex/acme/v1/people/me").status, 403);
    let after = page(&broker);

    let moved = |name: &str, labels: &[(&str, &str)]| after.count(name, labels) - before.count(name, labels);
    for (name, labels, count) in [
        ("lanyard_renewals_total", &[("outcome", "rotated")][..], 1),
        ("lanyard_renewals_total", &[], 1),
        ("lanyard_renewal_duration_seconds", &[], 1),
        ("lanyard_handouts_total", &[("purpose", "token"), ("outcome", "handed-out")], 7),
        ("lanyard_handouts_total", &[("purpose", "token"), ("outcome", "refused")], 1),
        ("lanyard_handouts_total", &[("purpose", "proxy"), ("outcome", "handed-out")], 4),
        ("lanyard_handouts_total", &[("purpose", "proxy"), ("outcome", "refused")], 1),
        ("lanyard_handout_duration_seconds", &[], 7),
        ("lanyard_webex_calls_total", &[("api", "access_token"), ("status", "2xx")], 1),
        ("lanyard_webex_calls_total", &[("api", "people"), ("status", "4xx")], 1),
        ("lanyard_webex_calls_total", &[("api", "people"), ("status", "429")], 1),
        ("lanyard_webex_calls_total", &[("api", "people"), ("status", "5xx")], 1),
        ("lanyard_webex_call_duration_seconds", &[("api", "access_token")], 1),
        ("lanyard_http_request_duration_seconds", &[("route", "/webex/{name}"), ("status", "2xx")], 1),
        ("lanyard_http_request_duration_seconds", &[("route", "/webex/{name}"), ("status", "4xx")], 3),
        ("lanyard_http_request_duration_seconds", &[("route", "/webex/{name}"), ("status", "5xx")], 1),
        (
            "lanyard_http_request_duration_seconds",
            &[("route", "/api/v1/credentials/{name}/refresh"), ("status", "2xx")],
            1,
        ),
    ] {
        assert_eq!(moved(name, labels), count, "{name} {labels:?}");
    }
    assert!(moved("lanyard_store_operation_duration_seconds", &[("operation", "read")]) >= 1);
    assert!(moved("lanyard_store_operation_duration_seconds", &[("operation", "write")]) >= 1);
    assert_eq!(after.count("lanyard_ready", &[]), 1);
    assert_eq!(after.count("lanyard_breaker_open", &[]), 0);
    assert_eq!(
        after.labels("lanyard_build_info", "version").into_iter().collect::<Vec<_>>(),
        [env!("CARGO_PKG_VERSION")]
    );
}

#[test]
fn a_webex_that_is_out_of_order_is_seen_in_the_breaker_and_in_the_renewals() {
    let (webex, home) = furnished();
    let broker = Served::start(&home, [] as [&str; 0]);
    assert_eq!(page(&broker).count("lanyard_breaker_open", &[("environment", webex.url())]), 0);
    webex.fault(&json!({ "path": "/v1/access_token", "count": 100, "action": { "status": 503, "body": {} } }));
    for _ in 0..5 {
        assert_eq!(broker.ask("POST", "/api/v1/credentials/acme/refresh?force=true").status, 502);
    }
    let open = page(&broker);
    assert_eq!(open.labels("lanyard_breaker_open", "environment").len(), 1);
    assert_eq!(open.count("lanyard_breaker_open", &[]), 1);
    assert_eq!(open.count("lanyard_renewals_total", &[("outcome", "outcome-unknown")]), 5);
    assert_eq!(open.count("lanyard_credentials", &[("state", "stalled"), ("kind", "integration")]), 1);
}

#[test]
fn each_loop_says_when_it_last_succeeded() {
    let (_webex, home) = furnished();
    let broker = Served::start(&home, [] as [&str; 0]);
    let loops = || -> Vec<String> {
        let page = page(&broker);
        let now = now();
        let family = page.family(LOOPS);
        assert!(family.samples.iter().all(|sample| (-1.0..3600.0).contains(&(now - sample.value))), "{family:?}");
        page.labels(LOOPS, "loop").into_iter().map(str::to_owned).collect()
    };
    let mut seen = loops();
    for _ in 0..500 {
        if seen.len() >= 5 {
            break;
        }
        lanyard_testkit::wait(Duration::from_millis(20));
        seen = loops();
    }
    // Pruning begins a minute after the start, a store in a file has no other homes to report to, and there is no channel.
    assert_eq!(seen, ["audit", "reader", "refresher", "watch", "worker"]);
}

#[test]
fn whatever_callers_ask_for_the_labels_are_few() {
    let (_webex, home) = furnished();
    let broker = Served::start(&home, ["--http", "127.0.0.1:0"]);
    let before = page(&broker);
    for number in 0..60 {
        let means = format!("invented-{number}");
        assert_eq!(broker.ask("GET", &format!("/odd-{number}")).status, 404);
        assert_eq!(broker.ask("GET", &format!("/webex/acme/v1/odd-{number}/{number}")).status, 404);
        assert_eq!(broker.ask("GET", &format!("/webex/odd-{number}/v1/people")).status, 404);
        assert_eq!(broker.ask("GET", &format!("/api/v1/credentials/odd-{number}/token")).status, 404);
        let token = "/api/v1/credentials/acme/token";
        assert_eq!(broker.ask_with("GET", token, &[("lanyard-means", &means)], "").status, 200);
        assert_eq!(broker.ask_remote(Some(&means), "GET", token).status, 401);
    }
    let after = page(&broker);
    let new = |name: &str, label: &str| -> Vec<String> {
        let (before, after) = (before.labels(name, label), after.labels(name, label));
        after.difference(&before).map(|value| (*value).to_owned()).collect()
    };
    assert_eq!(new("lanyard_webex_calls_total", "api"), ["other"]);
    assert_eq!(new("lanyard_webex_call_duration_seconds", "api"), ["other"]);
    let routes = ["/api/v1/credentials/{name}/token", "/metrics", "/webex/{name}", "none"];
    assert_eq!(new("lanyard_http_request_duration_seconds", "route"), routes);
    assert_eq!(new("lanyard_handouts_total", "purpose"), ["other", "proxy", "request", "token"]);
    assert_eq!(after.count("lanyard_handouts_total", &[("purpose", "other"), ("outcome", "handed-out")]), 60);
    let size = |page: &Page| page.names().iter().map(|name| page.family(name).samples.len()).sum::<usize>();
    assert!(size(&after) < size(&before) + 200, "{} {}", size(&before), size(&after));
}

const LOOPS: &str = "lanyard_loop_last_success_timestamp_seconds";

fn now() -> f64 {
    lanyard_store::Parts::system().clock.now().wall.as_duration().as_secs_f64()
}

const SOONEST: &str = "lanyard_credential_expiry_timestamp_seconds";

/// Adds personal tokens that expire an hour after each other.
fn add_people(home: &Home, webex: &Webex, count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let parts = lanyard_store::Parts::system();
        let opened = lanyard_home::open(&home.path(), parts.clone(), store_options()).await.unwrap();
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

/// An alert about a metric that does not exist never fires.
#[test]
fn the_alerts_and_the_dashboard_name_metrics_that_exist() {
    let (_webex, home) = furnished();
    let broker = Served::start(&home, [] as [&str; 0]);
    let page = page(&broker);
    let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../contrib");
    let read = |file: &str| fs::read_to_string(contrib.join(file)).unwrap();
    let (rules, dashboard) = (read("prometheus/lanyard.rules.yml"), read("grafana/lanyard.json"));
    for (file, text) in [("the rules", &rules), ("the dashboard", &dashboard)] {
        let words = text.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_'));
        let named: BTreeSet<_> = words.filter(|word| word.starts_with("lanyard_")).collect();
        assert!(named.len() > 8, "{file}: {named:?}");
        for name in named {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            assert!(page.names().contains(&family.unwrap_or(name)), "{file} name {name}");
        }
    }
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let (rows, panels): (Vec<_>, Vec<_>) = panels.iter().partition(|panel| panel["type"] == "row");
    assert!(rows.len() > 4 && panels.len() > 15, "{} {}", rows.len(), panels.len());
    for panel in panels {
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{panel}");
        assert!(panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()), "{panel}");
    }
}
