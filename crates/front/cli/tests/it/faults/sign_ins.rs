//! Sign-ins that end while Webex issues their tokens, however they end: the tokens are stored or given back.

use std::process::Stdio;
use std::time::Duration;

use lanyard_testkit::{Home, Method, Running, Served, Webex, wait};
use serde_json::json;

use super::{nothing_is_lost, slow, strict};
use crate::LANYARD;

const STOPPING: &str = "a token request is under way; stopping as soon as its outcome is stored";

fn home(webex: &Webex) -> Home {
    let home = Home::new(LANYARD);
    home.add_app(webex);
    home
}

/// Signs somebody in as `acme`, as far as to the exchange of the code, which Webex answers only after a while.
fn exchanging(webex: &Webex, home: &Home, email: &str) -> Running {
    let exchanges = || webex.record().iter().filter(|call| call["grant_type"] == "authorization_code").count();
    let mut login = home.begin_login("acme");
    let url = login.wait_for("/authorize?").trim().to_owned();
    let redirected = webex.signs_in(email, &url, true);
    let before = exchanges();
    slow(webex, 1500);
    login.write_line(redirected.as_str());
    while exchanges() == before {
        std::thread::yield_now();
    }
    login
}

/// The live grants of whoever has that address.
fn grants(webex: &Webex, email: &str) -> usize {
    let grants = webex.control(Method::GET, "/grants", None);
    let of_app = |grant: &&serde_json::Value| grant["client_id"] == webex.description().integration.client_id.as_str();
    grants.as_array().into_iter().flatten().filter(of_app).filter(|grant| grant["subject"]["email"] == email).count()
}

/// Waits until something is so, for as long as a test may.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if is_so() {
            return;
        }
        wait(Duration::from_millis(20));
    }
    panic!("never {what}");
}

#[test]
fn a_sign_in_that_a_signal_stops_during_its_exchange_is_stored_first() {
    for signal in ["INT", "QUIT"] {
        let webex = strict();
        let home = home(&webex);
        let admin = webex.description().admin.email.clone();
        let mut login = exchanging(&webex, &home, &admin);
        login.signal(signal);
        login.wait_for(STOPPING);
        // Whether it still says who signed in is a matter of chance.
        login.end();
        assert_eq!(home.show("acme")["generation"], 1, "SIG{signal}");
        assert_eq!(grants(&webex, &admin), 1, "SIG{signal}");
        nothing_is_lost(&home, &webex, 0);
    }
}

#[test]
fn a_sign_in_of_another_person_that_a_signal_stops_is_given_back_first() {
    let webex = strict();
    let home = home(&webex);
    home.sign_in(&webex, "acme");
    let colleague = webex.colleague();
    let mut login = exchanging(&webex, &home, &colleague);
    login.signal("INT");
    login.wait_for(STOPPING);
    login.end();
    assert_eq!(grants(&webex, &colleague), 0);
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_broker_finishes_the_sign_in_of_a_command_that_was_killed_even_if_it_is_to_stop() {
    for stops in [false, true] {
        let webex = strict();
        let home = home(&webex);
        let mut broker = Served::start::<&str>(&home, []);
        let admin = webex.description().admin.email.clone();
        exchanging(&webex, &home, &admin).kill();
        if stops {
            broker.signal("TERM");
            broker.ended().ok();
        } else {
            until("signed in", || home.run(["show", "acme"]).status.success());
        }
        assert_eq!(home.show("acme")["generation"], 1, "stops: {stops}");
        nothing_is_lost(&home, &webex, 0);
    }
}

/// Starts a sign-in by code; gives the address that holds the code.
fn by_code(home: &Home) -> (Running, String) {
    let mut command = home.command(["login", "acme", "--app", "desk", "--device"]);
    let mut login = Running::start(command.stdin(Stdio::null()));
    let line = login.wait_for("holds the code: ");
    let address = line.split("holds the code: ").nth(1).unwrap().trim().to_owned();
    login.wait_for("Ctrl-C cancels");
    (login, address)
}

#[test]
fn a_sign_in_by_code_that_a_signal_stops_when_it_is_granted_is_stored_first() {
    let webex = strict();
    let home = home(&webex);
    webex.control(Method::POST, "/behaviour", Some(&json!({ "device_interval_s": 0 })));
    let delay = json!({ "path": "/v1/device/token", "count": null, "action": { "delay_after_ms": 1500 } });
    webex.fault(&delay);
    let admin = webex.description().admin.email.clone();
    let (mut login, address) = by_code(&home);
    webex.approves_device(&address, true);
    until("granted", || grants(&webex, &admin) == 1);
    login.signal("INT");
    login.wait_for(STOPPING);
    login.end();
    webex.control(Method::DELETE, "/faults", None);
    assert_eq!(home.show("acme")["generation"], 1);
    nothing_is_lost(&home, &webex, 0);
}

#[test]
fn a_sign_in_by_code_that_waits_is_ended_by_a_signal_at_once() {
    let webex = strict();
    let home = home(&webex);
    webex.control(Method::POST, "/behaviour", Some(&json!({ "device_interval_s": 60 })));
    let (login, _) = by_code(&home);
    login.signal("INT");
    let ended = login.end();
    assert!(!ended.stderr.contains("token request"), "{}", ended.stderr);
    ended.fails(130);
    home.run(["show", "acme"]).fails(3);
}
