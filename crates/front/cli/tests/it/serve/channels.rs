//! Channels and events, from the command line.

use std::fs;
use std::time::Duration;

use lanyard_testkit::{Authority, Home, RefreshBehaviour, Served, Webex, wait};
use serde_json::{Value, json};

use super::exposition::Page;
use crate::LANYARD;
use crate::receiver::Receiver;

/// The address of a receiver that accepts everything.
fn receiver() -> String {
    Receiver::start().url("/canary-path")
}

#[test]
fn a_channel_is_added_only_if_a_test_arrives_and_shows_no_secret() {
    let home = Home::new(LANYARD);
    let url = receiver();
    let refused = home.run(["channel", "add", "webhook", "ops", &url]);
    assert!(refused.stderr.contains("--allow-private"), "{refused:?}");
    refused.fails(2);
    let dead = home.run(["channel", "add", "webhook", "ops", "http://127.0.0.1:1/", "--allow-private"]);
    assert!(dead.stderr.contains("the test event did not arrive: 127.0.0.1 cannot be reached"), "{dead:?}");
    dead.fails(1);
    assert!(home.run(["channel", "list"]).ok().is_empty());

    let added = home.run(["channel", "add", "webhook", "ops", &url, "--allow-private", "--event", "credential.*"]);
    assert!(added.stdout.starts_with("whsec_"), "{added:?}");
    let secret = added.ok();
    for arguments in [&["channel", "list"][..], &["channel", "show", "ops"], &["--json", "channel", "list"], &["audit"]]
    {
        let shown = home.run(arguments).ok();
        assert!(shown.contains("127.0.0.1") && !shown.contains("canary-path"), "{arguments:?}: {shown}");
        assert!(!shown.contains(secret.trim()), "{arguments:?}");
    }
    home.run(["channel", "add", "webhook", "ops", &url, "--allow-private"]).fails(1);
    home.run(["channel", "test", "ops"]).ok();
    home.run(["channel", "test", "other"]).fails(3);
    let unknown =
        home.run(["channel", "add", "webhook", "odd", &url, "--allow-private", "--event", "credential.needs-token"]);
    assert!(unknown.hint().contains("credential.needs-login"), "{unknown:?}");
    let template = home.file("incident.json", "{ \"short_description\": \"{{data.summary}}\", \"urgency\": 2 }\n");
    let header = home.file("header", "Basic bGFueWFyZDpzZWNyZXQ=\n");
    let header = format!("Authorization={}", header.display());
    let json = ["channel", "add", "json", "tickets", &url, "--allow-private", "--header", &header, "--template"];
    home.run(json.iter().copied().chain([template.to_str().unwrap()])).ok();
    home.run(["channel", "remove", "tickets", "--yes"]).ok();
    home.run(["channel", "pause", "ops"]).ok();
    let shown: Value = serde_json::from_str(&home.run(["--json", "channel", "show", "ops"]).ok()).unwrap();
    assert_eq!((&shown["state"], &shown["types"]), (&json!("paused"), &json!(["credential.*"])));
    home.run(["channel", "remove", "ops", "--yes"]).ok();
    assert!(home.run(["channel", "list"]).ok().is_empty());
}

#[test]
fn events_are_listed_followed_and_limited_to_what_a_client_may_read() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let bot = home.file("bot", &webex.description().bot.access_token);
    home.run(["--webex-url", webex.url(), "add", "bot", "lobby", "--token-file", bot.to_str().unwrap()]).ok();
    let keys = ["lobby", "acme"].map(|name| {
        let key = home.run(["client", "add", &format!("{name}-panel"), "--credential", name, "--can", "read"]).ok();
        format!("Bearer {}", key.trim())
    });
    let broker = Served::start(&home, [] as [&str; 0]);
    let email = webex.description().bot.email.clone();
    webex.control(lanyard_testkit::Method::POST, &format!("/bots/{email}/regenerate"), Some(&json!({})));
    home.run(["test", "lobby"]).fails(4);
    let listed = || -> Vec<Value> {
        let text = home.run(["--json", "events"]).ok();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    while !listed().iter().any(|event| event["type"] == "lanyard.credential.needs-login") {
        wait(Duration::from_millis(50));
    }
    let event = listed().into_iter().find(|event| event["type"] == "lanyard.credential.needs-login").unwrap();
    assert_eq!((&event["specversion"], &event["subject"]), (&json!("1.0"), &json!("lobby")), "{event}");
    assert!(home.run(["events", "--since", "1h"]).ok().contains("credential.needs-login"));
    for (key, sees) in keys.iter().zip([true, false]) {
        let page = broker.ask_with("GET", "/api/v1/events", &[("authorization", key)], "").json();
        let types: Vec<_> = page["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
        assert_eq!(types.contains(&json!("lanyard.credential.needs-login")), sees, "{page}");
        let next = page["next"].as_u64().unwrap();
        let later =
            broker.ask_with("GET", &format!("/api/v1/events?after={next}"), &[("authorization", key)], "").json();
        assert_eq!(later["events"], json!([]), "{later}");
    }
}

#[test]
fn an_event_that_somebody_wrote_into_the_database_is_not_listed() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    home.sign_in(&webex, "acme");
    let before = home.run(["events"]).ok();
    assert!(before.contains("credential.authorised"), "{before}");
    // The first entry has none before it, nor has one after a gap.
    let forged = "'channel-failing', payload = '{\"name\":\"rota\",\"why\":\"CALL ME\"}'";
    crate::client::rewrite(&home, &format!("UPDATE journal SET kind = {forged} WHERE number = 1"));
    let columns = "at, kind, about, name, actor, writer, sequence, payload, mac";
    let copied = format!(
        "INSERT INTO journal (number, {columns}) SELECT number + 1000, {columns} FROM journal WHERE number = 1"
    );
    crate::client::rewrite(&home, &copied);
    for arguments in [&["events"][..], &["events", "--since", "1d"]] {
        let listed = home.run(arguments).ok();
        assert!(!listed.contains("CALL ME") && listed.contains("credential.authorised"), "{listed}");
    }
}

#[test]
fn doctor_says_why_events_reach_nobody() {
    let home = Home::new(LANYARD);
    home.run(["channel", "add", "webhook", "ops", "http://127.0.0.1:1/", "--allow-private", "--untested"]).ok();
    let doctor = home.run(["doctor"]).ok();
    assert!(doctor.contains("?   channel      no broker runs, so no events are recorded or delivered"), "{doctor}");
    let broker = Served::start(&home, [] as [&str; 0]);
    assert!(!home.run(["doctor"]).ok().contains("channel"));
    home.run(["channel", "pause", "ops"]).ok();
    let doctor = home.run(["doctor"]).ok();
    assert!(doctor.contains("ops is paused") && doctor.contains("hint: lanyard channel resume ops"), "{doctor}");
    home.run(["channel", "resume", "ops"]).ok();
    fs::write(home.path().join("lanyard.toml"), "[[channel]]\nname = \"log\"\ncommand = [\"true\"]\n").unwrap();
    let doctor = home.run(["doctor"]).ok();
    assert!(doctor.contains("log: the broker has not read the present lanyard.toml"), "{doctor}");
    let tested = home.run(["channel", "test", "log"]);
    assert!(tested.hint().contains("restart the broker"), "{tested:?}");
    broker.stop().ok();
}

#[test]
fn the_latest_events_of_a_time_are_shown() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    home.run(["clear", "acme", "--yes"]).ok();
    let all = home.run(["events", "--since", "1h"]).ok();
    let one = home.run(["events", "--since", "1h", "--limit", "1"]).ok();
    assert_eq!(Some(one.trim_end()), all.lines().last(), "{all}");
    home.run(["events", "--limit", "0"]).fails(2);
}

#[test]
fn a_channel_that_fails_shows_in_the_list_in_doctor_and_in_the_metrics() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let dead = "http://127.0.0.1:1/";
    home.run(["channel", "add", "webhook", "ops", dead, "--allow-private", "--untested"]).ok();
    let broker = Served::start(&home, [] as [&str; 0]);
    assert!(!home.run(["doctor"]).ok().contains("channel"), "a channel without a fault is no finding");
    home.sign_in(&webex, "acme");
    while home.run(["channel", "show", "ops"]).ok().lines().all(|line| !line.starts_with("failing")) {
        wait(Duration::from_millis(50));
    }
    let shown = home.run(["channel", "show", "ops"]).ok();
    assert!(shown.contains(" attempt") && shown.contains("127.0.0.1 cannot be reached"), "{shown}");
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("!!  channel      ops: events have not arrived since 20"), "{doctor:?}");
    assert!(doctor.stdout.contains("hint: lanyard channel test ops"), "{doctor:?}");
    doctor.fails(4);
    let page = Page::prometheus(&broker.ask("GET", "/metrics").body);
    let webhook = ("channel_kind", "webhook");
    assert_eq!(page.count("lanyard_channels_failing", &[webhook]), 1);
    assert_eq!(page.count("lanyard_events_undelivered", &[webhook]), 1);
    assert!(page.count("lanyard_deliveries_total", &[webhook, ("outcome", "failed")]) >= 1);
    assert_eq!(page.count("lanyard_deliveries_total", &[("outcome", "delivered")]), 0);
    assert!(page.value("lanyard_oldest_undelivered_event_timestamp_seconds", &[webhook]) > 1e9);
    for name in ["watch", "delivery"] {
        assert!(page.value("lanyard_loop_last_success_timestamp_seconds", &[("loop", name)]) > 1e9, "{name}");
    }
    home.run(["channel", "remove", "ops", "--yes"]).ok();
    assert!(!home.run(["doctor"]).ok().contains("channel"));
}

#[test]
fn a_command_channel_is_listed_without_a_broker_and_shares_its_name_with_no_other() {
    let home = Home::new(LANYARD);
    let url = receiver();
    home.run(["channel", "add", "webhook", "log", &url, "--allow-private"]).ok();
    let settings = |text: &str| fs::write(home.path().join("lanyard.toml"), text).unwrap();
    let channel = "[[channel]]\nname = \"tee\"\ncommand = [\"true\"]\nheartbeat = \"1h\"\n";
    settings(channel);
    let listed = home.run(["channel", "list"]).ok();
    assert!(listed.contains("command true") && listed.contains("webhook"), "{listed}");
    let shown = home.run(["channel", "show", "tee"]).ok();
    assert!(shown.contains("every 60 minutes") && shown.contains("lanyard.toml"), "{shown}");
    home.run(["channel", "test", "tee"]).ok();
    let taken = home.run(["channel", "add", "webhook", "tee", &url, "--allow-private"]);
    assert!(taken.stderr.contains("there is a channel named tee already"), "{taken:?}");

    settings(&channel.replace("tee", "log"));
    let refused = home.run(["serve"]);
    assert!(refused.stderr.contains("two channels are named log"), "{refused:?}");
    assert!(refused.hint().contains("lanyard channel remove log"), "{refused:?}");
    refused.fails(2);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("!!  channel      two channels are named log"), "{doctor:?}");
    doctor.fails(2);
    home.run(["channel", "remove", "log", "--yes"]).ok();
    Served::start(&home, [] as [&str; 0]).stop().ok();
    for (wrong, said) in [("\"hourly\"", "such as 90s, 5m, 12h or 2d"), ("30", "at least a minute")] {
        settings(&channel.replace("\"1h\"", wrong));
        let refused = home.run(["serve"]);
        assert!(refused.stderr.contains(said), "{refused:?}");
        refused.fails(2);
    }
}

#[test]
fn doctor_names_each_mistake_in_the_channels_of_the_settings_file() {
    let home = Home::new(LANYARD);
    home.run(["channel", "add", "webhook", "ops", "http://127.0.0.1:1/", "--allow-private", "--untested"]).ok();
    let channel = "[[channel]]\nname = \"log\"\ncommand = [\"true\"]\n";
    for (settings, said) in [
        (format!("{channel}events = [\"credential.needs-token\"]\n"), "no event has the type credential.needs-token"),
        (channel.replace("true", "no-such-program"), "the channel log cannot run no-such-program"),
        ("[events]\noldest_backup = \"5m\"\n".to_owned(), "oldest_backup in lanyard.toml must be at least an hour"),
        (format!("{channel}{channel}"), "two channels in lanyard.toml are named log"),
        (format!("{channel}events = [\"heartbeat\"]\n"), "the type heartbeat needs an interval"),
        ("public_url = \"lanyard.example.com\"\n".to_owned(), "public_url in lanyard.toml is not an address"),
        ("[events]\nauthorities = \"ca.pem\"\n".to_owned(), "cannot read"),
    ] {
        fs::write(home.path().join("lanyard.toml"), settings).unwrap();
        let doctor = home.run(["doctor"]);
        assert!(doctor.stdout.contains("!!  channel") && doctor.stdout.contains(said), "{said}: {doctor:?}");
        assert_ne!(doctor.status.code(), Some(0), "{said}");
    }
    // A path in the settings begins at the home, wherever the command is run.
    fs::write(home.path().join("ca.pem"), Authority::new().pem()).unwrap();
    home.run(["channel", "list"]).ok();
    assert!(!home.run(["doctor"]).stdout.contains("!!  channel"));
}

#[test]
fn the_schema_of_an_event_names_every_member() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    home.run(["clear", "acme", "--yes"]).ok();
    let event: Value = serde_json::from_str(home.run(["--json", "events"]).ok().lines().next().unwrap()).unwrap();
    let schema: Value = serde_json::from_str(&home.run(["events", "--schema"]).ok()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let known = names(&schema["properties"]);
    assert!(names(&event).iter().all(|name| known.contains(name)), "{event} {schema}");
    for name in schema["required"].as_array().unwrap() {
        assert!(!event[name.as_str().unwrap()].is_null(), "{name}: {event}");
    }
    let data = schema["properties"]["data"]["$ref"].as_str().unwrap().trim_start_matches('#');
    let known = names(&schema.pointer(data).unwrap()["properties"]);
    assert!(names(&event["data"]).iter().all(|name| known.contains(name)), "{event} {schema}");
}

#[test]
fn an_empty_list_of_events_says_so_and_a_webhook_is_printed_as_json() {
    let home = Home::new(LANYARD);
    let url = receiver();
    let secret = home.file("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let add = ["--json", "channel", "add", "webhook", "--allow-private"];
    let given = ["given", &url, "--secret-file", secret.to_str().unwrap()];
    let printed: Value = serde_json::from_str(&home.run([&add[..], &given].concat()).ok()).unwrap();
    assert_eq!((&printed["name"], &printed["kind"]), (&json!("given"), &json!("webhook")));
    assert_eq!(printed.get("secret"), None, "the caller has it");
    let printed: Value = serde_json::from_str(&home.run([&add[..], &["new", &url]].concat()).ok()).unwrap();
    assert_eq!(printed["name"], json!("new"));
    assert!(printed["secret"].as_str().unwrap().starts_with("whsec_"), "{printed}");

    for (arguments, said) in [
        (&["events"][..], "there are no events yet"),
        (&["--json", "events", "--since", "1h"], "there are no events since then"),
    ] {
        let listed = home.run(arguments);
        assert!(listed.stderr.contains(said) && listed.stdout.is_empty(), "{listed:?}");
        listed.ok();
    }
}
