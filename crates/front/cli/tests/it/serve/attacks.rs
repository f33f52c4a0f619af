//! Attacks on the proxy of a running broker, by each of its three doors.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use lanyard_testkit::{Attack, Elsewhere, Home, Refusal, Reply, Served, Webex, attacks, send_on, send_to};
use serde_json::json;

use crate::snapshots::furnished;

/// A broker with every door open, and a client that may call whatever yields no credential.
struct World {
    webex: Webex,
    home: Home,
    broker: Served,
    key: String,
}

/// A way in, the name that it goes by in `Host`, and the key that it takes.
struct Door<'a> {
    place: Place,
    host: String,
    key: Option<&'a str>,
}

enum Place {
    Socket(PathBuf),
    Address(String),
}

impl World {
    fn new() -> Self {
        let (webex, home) = furnished();
        home.run(["rename", "mine", "me"]).ok();
        let key = home.run(["client", "add", "monitor", "--all-credentials", "--can", "proxy"]).ok();
        let clients = clients(&home);
        let broker = Served::start(&home, ["--http", "127.0.0.1:0", "--clients-socket", clients.to_str().unwrap()]);
        webex.forget_record();
        Self { webex, home, broker, key }
    }

    /// The owner's, with nothing; the others' with a key; the owner's once more with a key, which counts there too.
    fn doors(&self) -> [Door<'_>; 4] {
        let (owner, clients) = (self.broker.socket(), clients(&self.home));
        let address = self.broker.address();
        let key = Some(&*self.key);
        [
            Door { place: Place::Socket(owner.clone()), host: "broker".to_owned(), key: None },
            Door { place: Place::Socket(owner), host: "broker".to_owned(), key },
            Door { place: Place::Socket(clients), host: "broker".to_owned(), key },
            Door { place: Place::Address(address.clone()), host: address, key },
        ]
    }

    fn calls(&self) -> Vec<String> {
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        self.webex.record().iter().map(|call| format!("{} {}", text(&call["method"]), text(&call["path"]))).collect()
    }
}

impl Door<'_> {
    fn send(&self, request: &str) -> Option<Reply> {
        match &self.place {
            Place::Socket(path) => send_on(path, request.as_bytes()),
            Place::Address(address) => send_to(address, request.as_bytes()),
        }
    }

    fn authorization(&self) -> Option<String> {
        self.key.map(|key| format!("Bearer {key}"))
    }

    #[track_caller]
    fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Reply {
        let authorization = self.authorization();
        let authorization = authorization.iter().map(|value| ("authorization", value.as_str()));
        let headers: String = headers
            .iter()
            .copied()
            .chain(authorization)
            .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
            .collect();
        let host = &self.host;
        self.send(&format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n")).unwrap()
    }
}

#[test]
fn attacks_by_path_and_head_are_refused_at_every_door_and_reach_nothing() {
    let world = World::new();
    let elsewhere = Elsewhere::listen();
    let other = format!("127.0.0.1:{}", elsewhere.port());
    for door in world.doors() {
        for Attack { request, refused } in attacks(&door.host, &other, door.authorization().as_deref()) {
            let reply = door.send(&request);
            let seen = reply.as_ref().map(|reply| (reply.status, reply.problem()));
            // Before the proxy sees it the broker refuses a name that is none, and an address in place of a path.
            let earlier = [Some((404, Some("no-such-name"))), Some((400, Some("bad-request")))].contains(&seen);
            assert!(refused.is(seen) || (earlier && refused != Refusal::ByHyper), "{request}: {seen:?}");
        }
    }
    assert!(world.calls().is_empty(), "{:?}", world.calls());
    elsewhere.saw_nobody();
}

#[test]
fn what_names_another_method_host_or_path_in_a_header_goes_where_its_request_line_says() {
    let world = World::new();
    for door in world.doors() {
        for headers in [
            &[("x-http-method-override", "DELETE"), ("x-http-method", "PUT"), ("x-method-override", "PUT")][..],
            &[("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example;proto=http")],
            &[("x-original-url", "/v1/rooms"), ("x-rewrite-url", "/v1/rooms")],
            &[("cookie", "a=b"), ("proxy-authorization", "Basic YTpi"), ("te", "trailers")],
            // What a command of the owner's may say is heard from nobody else, and never followed.
            &[("lanyard-base", "http://evil.example"), ("lanyard-means", "exec nothing")],
        ] {
            let reply = door.ask("GET", "/webex/me/v1/people/me", headers);
            assert_eq!((reply.status, reply.problem()), (200, None), "{headers:?}: {}", reply.body);
        }
    }
    assert_eq!(world.calls(), ["GET /v1/people/me"; 20]);
}

#[test]
fn over_tcp_another_name_in_host_is_refused_with_a_good_key() {
    let world = World::new();
    let port = world.broker.address().rsplit_once(':').unwrap().1.to_owned();
    for host in
        ["rebound.example", &format!("rebound.example:{port}"), "127.0.0.1", "localhost", "127.0.0.1:1", "[::1]", ""]
    {
        let request = format!(
            "GET /webex/me/v1/people/me HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {}\r\n\r\n",
            world.key
        );
        let reply = send_to(&world.broker.address(), request.as_bytes()).unwrap();
        assert_eq!((reply.status, reply.problem()), (421, Some("wrong-host")), "{host}");
    }
    assert!(world.calls().is_empty());
}

#[test]
fn a_length_that_is_given_in_two_ways_is_one_or_none() {
    let world = World::new();
    for door in world.doors() {
        let authorization = door.authorization().map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
        for (lengths, status) in [
            ("content-length: 4\r\ntransfer-encoding: chunked", 200),
            ("transfer-encoding: chunked\r\ncontent-length: 4", 200),
            ("content-length: 6\r\ncontent-length: 5", 400),
            ("transfer-encoding: identity, chunked\r\ncontent-length: 5", 200),
        ] {
            // What follows the shorter reading is a request of its own: it must never be answered, nor reach Webex.
            let request = format!(
                "GET /webex/me/v1/people/me HTTP/1.1\r\nhost: {}\r\n{authorization}{lengths}\r\n\r\n0\r\n\r\nGET /webex/me/v1/rooms HTTP/1.1\r\nhost: {}\r\n{authorization}connection: close\r\n\r\n",
                door.host, door.host
            );
            let reply = door.send(&request).expect("one answer");
            assert_eq!(reply.status, status, "{lengths}: {reply:?}");
            assert!(!reply.body.contains("HTTP/1.1 "), "{lengths}: two answers: {reply:?}");
        }
    }
    assert!(!world.calls().iter().any(|call| call.contains("rooms")), "{:?}", world.calls());
}

#[test]
fn a_redirect_or_a_link_that_leads_elsewhere_is_neither_followed_nor_passed_on_nor_is_the_token() {
    let world = World::new();
    let elsewhere = Elsewhere::listen();
    let token = world.webex.description().personal.access_token.clone();
    for door in world.doors() {
        for (status, name, value) in [
            (302, "location", format!("{}/people", elsewhere.url())),
            (307, "location", format!("{}/people?token={token}", elsewhere.url())),
            (308, "location", format!("//127.0.0.1:{}/v1/people", elsewhere.port())),
            (404, "link", format!("<{}/people>; rel=\"next\"", elsewhere.url())),
            (200, "link", format!("<{}/people>; rel=\"prev\"", elsewhere.url())),
            (200, "refresh", format!("0; url={}/people", elsewhere.url())),
            (200, "x-echo", format!("Bearer {token}")),
            (302, "location", format!("/v1/people/me?token={token}")),
        ] {
            let action = json!({ "status": status, "headers": { name: value } });
            world.webex.fault(&json!({ "path": "/v1/people/me", "action": action }));
            let reply = door.ask("GET", "/webex/me/v1/people/me", &[]);
            assert_eq!((reply.status, reply.problem()), (status, None), "{name}: {reply:?}");
            assert!(!reply.headers.iter().any(|(_, value)| value.contains(&token)), "{name}: {:?}", reply.headers);
            assert_eq!(reply.header(name), None, "{value}");
        }
        // One that stays inside leads through the same door.
        let inside = json!({ "status": 302, "headers": { "location": "/v1/people/me?again=1" } });
        world.webex.fault(&json!({ "path": "/v1/people", "action": inside }));
        let reply = door.ask("GET", "/webex/me/v1/people", &[]);
        let there = format!("http://{}/webex/me/v1/people/me?again=1", door.host);
        assert_eq!(reply.header("location"), Some(&*there));
    }
    elsewhere.saw_nobody();
    assert_eq!(world.calls().len(), 4 * 9, "nothing was followed: {:?}", world.calls());
}

#[test]
fn what_yields_a_credential_is_refused_to_every_client_that_is_not_granted_it() {
    let world = World::new();
    for door in world.doors().iter().filter(|door| door.key.is_some()) {
        for (method, path) in [
            ("POST", "/v1/access_token"),
            ("POST", "/v1/ACCESS_TOKEN"),
            ("POST", "/v1/%61ccess_token"),
            ("GET", "/v1/authorize"),
            ("POST", "/v1/device/authorize"),
            ("POST", "/v1/device/token"),
            ("GET", "/v1/authorizations"),
            ("DELETE", "/v1/authorizations/x"),
            ("POST", "/v1/applications/x/token"),
            ("POST", "/v1/guests/token"),
            ("POST", "/v1/identity/organizations/o/users/u/actions/generateOtp"),
            ("POST", "/identity/organizations/o/users/u/actions/generateotp"),
            ("POST", "/v1/devices/activationCode"),
            ("POST", "/v1/webhooks"),
            ("PUT", "/v1/webhooks/x"),
            ("DELETE", "/v1/webhooks/x"),
        ] {
            let reply = door.ask(method, &format!("/webex/me{path}"), &[]);
            assert_eq!((reply.status, reply.problem()), (403, Some("refused")), "{method} {path}: {}", reply.body);
        }
    }
    assert!(world.calls().is_empty(), "{:?}", world.calls());
}

#[test]
fn a_connection_goes_on_after_a_refusal_and_the_next_request_is_judged_by_itself() {
    use std::io::{Read as _, Write as _};
    let world = World::new();
    let mut stream = UnixStream::connect(clients(&world.home)).unwrap();
    let call = |target: &str, key: &str, end: &str| {
        format!("GET {target} HTTP/1.1\r\nhost: broker\r\nauthorization: Bearer {key}\r\n{end}\r\n")
    };
    // The key of the first request is not that of the second.
    let (good, bad) = (world.key.as_str(), "lyk_nothing");
    let pipelined = [
        call("/webex/me/v1/people/..", good, ""),
        call("/webex/me/v1/people/me", good, ""),
        call("/webex/me/v1/people/me", bad, "connection: close\r\n"),
    ];
    stream.write_all(pipelined.concat().as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let statuses: Vec<_> = text.split("HTTP/1.1 ").skip(1).filter_map(|reply| reply.get(..3)).collect();
    assert_eq!(statuses, ["400", "200", "401"], "{text}");
    assert_eq!(world.calls(), ["GET /v1/people/me"]);
}

fn clients(home: &Home) -> PathBuf {
    home.beside().join("clients.sock")
}
