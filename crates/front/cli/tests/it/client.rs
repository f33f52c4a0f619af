//! Programs and users that may ask: `lanyard client`.

use std::path::Path;

use lanyard_credential::{Client, ClientId, ClientKey, Granted};
use lanyard_store::KeyedClient;
use lanyard_testkit::{Home, Options, Served, Webex};
use lanyard_time::SystemEntropy;
use serde_json::{Value, json};

use crate::snapshots::{assert_shown, furnished, transcript};
use crate::{LANYARD, signed_in};

/// Adds a client; gives its key.
#[track_caller]
fn added(home: &Home, arguments: &[&str]) -> String {
    home.run([&["client", "add"], arguments].concat()).ok()
}

/// Adds a client whose time was over in 1970, which no command does; gives its key.
pub(crate) fn added_expired(home: &Home, name: &str, capabilities: &str) -> String {
    let id = ClientId::random(&SystemEntropy);
    let key = ClientKey::random(id, &SystemEntropy);
    let client = Client {
        id,
        name: name.parse().unwrap(),
        capabilities: capabilities.parse().unwrap(),
        credentials: Granted::All,
        methods: None,
        paths: None,
        org: None,
        expires_at: Some("1970-01-01T00:00:01Z".parse().unwrap()),
        created_at: "1970-01-01T00:00:00Z".parse().unwrap(),
        uid: None,
    };
    let new = KeyedClient { client, key: Some(key.hash()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let parts = lanyard_store::Parts::system();
        let opened = lanyard_home::open(&home.path(), parts, crate::store_options()).await;
        opened.unwrap().store.insert_client(&new).await.unwrap();
    });
    key.expose_secret().to_owned()
}

fn shown(home: &Home, name: &str) -> Value {
    serde_json::from_str(&home.run(["--json", "client", "show", name]).ok()).unwrap()
}

/// Whether a text stands in one of the home's files.
fn stored(home: &Path, text: &str) -> bool {
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    std::fs::read_dir(home).unwrap().any(|entry| holds(&entry.unwrap().path()))
}

#[test]
fn a_clients_key_is_printed_alone_once_and_kept_nowhere() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let ended = home.run(["client", "add", "monitor", "--credential", "acme", "--can", "token,proxy"]);
    assert!(ended.stderr.contains("added the client monitor: token, proxy with acme"), "{}", ended.stderr);
    let key = ended.stdout.strip_suffix('\n').unwrap();
    let parts: Vec<_> = key.split('_').map(str::len).collect();
    assert_eq!((&key[..4], parts), ("lyk_", vec![3, 22, 43, 6]), "nothing but the key is on stdout");

    let secret = key.split('_').nth(2).unwrap();
    for arguments in
        [&["client", "show", "monitor"][..], &["client", "list"], &["audit"], &["--json", "client", "list"]]
    {
        let said = home.run(arguments).ok();
        assert!(said.contains("monitor") && !said.contains(secret), "{said}");
    }
    assert!(stored(&home.path(), "monitor"), "what is stored can be found");
    assert!(!stored(&home.path(), secret));
    let audited = home.run(["audit", "--limit", "1"]).ok();
    assert!(audited.contains("client-added") && audited.contains("monitor: token,proxy with acme"), "{audited}");
}

#[test]
fn a_client_whose_key_could_not_be_shown_is_none() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = home.command(["client", "add", "monitor", "--credential", "acme", "--can", "proxy"]);
    let ended = command.stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("the client monitor was removed again"), "{said}");
    home.run(["client", "show", "monitor"]).fails(3);
}

#[test]
fn a_policy_is_shown_as_it_was_given() {
    let (_webex, home) = furnished();
    added(
        &home,
        &[
            "monitor",
            "--credential",
            "lobby,acme",
            "--credential",
            "acme",
            "--can",
            "read,proxy",
            "--methods",
            "get,POST",
            "--paths",
            "/people/*,/devices/**",
            "--paths",
            "/p%65ople",
            "--org",
            "12345678-c8dd-4727-8b2f-f9c447f29046",
            "--expires",
            "2099-01-31T18:00:00+02:00",
        ],
    );
    let mut monitor = shown(&home, "monitor");
    let (id, at) = (monitor["id"].take(), monitor["created_at"].take());
    assert!(id.is_string() && at.is_string());
    let expected = json!({
        "name": "monitor", "id": null, "capabilities": ["proxy", "read"], "all_credentials": false,
        "credentials": ["acme", "lobby"], "methods": ["GET", "POST"],
        "paths": ["/people/*", "/devices/**", "/people"], "organisation": "12345678-c8dd-4727-8b2f-f9c447f29046",
        "expires_at": "2099-01-31T16:00:00Z", "created_at": null, "uid": null, "last_used_at": null, "holds": [],
    });
    assert_eq!(monitor, expected);
    added(&home, &["all", "--all-credentials", "--can", "token"]);
    let all = shown(&home, "all");
    assert_eq!((&all["all_credentials"], &all["credentials"]), (&json!(true), &json!([])));
    assert_eq!((&all["methods"], &all["paths"], &all["expires_at"]), (&json!(null), &json!(null), &json!(null)));
    let listed: Value = serde_json::from_str(&home.run(["--json", "client", "list"]).ok()).unwrap();
    assert_eq!(listed, json!([all, shown(&home, "monitor")]));

    let commands: [&[&str]; 4] = [
        &["client", "list"],
        &["client", "show", "monitor"],
        &["client", "remove", "monitor"],
        &["client", "show", "monitor"],
    ];
    assert_shown!("clients", transcript(&home, None, &commands));
}

#[test]
fn a_program_gets_the_key_in_json() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let printed = home.run(["--json", "client", "add", "monitor", "--credential", "acme", "--can", "token"]).ok();
    let mut added: Value = serde_json::from_str(&printed).unwrap();
    assert!(added["key"].take().as_str().unwrap().starts_with("lyk_"));
    added.as_object_mut().unwrap().remove("key");
    assert_eq!(added, shown(&home, "monitor"));
    let removed: Value = serde_json::from_str(&home.run(["--json", "client", "remove", "monitor"]).ok()).unwrap();
    assert_eq!(removed, json!({ "name": "monitor", "removed": true, "holds": [] }));
    assert_eq!(home.run(["--json", "client", "list"]).ok(), "[]");
}

#[test]
fn a_user_of_this_machine_is_a_client_without_a_key() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let add = |name: &str, user: &str| {
        home.run(["client", "add", name, "--all-credentials", "--can", "read", "--user", user])
    };
    assert_eq!(add("superuser", "root").ok(), "", "there is nothing to print");
    assert_eq!(shown(&home, "superuser")["uid"], 0);
    let again = add("other", "0");
    assert!(again.stderr.contains("the user 0 is the client superuser already"), "{}", again.stderr);
    assert!(again.hint().contains("lanyard client remove superuser"), "{}", again.stderr);
    again.fails(1);
    let nobody = add("other", "nobody-of-this-name");
    assert!(nobody.stderr.contains("no user named nobody-of-this-name"), "{}", nobody.stderr);
    nobody.fails(3);
    add("other", "4294967294").ok();
    add("third", "-1").fails(2);
}

#[test]
fn names_that_there_are_not_and_names_that_are_taken_say_what_to_do() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    added(&home, &["monitor", "--credential", "acme", "--can", "proxy"]);
    let unknown = home.run(["client", "add", "second", "--credential", "acm", "--can", "proxy"]);
    assert!(unknown.hint().contains("did you mean acme?"), "{}", unknown.stderr);
    unknown.fails(3);
    let taken = home.run(["client", "add", "monitor", "--credential", "acme", "--can", "proxy"]);
    assert!(taken.hint().contains("lanyard client remove monitor"), "{}", taken.stderr);
    taken.fails(1);
    for command in ["show", "remove"] {
        let absent = home.run(["client", command, "moniter"]);
        assert!(absent.hint().contains("did you mean monitor?"), "{}", absent.stderr);
        absent.fails(3);
    }
    home.run(["client", "remove", "monitor"]).ok();
    home.run(["client", "remove", "monitor"]).fails(3);
    let none = home.run(["client", "list"]);
    assert!(none.stderr.contains("there is no client yet"), "{}", none.stderr);
}

#[test]
fn what_cannot_be_a_policy_is_refused_and_adds_nothing() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let good = ["client", "add", "monitor", "--credential", "acme", "--can", "proxy"];
    for (more, said) in [
        (&["--paths", "/people/.."][..], "no dot segment"),
        (&["--paths", "people"], "begins with a slash"),
        (&["--paths", "/people,/x/%2f"], "no slash or backslash"),
        (&["--methods", "CONNECT"], "not a method that the proxy forwards"),
        (&["--can", "everything"], "[possible values: token, proxy, read, refresh, manage, metrics]"),
        (&["--expires", "30"], "expected 30d, 12h, 90m, or a time such as"),
        (&["--expires", "2020-01-01T00:00:00Z"], "would have expired already"),
        (&["--org", "nonsense"], "is a UUID"),
        (&["--paths", "/v1/people"], "without /v1"),
        (&["--all-credentials"], "cannot be used with"),
    ] {
        let ended = home.run([&good[..], more].concat());
        assert!(ended.stderr.contains(said), "{more:?}: {}", ended.stderr);
        ended.fails(2);
    }
    home.run(["client", "add", "monitor", "--can", "proxy"]).fails(2);
    home.run(["client", "add", "monitor", "--credential", "acme"]).fails(2);
    assert_eq!(home.run(["--json", "client", "list"]).ok(), "[]");
    let nowhere = Home::new(LANYARD);
    nowhere.run(good).fails(3);
    assert!(!nowhere.path().exists(), "a client of nothing makes no home");
}

#[test]
fn a_limit_that_limits_nothing_is_warned_of() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let warnings = |name: &str, can: &str, more: &[&str]| {
        let ended = home.run([&["client", "add", name, "--credential", "acme", "--can", can], more].concat());
        let warnings: Vec<_> =
            ended.stderr.lines().filter(|line| line.starts_with("warning:")).map(str::to_owned).collect();
        ended.ok();
        warnings
    };
    assert_eq!(
        warnings(
            "a",
            "proxy",
            &["--paths", "/people", "--methods", "GET", "--org", "12345678-c8dd-4727-8b2f-f9c447f29046"]
        ),
        [""; 0]
    );
    assert_eq!(warnings("b", "token", &[]), [""; 0]);
    let without = warnings("c", "read", &["--paths", "/people", "--methods", "GET"]);
    assert_eq!(without, ["warning: no effect without the capability proxy: --methods, --paths"]);
    let past = warnings("d", "proxy,token", &["--org", "12345678-c8dd-4727-8b2f-f9c447f29046"]);
    assert_eq!(past.len(), 1);
    assert!(past[0].contains("can call Webex past the broker"), "{past:?}");
}

#[test]
fn a_client_loses_a_credential_that_is_cleared_and_keeps_the_others() {
    let (_webex, home) = furnished();
    added(&home, &["both", "--credential", "acme,lobby", "--can", "proxy"]);
    added(&home, &["one", "--credential", "lobby", "--can", "proxy"]);
    home.run(["rename", "acme", "beta"]).ok();
    home.run(["clear", "lobby"]).ok();
    assert_eq!(shown(&home, "both")["credentials"], json!(["beta"]));
    assert_eq!(
        (&shown(&home, "one")["credentials"], &shown(&home, "one")["all_credentials"]),
        (&json!([]), &json!(false))
    );
    let said = home.run(["client", "show", "one"]).ok();
    assert!(said.contains("none: all of its credentials were cleared"), "{said}");
    home.run(["audit", "--verify"]).ok();
}

#[test]
fn a_client_whose_time_is_over_is_shown_as_expired() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    added(&home, &["monitor", "--credential", "acme", "--can", "proxy", "--expires", "30d"]);
    let row = || home.run(["client", "list"]).ok().lines().last().unwrap().to_owned();
    assert!(!row().contains("expired"), "{}", row());
    home.run(["client", "remove", "monitor"]).ok();
    added_expired(&home, "monitor", "proxy");
    assert!(row().contains("expired"), "{}", row());
    let said = home.run(["client", "show", "monitor"]).ok();
    assert!(said.contains("1970-01-01T00:00:01Z: every request is refused"), "{said}");
}

#[test]
fn what_a_client_holds_is_told_and_goes_on_after_it_is_removed() {
    let (_webex, home) = furnished();
    added(&home, &["monitor", "--all-credentials", "--can", "token"]);
    let nothing = shown(&home, "monitor");
    assert_eq!((&nothing["last_used_at"], &nothing["holds"]), (&json!(null), &json!([])));
    // As a broker writes hand-outs down, whose chain is of no concern here.
    let hand_out = |name: &str, means: &str, times: u32, place: u32| {
        rewrite(
            &home,
            &format!(
                "INSERT INTO journal (number, at, kind, about, name, actor, writer, payload, mac) \
                 SELECT 1000 + {place}, 1 + (SELECT MAX(at) FROM journal), 'handed-out', 'credential/' || id, name, 'client monitor', \
                 'broker', '{{\"means\":\"{means}\",\"generation\":1,\"times\":{times}}}', x'00' FROM credentials WHERE name = '{name}'"
            ),
        );
    };
    hand_out("acme", "token", 3, 1);
    hand_out("mine", "token", 1, 2);
    hand_out("lobby", "proxy GET", 1, 3);
    rewrite(&home, "UPDATE credentials SET access_lifetime = NULL WHERE name = 'mine'");
    let monitor = shown(&home, "monitor");
    assert!(monitor["last_used_at"].is_string());
    let held = |value: &Value| {
        let all = value["holds"].as_array().unwrap().iter();
        all.map(|one| (one["credential"].clone(), one["until"].is_string(), one["replaced"].clone()))
            .collect::<Vec<_>>()
    };
    let acme = (json!("acme"), true, json!(false));
    let mine = (json!("mine"), false, json!(false));
    assert_eq!(held(&monitor), [acme.clone(), mine.clone()]);

    home.run(["refresh", "acme", "--force"]).ok();
    let replaced = (json!("acme"), true, json!(true));
    assert_eq!(held(&shown(&home, "monitor")), [replaced, mine.clone()], "the old token is good for a while yet");
    let row = home.run(["client", "list"]).ok();
    assert!(row.contains("acme, mine, until an unknown time"), "{row}");
    let removed = home.run(["client", "remove", "monitor"]);
    assert!(removed.stderr.contains("can use them at Webex directly"), "{}", removed.stderr);
    assert!(removed.stderr.contains("a token of mine, generation 1, until an unknown time"), "{}", removed.stderr);
    removed.ok();
    added(&home, &["monitor", "--all-credentials", "--can", "token", "--expires", "1h"]);
    assert_eq!(shown(&home, "monitor")["holds"], json!([]), "another client of that name was handed nothing");
}

#[test]
fn a_broker_hands_a_client_what_its_policy_says_and_the_owner_sees_it() {
    let (_webex, home) = furnished();
    let key = added(&home, &["monitor", "--credential", "acme", "--can", "token"]);
    let broker = Served::start(&home, ["--http", "127.0.0.1:0"]);
    let ask = |key: &str, name: &str| {
        let reply = broker.ask_remote(Some(key), "GET", &format!("/api/v1/credentials/{name}/token"));
        (reply.status, reply.problem().map(str::to_owned))
    };
    let refused = |status, code: &str| (status, Some(code.to_owned()));
    for _ in 0..3 {
        assert_eq!(ask(&key, "acme"), (200, None));
    }
    assert_eq!(ask(&key, "mine"), refused(403, "refused"));
    assert_eq!(ask(&key, "nobody"), refused(403, "refused"), "whether there is one is nothing to a client");
    let other = if key.ends_with('0') { '1' } else { '0' };
    assert_eq!(ask(&format!("{}{other}", &key[..key.len() - 1]), "acme"), refused(401, "unauthorized"));
    // Through the broker: the store is opened by nobody else.
    let second = home.run(["--json", "client", "add", "second", "--credential", "lobby", "--can", "token"]).ok();
    let second: Value = serde_json::from_str(&second).unwrap();
    let its_key = second["key"].as_str().unwrap();
    assert_eq!(shown(&home, "second")["id"], second["id"]);
    assert_eq!(ask(its_key, "lobby"), (200, None));
    home.run(["client", "remove", "second"]).ok();
    assert_eq!(ask(its_key, "lobby"), refused(401, "unauthorized"));
    home.run(["client", "show", "second"]).fails(3);
    broker.stop();
    let monitor = shown(&home, "monitor");
    assert!(monitor["last_used_at"].is_string());
    let holds = monitor["holds"].as_array().unwrap();
    assert_eq!(holds.len(), 1, "{monitor}");
    assert_eq!((&holds[0]["credential"], &holds[0]["generation"]), (&json!("acme"), &json!(1)));
    assert!(holds[0]["until"].is_string() && holds[0]["replaced"] == json!(false), "{monitor}");
    let said = home.run(["disable", "acme"]);
    assert!(said.stderr.contains("client monitor: token"), "{}", said.stderr);
}

/// Does to the database what no command does.
pub(crate) fn rewrite(home: &Home, sql: &str) {
    let mut sqlite = std::process::Command::new("sqlite3");
    // Beside a broker that writes.
    let status = sqlite.args(["-cmd", ".timeout 20000"]).arg(home.path().join("lanyard.db")).arg(sql).status();
    assert!(status.expect("sqlite3 is there").success(), "{sql}");
}

#[test]
fn a_client_that_was_written_past_lanyard_is_refused_and_reported() {
    let (_webex, home) = furnished();
    added(&home, &["monitor", "--all-credentials", "--can", "token"]);
    rewrite(
        &home,
        "INSERT INTO clients SELECT 'ffff' || substr(id, 5), 'mallory', capabilities, all_credentials, methods, paths, organisation, \
         expires_at, created_at, uid, key_hash FROM clients",
    );
    let listed = home.run(["client", "list"]);
    assert!(listed.stderr.contains("mallory is refused: its row was not written by Lanyard"), "{}", listed.stderr);
    assert!(!listed.stdout.contains("mallory") && listed.stdout.contains("monitor"), "{}", listed.stdout);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("mallory is refused"), "{}", doctor.stdout);
    assert_eq!(doctor.status.code(), Some(6));
    home.run(["client", "remove", "mallory"]).ok();
    let listed = home.run(["client", "list"]);
    assert!(!listed.stderr.contains("refused"), "{}", listed.stderr);
    listed.ok();
}

#[test]
fn damage_beside_a_client_stops_nothing_that_is_said_of_it() {
    let (_webex, home) = furnished();
    added(&home, &["monitor", "--credential", "lobby", "--can", "read"]);
    rewrite(&home, "UPDATE credentials SET kind = 'nonsense' WHERE name = 'lobby'");
    for arguments in [&["list"][..], &["show", "monitor"], &["set", "monitor", "--can", "token"]] {
        home.run([&["client"], arguments].concat()).ok();
    }
    rewrite(&home, "DELETE FROM credentials WHERE name = 'lobby'");
    let refused = home.run(["client", "set", "monitor", "--expires", "30d"]);
    assert!(refused.stderr.contains("monitor has a credential"), "{}", refused.stderr);
    refused.fails(6);
    rewrite(&home, "UPDATE client_list SET version = 'x'");
    let listed = home.run(["client", "list"]);
    assert!(listed.stderr.contains("all clients are refused"), "{}", listed.stderr);
    listed.ok();
    assert!(Served::start(&home, [""; 0]).stop().status.success());
    home.run(["client", "remove", "monitor"]).ok();
}
