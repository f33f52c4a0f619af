//! Devices: watched with a bot, from a bot to which nothing is granted to one whose token is dead.

mod alerts;
mod coverage;
mod history;
mod hostile;
mod list;
mod places;
mod readings;
mod restart;
mod watches;
mod xapi;

use lanyard_testkit::{Home, Options, Webex};
use serde_json::Value;

use crate::kinds::{add, home, json};

/// The scopes of somebody who sees all devices and workspaces.
const ADMINISTRATOR: [&str; 3] = ["spark:people_read", "spark-admin:devices_read", "spark-admin:workspaces_read"];

fn scene() -> (Webex, Home) {
    let webex = Webex::with(Options { devices: 12, ..Options::default() });
    let home = home();
    add(&webex, &home, &["bot", "lobby", "--token-file", "-"], &webex.description().bot.access_token).ok();
    (webex, home)
}

fn grant_all(webex: &Webex) {
    for workspace in webex.workspaces() {
        webex.grant(workspace["id"].as_str().unwrap(), &webex.description().bot.email, Some("read"));
    }
}

/// Moves everything that was read back.
fn a_minute_later(home: &Home) {
    crate::client::rewrite(
        home,
        "UPDATE devices_seen SET since = since - 60000, candidate_since = candidate_since - 60000; \
         UPDATE devices_periods SET began = began - 60000, ended = ended - 60000; \
         UPDATE devices_readings SET read_at = read_at - 60000",
    );
}

/// Two readings with a minute between them.
fn sweep_twice(home: &Home) {
    home.run(["devices", "sweep"]).ok();
    a_minute_later(home);
    home.run(["devices", "sweep"]).ok();
}

/// The devices of `devices list`, as JSON.
fn listed(home: &Home) -> Vec<Value> {
    json(home, &["devices", "list"]).1["devices"].as_array().unwrap().clone()
}
