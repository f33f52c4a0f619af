//! TCP: named rightly, within bounds, encrypted beyond loopback.

use lanyard_testkit::{Home, Served};

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
