//! No secret is found anywhere but where it was asked for: not in anything said or logged at the highest level, in no file, no
//! command line, no environment and no core file, and neither in the database nor in the log of a PostgreSQL server that logs everything.

mod broker;
mod channels;
mod crash;
mod search;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use lanyard_testkit::{Ended, Home, Postgres, RefreshBehaviour, Running, Served, Webex, left_out};
use serde_json::{Value, json};

pub(crate) use self::broker::in_memory;
use self::search::Secrets;
use crate::{LANYARD, on_server};

/// Tokens that the test makes Webex issue once, so that it can search for their exact text.
const PLANTED_ACCESS: &str = "planted-access-token-Zk3vQ8sW1xT6yB0n";
const PLANTED_REFRESH: &str = "planted-refresh-token-Hc5pL2mR9dF4gJ7u";
/// Text in the bodies of failed replies: a server may repeat there the token that it received.
const REFLECTED: &str = "reflected-in-a-body-Ua8eN3oK6iV1tY5q";

/// Everything that was said, and by which command.
struct Story {
    webex: Webex,
    home: Home,
    /// The server that has the store, with the database's name.
    server: Option<(Postgres, String)>,
    said: Vec<(String, String)>,
    /// The file with the passphrase of the home's key, if that has one.
    passphrase: Option<PathBuf>,
}

impl Story {
    fn begin(home: Home, server: Option<(Postgres, String)>) -> Self {
        let webex = Webex::start(RefreshBehaviour::Rotate, LIFE);
        Self { webex, home, server, said: Vec::new(), passphrase: None }
    }

    /// Runs a command, everything logged; keeps what it said, but for the data that was asked for.
    #[track_caller]
    fn tell(&mut self, arguments: &[&str]) -> Ended {
        let ended = self.start(arguments, |_| {}).end();
        self.keep(arguments, ended)
    }

    fn start(&self, arguments: &[&str], change: impl FnOnce(&mut std::process::Command)) -> Running {
        let mut command = self.home.command(["-vv", "--webex-url", self.webex.url()].iter().chain(arguments));
        command.env("LANYARD_LOG", "trace").env("TMPDIR", self.temporary()).current_dir(self.temporary());
        command.envs(self.passphrase.iter().map(|file| ("LANYARD_PASSPHRASE_FILE", file)));
        change(&mut command);
        Running::start(&mut command)
    }

    fn keep(&mut self, arguments: &[&str], ended: Ended) -> Ended {
        let name = arguments.join(" ");
        assert!(ended.stderr.contains("TRACE") || ended.stderr.contains("DEBUG"), "{name} logs: {}", ended.stderr);
        self.said.push((format!("the error output of {name}"), ended.stderr.clone()));
        if !matches!(arguments.first(), Some(&"token" | &"exec" | &"client")) {
            self.said.push((format!("the output of {name}"), ended.stdout.clone()));
        }
        ended
    }

    /// Signs in; returns the code that came by the redirect.
    fn sign_in(&mut self, accepts: bool) -> Option<String> {
        let mut login = self.start(&["login", "acme", "--app", "desk", "--paste"], |command| {
            command.stdin(Stdio::piped());
        });
        let url = login.wait_for("/authorize?").trim().to_owned();
        let redirected = self.webex.person_signs_in(&url, accepts);
        login.write_line(redirected.as_str());
        let ended = login.end();
        self.keep(&["login"], ended);
        redirected.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
    }

    fn temporary(&self) -> PathBuf {
        let path = self.home.beside().join("temporary");
        fs::create_dir_all(&path).expect("a directory is made");
        path
    }
}

const LIFE: std::time::Duration = std::time::Duration::from_mins(20);

/// Every kind of reply that a renewal can get.
fn replies() -> Vec<Value> {
    let said = |error: &str| json!({ "error": error, "error_description": REFLECTED, "message": REFLECTED });
    vec![
        json!({ "status": 400, "body": said("invalid_request") }),
        json!({ "status": 400, "body": said("invalid_grant") }),
        json!({ "status": 401, "body": said("invalid_client") }),
        json!({ "status": 403, "body": said("nothing known") }),
        json!({ "status": 429, "body": REFLECTED, "headers": { "retry-after": "1" } }),
        json!({ "status": 500, "body": REFLECTED }),
        json!({ "status": 503, "body": format!("<html>{REFLECTED}</html>"), "content_type": "text/html" }),
        json!({ "status": 200, "body": { "access_token": [REFLECTED], "refresh_token": REFLECTED } }),
        json!({ "status": 200, "body": REFLECTED }),
        json!({ "status": 302, "headers": { "location": format!("https://elsewhere.example/{REFLECTED}") } }),
        json!({ "mangle": "empty" }),
        json!({ "mangle": "truncate" }),
        json!({ "mangle": "html" }),
        json!({ "mangle": "huge" }),
        json!({ "cut": "before" }),
        json!({ "cut": "after" }),
    ]
}

#[test]
fn a_secret_is_found_nowhere_but_where_it_was_asked_for() {
    nothing_is_found(Story::begin(Home::new(LANYARD), None));
}

#[test]
fn a_secret_is_found_neither_in_a_servers_database_nor_in_its_log() {
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => return left_out(&why),
    };
    server.set(&[
        ("log_statement", "all"),
        ("log_min_duration_statement", "0"),
        ("log_parameter_max_length", "-1"),
        ("log_parameter_max_length_on_error", "-1"),
        ("log_error_verbosity", "verbose"),
    ]);
    let database = server.new_database();
    let home = on_server::home(&server.address(&database));
    nothing_is_found(Story::begin(home, Some((server, database))));
}

fn nothing_is_found(mut story: Story) {
    let description = story.webex.description().clone();
    let mut secrets = Secrets::default();
    secrets.add("the client secret", &description.integration.client_secret);
    secrets.add("the bot's token", &description.bot.access_token);
    secrets.add("the password", &description.admin.password);
    secrets.add("the planted access token", PLANTED_ACCESS);
    secrets.add("the planted refresh token", PLANTED_REFRESH);
    secrets.add("the body of a failed reply", REFLECTED);

    let secret = story.home.file("client-secret", &description.integration.client_secret);
    let bot = story.home.file("bot-token", &description.bot.access_token);
    let scopes = "spark:people_read spark-admin:organizations_read";
    let app = ["app", "add", "desk", "--kind", "integration", "--client-id", &description.integration.client_id];
    let rest = ["--scope", scopes, "--redirect-uri", &description.integration.redirect_uris[0], "--client-secret-file"];
    story.tell(&[&app[..], &rest, &[secret.to_str().unwrap()]].concat()).ok();
    assert_eq!(story.sign_in(false), None);
    story
        .webex
        .fault(&json!({ "path": "/v1/access_token", "action": { "status": 400, "body": { "error": REFLECTED } } }));
    for _ in 0..2 {
        let code = story.sign_in(true).expect("a code came back");
        secrets.add("an authorization code", &code);
    }
    story.tell(&["add", "bot", "lobby", "--token-file", bot.to_str().unwrap()]).ok();
    secrets.add("the first access token", &story.tell(&["token", "acme"]).ok());

    for reply in replies() {
        story.webex.fault(&json!({ "path": "/v1/access_token", "count": 2, "action": reply }));
        story.tell(&["refresh", "acme", "--force"]);
        story.webex.control(lanyard_protocol::Method::DELETE, "/faults", None);
    }
    story.tell(&["refresh", "acme", "--force"]);
    story.webex.fault(&json!({ "path": "/v1/access_token",
        "action": { "merge": { "access_token": PLANTED_ACCESS, "refresh_token": PLANTED_REFRESH } } }));
    story.tell(&["refresh", "acme", "--force"]).ok();
    assert_eq!(story.tell(&["token", "acme"]).ok(), PLANTED_ACCESS);

    // Where it was asked for, it is: this is what shows that the search finds what there is.
    let child = story.tell(&["exec", "acme", "--", "cat", "/proc/self/environ", "/proc/self/cmdline"]).ok();
    assert_eq!(secrets.found_in(child.as_bytes()), ["the planted access token"]);
    assert!(!child.contains("LANYARD_"), "{child}");
    let lobby = story.tell(&["exec", "lobby", "--env", "BOT", "--", "printenv", "BOT"]).ok();
    assert_eq!(secrets.found_in(lobby.as_bytes()), ["the bot's token"]);

    for arguments in
        [&["list"][..], &["show", "acme"], &["--json", "show", "acme"], &["app", "list"], &["app", "show", "desk"]]
    {
        story.tell(arguments).ok();
    }
    look_at_a_process(&story, &mut secrets);
    a_client_is_given_a_token(&mut story, &mut secrets);
    look_everywhere(&story, &secrets);
    story.tell(&["clear", "acme"]).ok();
    story.tell(&["clear", "lobby"]).ok();
    for arguments in [&["doctor"][..], &["audit"], &["audit", "--verify"], &["--json", "audit"]] {
        story.tell(arguments).ok();
    }
    look_everywhere(&story, &secrets);
}

/// A program asks a broker with its key; another asks with a wrong one.
fn a_client_is_given_a_token(story: &mut Story, secrets: &mut Secrets) {
    let key = story.tell(&["client", "add", "dashboard", "--credential", "lobby", "--can", "token"]).ok();
    secrets.add("a client's key", &key);
    let broker = Served::start_by(&story.home, ["env", "LANYARD_LOG=trace"], ["--http", "127.0.0.1:0"]);
    let reply = broker.ask_remote(Some(&key), "GET", "/api/v1/credentials/lobby/token");
    assert_eq!(secrets.found_in(reply.body.as_bytes()), ["the bot's token"], "{reply:?}");
    let (start, end) = key.split_at(key.len() - 1);
    let wrong = format!("{start}{}", if end == "x" { "y" } else { "x" });
    secrets.add("a wrong key", &wrong);
    assert_eq!(broker.ask_remote(Some(&wrong), "GET", "/api/v1/credentials/lobby/token").status, 401);
    // What it has handed out is in the audit once it has ended.
    let log = Value::from(broker.log()).to_string();
    assert!(broker.stop().status.success());
    story.said.push(("the log of a broker".to_owned(), log));
}

/// A process with a refresh token in its hands shows nothing of it to whoever lists processes.
fn look_at_a_process(story: &Story, secrets: &mut Secrets) {
    secrets.add_issued(&story.webex.record());
    for step in ["rotation.sending", "rotation.answered"] {
        let running = story.start(&["refresh", "acme", "--force"], |command| {
            command.env("LANYARD_FAILPOINT", format!("{step}=stop"));
        });
        running.wait_until_stopped();
        for file in ["cmdline", "environ", "comm", "stat"] {
            let path = format!("/proc/{}/{file}", running.id());
            let shown = match fs::read(&path) {
                // Its own user is kept out too; root reads on.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => continue,
                shown => shown.expect("the process is there"),
            };
            let found = secrets.found_in(&shown);
            assert!(found.is_empty(), "{path} holds {found:?}");
        }
    }
}

/// Looks at everything that was said, and into every file of the home and of the directory for temporary files.
#[track_caller]
fn look_everywhere(story: &Story, secrets: &Secrets) {
    let mut secrets = secrets.clone();
    secrets.add_issued(&story.webex.record());
    for (whence, text) in &story.said {
        let found = secrets.found_in(text.as_bytes());
        assert!(found.is_empty(), "{whence} holds {found:?}:\n{text}");
    }
    let key = fs::read_to_string(story.home.path().join("home.key")).expect("the home has a key");
    assert!(secrets.found_in(key.as_bytes()).is_empty());
    secrets.add_key(key.split_ascii_whitespace().nth(2).expect("the key is the third word"));
    assert_eq!(secrets.found_in(key.as_bytes()), ["the home's key"]);
    let (home, temporary) = (files(&story.home.path()), files(&story.temporary()));
    assert!(home.len() >= 2, "{home:?}");
    if let Some((server, database)) = &story.server {
        let (dump, log) = (server.dump(database), server.log());
        // What is searched holds what was stored, and the parameters of statements.
        for (bytes, held) in [(&dump, "COPY lanyard.credentials "), (&log, "arameters: $1 = 'acme'")] {
            assert!(String::from_utf8_lossy(bytes).contains(held), "{held}");
        }
        for (whence, bytes) in [("the database", &dump), ("the server's log", &log)] {
            let found = secrets.found_in(bytes);
            assert!(found.is_empty(), "{whence} holds {found:?}");
        }
    }
    for path in home.iter().chain(&temporary).filter(|path| !path.ends_with("home.key")) {
        let found = secrets.found_in(&fs::read(path).expect("the file is there"));
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
    }
    for (whence, text) in &story.said {
        assert!(secrets.found_in(text.as_bytes()).is_empty(), "{whence} holds the home's key");
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory is there");
    entries
        .map(|entry| entry.expect("it can be listed").path())
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}
