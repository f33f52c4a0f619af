//! A tour of each SDK: some thirty calls and more that read, write, turn pages, are refused and are slowed down.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use lanyard_testkit::{Home, Method, Options, Running, Webex};
use serde_json::{Value, json};

use super::{webexpythonsdk, wxc_sdk};
use crate::LANYARD;
use crate::snapshots::assert_shown;

/// What the tours may do. Nothing of meetings is among it: there they are refused.
const SCOPES: [&str; 21] = [
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
    "spark:people_read",
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:xapi_commands",
    "spark:xapi_statuses",
    "spark-admin:devices_read",
    "spark-admin:devices_write",
    "spark-admin:licenses_read",
    "spark-admin:locations_read",
    "spark-admin:organizations_read",
    "spark-admin:people_read",
    "spark-admin:people_write",
    "spark-admin:telephony_config_read",
    "spark-admin:workspace_metrics_read",
    "spark-admin:workspaces_read",
    "spark-admin:workspaces_write",
    "identity:placeonetimepassword_create",
];

/// How many calls a tour makes at least.
const FEWEST: usize = 30;

/// How often a minute each API may be called at a tour's end, where one is called once more than that.
const LIMIT: u32 = 5;

const MINUTE: Duration = Duration::from_mins(1);

#[test]
fn wxc_sdk_reads_and_writes_turns_pages_is_refused_and_slowed_down() {
    let seen = tour("tour-wxc-sdk", &wxc_sdk(), include_str!("wxc_tour.py"));
    assert_eq!(seen, [(200, 56), (201, 1), (204, 6), (403, 1), (404, 5)].into());
}

#[test]
fn wxc_sdks_asynchronous_half_does_the_same_several_calls_at_a_time() {
    let seen = tour("tour-wxc-sdk-async", &wxc_sdk(), include_str!("wxc_tour_async.py"));
    assert_eq!(seen, [(200, 55), (201, 3), (204, 7), (403, 1), (404, 4)].into());
}

#[test]
fn webexpythonsdk_reads_and_writes_turns_pages_is_refused_and_slowed_down() {
    let seen = tour("tour-webexpythonsdk", &webexpythonsdk(), include_str!("webexpythonsdk_tour.py"));
    assert_eq!(seen, [(200, 44), (204, 5), (403, 2), (404, 5)].into());
}

/// Runs a tour, holds its calls against a snapshot, and gives how often each status was replied; the limit's replies aside.
fn tour(name: &str, python: &Path, script: &str) -> BTreeMap<u64, usize> {
    let webex = Webex::with(Options { people: 250, devices: 40, ..Options::default() });
    let home = Home::new(LANYARD);
    let redirect_uris = ["http://127.0.0.1:7418/callback".to_owned()];
    let (client_id, secret) = webex.register(&redirect_uris, &SCOPES);
    home.add_app_as(&webex, (&client_id, &secret), &redirect_uris, &SCOPES).ok();
    home.sign_in(&webex, "acme");
    webex.forget_record();

    let mut command = home.command(["exec", "acme", "--"]);
    command
        .arg(python)
        .arg(home.file("tour.py", script))
        .env("SDK_BASE", webex.url())
        .env("SDK_LIMIT", LIMIT.to_string());
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.wait_for("too often");
    stand_at_the_last_second(&webex);
    webex.control(Method::POST, "/behaviour", Some(&json!({ "requests_per_minute": LIMIT })));
    running.write_line("go on");
    let is_limit = |call: &Value| call["status"] == 429;
    while !running.has_ended() && !webex.record().iter().any(is_limit) {}
    // The SDK waits for one second, as it is told. By then the next minute has come at Webex.
    webex.advance(MINUTE);
    running.end().ok();

    let (limited, answered): (Vec<_>, Vec<_>) = webex.record().into_iter().partition(is_limit);
    assert!(!limited.is_empty(), "nothing was slowed down");
    assert!(answered.len() >= FEWEST + usize::try_from(LIMIT).expect("a small number"), "{}", answered.len());
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut statuses = BTreeMap::new();
    for call in &answered {
        *lines.entry(line(call)).or_default() += 1;
        *statuses.entry(call["status"].as_u64().expect("every call is answered")).or_default() += 1;
    }
    let lines: Vec<_> = lines.into_iter().map(|(line, times)| format!("{times:3} {line}")).collect();
    assert_shown!(name, lines.join("\n"));
    statuses
}

/// Stops the clock of Webex at the last second of a minute: whoever is limited there is told to wait for one second.
fn stand_at_the_last_second(webex: &Webex) {
    let clock = webex.control(Method::POST, "/clock", Some(&json!({ "rate": 0 })));
    let now = clock["now"].as_str().expect("a time");
    let (second, rest) = now[17..].trim_end_matches('Z').split_once('.').unwrap_or((&now[17..19], "0"));
    let millis = |text: &str| text.parse::<u64>().expect("a number");
    let past = millis(second) * 1000 + millis(&format!("{rest:0<3}")[..3]);
    // Past the last second's begin by less than a millisecond.
    let until = (59_000 + 60_000 - past) % 60_000;
    webex.control(Method::POST, "/clock", Some(&json!({ "advance_ms": until })));
}

/// A call as a line: method, path with what is long in it left out, and status.
fn line(call: &Value) -> String {
    let text = |field: &str| call[field].as_str().expect("it is there").to_owned();
    let path: Vec<_> =
        text("path").split('/').map(|word| if word.len() > 32 { "ID" } else { word }.to_owned()).collect();
    format!("{} {} {}", text("method"), path.join("/"), call["status"])
}
