//! Runs: started, followed and cancelled, and continued by the next broker.

use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Reply, Served, Webex};
use serde_json::{Value, json};

use crate::LANYARD;

const HOUR: Duration = Duration::from_hours(1);

/// A home with the integration `acme` and a bot whose token Webex does not know.
fn scene() -> (Webex, Home) {
    let webex = Webex::start(RefreshBehaviour::Keep, HOUR);
    let home = Home::signed_in(LANYARD, &webex);
    let bot = home.file("bot", &webex.description().bot.access_token);
    home.run(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file", bot.to_str().unwrap()]).ok();
    (webex, home)
}

/// Webex answers calls about who somebody is only after so long.
fn hold_up(webex: &Webex, milliseconds: u32) {
    webex.fault(&json!({ "path": "/v1/people/me", "count": 9, "action": { "delay_after_ms": milliseconds } }));
}

/// The data of the events of a stream.
fn events(stream: &Reply) -> Vec<Value> {
    assert_eq!((stream.status, stream.header("content-type")), (200, Some("text/event-stream")), "{stream:?}");
    let data = stream.body.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[test]
fn a_run_is_followed_by_its_starter_and_the_owner_and_by_no_other_client() {
    let (webex, home) = scene();
    let keys = ["tester", "other"].map(|name| {
        let key = home.run(["client", "add", name, "--all-credentials", "--can", "refresh"]).ok();
        format!("Bearer {}", key.trim())
    });
    let broker = Served::start(&home, [] as [&str; 0]);
    hold_up(&webex, 700);
    let [tester, other] = keys.each_ref().map(|key| [("authorization", key.as_str())]);
    let started = broker.ask_with("POST", "/api/v1/tests", &tester, "{}");
    let run = started.json();
    assert_eq!((started.status, &run["started_by"]), (202, &json!("client tester")), "{started:?}");
    let path = format!("/api/v1/runs/{}", run["id"].as_str().unwrap());
    for (method, path) in [("GET", path.clone()), ("GET", format!("{path}/events")), ("POST", format!("{path}/cancel"))]
    {
        let refused = broker.ask_with(method, &path, &other, "");
        assert_eq!((refused.status, refused.problem()), (404, Some("no-such-name")), "{path}");
    }
    assert_eq!(broker.ask_with("GET", "/api/v1/runs", &other, "").json(), json!([]));

    let told = events(&broker.ask_with("GET", &format!("{path}/events"), &tester, ""));
    let end = told.last().unwrap();
    assert!(told.len() > 1, "{told:?}");
    assert_eq!(
        (&end["state"], &end["progress"]["tested"], &end["progress"]["of"]),
        (&json!("done"), &json!(2), &json!(2))
    );
    let results = end["result"].as_array().unwrap();
    assert_eq!(
        results.iter().map(|one| (&one["name"], &one["ok"])).collect::<Vec<_>>(),
        [(&json!("acme"), &json!(true)), (&json!("lobby"), &json!(true))]
    );
    let shown = home.run(["runs", "show", run["id"].as_str().unwrap()]).ok();
    assert!(shown.contains("ok  acme") && shown.contains("client tester"), "{shown}");
    let list: Value = serde_json::from_str(&home.run(["--json", "runs", "list"]).ok()).unwrap();
    assert_eq!(list[0]["id"], run["id"]);
    let audit = home.run(["audit"]).ok();
    assert!(audit.contains("run-started") && audit.contains("run-ended") && audit.contains("client tester"), "{audit}");
}

#[test]
fn a_command_starts_follows_and_cancels_a_run_and_needs_a_broker_for_it() {
    let (webex, home) = scene();
    let refused = home.run(["test", "--detach"]);
    assert_eq!(refused.hint(), "lanyard serve");
    refused.fails(1);
    assert!(home.run(["runs", "list"]).ok().is_empty());
    let broker = Served::start(&home, [] as [&str; 0]);
    let started = home.run(["test", "--detach"]);
    let id = started.stdout.trim().to_owned();
    assert!(started.stderr.contains(&format!("lanyard runs follow {id}")), "{started:?}");
    let followed = home.run(["runs", "follow", &id]).ok();
    assert!(followed.contains("done") && followed.contains("ok  lobby"), "{followed}");

    hold_up(&webex, 2000);
    let id = home.run(["test", "--detach"]).ok().trim().to_owned();
    let cancelled: Value = serde_json::from_str(&home.run(["--json", "runs", "cancel", &id]).ok()).unwrap();
    assert!(["cancelling", "cancelled"].contains(&cancelled["state"].as_str().unwrap()), "{cancelled}");
    let ended = home.run(["runs", "follow", &id]);
    assert!(ended.stdout.contains("cancelled"), "{ended:?}");
    ended.fails(1);
    assert_eq!(
        home.run(["runs", "cancel", &id]).fails(1).lines().next().unwrap(),
        format!("error: the run {id} has already ended: cancelled")
    );
    home.run(["runs", "show", &"0".repeat(32)]).fails(3);
    broker.stop().ok();
}

#[test]
fn the_next_broker_continues_the_runs_of_one_that_was_killed() {
    let (webex, home) = scene();
    let broker = Served::start(&home, [] as [&str; 0]);
    webex.fault(&json!({ "path": "/v1/people/me", "count": 2, "action": { "delay_after_ms": 60_000 } }));
    let id = home.run(["test", "--detach"]).ok().trim().to_owned();
    let held = || -> Value { serde_json::from_str(&home.run(["--json", "runs", "show", &id]).ok()).unwrap() };
    while held()["progress"].is_null() {
        std::thread::yield_now();
    }
    assert!(broker.kill());
    let _broker = Served::start(&home, [] as [&str; 0]);
    let followed = home.run(["runs", "follow", &id]).ok();
    assert!(followed.contains("ok  acme") && followed.contains("ok  lobby"), "{followed}");
}
