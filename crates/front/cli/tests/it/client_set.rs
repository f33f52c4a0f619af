//! The policy of a client is changed: `lanyard client set`.

use lanyard_testkit::{Home, Served, wait};
use serde_json::{Value, json};

use crate::snapshots::{assert_shown, furnished, transcript};

const NONE: [&str; 0] = [];

fn added(home: &Home, arguments: &[&str]) -> String {
    home.run([&["client", "add"], arguments].concat()).ok().trim().to_owned()
}

fn set(home: &Home, arguments: &[&str]) -> String {
    let ended = home.run([&["client", "set"], arguments].concat());
    let stderr = ended.stderr.clone();
    ended.ok();
    stderr
}

fn shown(home: &Home, name: &str) -> Value {
    serde_json::from_str(&home.run(["--json", "client", "show", name]).ok()).unwrap()
}

#[test]
fn a_change_shows_the_whole_policy_and_warns_of_what_it_is_about() {
    let (_webex, home) = furnished();
    added(&home, &["monitor", "--credential", "acme", "--can", "proxy", "--methods", "GET"]);
    let changed = home.run(["client", "set", "monitor", "--paths", "/devic/**"]);
    assert_eq!(changed.stderr.trim(), "changed the client monitor");
    assert_eq!(changed.ok(), home.run(["client", "show", "monitor"]).ok());
    let warned = |arguments: &[&str]| {
        let said = set(&home, arguments);
        said.lines().filter_map(|line| line.strip_prefix("warning: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let all = "no effect without the capability proxy: --methods, --paths";
    assert_eq!(warned(&["monitor", "--can", "token"]), [all]);
    assert_eq!(warned(&["monitor", "--methods", "GET"]), ["no effect without the capability proxy: --methods"]);
    assert_eq!(warned(&["monitor", "--expires", "30d"]), NONE);
}

/// The statuses of a token and of a call through the proxy, both of `acme`.
fn statuses(broker: &Served, key: &str) -> (u16, u16) {
    let authorization = format!("Bearer {key}");
    let ask = |path| broker.ask_with("GET", path, &[("authorization", &authorization)], "").status;
    (ask("/api/v1/credentials/acme/token"), ask("/webex/acme/v1/people/me"))
}

#[test]
fn a_running_broker_applies_a_new_policy_to_the_same_key_before_the_command_ends() {
    let (_webex, home) = furnished();
    let key = added(&home, &["monitor", "--credential", "acme", "--can", "proxy", "--methods", "GET"]);
    let broker = Served::start(&home, NONE);
    assert_eq!(statuses(&broker, &key), (403, 200));
    set(&home, &["monitor", "--can", "token"]);
    assert_eq!(statuses(&broker, &key), (200, 403));
    set(&home, &["monitor", "--can", "token,proxy", "--paths", "/rooms"]);
    assert_eq!(statuses(&broker, &key), (200, 403));
    set(&home, &["monitor", "--paths", "any"]);
    assert_eq!(statuses(&broker, &key), (200, 200));
    set(&home, &["monitor", "--credential", "lobby"]);
    assert_eq!(statuses(&broker, &key), (403, 403));
    set(&home, &["monitor", "--all-credentials"]);
    assert_eq!(statuses(&broker, &key), (200, 200));
    assert!(broker.stop().status.success());
}

#[test]
fn a_broker_applies_a_policy_that_another_process_wrote() {
    let (_webex, home) = furnished();
    let key = added(&home, &["monitor", "--credential", "acme", "--can", "token"]);
    // Commands look for sockets elsewhere, so they change the store themselves.
    let elsewhere = home.beside().join("sockets");
    std::fs::create_dir(&elsewhere).unwrap();
    let broker = Served::start(&home, ["--sockets", elsewhere.to_str().unwrap()]);
    assert_eq!(statuses(&broker, &key).0, 200);
    set(&home, &["monitor", "--can", "read"]);
    let refused = (0..200).any(|_| {
        wait(std::time::Duration::from_millis(10));
        statuses(&broker, &key).0 == 403
    });
    assert!(refused, "the broker never learnt of the policy");
    assert!(broker.stop().status.success());
}

#[test]
fn a_part_that_is_named_is_replaced_and_the_others_stay() {
    let (_webex, home) = furnished();
    let org = "12345678-c8dd-4727-8b2f-f9c447f29046";
    let policy = ["--methods", "GET", "--paths", "/people/*,/rooms", "--org", org, "--expires", "2099-01-31T18:00:00Z"];
    added(&home, &[&["monitor", "--credential", "acme", "--can", "proxy"], &policy[..]].concat());
    let mut expected = shown(&home, "monitor");
    for (arguments, part, value) in [
        (&["--can", "read,proxy"][..], "capabilities", json!(["proxy", "read"])),
        (&["--credential", "lobby,acme", "--credential", "acme"], "credentials", json!(["acme", "lobby"])),
        (&["--methods", "post"], "methods", json!(["POST"])),
        (&["--paths", "/devices/**", "--paths", "/rooms"], "paths", json!(["/devices/**", "/rooms"])),
        (
            &["--org", "00000000-c8dd-4727-8b2f-f9c447f29046"],
            "organisation",
            json!("00000000-c8dd-4727-8b2f-f9c447f29046"),
        ),
        (&["--expires", "2098-01-31T18:00:00Z"], "expires_at", json!("2098-01-31T18:00:00Z")),
        (&["--methods", "any"], "methods", Value::Null),
        (&["--paths", "any"], "paths", Value::Null),
        (&["--org", "any"], "organisation", Value::Null),
        (&["--expires", "never"], "expires_at", Value::Null),
    ] {
        let printed = home.run([&["--json", "client", "set", "monitor"], arguments].concat()).ok();
        expected[part] = value;
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), expected, "{arguments:?}");
        assert_eq!(shown(&home, "monitor"), expected, "{arguments:?}");
    }
    set(&home, &["monitor", "--all-credentials"]);
    assert_eq!(shown(&home, "monitor")["all_credentials"], json!(true));
}

#[test]
fn a_change_is_in_the_audit_under_its_own_action_with_the_whole_policy() {
    let (_webex, home) = furnished();
    added(&home, &["monitor", "--credential", "acme", "--can", "proxy", "--methods", "GET"]);
    set(&home, &["monitor", "--credential", "acme,lobby", "--can", "proxy,read"]);
    let audited: Value = serde_json::from_str(&home.run(["--json", "audit", "--limit", "1"]).ok()).unwrap();
    assert_eq!(audited[0]["action"], "client-changed");
    assert_eq!(audited[0]["detail"], "monitor: proxy,read with acme, lobby; methods GET");
    home.run(["audit", "--verify"]).ok();
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let (_webex, home) = furnished();
    added(&home, &["monitor", "--credential", "acme", "--can", "proxy"]);
    let (before, records) = (shown(&home, "monitor"), home.run(["audit"]).ok());
    for (arguments, code, said) in [
        (&["monitor"][..], 2, "required"),
        (&["monitor", "--credential", "acm"], 3, "did you mean acme?"),
        (&["moniter", "--can", "read"], 3, "did you mean monitor?"),
        (&["monitor", "--can", "everything"], 2, "possible values: token, proxy, read, refresh, manage, metrics"),
        (&["monitor", "--paths", "any,/people"], 2, "either any or a list of paths"),
        (&["monitor", "--paths", "people"], 2, "begins with a slash"),
        (&["monitor", "--methods", "never"], 2, "never"),
        (&["monitor", "--org", "nonsense"], 2, "is a UUID"),
        (&["monitor", "--expires", "any"], 2, "expected 30d, 12h, 90m, or a time such as"),
        (&["monitor", "--expires", "2020-01-01T00:00:00Z"], 2, "would have expired already"),
        (&["monitor", "--credential", "acme", "--all-credentials"], 2, "cannot be used with"),
    ] {
        let ended = home.run([&["client", "set"], arguments].concat());
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
        ended.fails(code);
    }
    assert_eq!((shown(&home, "monitor"), home.run(["audit"]).ok()), (before, records));
    let nowhere = Home::new(crate::LANYARD);
    nowhere.run(["client", "set", "monitor", "--can", "read"]).fails(3);
    assert!(!nowhere.path().exists(), "nothing to change makes no home");
}

#[test]
fn tokens_that_a_narrower_policy_would_not_give_are_listed() {
    let (_webex, home) = furnished();
    let key = added(&home, &["monitor", "--all-credentials", "--can", "token"]);
    let broker = Served::start(&home, NONE);
    assert_eq!(statuses(&broker, &key).0, 200);
    assert!(broker.stop().status.success());
    let commands: [&[&str]; 4] = [
        &["client", "set", "monitor", "--credential", "acme", "--expires", "2099-01-31T18:00:00Z"],
        &["client", "set", "monitor", "--credential", "lobby"],
        &["client", "set", "monitor", "--can", "read", "--methods", "GET"],
        &["client", "set", "monitor"],
    ];
    assert_shown!("client-set", transcript(&home, None, &commands));
}

#[test]
fn an_altered_row_does_not_become_authentic_by_being_changed() {
    let (_webex, home) = furnished();
    let key = added(&home, &["monitor", "--credential", "acme", "--can", "read"]);
    crate::client::rewrite(&home, "UPDATE clients SET capabilities = 'token,manage'");
    home.run(["client", "set", "monitor", "--expires", "30d"]).fails(6);
    let broker = Served::start(&home, NONE);
    assert_eq!(statuses(&broker, &key), (401, 401));
    assert!(broker.stop().status.success());
}
