//! The story of each kind of credential: how it is obtained, tested, used, expired, dead, and cleared.

mod bot;
mod guest;
mod integration;
mod personal;
mod service_app;
mod transcripts;
mod workspace_integration;

use std::process::Stdio;

use lanyard_testkit::{Ended, Home, Running, Webex};
use serde_json::Value;

use crate::LANYARD;

/// An empty home of this Webex's.
pub(crate) fn home() -> Home {
    Home::new(LANYARD)
}

/// Adds a credential whose secret is given on standard input.
pub(crate) fn add(webex: &Webex, home: &Home, words: &[&str], secret: &str) -> Ended {
    let mut command = home.command(["--webex-url", webex.url(), "add"]);
    let mut adding = Running::start(command.args(words).stdin(Stdio::piped()));
    adding.write_line(secret);
    adding.end()
}

/// `lanyard --json …`, whatever its exit code.
#[track_caller]
pub(crate) fn json(home: &Home, words: &[&str]) -> (i32, Value) {
    let mut command = home.command(["--json"]);
    let ended = Running::start(command.args(words)).end();
    let value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}\n{}", ended.stdout, ended.stderr));
    (ended.code(), value)
}

/// An administrator's credential with these scopes, under the name `admin`, through the app `desk`.
#[track_caller]
pub(crate) fn administrator(webex: &Webex, home: &Home, scopes: &[&str]) {
    let app = &webex.description().integration;
    let secret = (app.client_id.as_str(), app.client_secret.as_str());
    home.add_app_as(webex, secret, &app.redirect_uris, scopes).ok();
    home.sign_in(webex, "admin");
}

/// Registers the simulator's service app, or another one, under the name `fleet`.
#[track_caller]
pub(crate) fn add_service_app(webex: &Webex, home: &Home, application_id: &str, client_id: &str, client_secret: &str) {
    let mut command = home.command(["--webex-url", webex.url(), "app", "add", "fleet", "--kind", "service-app"]);
    command.args(["--client-id", client_id, "--application-id", application_id]);
    // Webex has seen nothing yet when the test begins.
    command.args(["--force", "--client-secret-file", "-"]);
    let mut adding = Running::start(command.stdin(Stdio::piped()));
    adding.write_line(client_secret);
    adding.end().ok();
}
