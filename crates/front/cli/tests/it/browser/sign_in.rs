//! The code comes back on a loopback port, by way of real pages.

use lanyard_testkit::Key;
use url::Url;

use super::{DONE, Desk, EMAIL, PASSWORD, SIGN_IN};

#[test]
fn a_person_with_a_mouse_signs_in() {
    let desk = Desk::new();
    let (login, url) = desk.login();
    let page = desk.browser.open(&url);
    assert!(page.text().contains("to continue to"), "{}", page.text());
    page.looks_right("sign-in");
    desk.signs_in(&page);
    page.looks_right("consent");
    page.click("Accept");
    page.wait_for(DONE);
    desk.signed_in(login.end());
}

#[test]
fn a_person_without_a_mouse_signs_in() {
    let desk = Desk::new();
    let admin = desk.webex.description().admin.clone();
    let (login, url) = desk.login();
    let page = desk.browser.open(&url);
    // The first field waits for the keys already, and that is seen.
    let first = page.focus().expect("something has the focus");
    assert_eq!((first.name.as_str(), first.visible), (EMAIL, true));
    page.type_text(&admin.email);
    assert_eq!(page.tab(), PASSWORD);
    page.type_text(&admin.password);
    assert_eq!(page.tab(), SIGN_IN);
    page.press(Key::BackTab);
    assert_eq!(page.focus().expect("something has the focus").name, PASSWORD);
    page.press(Key::Enter);
    page.wait_for("Allow access?");
    // An Enter too many allows nothing.
    assert_eq!(page.focus(), None);
    let order = [(); 5].map(|()| page.tab());
    assert_eq!(order, ["Skip to content", "Simulated Webex", "Accept", "Deny", "Use another account"]);
    page.press(Key::BackTab);
    page.press(Key::BackTab);
    page.press(Key::Space);
    page.wait_for(DONE);
    desk.signed_in(login.end());
}

#[test]
fn a_wrong_password_is_told_and_the_right_one_goes_on() {
    let desk = Desk::new();
    let admin = desk.webex.description().admin.clone();
    let (login, url) = desk.login();
    let page = desk.browser.open(&url);
    page.fill(EMAIL, &admin.email);
    page.fill(PASSWORD, "not the password");
    page.click(SIGN_IN);
    page.wait_for("The email address or the password is wrong.");
    page.looks_right("sign-in-refused");
    // The address stays, the password does not, and the keys go where they are needed.
    assert_eq!((page.value(EMAIL), page.value(PASSWORD)), (admin.email, String::new()));
    assert_eq!(page.focus().expect("something has the focus").name, PASSWORD);
    page.type_text(&admin.password);
    page.press(Key::Enter);
    page.wait_for("Allow access?");
    page.click("Accept");
    page.wait_for(DONE);
    desk.signed_in(login.end());
}

#[test]
fn whoever_denies_stores_nothing_and_the_terminal_says_so() {
    let desk = Desk::new();
    let (login, url) = desk.login();
    let page = desk.browser.open(&url);
    desk.signs_in(&page);
    page.click("Deny");
    page.wait_for("Not signed in");
    assert!(page.text().contains("denied the request. The next step is in the terminal"), "{}", page.text());
    page.looks_right("callback-denied");
    let ended = login.end();
    assert!(ended.hint().contains("Deny"), "{}", ended.stderr);
    ended.fails(4);
    desk.has_nothing();
}

#[test]
fn an_answer_whose_state_was_changed_is_refused_and_nothing_is_stored() {
    let desk = Desk::new();
    let (mut login, url) = desk.login();
    // Somebody on the way gave the browser another state than the one that lanyard drew.
    let tampered = with_state(&url, Some("theirs"));
    let page = desk.browser.open(&tampered);
    desk.signs_in(&page);
    page.click("Accept");
    page.wait_for("This belongs to another sign-in");
    page.looks_right("callback-another-sign-in");
    let arrived = page.url();
    assert!(arrived.contains("state=theirs"), "{arrived}");
    // Nor does any other do, nor none, in the address that the browser was sent back to.
    for state in [Some("mine"), None] {
        page.go(&with_state(&arrived, state));
        assert!(page.text().contains("another sign-in"), "{}", page.text());
    }
    assert!(!login.has_ended());
    desk.has_nothing();
    assert!(desk.webex.record().iter().all(|call| call["grant_type"] != "authorization_code"));
    login.signal("INT");
    login.end();
    desk.has_nothing();
}

/// An address with another state, or with none.
fn with_state(url: &str, state: Option<&str>) -> String {
    let mut url = Url::parse(url).unwrap();
    let pairs: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| name != "state").collect();
    let state = state.map(|state| ("state".to_owned(), state.to_owned()));
    url.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(state);
    url.into()
}
