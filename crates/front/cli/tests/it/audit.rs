//! Parts of the audit: of one credential, of a time, and in fields for a program.

use serde_json::{Value, json};

use crate::snapshots::furnished;

#[test]
fn a_credentials_records_are_found_under_all_its_names_and_after_it_was_cleared() {
    let (_webex, home) = furnished();
    let records = |arguments: &[&str]| -> Vec<Value> {
        let printed = home.run([&["--json", "audit"], arguments].concat()).ok();
        serde_json::from_str(&printed).unwrap()
    };
    let actions = |arguments: &[&str]| -> Vec<String> {
        records(arguments).iter().map(|record| record["action"].as_str().unwrap().to_owned()).collect()
    };
    home.run(["token", "acme"]).ok();
    home.run(["token", "lobby"]).ok();
    assert_eq!(actions(&["acme"]), ["added", "handed-out"]);
    assert_eq!(actions(&["acme", "--limit", "1"]), ["handed-out"]);
    home.run(["rename", "acme", "corp"]).ok();
    assert_eq!(actions(&["corp"]), ["added", "handed-out", "renamed"]);
    home.run(["clear", "lobby"]).ok();
    assert_eq!(actions(&["lobby"]).last().map(String::as_str), Some("cleared"));
    let unknown = home.run(["audit", "corpo"]);
    assert!(unknown.hint().contains("did you mean corp?"), "{}", unknown.stderr);
    unknown.fails(3);

    let all = records(&["--limit", "1000"]);
    assert_eq!(records(&["--since", "1h"]), all);
    assert_eq!(records(&["--since", "2099-01-31T18:00:00Z"]), [""; 0]);
    assert_eq!(records(&["--since", "1h", "--limit", "2"]), all[all.len() - 2..]);
    let none = home.run(["audit", "corp", "--since", "2099-01-31T18:00:00Z"]);
    assert!(none.stderr.contains("no entry matches"), "{}", none.stderr);
    none.ok();
    home.run(["audit", "--since", "yesterday"]).fails(2);
    home.run(["audit", "corp", "--verify"]).fails(2);
}

#[test]
fn a_hand_out_has_fields_for_a_program() {
    let (_webex, home) = furnished();
    home.run(["client", "add", "monitor", "--credential", "acme", "--can", "proxy"]).ok();
    let key = home.run(["client", "add", "report", "--credential", "acme", "--can", "token"]).ok();
    home.run(["exec", "acme", "--", "true"]).ok();
    let broker = lanyard_testkit::Served::start(&home, [""; 0]);
    let authorization = format!("Bearer {}", key.trim());
    let token = broker.ask_with("GET", "/api/v1/credentials/acme/token", &[("authorization", &authorization)], "");
    assert_eq!(token.status, 200);
    assert!(broker.stop().status.success());
    let printed = home.run(["--json", "audit", "acme", "--limit", "2"]).ok();
    let records: Value = serde_json::from_str(&printed).unwrap();
    for (record, client, means) in [(&records[0], Value::Null, "exec true"), (&records[1], json!("report"), "token")] {
        assert_eq!((&record["client"], &record["means"]), (&client, &json!(means)), "{record}");
        assert_eq!((&record["generation"], &record["times"]), (&json!(1), &json!(1)), "{record}");
        assert!(record["credential_id"].is_string(), "{record}");
    }
    let printed = home.run(["--json", "audit", "--limit", "1000"]).ok();
    let all: Vec<Value> = serde_json::from_str(&printed).unwrap();
    let added = all.iter().find(|record| record["action"] == "client-added").unwrap();
    assert_eq!(
        (&added["means"], &added["generation"], &added["credential_id"]),
        (&json!(null), &json!(null), &json!(null))
    );
}

#[test]
fn how_long_entries_are_kept_is_shown_and_changed() {
    let (_webex, home) = furnished();
    assert_eq!(home.run(["audit", "--keep"]).ok(), "400 days");
    let shorter = home.run(["audit", "--keep", "30d"]);
    assert!(shorter.stderr.contains("takes effect after a day") && shorter.stderr.contains("until then: 400 days"));
    assert_eq!(shorter.ok(), "30 days");
    let shown: Value = serde_json::from_str(&home.run(["--json", "audit", "--keep"]).ok()).unwrap();
    let day = 24 * 60 * 60;
    assert_eq!((&shown["keep_seconds"], &shown["in_force_seconds"]), (&json!(30 * day), &json!(400 * day)));
    let forever = home.run(["audit", "--keep", "forever"]);
    assert!(!forever.stderr.contains("until then"), "{}", forever.stderr);
    assert_eq!(forever.ok(), "forever");
    let record: Value = serde_json::from_str(&home.run(["--json", "audit", "--limit", "1"]).ok()).unwrap();
    let (action, payload) = (&record[0]["action"], &record[0]["payload"]);
    assert_eq!((action, &payload["keep_seconds"]), (&json!("retention-changed"), &Value::Null), "{record}");
    for refused in ["23h", "0", "never", "acme"] {
        home.run(["audit", "--keep", refused]).fails(2);
    }
    home.run(["audit", "--verify"]).ok();
}
