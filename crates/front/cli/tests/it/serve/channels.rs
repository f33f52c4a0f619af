//! Channels and events, from the command line.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex, wait};
use serde_json::{Value, json};

use crate::LANYARD;

/// A receiver that accepts everything, on a thread that ends with the test. Returns its address.
fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let mut part = [0; 4096];
            loop {
                let read = stream.read(&mut part).unwrap_or(0);
                bytes.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&bytes).to_lowercase();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if read == 0 || body.len() >= length.unwrap_or(0) {
                    break;
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 204 x\r\nconnection: close\r\n\r\n");
        }
    });
    format!("http://{address}/canary-path")
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
