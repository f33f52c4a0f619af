//! A workspace integration: an administrator activates it in Control Hub, and Webex pushes what changes.

use std::time::Duration;

use lanyard_testkit::{Ended, Home, Method, Postgres, RefreshBehaviour, Running, Served, Webex, left_out, wait};
use serde_json::{Value, json as value};

use super::{home, json};
use crate::on_server;

/// What the manifest asks for, and the scope with which it reads who it is.
const SCOPES: [&str; 4] =
    ["spark-admin:devices_read", "spark-admin:workspaces_read", "spark:xapi_statuses", "spark:people_read"];

/// A workspace integration that an administrator has activated.
struct Activated<'w> {
    webex: &'w Webex,
    id: String,
    client_id: String,
    client_secret: String,
    code: String,
}

impl<'w> Activated<'w> {
    fn new(webex: &'w Webex) -> Self {
        let made = webex.control(Method::POST, "/workspace-integrations", Some(&value!({ "scopes": SCOPES })));
        let text = |field: &str| made[field].as_str().unwrap().to_owned();
        Self {
            webex,
            id: text("id"),
            client_id: text("client_id"),
            client_secret: text("client_secret"),
            code: text("activation_code"),
        }
    }

    /// Adds it under the name `rooms`.
    fn add(&self, home: &Home) -> Ended {
        self.add_with(home, &self.code)
    }

    fn add_with(&self, home: &Home, code: &str) -> Ended {
        let (code, secret) = (home.file("code", code), home.file("secret", &self.client_secret));
        let mut command = home.command(["--webex-url", self.webex.url(), "add", "workspace-integration", "rooms"]);
        command.args(["--client-id", &self.client_id, "--client-secret-file"]).arg(secret);
        Running::start(command.arg("--activation-file").arg(code)).end()
    }

    fn tell(&self, message: &str) {
        let path = format!("/workspace-integrations/{}/messages", self.id);
        self.webex.control(Method::POST, &path, Some(&value!({ "message": message })));
    }

    fn activate_again(&self) -> String {
        let path = format!("/workspace-integrations/{}/activate", self.id);
        let made = self.webex.control(Method::POST, &path, Some(&value!({})));
        made["activation_code"].as_str().unwrap().to_owned()
    }

    /// The integration, as Webex sees it.
    fn view(&self) -> Value {
        let all = self.webex.control(Method::GET, "/workspace-integrations", None);
        all.as_array().unwrap().iter().find(|view| view["id"] == self.id.as_str()).unwrap().clone()
    }

    /// How often its grant was renewed.
    fn renewals(&self) -> u64 {
        let grants = self.webex.control(Method::GET, "/grants", None);
        let own = grants.as_array().unwrap().iter().find(|grant| grant["client_id"] == self.client_id.as_str());
        own.map_or(0, |grant| grant["refreshed"].as_u64().unwrap())
    }
}

#[test]
fn it_is_activated_renewed_tested_renamed_and_cleared_as_other_kinds_are() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = home();
    let activated = Activated::new(&webex);
    activated.add(&home).ok();
    assert_eq!(activated.view()["provisioning_state"], "completed");
    let shown = home.show("rooms");
    assert_eq!((&shown["kind"], &shown["state"]), (&value!("workspace-integration"), &value!("active")), "{shown}");
    assert!(webex.accepts(&home.run(["token", "rooms"]).ok()));

    home.run(["refresh", "rooms", "--force"]).ok();
    let (code, report) = json(&home, &["test", "rooms", "--for", "devices"]);
    assert_eq!(report["jobs"][0]["job"], "devices", "{report}");
    assert!(matches!(code, 0 | 4), "{code}: {report}");
    let (_, apps) = json(&home, &["app", "list"]);
    assert_eq!(apps[0]["kind"], "workspace-integration", "{apps}");
    let secret = home.file("secret", &activated.client_secret);
    let mut command = home.command(["app", "secret", "rooms", "--client-secret-file"]);
    Running::start(command.arg(secret)).end().ok();

    home.run(["rename", "rooms", "building"]).ok();
    let listed = json(&home, &["list", "--kind", "workspace-integration"]).1;
    assert_eq!(listed[0]["name"], "building", "{listed}");
    // Its app keeps the first name, and is found for a new activation.
    let code = home.file("code", &activated.activate_again());
    let again = ["--webex-url", webex.url(), "add", "workspace-integration", "building", "--activation-file"];
    let add_again = || Running::start(home.command(again).arg(&code)).end();
    let added = add_again();
    assert!(added.stderr.contains("lanyard devices watch add building"), "{}", added.stderr);
    added.ok();
    home.run(["devices", "watch", "add", "building"]).ok();
    let added = add_again();
    assert!(!added.stderr.contains("watch add"), "it is watched already: {}", added.stderr);
    home.run(["devices", "watch", "remove", "building", "--yes"]).ok();
    home.run(["doctor"]).ok();
    let cleared = home.run(["clear", "building"]);
    assert!(!cleared.stderr.contains("NOT"), "{}", cleared.stderr);
    cleared.ok();
    home.run(["app", "remove", "rooms", "--yes"]).ok();
    assert_eq!(
        webex
            .control(Method::GET, "/grants", None)
            .as_array()
            .unwrap()
            .iter()
            .filter(|grant| { grant["client_id"] == activated.client_id.as_str() })
            .count(),
        0
    );
}

#[test]
fn a_code_that_webex_did_not_sign_changes_nothing() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = home();
    let activated = Activated::new(&webex);
    let (signed, _) = activated.code.rsplit_once('.').unwrap();
    let other = activated.activate_again();
    let forged = format!("{signed}.{}", other.rsplit_once('.').unwrap().1);
    let refused = activated.add_with(&home, &forged);
    assert!(refused.stderr.contains("its signature is wrong"), "{}", refused.stderr);
    refused.fails(4);
    activated.add_with(&home, "not-a-code").fails(4);
    webex.advance(Duration::from_mins(16));
    home.run(["show", "rooms"]).fails(3);
    // The code before it: its refresh token ended when the integration was activated again.
    let refused = activated.add(&home);
    assert!(refused.stderr.contains("does not accept the refresh token"), "{}", refused.stderr);
    refused.fails(4);
    home.run(["app", "show", "rooms"]).fails(3);
    activated.add_with(&home, &other).ok();
}

#[test]
fn one_that_was_removed_needs_an_administrator_who_activates_it_again() {
    let address = Postgres::shared().map(Postgres::database).map_err(left_out);
    for home in std::iter::once(home()).chain(address.ok().map(|address| on_server::home(&address))) {
        let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
        let activated = Activated::new(&webex);
        activated.add(&home).ok();
        let id = home.show("rooms")["id"].clone();
        activated.tell("removed");
        let ended = home.run(["refresh", "rooms", "--force"]);
        assert!(ended.hint().contains("removed the workspace integration in Control Hub"), "{}", ended.stderr);
        ended.fails(4);
        assert_eq!(home.show("rooms")["state"], "needs-login");
        let other = Activated::new(&webex);
        let refused = other.add(&home);
        assert!(refused.stderr.contains("has another client id"), "{}", refused.stderr);
        refused.fails(2);
        activated.add_with(&home, &activated.activate_again()).ok();
        let shown = home.show("rooms");
        assert_eq!((&shown["state"], &shown["id"]), (&value!("active"), &id), "{shown}");
        assert_eq!(activated.view()["provisioning_state"], "completed");
    }
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..3000 {
        if is_so() {
            return;
        }
        wait(Duration::from_millis(40));
    }
    panic!("it never came to {what}");
}

/// The states that the device with this id has had, the earliest first.
fn states(home: &Home, device: &str) -> Vec<String> {
    let (_, history) = json(home, &["devices", "history", device]);
    let mut states: Vec<_> = history["periods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|period| period["state"].as_str().unwrap().to_owned())
        .collect();
    states.reverse();
    states
}

#[test]
fn a_broker_follows_a_queue_that_repeats_and_loses_messages() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let behave = |change: Value| webex.control(Method::POST, "/behaviour", Some(&change));
    behave(value!({ "queue_repeats": true }));
    let home = home();
    let activated = Activated::new(&webex);
    activated.add(&home).ok();
    home.run(["devices", "watch", "add", "rooms", "--interval", "1h"]).ok();
    let _broker = Served::start(&home, [] as [&str; 0]);
    until("a queue", || activated.view()["listens"] == true);

    let devices = webex.control(Method::GET, "/devices", None);
    let device = devices.as_array().unwrap().iter().find(|device| !device["workspace_id"].is_null()).unwrap();
    let device = device["id"].as_str().unwrap();
    let happens = |what: &str| {
        let script = value!({ "devices": { "ids": [device] }, "steps": [{ "do": what }] });
        webex.control(Method::POST, "/devices/script", Some(&script));
    };
    let renewals = activated.renewals();
    activated.tell("updateApproved");
    happens("fail");
    until("a pushed change, long before the next reading is due", || states(&home, device) == ["up", "down"]);
    happens("recover");
    until("a pushed change back", || states(&home, device) == ["up", "down", "up"]);
    assert_eq!(
        activated.renewals(),
        renewals + 1,
        "an approved update is followed once, although the queue repeats it"
    );
    // The queue repeats that the device was down, and loses everything else.
    activated.tell("healthCheck");
    until("an answer to the health check", || activated.view()["health_checks_answered"] == 1);
    behave(value!({ "queue_drops_every": 1 }));
    home.run(["devices", "watch", "set", "rooms", "--interval", "15s"]).ok();
    happens("fail");
    until("a change that only a reading shows", || states(&home, device) == ["up", "down", "up", "down"]);

    behave(value!({ "queue_drops_every": 0 }));
    activated.tell("removed");
    until("the end of the grant", || home.show("rooms")["state"] == "needs-login");
    assert_eq!(states(&home, device).last().map(String::as_str), Some("down"));
}
