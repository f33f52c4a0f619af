//! A token goes to the Webex that it belongs to, whatever a flag or a variable says later.

use std::time::Duration;

use lanyard_testkit::{Elsewhere, Ended, Home, RefreshBehaviour, Running, Webex};

use crate::signed_in;

const LIFE: Duration = Duration::from_hours(1);

/// Runs a command with the address elsewhere: given by the variable, then by the flag.
fn pointed(home: &Home, elsewhere: &Elsewhere, arguments: &[&str]) -> [Ended; 2] {
    let by_variable = Running::start(home.command(arguments).env("LANYARD_WEBEX_URL", elsewhere.url())).end();
    let url = elsewhere.url();
    let by_flag = home.run(["--webex-url", &url].iter().chain(arguments));
    [by_variable, by_flag]
}

#[track_caller]
fn refused(ended: &[Ended; 2], code: i32, webex: &Webex) {
    for ended in ended {
        assert_eq!(ended.code(), code, "{}\n{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.contains(&format!("belongs to {}", webex.url())), "{}", ended.stderr);
        assert!(ended.hint().contains("LANYARD_WEBEX_URL"), "{}", ended.stderr);
    }
}

#[test]
fn a_differing_address_is_refused_and_nothing_is_sent_there() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, LIFE);
    let (home, elsewhere) = (signed_in(&webex), Elsewhere::listen());
    let token = home.token();

    for arguments in [
        &["token", "acme"][..],
        &["token"],
        &["token", "acme", "--min-validity", "3599"],
        &["refresh", "acme"],
        &["refresh", "acme", "--force"],
        &["clear", "acme"],
        &["login", "acme"],
        &["login", "acme", "--app", "desk", "--paste"],
        &["login", "another", "--app", "desk"],
    ] {
        refused(&pointed(&home, &elsewhere, arguments), 2, &webex);
    }
    let ran = home.beside().join("ran");
    let exec = ["exec", "acme", "--", "touch", ran.to_str().unwrap()];
    refused(&pointed(&home, &elsewhere, &exec), 125, &webex);
    assert!(!ran.exists(), "the program did not run");

    elsewhere.saw_nobody();
    assert!(webex.refreshes().is_empty(), "{:?}", webex.refreshes());
    assert_eq!(home.token(), token);
    assert_eq!(home.show("acme")["generation"], 1);
}

#[test]
fn the_address_is_looked_at_before_anything_is_rotated() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_secs(1));
    let (home, elsewhere) = (signed_in(&webex), Elsewhere::listen());
    home.outlive(Duration::from_secs(1));
    webex.live_longer(LIFE);

    refused(&pointed(&home, &elsewhere, &["token", "acme"]), 2, &webex);
    refused(&pointed(&home, &elsewhere, &["exec", "acme", "--", "true"]), 125, &webex);

    assert!(webex.refreshes().is_empty(), "{:?}", webex.refreshes());
    assert_eq!(home.show("acme")["generation"], 1);
    elsewhere.saw_nobody();
    assert!(webex.accepts(&home.token()), "without the address it is renewed");
}

#[test]
fn what_only_reads_the_home_shows_the_stored_address() {
    let webex = Webex::start(RefreshBehaviour::Keep, LIFE);
    let (home, elsewhere) = (signed_in(&webex), Elsewhere::listen());
    for arguments in [&["--json", "show", "acme"][..], &["--json", "list"], &["--json", "app", "show", "desk"]] {
        for ended in pointed(&home, &elsewhere, arguments) {
            let shown = ended.ok();
            assert!(shown.contains(&format!("\"environment\": \"{}\"", webex.url())), "{shown}");
        }
    }
    for ended in pointed(&home, &elsewhere, &["doctor"]) {
        ended.ok();
    }
    elsewhere.saw_nobody();
}

#[test]
fn the_same_address_in_another_spelling_is_no_other() {
    let webex = Webex::start(RefreshBehaviour::Keep, LIFE);
    let home = signed_in(&webex);
    let slash = format!("{}/", webex.url());
    assert_eq!(home.run(["--webex-url", &slash, "token", "acme"]).ok(), home.token());
    let named = home.run(["--environment", "commercial", "token", "acme"]);
    assert!(named.hint().contains("--environment"), "{}", named.stderr);
    named.fails(2);
    let nonsense = home.run(["--webex-url", "http://webexapis.com/v1", "token", "acme"]);
    assert!(nonsense.stderr.contains("unencrypted"), "{}", nonsense.stderr);
    nonsense.fails(2);
}
