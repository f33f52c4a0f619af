//! Audit entries about refused requests.

use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex};

use crate::LANYARD;

#[test]
fn the_audit_says_what_was_refused_and_why_without_a_word_of_what_was_sent() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let policy = ["--credential", "acme", "--can", "proxy", "--methods", "GET", "--paths", "/people/*"];
    let key = home.run([&["client", "add", "dashboard"][..], &policy].concat()).ok();
    let broker = Served::start(&home, ["--http", "127.0.0.1:0"]);
    let key = Some(key.trim());
    for (method, path) in [
        ("GET", "/api/v1/credentials/acme/token"),
        ("POST", "/webex/acme/v1/messages?text=canary-in-a-query"),
        ("GET", "/webex/acme/v1/rooms/canary-in-a-path/tabs"),
        ("GET", "/webex/acme/v1/people/../canary-in-a-path"),
    ] {
        assert!((400..404).contains(&broker.ask_remote(key, method, path).status), "{method} {path}");
    }
    assert_eq!(broker.ask_remote(None, "GET", "/api/v1/credentials").status, 401);
    assert_eq!(broker.ask_remote(Some("canary-for-a-key"), "GET", "/api/v1/credentials").status, 401);
    assert!(broker.stop().status.success());
    let audit = home.run(["audit"]).ok();
    for said in [
        "token: refused (it may not do this: token)",
        "proxy POST messages: refused (it may not call with this method)",
        "proxy GET rooms/*/*: refused (it may not call this path)",
        "proxy GET: bad-path (the path is not accepted)",
        "request: unauthorized (there is no key)",
        "request: unauthorized (what was sent is not a client key)",
    ] {
        assert!(audit.contains(said), "{said}:\n{audit}");
    }
    assert!(!audit.contains("canary"), "{audit}");
}
