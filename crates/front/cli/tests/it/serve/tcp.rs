//! TCP: named correctly, within bounds, encrypted beyond loopback.

use lanyard_testkit::{Home, Served, left_out};

use crate::LANYARD;

#[test]
fn over_tcp_nobody_is_let_in_without_a_key_or_under_another_name() {
    let home = Home::new(LANYARD);
    let broker = Served::start(&home, ["--http", "127.0.0.1:0"]);
    let reply = broker.ask_remote(None, "GET", "/api/v1/credentials");
    assert_eq!((reply.status, reply.problem()), (401, Some("unauthorized")));
    assert!(reply.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));

    // A page whose name was made to lead here says that name.
    let address = broker.address();
    for (host, status) in [("rebound.example", 421), ("127.0.0.1", 421), (&address, 401), ("localhost:1", 421)] {
        let request = format!("GET /api/v1/credentials HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        assert_eq!(broker.ask_raw(request.as_bytes()).unwrap().status, status, "{host}");
    }
    let two = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    assert_eq!(broker.ask_raw(two.as_bytes()).unwrap().status, 400);
    let none = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert!(broker.ask_raw(none).unwrap().status >= 400);
    let absolute = format!("GET http://{address}/healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    assert_eq!(broker.ask_raw(absolute.as_bytes()).unwrap().status, 400);
}

#[test]
fn beyond_loopback_there_is_no_listening_without_a_certificate() {
    let home = Home::new(LANYARD);
    let refused = home.run(["serve", "--http", "0.0.0.0:0"]);
    assert!(refused.stderr.contains("there is no certificate"), "{}", refused.stderr);
    assert!(refused.hint().contains("--tls-certificate"));
    assert_eq!(refused.code(), 1);
    assert_eq!(home.run(["serve", "--http", "somewhere"]).code(), 2);
}

#[test]
fn it_says_at_its_start_what_it_may_be_called() {
    let home = Home::new(LANYARD);
    let broker = Served::start(&home, ["--http", "localhost:0"]);
    let port = broker.address().rsplit_once(':').unwrap().1.to_owned();
    let ready = broker.wait_for("\"ready\"");
    assert_eq!(ready["names"], format!("127.0.0.1:{port} localhost:{port}"));
    // Whichever family of addresses a program finds first.
    for loopback in ["127.0.0.1", "[::1]"] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        if loopback == "[::1]" && std::net::TcpListener::bind("[::1]:0").is_err() {
            left_out("this machine has no IPv6");
            continue;
        }
        let reply = lanyard_testkit::send_to(&format!("{loopback}:{port}"), request.as_bytes()).expect("an answer");
        assert_eq!(reply.status, 200, "{loopback}: {reply:?}");
    }
    assert!(broker.stop().status.success());

    let settings = home.path().join("lanyard.toml");
    std::fs::write(&settings, "[serve]\nhttp = \"localhost:0\"\n").unwrap();
    std::fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(Served::start(&home, [] as [&str; 0]).address().starts_with("127.0.0.1:"));
    // What stands there and what the command line says complete each other.
    let broker = Served::start(&home, ["--http-name", "broker.example"]);
    let names = broker.wait_for("\"ready\"")["names"].as_str().unwrap().to_owned();
    assert!(names.contains("broker.example") && names.contains("127.0.0.1:"), "{names}");
    assert!(broker.stop().status.success());
    let half = home.run(["serve", "--tls-key", "key.pem"]);
    assert!(half.hint().contains("give --tls-certificate too"), "{}", half.stderr);
    half.fails(2);
    let odd = home.run(["serve", "--http-name", "a b"]);
    assert!(odd.stderr.contains("cannot be a machine's name"), "{}", odd.stderr);
    odd.fails(2);
    std::fs::write(&settings, "[serve]\nhttp = \"lanyard.example:80\"\n").unwrap();
    let refused = home.run(["serve"]);
    assert!(!refused.status.success() && refused.stderr.contains("localhost:7417"), "{}", refused.stderr);
}

#[test]
fn a_broker_that_listens_everywhere_says_that_it_goes_by_no_name() {
    let home = Home::new(LANYARD);
    let authority = super::tls::Authority::new("the first");
    let [certificate, key] = authority.certify(&home, "lanyard.test");
    let tls = ["--tls-certificate", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let broker = Served::start(&home, [&["--http", "0.0.0.0:0"][..], &tls].concat());
    let warned = broker.wait_for("under any other name are refused");
    assert!(warned["hint"].as_str().unwrap().contains("--http-name"), "{warned}");
    assert!(warned["names"].as_str().unwrap().starts_with("0.0.0.0:"), "{warned}");
    assert!(broker.stop().status.success());
    let named = ["--http", "0.0.0.0:0", "--http-name", "lanyard.test"];
    let broker = Served::start(&home, [&named[..], &tls].concat());
    assert!(!broker.log().iter().any(|fact| fact["level"] == "WARN"), "{:#?}", broker.log());
    assert!(broker.wait_for("\"ready\"")["names"].as_str().unwrap().contains("lanyard.test:"));
}
