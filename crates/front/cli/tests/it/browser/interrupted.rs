//! Sign-ins that do not go straight to their end.

use std::time::Duration;

use lanyard_testkit::{Browser, wait};
use serde_json::json;

use super::{DONE, Desk};

/// Long enough that a second tab comes while the first one's code is being exchanged.
const SLOW_MS: u64 = 4000;

#[test]
fn of_two_tabs_the_first_signs_in_and_the_second_is_told_so() {
    let desk = Desk::new();
    let (login, url) = desk.login();
    let (first, second) = (desk.browser.open(&url), desk.browser.open(&url));
    desk.signs_in(&first);
    desk.signs_in(&second);
    desk.webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_ms": SLOW_MS } }));
    let exchanges = || {
        let record = desk.webex.record();
        record.iter().filter(|call| call["grant_type"] == "authorization_code").count()
    };
    first.click("Accept");
    let begun = (0..1000).any(|_| {
        wait(Duration::from_millis(10));
        exchanges() > 0
    });
    assert!(begun, "the first tab brings its code: {}", first.text());
    second.click("Accept");
    second.wait_for("Another tab was first");
    second.looks_right("callback-second-tab");
    first.wait_for(DONE);
    first.looks_right("callback-signed-in");
    desk.signed_in(login.end());
    assert_eq!(exchanges(), 1);
}

#[test]
fn a_browser_closed_half_way_leaves_a_sign_in_that_can_be_cancelled() {
    let desk = Desk::new();
    let (mut login, url) = desk.login();
    let page = desk.browser.open(&url);
    desk.signs_in(&page);
    let Desk { webex: _webex, home, browser, opened: _opened } = desk;
    browser.kill();
    assert!(!login.has_ended());
    login.signal("INT");
    login.end().fails(130);
    home.run(["show", "acme"]).fails(3);
}

#[test]
fn a_sign_in_whose_browser_was_closed_is_finished_in_another() {
    let mut desk = Desk::new();
    let (login, url) = desk.login();
    desk.signs_in(&desk.browser.open(&url));
    // The first one is ended with all that it knew.
    desk.browser = Browser::start();
    let page = desk.browser.open(&url);
    desk.signs_in(&page);
    page.click("Accept");
    page.wait_for(DONE);
    desk.signed_in(login.end());
}
