//! Under whose name the audit has what is asked for.

use lanyard_testkit::Served;
use serde_json::{Value, json};

use crate::snapshots::furnished;

/// A request by a client, and what the audit has of it: the last action, and a part of its detail.
struct Cell {
    can: String,
    method: &'static str,
    path: &'static str,
    status: u16,
    action: &'static str,
    detail: String,
}

fn cell(can: &str, (method, path): Request, (status, action, detail): Outcome<'_>) -> Cell {
    Cell { can: can.to_owned(), method, path, status, action, detail: detail.to_owned() }
}

type Request = (&'static str, &'static str);
type Outcome<'a> = (u16, &'static str, &'a str);

/// An operation: what the audit calls it where it is refused, the one capability that it needs, and what comes of it with that.
struct Operation(&'static str, &'static str, Request, Outcome<'static>);

impl Operation {
    /// Refused to a client that may do everything else, and allowed to one that may do nothing else.
    fn cells(&self) -> [Cell; 2] {
        let Self(name, capability, request, allowed) = self;
        let others: Vec<_> = EVERYTHING.split(',').filter(|other| other != capability).collect();
        let refused = format!("{name}: refused (it may not do this: {capability})");
        [cell(&others.join(","), *request, (403, "refused", &refused)), cell(capability, *request, *allowed)]
    }
}

const CREDENTIALS: &str = "/api/v1/credentials";
const ACME: &str = "/api/v1/credentials/acme";
const TOKEN: &str = "/api/v1/credentials/acme/token";
const TEST: &str = "/api/v1/credentials/acme/test";
const REFRESH: &str = "/api/v1/credentials/acme/refresh";
const FORCED: &str = "/api/v1/credentials/acme/refresh?force=true";
const LOBBY: &str = "/api/v1/credentials/lobby";
const PEOPLE: &str = "/webex/acme/v1/people/me";
const EVERYTHING: &str = "token,proxy,read,refresh,manage,metrics";

#[test]
fn each_operation_is_recorded_under_its_clients_name_whether_it_is_allowed_or_refused() {
    let operations = [
        Operation("credential.list", "read", ("GET", CREDENTIALS), (200, "answered", "credential.list")),
        Operation("credential.show", "read", ("GET", ACME), (200, "answered", "credential.show")),
        Operation("token", "token", ("GET", TOKEN), (200, "handed-out", "token, generation 1")),
        Operation(
            "proxy GET people/*",
            "proxy",
            ("GET", PEOPLE),
            (200, "handed-out", "proxy GET people, generation 1"),
        ),
        Operation("credential.test", "refresh", ("POST", TEST), (200, "answered", "credential.test")),
        Operation("credential.refresh", "refresh", ("POST", REFRESH), (200, "answered", "credential.refresh")),
        Operation("credential.refresh", "refresh", ("POST", FORCED), (200, "rotated", "generation 1 replaced by 2")),
        Operation("metrics.read", "metrics", ("GET", "/metrics"), (200, "answered", "metrics.read")),
        Operation("credential.add", "manage", ("POST", CREDENTIALS), (201, "added", "")),
        Operation("credential.clear", "manage", ("DELETE", LOBBY), (200, "cleared", "")),
    ];
    // What is refused or fails for another reason than a capability.
    let everything = [
        (("POST", FORCED), (429, "refused", "credential.refresh: too-often")),
        (("DELETE", LOBBY), (404, "refused", "credential.clear: no-such-name")),
        (("GET", "/api/v1/credentials/lobby/token"), (404, "refused", "token: no-such-name")),
        (("GET", "/api/v1/credentials/a%20b"), (404, "refused", "request: no-such-name")),
        (("GET", "/api/v1/credentials/a%20b/token"), (404, "refused", "token: no-such-name")),
        (("GET", "/api/v1/credentials/acme/token?x=1"), (400, "refused", "token: bad-request")),
        (("GET", "/webex/a%20b/v1/people/me"), (404, "refused", "proxy: no-such-name")),
        (("DELETE", "/api/v1/credentialsacme"), (404, "refused", "request: no-such-path")),
        (("PUT", ACME), (405, "refused", "request: method-not-allowed")),
        (("POST", TOKEN), (405, "refused", "request: method-not-allowed")),
        (("POST", "/private/operations/credential.clear"), (404, "refused", "request: no-such-path")),
        (("POST", "/private/operations/client.change"), (404, "refused", "request: no-such-path")),
        (("POST", "/api/v1/credentials/acme/refresh?force=1"), (400, "refused", "credential.refresh: bad-request")),
        (("GET", "/nothing"), (404, "refused", "request: no-such-path")),
    ];
    let everything = everything.map(|(request, outcome)| cell(EVERYTHING, request, outcome));
    let cells: Vec<_> = operations.iter().flat_map(Operation::cells).chain(everything).collect();
    let (webex, home) = furnished();
    let keys: Vec<_> = (0..cells.len())
        .map(|number| {
            let name = format!("cell-{number}");
            home.run(["client", "add", &name, "--all-credentials", "--can", &cells[number].can]).ok()
        })
        .collect();
    let all = || records(&home.run(["--json", "audit", "--limit", "1000"]).ok());
    let before = all();
    let broker = Served::start(&home, ["--allow-environment", webex.url()]);
    let added = webex.control(lanyard_testkit::Method::POST, "/bots", Some(&json!({ "name": "Canteen" })));
    let body =
        json!({ "name": "canteen", "kind": "bot", "access_token": added["access_token"], "webex_url": webex.url() });
    for (cell, key) in cells.iter().zip(&keys) {
        let authorization = format!("Bearer {}", key.trim());
        let body = if (cell.method, cell.path) == ("POST", CREDENTIALS) { body.to_string() } else { String::new() };
        let reply = broker.ask_with(cell.method, cell.path, &[("authorization", &authorization)], &body);
        assert_eq!(reply.status, cell.status, "{} {}: {reply:?}", cell.method, cell.path);
    }
    assert!(broker.stop().status.success());

    let audit = all();
    let since: Vec<_> = audit.iter().filter(|record| !before.contains(record)).collect();
    for (number, cell) in cells.iter().enumerate() {
        let actor = format!("client cell-{number}");
        let own = since.iter().filter(|record| record["actor"] == *actor);
        let last = own.max_by_key(|record| record["number"].as_u64());
        let last =
            last.unwrap_or_else(|| panic!("{} {} by {actor} is not in the audit: {since:#?}", cell.method, cell.path));
        assert_eq!(last["action"], cell.action, "{} {}: {last}", cell.method, cell.path);
        assert!(last["detail"].as_str().unwrap().contains(&cell.detail), "{} {}: {last}", cell.method, cell.path);
    }
    let others: Vec<_> =
        since.iter().filter(|record| !record["actor"].as_str().unwrap().starts_with("client cell-")).collect();
    assert!(others.is_empty(), "the broker did something under another name: {others:#?}");
}

fn records(audit: &str) -> Vec<Value> {
    serde_json::from_str(audit).unwrap()
}
