//! Commands that end while a renewal is under way, however they end.

use lanyard_protocol::Method;
use lanyard_testkit::{Home, Running, Webex};
use serde_json::json;

use super::{age, nothing_is_lost, slow, strict};
use crate::{LANYARD, signed_in};

/// So old, a token is due and still valid.
const ALMOST_A_LIFE: std::time::Duration = std::time::Duration::from_secs(1100);

/// Webex does not accept the access token any more, so that the next call renews it.
pub(crate) fn revoke_access(webex: &Webex) {
    let client_id = &webex.description().integration.client_id;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "client_id": client_id })));
}

#[test]
fn a_program_that_hangs_up_on_the_proxy_does_not_cancel_the_renewal_that_its_call_caused() {
    let webex = strict();
    let home = signed_in(&webex);
    revoke_access(&webex);
    slow(&webex, 2500);
    let call = "curl -s --max-time 1 -H \"Authorization: Bearer $WEBEX_ACCESS_TOKEN\" \"$WEBEX_BASE_URL/people/me\"";
    let ended = home.run(["exec", "acme", "--proxy", "--", "sh", "-c", call]);
    assert_eq!(ended.code(), 28, "curl's time is up: {}", ended.stderr);
    assert_eq!(home.show("acme")["generation"], 2);
    nothing_is_lost(&home, &webex, 1);
}

#[test]
fn any_command_that_a_signal_stops_during_a_renewal_stores_its_outcome_first() {
    for arguments in [&["api", "acme", "people/me"][..], &["test", "acme"]] {
        let webex = strict();
        let home = signed_in(&webex);
        revoke_access(&webex);
        let mut command = home.command(arguments);
        let mut running = Running::start(command.env("LANYARD_FAILPOINT", "rotation.sending=stop"));
        running.wait_until_stopped();
        slow(&webex, 300);
        running.signal("INT");
        running.signal("CONT");
        running.wait_for("a token request is under way; stopping as soon as its outcome is stored");
        running.end().fails(130);
        assert_eq!(home.show("acme")["generation"], 2, "{arguments:?}");
        nothing_is_lost(&home, &webex, 1);
    }
}

/// Starts a command that stops itself before it spends a refresh token, lets it go on after SIGINT, and waits for its end.
#[track_caller]
fn interrupted(home: &Home, webex: &Webex, arguments: &[&str]) {
    let mut command = home.command(arguments);
    let mut running = Running::start(command.env("LANYARD_FAILPOINT", "rotation.sending=stop"));
    running.wait_until_stopped();
    slow(webex, 300);
    running.signal("INT");
    running.signal("CONT");
    running.wait_for("a token request is under way; stopping as soon as its outcome is stored");
    running.end().fails(130);
}

#[test]
fn a_command_that_acts_through_an_administrator_stores_the_renewal_of_that_credential_first() {
    // Cisco's own code is seen to revoke access tokens only: then the refresh token is left to an administrator.
    let scopes = ["spark:people_read", "identity:tokens_read", "identity:tokens_write"];
    for arguments in [&["tokens", "list", "acme", "--via", "admin"][..], &["clear", "acme"]] {
        let webex = strict();
        webex.control(Method::POST, "/behaviour", Some(&json!({ "revoke_refresh_tokens": false })));
        let home = Home::new(LANYARD);
        let app = webex.description().integration.clone();
        home.add_app_as(&webex, (&app.client_id, &app.client_secret), &app.redirect_uris, &scopes).ok();
        home.sign_in(&webex, "admin");
        home.sign_in(&webex, "acme");
        age(&home, ALMOST_A_LIFE);
        interrupted(&home, &webex, arguments);
        assert_eq!(home.show("admin")["generation"], 2, "{arguments:?}");
        home.run(["refresh", "admin", "--force"]).ok();
        assert!(webex.accepts(&home.run(["token", "admin"]).ok()), "{arguments:?}");
        // What was interrupted can be done again, unless it was completed before the process ended.
        let again = home.run(["clear", "acme"]);
        assert!([0, 3].contains(&again.code()), "{again:?}");
        home.run(["show", "acme"]).fails(3);
    }
}

#[test]
fn a_service_app_that_is_being_added_is_there_when_a_signal_stops_the_command() {
    let webex = strict();
    let home = Home::new(LANYARD);
    let app = webex.description().service_app.clone();
    crate::kinds::add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    let token = home.file("refresh-token", &app.refresh_token);
    let file = token.to_str().unwrap();
    interrupted(&home, &webex, &["add", "service-app", "acme", "--app", "fleet", "--refresh-token-file", file]);
    nothing_is_lost(&home, &webex, 1);
}

#[test]
fn a_signal_leaves_a_credential_the_grant_it_had_if_its_next_refresh_token_is_refused() {
    let webex = strict();
    let home = Home::new(LANYARD);
    let app = webex.description().service_app.clone();
    crate::kinds::add_service_app(&webex, &home, &app.application_id, &app.client_id, &app.client_secret);
    let add = |name: &str, token: &str| {
        let token = home.file(name, token).to_str().unwrap().to_owned();
        ["add", "service-app", "acme", "--app", "fleet", "--refresh-token-file", &token].map(str::to_owned)
    };
    home.run(add("right", &app.refresh_token)).ok();
    let mut command = home.command(add("wrong", "not-a-refresh-token"));
    let mut running = Running::start(command.env("LANYARD_FAILPOINT", "rotation.sending=stop"));
    running.wait_until_stopped();
    slow(&webex, 300);
    running.signal("INT");
    running.signal("CONT");
    running.wait_for("a token request is under way; stopping as soon as its outcome is stored");
    // The wrong one is dead: the one that was there is sent next.
    running.wait_until_stopped();
    running.signal("CONT");
    running.end().fails(130);
    assert_eq!(home.show("acme")["state"], "active");
    webex.forget_record();
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn any_command_that_is_done_before_a_renewal_stores_its_outcome_before_it_ends() {
    let commands: [&[&str]; 3] = [&["api", "acme", "people/me"], &["test", "acme"], &["token", "acme"]];
    // Side by side: each waits for as long as a caller with a valid token waits for a better one.
    std::thread::scope(|scope| {
        for arguments in commands {
            scope.spawn(move || {
                let webex = strict();
                let home = signed_in(&webex);
                age(&home, ALMOST_A_LIFE);
                slow(&webex, 7000);
                let ended = home.run(arguments);
                assert_eq!(webex.refreshes().len(), 1, "{arguments:?}: {}", ended.stderr);
                assert_eq!(generation(&home), 2, "{arguments:?}: {}", ended.stderr);
                nothing_is_lost(&home, &webex, 1);
            });
        }
    });
}

fn generation(home: &Home) -> i64 {
    home.show("acme")["generation"].as_i64().unwrap_or_default()
}

#[test]
fn a_broker_whose_log_nobody_reads_any_more_stops_in_order() {
    let webex = strict();
    let home = signed_in(&webex);
    let mut broker = Running::start(&mut home.command(["serve"]));
    broker.wait_for("ready");
    broker.close_stderr();
    slow(&webex, 1500);
    let renewal = Running::start(&mut home.command(["refresh", "acme", "--force"]));
    while webex.refreshes().is_empty() {
        std::thread::yield_now();
    }
    broker.signal("TERM");
    broker.end().ok();
    drop(renewal);
    assert_eq!(generation(&home), 2);
    nothing_is_lost(&home, &webex, 1);
}
