//! Commands that end while a renewal is under way, however they end.

use lanyard_protocol::Method;
use lanyard_testkit::{Home, Running, Webex};
use serde_json::json;

use super::{age, nothing_is_lost, strict};
use crate::signed_in;

/// So old, a token is due and still valid.
const ALMOST_A_LIFE: std::time::Duration = std::time::Duration::from_secs(1100);

/// Webex does not accept the access token any more, so that the next call renews it.
fn revoke_access(webex: &Webex) {
    let client_id = &webex.description().integration.client_id;
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "client_id": client_id })));
}

/// The token endpoint takes effect at once and answers so much later.
fn slow(webex: &Webex, milliseconds: u64) {
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_after_ms": milliseconds } }));
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
        running.wait_for("a renewal is under way; stopping as soon as its outcome is stored");
        running.end().fails(130);
        assert_eq!(home.show("acme")["generation"], 2, "{arguments:?}");
        nothing_is_lost(&home, &webex, 1);
    }
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
