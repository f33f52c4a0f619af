//! The code comes back on a loopback port.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use lanyard_testkit::{Elsewhere, Home, Options, Running, SCOPES, Webex};
use serde_json::json;
use url::Url;

use super::{code_exchanges, desk, login};
use crate::LANYARD;

/// Long enough that a second tab comes while the first one's code is being exchanged.
const SLOW_MS: u64 = 2000;

/// The redirect, with another state.
fn of_another_sign_in(redirected: &Url) -> Url {
    let mut url = redirected.clone();
    let pairs: Vec<_> = redirected.query_pairs().filter(|(name, _)| name != "state").collect();
    url.query_pairs_mut().clear().extend_pairs(pairs).append_pair("state", "another-sign-in");
    url
}

#[test]
fn a_browser_opens_and_both_it_and_the_terminal_say_who_signed_in() {
    let (webex, home) = desk(Options::default());
    let admin = webex.description().admin.email.clone();
    let opened = home.beside().join("opened");
    assert!(Command::new("mkfifo").arg(&opened).status().unwrap().success());
    let browser = home.file("browser", &format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", opened.display()));
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();

    let mut command = home.command(["login", "acme", "--app", "desk"]);
    let mut login = Running::start(command.env("BROWSER", &browser));
    let shown = login.wait_for("/authorize?").trim().to_owned();
    // The pipe is read until the browser has written it.
    let url = std::fs::read_to_string(&opened).unwrap();
    assert_eq!(url, shown, "the browser gets the address that the terminal shows");
    let (status, page) = webex.browse(&webex.person_signs_in(&url, true));

    assert_eq!(status, 200);
    assert!(page.contains("Signed in") && page.contains("You may close this tab"), "{page}");
    assert!(page.contains(&admin), "{page}");
    let ended = login.end();
    assert!(ended.stderr.contains(&format!("<{admin}>")), "{}", ended.stderr);
    assert!(ended.stderr.contains("valid for 14 days"), "{}", ended.stderr);
    assert!(ended.stderr.contains("use it: lanyard exec acme -- COMMAND"), "{}", ended.stderr);
    assert_eq!(ended.ok(), "", "nothing on stdout");
    assert!(webex.accepts(&home.token()));
}

#[test]
fn a_text_browser_has_the_terminal_until_it_ends_and_gets_its_page_before() {
    let (webex, home) = desk(Options::default());
    let folder = home.beside().join("browsers");
    std::fs::create_dir(&folder).unwrap();
    let (opened, left) = (folder.join("opened"), folder.join("left"));
    for pipe in [&opened, &left] {
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    // Known by its name as one that needs the terminal.
    let browser = folder.join("w3m");
    let script = format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\ncat '{}'\n", opened.display(), left.display());
    std::fs::write(&browser, script).unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();

    let mut command = home.command(["login", "acme", "--app", "desk"]);
    let mut login = Running::start(command.env("BROWSER", &browser));
    let url = std::fs::read_to_string(&opened).unwrap();
    let (status, page) = webex.browse(&webex.person_signs_in(&url, true));
    assert!(status == 200 && page.contains("Signed in"), "{page}");
    assert!(!login.has_ended(), "the browser still has the terminal");
    std::fs::write(&left, "").unwrap();
    login.end().ok();
    assert!(webex.accepts(&home.token()));
}

#[cfg(target_os = "linux")]
#[test]
fn silent_connections_to_its_port_end_no_sign_in() {
    let (webex, home) = desk(Options::default());
    let few = ["prlimit", "--nofile=64:4096", "--"];
    let mut command = home.command_by(few, ["login", "acme", "--app", "desk"]);
    let mut login = Running::start(command.env("BROWSER", "true"));
    let url = login.wait_for("/authorize?").trim().to_owned();
    let redirected = webex.person_signs_in(&url, true);
    let address = (redirected.host_str().unwrap(), redirected.port().unwrap());
    let silent: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
    let (status, page) = webex.browse(&redirected);
    assert_eq!(status, 200, "{page}");
    login.end().ok();
    drop(silent);
    assert!(webex.accepts(&home.token()));
}

#[test]
fn json_goes_to_stdout_alone() {
    let (webex, home) = desk(Options::default());
    let (login, url) = login(&home, &["acme", "--app", "desk", "--json"]);
    webex.browse(&webex.person_signs_in(&url, true));
    let shown: serde_json::Value = serde_json::from_str(&login.end().ok()).unwrap();
    assert_eq!(shown["subject"]["email"], webex.description().admin.email.as_str());
    assert_eq!(shown["state"], "active");
}

#[test]
fn an_answer_with_another_state_is_not_taken_and_the_sign_in_still_waits() {
    let (webex, home) = desk(Options::default());
    let (mut login, url) = login(&home, &["acme", "--app", "desk"]);
    let redirected = webex.person_signs_in(&url, true);

    let (status, page) = webex.browse(&of_another_sign_in(&redirected));
    assert_eq!(status, 400);
    assert!(page.contains("This belongs to another sign-in"), "{page}");
    let mut stateless = redirected.clone();
    stateless.query_pairs_mut().clear().append_pair("code", "abc");
    assert_eq!(webex.browse(&stateless).0, 400);
    let mut nonsense = redirected.clone();
    nonsense.set_query(None);
    let (status, page) = webex.browse(&nonsense);
    assert_eq!(status, 400);
    assert!(page.contains("neither a code nor an error"), "{page}");
    let mut beside = redirected.clone();
    beside.set_path("/favicon.ico");
    assert_eq!(webex.browse(&beside).0, 404);
    assert_eq!(code_exchanges(&webex), 0);
    assert!(!login.has_ended());

    assert_eq!(webex.browse(&redirected).0, 200);
    login.end().ok();
}

#[test]
fn a_second_tab_is_told_that_the_first_was_faster() {
    let (webex, home) = desk(Options::default());
    let (login, url) = login(&home, &["acme", "--app", "desk"]);
    let redirected = webex.person_signs_in(&url, true);
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_ms": SLOW_MS } }));

    std::thread::scope(|threads| {
        let first = threads.spawn(|| webex.browse(&redirected));
        while code_exchanges(&webex) == 0 {}
        let (status, page) = webex.browse(&redirected);
        assert_eq!(status, 409, "{page}");
        assert!(page.contains("Another tab was first"), "{page}");
        assert_eq!(first.join().unwrap().0, 200);
    });
    login.end().ok();
    assert_eq!(code_exchanges(&webex), 1);
}

#[test]
fn of_two_tabs_at_once_one_signs_in() {
    let (webex, home) = desk(Options::default());
    let (login, url) = login(&home, &["acme", "--app", "desk"]);
    let redirected = webex.person_signs_in(&url, true);
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_ms": SLOW_MS } }));

    let mut statuses = std::thread::scope(|threads| {
        let tabs = [(); 2].map(|()| threads.spawn(|| webex.browse(&redirected).0));
        tabs.map(|tab| tab.join().unwrap())
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    login.end().ok();
    assert_eq!(code_exchanges(&webex), 1);
    assert_eq!(home.show("acme")["generation"], 1);
}

#[test]
fn a_denied_consent_is_said_in_the_browser_and_in_the_terminal() {
    let (webex, home) = desk(Options::default());
    let (login, url) = login(&home, &["acme", "--app", "desk"]);
    let (status, page) = webex.browse(&webex.person_signs_in(&url, false));
    assert_eq!(status, 400);
    assert!(page.contains("Not signed in") && page.contains("access_denied"), "{page}");
    let ended = login.end();
    assert!(ended.hint().contains("Deny"), "{}", ended.stderr);
    ended.fails(4);
    assert_eq!(code_exchanges(&webex), 0);
    home.run(["show", "acme"]).fails(3);
}

#[test]
fn a_scope_that_the_app_does_not_have_is_said_to_be_that() {
    let (webex, home) = desk(Options::default());
    let scope = "spark:never_registered";
    let (login, url) = login(&home, &["acme", "--app", "desk", "--scope", scope]);
    assert_eq!(webex.browse(&webex.person_signs_in(&url, true)).0, 400);
    let ended = login.end();
    assert!(ended.stderr.contains("invalid_scope") && ended.stderr.contains(scope), "{}", ended.stderr);
    assert!(ended.hint().contains("lanyard app set desk --scope"), "{}", ended.stderr);
    ended.fails(4);
}

#[test]
fn a_port_in_use_is_named_and_pasting_still_works() {
    let taken = Elsewhere::listen();
    let redirect_uri = format!("http://127.0.0.1:{}/callback", taken.port());
    let webex = Webex::with(Options::default());
    let (client_id, secret) = webex.register(std::slice::from_ref(&redirect_uri), &SCOPES);
    let home = Home::new(LANYARD);
    home.add_app_as(&webex, (&client_id, &secret), &[redirect_uri], &SCOPES).ok();

    let ended = home.run(["login", "acme", "--app", "desk"]);
    assert!(ended.stderr.contains(&taken.port().to_string()), "{}", ended.stderr);
    assert!(ended.hint().contains("--paste"), "{}", ended.stderr);
    ended.fails(1);

    home.sign_in(&webex, "acme");
    assert!(webex.accepts(&home.token()));
    taken.saw_nobody();
}

#[test]
fn a_port_in_use_is_passed_over_for_the_next_redirect_uri() {
    let (webex, home) = desk(Options::default());
    let (mut first, url) = login(&home, &["acme", "--app", "desk"]);
    let (second, other_url) = login(&home, &["other", "--app", "desk"]);
    let (one, two) = (webex.person_signs_in(&url, true), webex.person_signs_in(&other_url, true));
    assert_ne!(one.port(), two.port());
    // Each tells the other's answer from its own.
    let mut crossed = two.clone();
    crossed.set_port(one.port()).unwrap();
    assert_eq!(webex.browse(&crossed).0, 400);
    assert!(!first.has_ended());
    assert_eq!(webex.browse(&two).0, 200);
    assert_eq!(webex.browse(&one).0, 200);
    first.end().ok();
    second.end().ok();
}

#[test]
fn localhost_by_name_is_listened_on() {
    let redirect_uris: Vec<_> =
        lanyard_testkit::free_redirect_uris().iter().map(|uri| uri.replace("127.0.0.1", "localhost")).collect();
    let webex = Webex::with(Options::default());
    let (client_id, secret) = webex.register(&redirect_uris, &SCOPES);
    let home = Home::new(LANYARD);
    home.add_app_as(&webex, (&client_id, &secret), &redirect_uris, &SCOPES).ok();
    let (login, url) = login(&home, &["acme", "--app", "desk"]);
    let redirected = webex.person_signs_in(&url, true);
    assert_eq!(redirected.host_str(), Some("localhost"));
    assert_eq!(webex.browse(&redirected).0, 200);
    login.end().ok();
}

#[test]
fn an_app_without_a_loopback_redirect_uri_asks_for_paste() {
    let redirect_uris = ["https://intranet.example/callback".to_owned()];
    let webex = Webex::with(Options::default());
    let (client_id, secret) = webex.register(&redirect_uris, &SCOPES);
    let home = Home::new(LANYARD);
    home.add_app_as(&webex, (&client_id, &secret), &redirect_uris, &SCOPES).ok();
    let ended = home.run(["login", "acme", "--app", "desk"]);
    assert!(ended.hint().contains("--paste"), "{}", ended.stderr);
    ended.fails(2);
    home.sign_in(&webex, "acme");
}
