//! Access by client and by entry point: tries each cell of a table on a running broker, and compares it with a model of the broker.

mod model;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use lanyard_testkit::{Home, Method, Reply, Served, Webex, ask_on, send_on, send_to};
use serde_json::json;

use self::model::{ABSENT, Deed, Door, LOCAL, Proof, Rule, Seen, expected};
use crate::client::added_expired;
use crate::snapshots::furnished;

const RULES: [Rule; 8] = [
    Rule { name: "tokens", can: &["token"], credentials: Some(&["acme"]), methods: None, paths: None },
    Rule { name: "reader", can: &["read"], credentials: None, methods: None, paths: None },
    Rule {
        name: "caller",
        can: &["proxy"],
        credentials: Some(&["acme", "mine"]),
        methods: Some(&["GET"]),
        paths: Some(&["/people/*", "/rooms", "/webhooks/*"]),
    },
    Rule { name: "free", can: &["proxy"], credentials: None, methods: None, paths: None },
    Rule {
        name: "hooks",
        can: &["proxy", "read"],
        credentials: Some(&["mine"]),
        methods: None,
        paths: Some(&["/webhooks", "/webhooks/*", "/people/**"]),
    },
    Rule { name: "anything", can: &["proxy"], credentials: None, methods: None, paths: Some(&["/**"]) },
    Rule { name: "renewer", can: &["refresh", "manage"], credentials: Some(&["acme"]), methods: None, paths: None },
    Rule {
        name: "all",
        can: &["token", "proxy", "read", "refresh", "manage"],
        credentials: None,
        methods: None,
        paths: None,
    },
];

const CREDENTIALS: [&str; 4] = ["acme", "lobby", "mine", ABSENT];

const CALLS: [(&str, &str); 10] = [
    ("GET", "/v1/people/me"),
    ("GET", "/v1/people"),
    ("GET", "/v1/rooms"),
    ("POST", "/v1/rooms"),
    ("DELETE", "/v1/people/x"),
    ("GET", "/v1/webhooks/x"),
    ("POST", "/v1/webhooks"),
    ("PUT", "/v1/webhooks/x"),
    ("POST", "/v1/devices/activationCode"),
    ("GET", "/identity/people/x"),
];

/// Users and a group that nobody has.
const LOCAL_USER: u32 = 54_321;
const STRANGER: u32 = 54_322;
const GROUP: u32 = 54_323;
const OUTSIDE: u32 = 54_324;

fn deeds() -> Vec<Deed> {
    let mut deeds = vec![Deed::List, Deed::Add, Deed::Clear(ABSENT)];
    for name in CREDENTIALS {
        deeds.extend([Deed::Token(name), Deed::Show(name), Deed::Refresh(name), Deed::Test(name)]);
        deeds.extend(CALLS.map(|(method, path)| Deed::Call(name, method, path)));
    }
    deeds
}

/// A home with clients of every kind, and its broker.
struct World {
    webex: Webex,
    home: Home,
    broker: Served,
    keys: BTreeMap<&'static str, String>,
    is_root: bool,
}

impl World {
    fn new() -> Self {
        let (webex, home) = furnished();
        webex.control(Method::POST, "/behaviour", Some(&json!({ "requests_per_minute": 1_000_000 })));
        let everything = ["--can", "token,proxy,read,refresh,manage"];
        let mut keys: BTreeMap<_, _> = RULES.iter().map(|rule| (rule.name, added(&home, rule, &[]))).collect();
        added(&home, &LOCAL, &["--user", &LOCAL_USER.to_string()]);
        let mut special = |name: &'static str, more: &[&str]| {
            keys.insert(name, home.run([&["client", "add", name], &everything[..], more].concat()).ok());
        };
        home.sign_in(&webex, "gone");
        special("orphan", &["--credential", "gone"]);
        special("removed", &["--all-credentials"]);
        home.run(["clear", "gone"]).ok();
        home.run(["client", "remove", "removed"]).ok();
        keys.insert("expired", added_expired(&home, "expired", "token,proxy,read,refresh,manage"));

        let is_root = rustix::process::getuid().is_root();
        std::fs::set_permissions(home.beside(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let (socket, group) = (home.beside().join("clients.sock"), GROUP.to_string());
        let mut options = vec!["--http", "127.0.0.1:0", "--clients-socket", socket.to_str().unwrap()];
        if is_root {
            options.extend(["--clients-group", &group]);
        }
        let broker = Served::start(&home, options);
        Self { webex, home, broker, keys, is_root }
    }

    fn clients(&self) -> PathBuf {
        self.home.beside().join("clients.sock")
    }

    fn key(&self, proof: Proof) -> Option<String> {
        let key = |name: &str| self.keys[name].clone();
        match proof {
            Proof::Nothing => None,
            Proof::Token => Some(self.webex.description().personal.access_token.clone()),
            Proof::Mistyped => {
                let key = key("all");
                let last = if key.ends_with('0') { "1" } else { "0" };
                Some(format!("{}{last}", &key[..key.len() - 1]))
            }
            Proof::Expired => Some(key("expired")),
            Proof::Removed => Some(key("removed")),
            Proof::Orphan => Some(key("orphan")),
            Proof::Key(rule) => Some(key(rule.name)),
        }
    }

    fn request(&self, door: Door, proof: Proof, deed: Deed) -> String {
        let credential = |name: &str, below: &str| format!("/api/v1/credentials/{name}{below}");
        let (method, target) = match deed {
            Deed::Token(name) => ("GET", credential(name, "/token")),
            Deed::List => ("GET", "/api/v1/credentials".to_owned()),
            Deed::Show(name) => ("GET", credential(name, "")),
            Deed::Refresh(name) => ("POST", credential(name, "/refresh")),
            Deed::Test(name) => ("POST", credential(name, "/test")),
            Deed::Clear(name) => ("DELETE", credential(name, "")),
            Deed::Add => ("POST", "/api/v1/credentials".to_owned()),
            Deed::Call(name, method, path) => (method, format!("/webex/{name}{path}")),
        };
        let host = if door == Door::Tcp { self.broker.address() } else { "broker".to_owned() };
        let authorization = self.key(proof).map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        // A test whose body cannot be read: who may test is told that, and Webex is not called.
        let body =
            if matches!(deed, Deed::Test(name) if name != ABSENT) { "content-length: 1\r\n\r\n!" } else { "\r\n" };
        format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{authorization}{body}")
    }
}

/// Adds a client by its rule; gives its key.
#[track_caller]
fn added(home: &Home, rule: &Rule, more: &[&str]) -> String {
    let can = rule.can.join(",");
    let mut words = vec!["client", "add", rule.name, "--can", &can];
    let lists = [("--credential", rule.credentials), ("--methods", rule.methods), ("--paths", rule.paths)];
    let lists: Vec<_> = lists.into_iter().filter_map(|(option, list)| Some((option, list?.join(",")))).collect();
    for (option, list) in &lists {
        words.extend([*option, list]);
    }
    if rule.credentials.is_none() {
        words.push("--all-credentials");
    }
    words.extend(more);
    home.run(words).ok()
}

/// Another user of this machine, who asks on the socket for clients.
struct Somebody {
    child: Child,
    asks: ChildStdin,
    hears: BufReader<ChildStdout>,
}

/// Becomes a user of a group, for good: it may be one who could not start this program. Then it sends each line of its standard
/// input, and prints the status and the code of Lanyard's error.
const ASK: &str = r"
import json, os, socket, sys
user, group = int(sys.argv[1]), int(sys.argv[2])
os.setgroups([])
os.setresgid(group, group, group)
os.setresuid(user, user, user)
for line in sys.stdin:
    path, request = json.loads(line)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except PermissionError:
        print('shut-out', flush=True)
        continue
    connection.sendall(request.encode())
    reply = b''
    while more := connection.recv(65536):
        reply += more
    lines = reply.decode('utf-8', 'replace').split('\r\n\r\n')[0].split('\r\n')
    code = [line.split(': ')[1] for line in lines if line.lower().startswith('lanyard-error: ')]
    print(lines[0].split(' ')[1], *code, flush=True)
";

impl Somebody {
    fn new(user: u32, group: u32) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", ASK, &user.to_string(), &group.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python3 runs");
        let (asks, hears) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, asks, hears }
    }

    fn ask(&mut self, socket: &std::path::Path, request: &str) -> String {
        writeln!(self.asks, "{}", json!([socket, request])).unwrap();
        let mut line = String::new();
        assert!(self.hears.read_line(&mut line).unwrap() > 0, "it ended");
        line.trim().to_owned()
    }
}

impl Drop for Somebody {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn seen(problem: Option<&str>) -> Seen {
    match problem {
        Some("unauthorized") => Seen::Unknown,
        Some("refused") => Seen::Refused,
        Some("no-such-name") => Seen::Absent,
        _ => Seen::Through,
    }
}

/// The cells that are tried, and those that are not as they should be.
#[derive(Default)]
struct Table {
    cells: usize,
    passed_on: usize,
    wrong: Vec<String>,
}

impl Table {
    fn fill(&mut self, cell: (Door, Proof, Deed), seen: Seen, passed_on: bool) {
        let (door, proof, deed) = cell;
        self.cells += 1;
        self.passed_on += usize::from(passed_on && matches!(deed, Deed::Call(..)));
        let expected = expected(door, proof, deed);
        if seen != expected {
            let proof = if let Proof::Key(rule) = proof { rule.name.to_owned() } else { format!("{proof:?}") };
            self.wrong.push(format!("{door:?} | {proof} | {deed:?} | {seen:?}, not {expected:?}"));
        }
    }
}

#[test]
fn every_cell_of_the_table_is_as_the_policies_say() {
    let mut world = World::new();
    world.webex.forget_record();
    let mut table = Table::default();
    let specials = [Proof::Nothing, Proof::Token, Proof::Mistyped, Proof::Expired, Proof::Removed, Proof::Orphan];
    let proofs: Vec<_> = specials.into_iter().chain(RULES.iter().map(Proof::Key)).collect();
    let deeds = deeds();
    for door in [Door::Owner, Door::Clients, Door::Tcp] {
        for &proof in &proofs {
            for &deed in &deeds {
                let request = world.request(door, proof, deed);
                let reply = match door {
                    Door::Owner => send_on(&world.broker.socket(), request.as_bytes()),
                    Door::Tcp => send_to(&world.broker.address(), request.as_bytes()),
                    _ => send_on(&world.clients(), request.as_bytes()),
                };
                let reply: Reply = reply.expect("an answer");
                table.fill((door, proof, deed), seen(reply.problem()), reply.problem().is_none());
            }
        }
    }
    others(&mut world, &mut table, &deeds);
    assert!(table.wrong.is_empty(), "{} of {} cells:\n{}", table.wrong.len(), table.cells, table.wrong.join("\n"));
    let calls = world.webex.record().iter().filter(|call| call["path"] != "/v1/access_token").count();
    assert!(calls > 100, "{calls}");
    assert_eq!(calls, table.passed_on, "Webex saw what was allowed, once each");

    // What erases comes last.
    let renewer = Proof::Key(RULES.iter().find(|rule| rule.name == "renewer").unwrap());
    let clear = |name| {
        let request = world.request(Door::Tcp, renewer, Deed::Clear(name));
        send_to(&world.broker.address(), request.as_bytes()).unwrap().status
    };
    assert_eq!(["lobby", "acme", "acme"].map(clear), [403, 200, 403]);
}

/// The cells of other users, whom only root can become.
fn others(world: &mut World, table: &mut Table, deeds: &[Deed]) {
    if !world.is_root {
        #[cfg(target_os = "linux")]
        lanyard_testkit::left_out("it takes root, to become other users");
        return;
    }
    let rules = RULES.iter().filter(|rule| ["tokens", "caller"].contains(&rule.name));
    let proofs: Vec<_> = [Proof::Nothing, Proof::Mistyped].into_iter().chain(rules.map(Proof::Key)).collect();
    for (door, user, group) in [
        (Door::ClientsAsLocal, LOCAL_USER, GROUP),
        (Door::ClientsAsStranger, STRANGER, GROUP),
        (Door::ClientsAsOutsider, LOCAL_USER, OUTSIDE),
    ] {
        let mut somebody = Somebody::new(user, group);
        assert_eq!(somebody.ask(&world.broker.socket(), ""), "shut-out", "the owner's socket is the owner's");
        for &proof in &proofs {
            for &deed in deeds {
                let said = somebody.ask(&world.clients(), &world.request(door, proof, deed));
                let problem = said.split_once(' ').map(|(_, code)| code);
                let is_shut_out = said == "shut-out";
                let seen = if is_shut_out { Seen::ShutOut } else { seen(problem) };
                table.fill((door, proof, deed), seen, !is_shut_out && problem.is_none());
            }
        }
    }
}

#[test]
fn a_client_that_is_held_to_one_organisation_asks_about_no_other_by_any_door() {
    let (webex, home) = furnished();
    let own = webex.description().organisation.id.clone();
    let key = home.run(["client", "add", "held", "--all-credentials", "--can", "proxy", "--org", &own]).ok();
    let socket = home.beside().join("clients.sock");
    let broker = Served::start(&home, ["--http", "127.0.0.1:0", "--clients-socket", socket.to_str().unwrap()]);
    let authorization = format!("Bearer {key}");
    let headers = [("authorization", authorization.as_str())];
    webex.forget_record();
    for (path, status) in [
        ("people?max=1".to_owned(), 200),
        (format!("people?max=1&orgId={own}"), 200),
        (format!("organizations/{own}"), 200),
        ("people?orgId=other".to_owned(), 403),
        (format!("people?orgId={own}&orgId=other"), 403),
        ("people?org%49d=other".to_owned(), 403),
        ("organizations/other".to_owned(), 403),
    ] {
        let path = format!("/webex/mine/v1/{path}");
        let seen = [
            broker.ask_remote(Some(&key), "GET", &path),
            broker.ask_with("GET", &path, &headers, ""),
            ask_on(&socket, "GET", &path, &headers).unwrap(),
        ];
        assert_eq!(seen.map(|reply| reply.status), [status; 3], "{path}");
    }
    assert_eq!(webex.record().len(), 9);
}

#[test]
fn a_client_that_is_removed_and_a_credential_that_is_erased_are_so_for_a_running_broker() {
    let (webex, home) = furnished();
    // Away from where commands look for it, so that they change the store by themselves.
    let elsewhere = home.beside().join("sockets");
    std::fs::create_dir(&elsewhere).unwrap();
    let broker = Served::start(&home, ["--http", "127.0.0.1:0", "--sockets", elsewhere.to_str().unwrap()]);
    let add = |name: &str| home.run(["client", "add", name, "--credential", "lobby", "--can", "proxy,token"]).ok();
    let ask = |key: &str, target: &str| broker.ask_remote(Some(key), "GET", target).status;
    let turns_to = |key: &str, target: &str, status: u16| {
        for _ in 0..200 {
            if ask(key, target) == status {
                return;
            }
            lanyard_testkit::wait(std::time::Duration::from_millis(10));
        }
        panic!("{target} does not turn to {status}: {}", ask(key, target));
    };
    let both = ["/webex/lobby/v1/people/me", "/api/v1/credentials/lobby/token"];
    let (removed, orphan) = (add("removed"), add("orphan"));
    for key in [&removed, &orphan] {
        for target in both {
            turns_to(key, target, 200);
        }
    }
    home.run(["client", "remove", "removed"]).ok();
    for target in both {
        turns_to(&removed, target, 401);
    }
    for target in both {
        assert_eq!(ask(&orphan, target), 200);
    }
    home.run(["clear", "lobby"]).ok();
    for target in both {
        turns_to(&orphan, target, 403);
    }
    webex.forget_record();
    for key in [&removed, &orphan] {
        for target in both {
            ask(key, target);
        }
    }
    assert!(webex.record().is_empty());
    // The same names, and neither is theirs again.
    let token = home.file("token", &webex.description().personal.access_token);
    home.run(["--webex-url", webex.url(), "add", "personal", "lobby", "--token-file", token.to_str().unwrap()]).ok();
    let again = add("removed");
    turns_to(&again, both[0], 200);
    for target in both {
        assert_eq!(ask(&removed, target), 401);
    }
    for target in both {
        assert_eq!(ask(&orphan, target), 403);
    }
}
