//! The owner's socket: one broker at a time, whatever was left behind; started and stopped in order.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex, ask_on};
use serde_json::json;

use crate::LANYARD;

const NONE: [&str; 0] = [];

#[test]
fn a_token_comes_from_memory_and_is_written_down() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    webex.forget_record();
    let mode = |path: std::path::PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(broker.socket()), 0o600);

    let reply = broker.ask("GET", "/api/v1/credentials/acme/token");
    assert_eq!((reply.status, reply.header("cache-control")), (200, Some("no-store")));
    let token = reply.json();
    assert_eq!(token["token_type"], "Bearer");
    assert!((3500..=3600).contains(&token["expires_in"].as_u64().unwrap()), "{}", token["expires_in"]);
    assert!(token["scopes"].as_array().unwrap().contains(&json!("spark:people_read")));
    for _ in 0..4 {
        broker.ask("GET", "/api/v1/credentials/acme/token");
    }
    assert_eq!(webex.record().len(), 0, "nobody was asked");
    assert!(broker.stop().status.success());

    let audit = home.run(["audit"]).ok();
    let hand_outs: Vec<_> = audit.lines().filter(|line| line.contains("handed-out")).collect();
    let times: usize = hand_outs
        .iter()
        .map(|line| line.rsplit_once(", ").and_then(|(_, last)| last.strip_suffix(" times")?.parse().ok()).unwrap_or(1))
        .sum();
    assert_eq!(times, 5, "{audit}");
    home.run(["audit", "--verify"]).ok();
}

#[test]
fn the_first_start_in_a_new_home_says_no_more_than_it_must() {
    let home = Home::new(LANYARD);
    let broker = Served::start(&home, NONE);
    let said: Vec<_> =
        broker.log().iter().map(|fact| fact["message"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(!said.iter().any(|said| said.contains("schema")), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("ready"));
}

#[test]
fn a_second_broker_is_refused_and_the_first_goes_on() {
    let home = Home::new(LANYARD);
    let broker = Served::start(&home, NONE);
    let second = home.run(["serve"]);
    assert!(second.stderr.contains("a broker runs already"), "{}", second.stderr);
    assert!(!second.hint().is_empty());
    assert_eq!(second.code(), 1);
    assert_eq!(broker.ask("GET", "/healthz").status, 200);
}

#[test]
fn what_a_killed_broker_left_behind_is_in_nobodys_way() {
    let home = Home::new(LANYARD);
    let broker = Served::start(&home, NONE);
    let socket = broker.socket();
    assert!(broker.kill());
    assert!(socket.exists(), "nobody took it away");
    let next = Served::start(&home, NONE);
    assert_eq!(next.ask("GET", "/readyz").json()["status"], "ready");
    assert!(next.stop().status.success());
    assert!(!socket.exists(), "it went with its broker");

    // A file that is no socket is somebody's, and stays.
    fs::write(&socket, "mine").unwrap();
    let lock = socket.with_extension("lock");
    fs::remove_file(&lock).unwrap();
    let refused = home.run(["serve"]);
    assert!(!lock.exists(), "nothing is made beside it");
    assert!(refused.fails(1).contains("is not a socket"));
    assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
    fs::remove_file(&socket).unwrap();

    // A socket that somebody else listens on without the lock is taken over: the lock is what counts.
    let other = UnixListener::bind(&socket).unwrap();
    assert_eq!(Served::start(&home, NONE).ask("GET", "/healthz").status, 200);
    drop(other);
}

#[test]
fn told_to_stop_it_finishes_what_was_begun() {
    let webex = Webex::start(RefreshBehaviour::RotateStrict, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let mut broker = Served::start(&home, NONE);
    webex.fault(&json!({ "path": "/v1/access_token", "action": { "delay_ms": 1500 } }));
    let socket = broker.socket();
    let asking = std::thread::spawn(move || {
        ask_on(&socket, "POST", "/api/v1/credentials/acme/refresh?force=true", &[]).unwrap()
    });
    while webex.refreshes().is_empty() {
        lanyard_testkit::wait(Duration::from_millis(10));
    }
    broker.signal("TERM");
    let reply = asking.join().unwrap();
    assert_eq!((reply.status, reply.json()["outcome"].as_str()), (200, Some("renewed")), "{reply:?}");
    assert!(broker.ended().status.success());
    assert_eq!(home.show("acme")["generation"], 2);
    assert_eq!(home.run(["refresh", "acme", "--force"]).code(), 0, "its refresh token was not lost");
}

#[test]
fn what_another_process_changes_is_known_within_a_second() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    // Away from where commands look for it, so that they change the store by themselves.
    let elsewhere = home.beside().join("sockets");
    fs::create_dir(&elsewhere).unwrap();
    let broker = Served::start(&home, ["--sockets", elsewhere.to_str().unwrap()]);
    let ask = |name: &str| broker.ask("GET", &format!("/api/v1/credentials/{name}/token"));
    assert_eq!(ask("acme").status, 200);
    let turns_to = |name: &str, status: u16| {
        let turned = (0..200).any(|_| {
            lanyard_testkit::wait(Duration::from_millis(10));
            ask(name).status == status
        });
        assert!(turned, "{name}: {:?}", ask(name));
    };
    home.run(["disable", "acme"]).ok();
    turns_to("acme", 422);
    home.run(["enable", "acme"]).ok();
    turns_to("acme", 200);
    home.run(["rename", "acme", "corp"]).ok();
    turns_to("acme", 404);
    assert_eq!(ask("corp").status, 200);
    home.run(["clear", "corp", "--yes"]).ok();
    turns_to("corp", 404);
}

#[test]
fn a_client_that_sends_nothing_or_nonsense_hinders_nobody() {
    let home = Home::new(LANYARD);
    let broker = Served::start(&home, NONE);
    let silent: Vec<_> = (0..50).map(|_| UnixStream::connect(broker.socket()).unwrap()).collect();
    assert_eq!(broker.ask("GET", "/healthz").status, 200);
    drop(silent);
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(200_000));
    for (nonsense, status) in [
        (&b"\x16\x03\x01\x02\x00"[..], 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (&vec![b'A'; 100_000], 431),
        (long.as_bytes(), 431),
    ] {
        let reply = broker.ask_owner_raw(nonsense).map(|reply| reply.status);
        assert_eq!(reply, Some(status), "{:?}", String::from_utf8_lossy(&nonsense[..nonsense.len().min(40)]));
        assert_eq!(broker.ask("GET", "/healthz").status, 200);
    }
}

#[test]
fn a_call_through_the_proxy_is_written_down_as_what_came_of_it_and_makes_nobody_a_holder() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let broker = Served::start(&home, NONE);
    assert_eq!(broker.ask("GET", "/webex/acme/v1/people/me").status, 200);
    let disabled = home.run(["disable", "acme"]);
    assert!(!disabled.stderr.contains("handed out before"), "{}", disabled.stderr);
    disabled.ok();
    let refused = broker.ask("GET", "/webex/acme/v1/people/me");
    assert_eq!((refused.status, refused.problem()), (422, Some("failed")), "{refused:?}");
    assert_eq!(home.run(["exec", "acme", "--proxy", "--", "true"]).code(), 125, "nothing is started in vain");
    assert!(broker.stop().status.success());
    let audit = home.run(["audit"]).ok();
    let row =
        |what: &str| audit.lines().filter(|line| line.contains(what) && line.contains("proxy GET people")).count();
    assert_eq!((row("handed-out"), row("refused")), (1, 1), "{audit}");
}
