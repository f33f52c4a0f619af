//! Requests and replies that the proxy passes on.

use std::sync::Arc;
use std::time::Duration;

use lanyard_testkit::{Options, RefreshBehaviour, Webex};
use lanyard_time::{BoxFuture, Sleep};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::raw::{Connection, get, request};
use crate::world::World;

fn webex() -> Webex {
    Webex::start(RefreshBehaviour::Keep, Duration::from_hours(24))
}

#[test]
fn a_call_goes_out_with_the_token_and_its_answer_comes_back() {
    let webex = webex();
    let world = World::new(&webex);
    let reply = world.ask(request("GET", "/webex/me/v1/people/me", &[("trackingid", "MINE_1")], ""));
    assert_eq!((reply.status, reply.problem()), (200, None));
    assert_eq!(reply.json()["emails"][0], json!(webex.description().admin.email));
    assert_eq!(reply.headers("trackingid"), ["MINE_1"]);
}

#[test]
fn a_body_goes_up_and_what_was_made_comes_back() {
    let webex = webex();
    let world = World::new(&webex);
    let room = |headers: &[(&str, &str)], body: &str| {
        world.ask(request(
            "POST",
            "/webex/me/v1/rooms",
            &[&[("content-type", "application/json")], headers].concat(),
            body,
        ))
    };
    let made = room(&[], r#"{"title":"through the proxy"}"#);
    assert_eq!((made.status, made.json()["title"].as_str()), (200, Some("through the proxy")), "{}", made.text());
    // Of unknown length.
    let chunked = "POST /webex/me/v1/rooms HTTP/1.1\r\nhost: broker\r\nconnection: close\r\ncontent-type: application/json\r\n\
        transfer-encoding: chunked\r\n\r\n7\r\n{\"title\r\n8\r\n\":\"in p\"\r\n1\r\n}\r\n0\r\n\r\n";
    let made = world.ask(chunked);
    assert_eq!((made.status, made.json()["title"].as_str()), (200, Some("in p")), "{}", made.text());
}

#[test]
fn pages_are_followed_through_the_proxy() {
    let webex = Webex::with(Options { people: 5, ..Options::default() });
    let world = World::new(&webex);
    let base = world.base("me");
    let (mut target, mut pages, mut people) = ("/webex/me/v1/people?max=2".to_owned(), 0, 0);
    loop {
        let page = world.get(&target);
        assert_eq!(page.status, 200, "{}", page.text());
        pages += 1;
        people += page.json()["items"].as_array().unwrap().len();
        let [link] = page.headers("link")[..] else { break };
        let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0;
        assert!(next.starts_with(&format!("{base}/v1/people?")), "{link}");
        next.strip_prefix(&format!("http://{}", world.address)).unwrap().clone_into(&mut target);
    }
    assert_eq!((pages, people), (3, 5));
}

/// Nothing passes until it is let.
#[derive(Clone, Debug)]
struct Gate(Arc<Semaphore>);

impl Sleep for Gate {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        let gate = Arc::clone(&self.0);
        Box::pin(async move { gate.acquire().await.unwrap().forget() })
    }
}

#[test]
fn an_answer_arrives_piece_by_piece_while_webex_still_sends_it() {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let webex = Webex::with(Options { sleep: Arc::new(gate.clone()), ..Options::default() });
    let world = World::new(&webex);
    webex.fault(&json!({"path": "/v1/people", "action": {"drip_bytes": 10, "drip_ms": 1}}));
    let mut connection = Connection::send(world.address, get("/webex/me/v1/people?max=1"));
    // One piece, and nothing after it until the test says so.
    gate.0.add_permits(1);
    let seen = connection.wait_for("{\"items\"");
    assert!(!seen.contains("displayName"), "{seen}");
    gate.0.add_permits(100_000);
    let reply = connection.end().unwrap();
    assert_eq!(reply.json()["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_long_body_reaches_webex_before_it_has_ended() {
    let decoy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&decoy);
    let head = format!(
        "POST /webex/me/v1/x HTTP/1.1\r\nhost: broker\r\nconnection: close\r\ncontent-length: {}\r\n\r\nfirst",
        2 * 1024 * 1024
    );
    let mut client = Connection::send(world.address, head);
    let (stream, _) = decoy.accept().unwrap();
    let mut webex = Connection::over(stream);
    let seen = webex.wait_for("first");
    assert!(seen.to_lowercase().contains("content-length: 2097152"), "{seen}");
    assert!(seen.contains("Bearer"), "it has the token");
    client.more("second");
    webex.wait_for("second");
    webex.more(b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nno.");
    drop(webex);
    let reply = client.end().unwrap();
    assert_eq!((reply.status, reply.text().as_str(), reply.problem()), (413, "no.", None));
}

#[test]
fn what_belongs_to_the_client_does_not_go_up_and_what_belongs_to_webex_does_not_come_down() {
    let decoy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&decoy);
    let headers = [
        ("authorization", "Bearer lyk_mine"),
        ("cookie", "mine=1"),
        ("x-http-method-override", "DELETE"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("timezone", "UTC"),
    ];
    let client = Connection::send(world.address, request("GET", "/webex/me/v1/x?q=%2e%2e%2F", &headers, ""));
    let (stream, _) = decoy.accept().unwrap();
    let mut webex = Connection::over(stream);
    let seen = webex.wait_for("\r\n\r\n").to_lowercase();
    assert!(seen.starts_with("get /v1/x?q=%2e%2e%2f http/1.1\r\n"), "{seen}");
    assert!(seen.contains("\r\ntimezone: utc\r\n") && seen.contains(&format!("host: {}", decoy.local_addr().unwrap())));
    for own in ["mine", "override", "evil", "forwarded"] {
        assert!(!seen.contains(own), "{own}: {seen}");
    }
    let token = seen.split("bearer ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned();
    let answer = format!(
        "HTTP/1.1 302 Found\r\nconnection: close\r\nset-cookie: a=b\r\nlanyard-error: forged\r\n\
         location: http://evil.example/?t={token}\r\nx-echo: {token}\r\nlink: <http://evil.example/v1/x>; rel=\"next\"\r\n\
         content-length: 0\r\n\r\n"
    );
    webex.more(answer);
    let reply = client.end().unwrap();
    assert_eq!((reply.status, reply.problem()), (302, None));
    for name in ["set-cookie", "location", "x-echo", "link"] {
        assert_eq!(reply.headers(name), [""; 0], "{name}");
    }
}

#[test]
fn a_call_that_changes_something_without_a_body_says_so() {
    let decoy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&decoy);
    let client = Connection::send(world.address, request("POST", "/webex/me/v1/x", &[("content-length", "0")], ""));
    let (stream, _) = decoy.accept().unwrap();
    let mut webex = Connection::over(stream);
    let seen = webex.wait_for("\r\n\r\n").to_lowercase();
    assert!(seen.contains("\r\ncontent-length: 0\r\n"), "{seen}");
    webex.more("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    assert_eq!(client.end().unwrap().status, 204);
}

#[test]
fn a_coded_answer_is_passed_on_as_it_is() {
    let decoy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&decoy);
    // Cut off: whoever decoded it would fail.
    let coded = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56";
    for (asked, coding) in [(Some("gzip;q=0.5, br"), "gzip"), (Some("identity"), "gzip"), (None, "br"), (None, "zstd")]
    {
        let headers: Vec<_> = asked.map(|asked| ("accept-encoding", asked)).into_iter().collect();
        let client = Connection::send(world.address, request("GET", "/webex/me/v1/people", &headers, ""));
        let (stream, _) = decoy.accept().unwrap();
        let mut webex = Connection::over(stream);
        let seen = webex.wait_for("\r\n\r\n").to_lowercase();
        let sent = seen.lines().find_map(|line| line.strip_prefix("accept-encoding: "));
        assert_eq!(sent, asked, "what a client accepts is its own to say");
        webex.more(format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: {coding}\r\ncontent-length: {}\r\n\r\n",
            coded.len()
        ));
        webex.more(coded);
        drop(webex);
        let reply = client.end().unwrap();
        assert_eq!((reply.headers("content-encoding"), reply.headers("content-length")), (vec![coding], vec!["12"]));
        assert_eq!(reply.body, coded);
    }
}
