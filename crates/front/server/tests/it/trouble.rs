//! A Webex that does not answer as it should.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use lanyard_time::{BoxFuture, Sleep};

use crate::raw::{Connection, Reply, get, request};
use crate::world::{TOKEN, World};

/// One call of a Webex that answers with these bytes and then ends the connection.
fn answered_with(bytes: &[u8]) -> Option<Reply> {
    let webex = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&webex);
    let client = Connection::send(world.address, get("/webex/me/v1/people/me"));
    let (stream, _) = webex.accept().unwrap();
    let mut connection = Connection::over(stream);
    connection.wait_for("\r\n\r\n");
    connection.more(bytes);
    drop(connection);
    client.end()
}

#[track_caller]
fn is_problem(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, reply.problem()), (status, Some(code)), "{}", reply.text());
    assert_eq!(reply.headers("content-type"), ["application/problem+json"]);
    assert!(reply.json()["hint"].is_string(), "{}", reply.text());
    assert!(!reply.text().contains(TOKEN));
}

#[test]
fn a_cut_garbage_and_nobody_there_are_told_apart() {
    is_problem(&answered_with(b"").unwrap(), 502, "webex-cut-off");
    is_problem(&answered_with(b"HTTP/1.1 200 O").unwrap(), 502, "webex-cut-off");
    is_problem(&answered_with(b"220 mail.example ESMTP\r\n\r\n").unwrap(), 502, "webex-garbled");
    is_problem(&answered_with(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n").unwrap(), 502, "webex-garbled");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&nobody);
    drop(nobody);
    is_problem(&world.get("/webex/me/v1/people/me"), 502, "webex-unreachable");
}

#[test]
fn an_answer_that_breaks_off_breaks_off_for_the_client_too() {
    let webex = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&webex);
    for length in ["content-length: 100\r\n\r\n", "transfer-encoding: chunked\r\n\r\n5\r\n"] {
        let mut client = Connection::send(world.address, get("/webex/me/v1/people/me"));
        let (stream, _) = webex.accept().unwrap();
        let mut connection = Connection::over(stream);
        connection.wait_for("\r\n\r\n");
        connection.more(format!("HTTP/1.1 200 OK\r\n{length}begun\r\n"));
        client.wait_for("begun");
        drop(connection);
        // Neither all the bytes nor the last chunk, by which a client knows that it has all, ever come.
        let rest = client.rest();
        assert!(rest.len() < 400 && !rest.contains("\r\n0\r\n"), "{rest}");
    }
}

#[test]
fn another_protocol_is_no_answer() {
    let switched = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let reply = answered_with(switched).unwrap();
    assert_eq!(reply.status, 502, "{}", reply.text());
    assert!(reply.problem().is_some());
}

/// No time-out is waited for.
#[derive(Debug)]
struct Hasty;

impl Sleep for Hasty {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn a_webex_that_says_nothing_is_given_up() {
    let webex = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::playing(&webex, Arc::new(Hasty));
    is_problem(&world.get("/webex/me/v1/people/me"), 504, "webex-too-slow");
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let webex = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::playing(&webex, Arc::new(Hasty));
    let head = "POST /webex/me/v1/x HTTP/1.1\r\nhost: broker\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhal";
    let mut client = Connection::send(world.address, head);
    client.wait_for("HTTP/1.1 408");
    let full = world.ask(request("POST", "/webex/me/v1/x", &[], ""));
    assert_eq!(full.problem(), Some("webex-too-slow"));
}

#[test]
fn a_client_that_breaks_off_is_no_fault_of_webex() {
    let webex = TcpListener::bind("127.0.0.1:0").unwrap();
    let world = World::at(&webex);
    let head = "POST /webex/me/v1/x HTTP/1.1\r\nhost: broker\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhal\r\n";
    let mut client = Connection::send(world.address, head);
    let (stream, _) = webex.accept().unwrap();
    let mut connection = Connection::over(stream);
    connection.wait_for("hal");
    client.finish();
    // Webex never sees an end of the body: the connection is cut instead.
    assert!(!connection.rest().contains("\r\n0\r\n"));
    // The client's own connection is closed with a problem, or without a word; neither is said to be Webex's fault.
    if let Some(reply) = client.end() {
        assert_eq!(reply.problem(), Some("bad-request"));
    }
    let next = Connection::send(world.address, get("/webex/me/v1/people/me"));
    let (stream, _) = webex.accept().unwrap();
    let mut connection = Connection::over(stream);
    connection.wait_for("\r\n\r\n");
    connection.more(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    assert_eq!(next.end().expect("the proxy still answers").status, 204);
}
