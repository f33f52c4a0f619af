//! The browser is not the one of this machine: the answer is carried over, or a code is typed.

use lanyard_testkit::{Browser, Key, Method};
use serde_json::json;

use super::{Desk, EMAIL};

#[test]
fn a_browser_that_cannot_reach_the_terminal_ends_at_an_address_to_paste() {
    let desk = Desk::new();
    let mut login = desk.login_with(&["--paste"]);
    let url = login.wait_for("/authorize?").trim().to_owned();
    let beginning = login.wait_for("address bar will begin with");
    let beginning = beginning.split("begin with ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let page = desk.browser.open(&url);
    desk.signs_in(&page);
    page.click("Accept");
    let ended_at = page.wait_for_url(&beginning);
    login.write_line(&ended_at);
    desk.signed_in(login.end());
}

/// Where `lanyard login --device` sends the person, and the code that it shows.
struct Code {
    page: String,
    code: String,
}

impl Desk {
    #[track_caller]
    fn device_login(&self) -> (lanyard_testkit::Running, Code) {
        self.webex.control(Method::POST, "/behaviour", Some(&json!({ "device_interval_s": 0 })));
        let mut login = self.login_with(&["--device"]);
        let page = login.wait_for("/device").trim().to_owned();
        let code = login.wait_for("type this code: ").split(": ").nth(1).unwrap().trim().to_owned();
        (login, Code { page, code })
    }
}

#[test]
fn a_code_is_typed_on_the_page_that_the_terminal_names() {
    let desk = Desk::new();
    let (login, Code { page, code }) = desk.device_login();
    let page = desk.browser.open(&page);
    page.looks_right("device-code");
    assert_eq!(page.focus().expect("something has the focus").name, "Code");
    page.type_text("000000x");
    page.press(Key::Enter);
    page.wait_for("device shows");
    page.looks_right("device-code-refused");
    page.fill("Code", &code);
    page.press(Key::Enter);
    page.wait_for(EMAIL);
    page.looks_right("device-sign-in");
    assert!(page.text().contains(&code), "{}", page.text());
    desk.signs_in(&page);
    page.looks_right("device-consent");
    page.click("Accept");
    page.wait_for("You may close this page");
    page.looks_right("device-done");
    desk.signed_in(login.end());
}

#[test]
fn a_browser_of_the_tests_reaches_nothing_beyond_this_machine() {
    let browser = Browser::start();
    let page = browser.open("about:blank");
    for address in ["http://webex.com/", "https://webexapis.com/v1/people/me", "http://192.0.2.1/"] {
        assert_eq!(page.try_go(address), Err("net::ERR_PROXY_CONNECTION_FAILED".to_owned()), "{address}");
    }
}
