//! Rows that were damaged or altered, and the way back from each.

use std::process::Command;

use lanyard_testkit::{Ended, Home, Options, Running, Terminal, Webex};
use serde_json::Value;

use crate::snapshots::furnished;
use crate::{LANYARD, signed_in};

/// Writes into the database as another program does.
fn sql(home: &Home, statement: &str) {
    let done = Command::new("sqlite3").arg(home.path().join("lanyard.db")).arg(statement).status();
    assert!(done.expect("sqlite3(1) is here").success(), "{statement}");
}

fn replace(home: &Home, webex: &Webex, more: &[&str]) -> Ended {
    let file = home.file("secret", &webex.description().integration.client_secret);
    Running::start(home.command(["app", "secret", "desk", "--client-secret-file"]).arg(file).args(more)).end()
}

#[test]
fn a_damaged_app_secret_is_replaced_at_its_own_webex() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    sql(&home, "UPDATE apps SET client_secret = x'0102'");
    for ended in [home.run(["refresh", "acme", "--force"]), home.run(["login", "acme", "--paste"])] {
        assert!(ended.stderr.contains("client secret of the app desk does not open"), "{}", ended.stderr);
        assert!(ended.hint().ends_with("lanyard app secret desk"), "{}", ended.stderr);
    }
    webex.forget_record();
    replace(&home, &webex, &["--environment", "commercial", "--force"]).fails(2);
    assert!(webex.record().is_empty());
    replace(&home, &webex, &[]).ok();
    home.run(["refresh", "acme", "--force"]).ok();
}

#[test]
fn a_list_without_its_altered_rows_is_not_called_empty() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    sql(&home, "UPDATE apps SET client_id = 'another'; UPDATE credentials SET subject_name = 'another'");
    for (list, name) in [(&["list"][..], "acme"), (&["app", "list"], "desk")] {
        let listed = home.run(list);
        let warned =
            listed.stderr.contains("not listed, because its row cannot be read") && listed.stderr.contains(name);
        assert!(warned && !listed.stderr.contains("there is no"), "{}", listed.stderr);
        listed.ok();
    }
}

#[test]
fn an_app_that_was_moved_to_another_webex_is_removed_and_added_again() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    sql(&home, "UPDATE apps SET environment = 'https://webexapis.com/v1'");
    for refused in [home.run(["refresh", "acme", "--force"]), home.run(["show", "acme"])] {
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("lanyard clear acme; lanyard app remove APP"), "{said}");
        assert!(!said.contains("lanyard app secret"), "{said}");
    }
    for more in [&[][..], &["--force"], &["--webex-url", webex.url()]] {
        let refused = replace(&home, &webex, more);
        assert!(refused.hint().contains("lanyard app remove"), "{}", refused.stderr);
        refused.fails(6);
    }
    let cleared = home.run(["clear", "acme"]);
    assert!(cleared.stderr.contains("refresh token: NOT revoked"), "{}", cleared.stderr);
    cleared.ok();
    home.run(["app", "remove", "desk", "--yes"]).ok();
    home.with_acme(&webex).run(["refresh", "acme", "--force"]).ok();
}

#[test]
fn a_token_that_does_not_open_is_reported_as_not_revoked() {
    let (webex, home) = furnished();
    sql(&home, "UPDATE credentials SET access_token = x'00', refresh_token = x'00' WHERE name IN ('acme', 'lobby')");
    let cleared = home.run(["--json", "clear", "acme"]).ok();
    let shown: Value = serde_json::from_str(&cleared).unwrap();
    let tokens: Vec<_> =
        shown["tokens"].as_array().unwrap().iter().map(|one| (&one["token"], &one["outcome"])).collect();
    assert_eq!(tokens, [(&"refresh".into(), &"not-revoked".into()), (&"access".into(), &"not-revoked".into())]);
    let cleared = home.run(["clear", "lobby"]);
    assert!(cleared.stderr.contains("access token: NOT revoked: it does not open"), "{}", cleared.stderr);
    assert!(cleared.stderr.contains("to end a bot's token"), "{}", cleared.stderr);
    drop(webex);
}

#[test]
fn settings_that_are_not_needed_stop_nothing_and_are_reported_once() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let settings = home.path().join("lanyard.toml");
    for text in [&b"key_command = \"cat x\"\n"[..], b"a = \"Z\xfcrich\"\n"] {
        std::fs::write(&settings, text).unwrap();
        for command in [&["token", "acme"][..], &["list"], &["key", "show"]] {
            let ended = home.run(command);
            assert!(command[0] == "key" || ended.stderr.contains("lanyard.toml is invalid"), "{}", ended.stderr);
            ended.ok();
        }
        let doctor = home.run(["doctor"]);
        assert!(doctor.stdout.contains("ok  store") && doctor.stdout.contains("ok  credential"), "{}", doctor.stdout);
        assert_eq!(doctor.stderr, "", "the finding says it");
        doctor.fails(2);
    }
    std::fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("?   store        not checked"), "{}", doctor.stdout);
    doctor.fails(2);
}

#[test]
fn a_mistake_in_the_settings_of_a_home_that_is_not_made_yet_is_printed_once() {
    let home = Home::new(LANYARD);
    std::fs::create_dir_all(home.path()).unwrap();
    std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let secret = home.file("secret", "secret").display().to_string();
    std::fs::write(home.path().join("lanyard.toml"), "[serv]\n").unwrap();
    for command in [
        &["add", "bot", "lobby", "--token-file", &secret][..],
        &[
            "app",
            "add",
            "desk",
            "--kind",
            "integration",
            "--client-id",
            "C0123",
            "--device",
            "--client-secret-file",
            &secret,
        ],
    ] {
        let refused = home.run(command);
        assert_eq!(refused.stderr.matches("lanyard.toml is invalid").count(), 1, "{}", refused.stderr);
        refused.fails(2);
    }
}

#[test]
fn doctor_says_how_a_backup_takes_the_place_of_a_damaged_database() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let backup = home.beside().join("backup");
    home.run(["backup".as_ref(), backup.as_os_str()]).ok();
    std::fs::write(home.path().join("lanyard.db"), "no database\n".repeat(1000)).unwrap();
    let doctor = home.run(["doctor"]);
    let steps = doctor.stdout.split_once("restore a backup: ").map(|(_, rest)| rest.lines().next().unwrap()).unwrap();
    let steps = steps.replace("lanyard restore BACKUP", &format!("lanyard restore '{}'", backup.display()));
    let script = format!("binary=$1; lanyard() {{ \"$binary\" \"$@\"; }}; {steps}");
    let nothing: [&str; 0] = [];
    Running::start(&mut home.command_by(["sh", "-c", &script, "sh"], nothing)).end().ok();
    home.run(["restore", "--resume"]).ok();
    home.run(["token", "acme"]).ok();
}

#[test]
fn doctor_in_an_empty_home_has_a_next_step_and_skips_are_no_successes() {
    let home = Home::new(crate::LANYARD);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("?   home") && doctor.stdout.contains("lanyard app add"), "{}", doctor.stdout);
    doctor.ok();
    let webex = Webex::with(Options::default());
    let findings: Value = serde_json::from_str(&signed_in(&webex).run(["--json", "doctor"]).ok()).unwrap();
    let online = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "online").unwrap();
    assert_eq!(online["status"], "skipped");
}

#[test]
fn a_client_that_was_altered_is_named_and_its_hint_is_a_line_of_its_own() {
    let (_webex, home) = furnished();
    home.run(["client", "add", "d1", "--credential", "acme", "--can", "proxy"]).ok();
    sql(&home, "UPDATE clients SET all_credentials = 1");
    let listed = home.run(["client", "list"]);
    let lines: Vec<_> = listed.stderr.lines().collect();
    assert!(
        matches!(lines[..], [warning, hint] if warning.starts_with("warning: the client d1 is refused")
        && hint.starts_with("hint: someone changed the database")),
        "{}",
        listed.stderr
    );
    assert_eq!(listed.ok(), "");
    for arguments in [&["client", "show", "d1"][..], &["client", "set", "d1", "--can", "read"]] {
        let refused = home.run(arguments);
        assert!(refused.stderr.contains("the client d1 is refused"), "{}", refused.stderr);
        assert!(refused.hint().contains("lanyard client remove d1"), "{}", refused.stderr);
        refused.fails(6);
    }
    let (asked, code) = Terminal::run_typing(home.command(["client", "remove", "d1"]), 100, "y\n");
    assert!(asked.contains("Remove the client d1?") && code == 0, "{asked}");
    assert!(home.run(["client", "list"]).stderr.starts_with("there is no client yet"));
}

/// A row that keeps the home's key from being replaced: how it is damaged, what the error names, and the first command of the hint.
const BLOCKING: [(&str, &str, &str); 4] = [
    (
        "UPDATE credentials SET wrapped_key = x'01' || substr(wrapped_key, 2, 8) || zeroblob(80) WHERE name = 'acme'",
        "the credential acme",
        "lanyard clear acme",
    ),
    (
        "UPDATE apps SET wrapped_key = x'01' || substr(wrapped_key, 2, 8) || zeroblob(80)",
        "the client secret of the app desk",
        "lanyard app secret desk",
    ),
    (
        "INSERT INTO revocations VALUES ('0123', 'x', 'No Name', 'nowhere', NULL, 'access', 0, 0, x'0102030405060708090a0b', x'00')",
        "a token that waits to be revoked (\"0123\")",
        "lanyard doctor",
    ),
    (
        "INSERT INTO revocations VALUES ('0123', 'x', 'ghost', 'http://127.0.0.1:1/v1', NULL, 'access', 0, 0, x'00', x'00')",
        "a token of ghost that waits to be revoked",
        "lanyard doctor",
    ),
];

#[test]
fn a_row_that_blocks_a_new_key_is_named_with_its_way_out() {
    for (damage, named, remedy) in BLOCKING {
        let webex = Webex::with(Options::default());
        let home = signed_in(&webex);
        sql(&home, damage);
        let blocked = home.run(["key", "rotate"]);
        assert!(blocked.stderr.contains(named), "{}", blocked.stderr);
        let hint = blocked.hint().to_owned();
        assert_eq!(hint, format!("{remedy}; lanyard key rotate"));
        blocked.fails(6);
        // The hint works.
        match remedy {
            "lanyard app secret desk" => replace(&home, &webex, &["--force"]).ok(),
            "lanyard clear acme" => home.run(["clear", "acme"]).ok(),
            _ => {
                let doctor = home.run(["doctor"]);
                assert!(
                    doctor.stdout.contains("!!  revocation") && doctor.stdout.contains("was removed"),
                    "{}",
                    doctor.stdout
                );
                String::new()
            }
        };
        home.run(["key", "rotate"]).ok();
        assert!(!home.run(["doctor"]).stdout.contains("!!  revocation"));
    }
}

#[test]
fn a_queued_revocation_without_a_readable_id_is_removed_too() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    sql(
        &home,
        "INSERT INTO revocations VALUES (x'ff00', 'x', 'ghost', 'http://127.0.0.1:1/v1', NULL, 'access', 0, 0, x'00', x'00')",
    );
    home.run(["key", "rotate"]).fails(6);
    let doctor = home.run(["doctor"]);
    assert!(doctor.stdout.contains("a token of ghost that waits to be revoked cannot be read"), "{}", doctor.stdout);
    doctor.fails(4);
    home.run(["key", "rotate"]).ok();
    home.run(["doctor"]).ok();
}

#[test]
fn doctor_names_an_app_whose_secret_does_not_open() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    sql(&home, "UPDATE apps SET client_secret = x'0102'");
    let doctor = home.run(["doctor"]);
    assert!(
        doctor.stdout.contains("!!  app          desk: its client secret cannot be decrypted"),
        "{}",
        doctor.stdout
    );
    assert!(doctor.stdout.contains("hint: lanyard app secret desk"), "{}", doctor.stdout);
    doctor.fails(6);
    replace(&home, &webex, &[]).ok();
    home.run(["doctor"]).ok();
}

#[test]
fn a_warning_of_the_log_is_a_sentence_at_a_terminal() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    sql(
        &home,
        "INSERT INTO revocations VALUES ('0123', 'x', 'No Name', 'nowhere', NULL, 'access', 0, 0, x'00', x'00')",
    );
    let (shown, code) = Terminal::run(home.command(["clear", "acme", "--yes"]), 200);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("warning: a row cannot be read and is left out: ") && !shown.contains("WARN"), "{shown}");
}

#[test]
fn a_home_whose_store_is_elsewhere_is_not_told_only_to_begin_again() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    std::fs::remove_file(home.path().join("lanyard.db")).unwrap();
    let lost = home.run(["list"]);
    assert!(lost.hint().contains("if the store is on a server, put its address into"), "{}", lost.stderr);
    lost.fails(6);
}

#[test]
fn a_password_in_an_address_is_never_repeated() {
    let home = Home::new(LANYARD);
    for url in [
        "https://user:canary@bad host/v1",
        "https://user:canary#@webexapis.com/v1",
        "https://user:canary@webexapis.com/v1",
    ] {
        for refused in [
            home.run(["--webex-url", url, "app", "add", "desk", "--kind", "service-app", "--client-id", "C1"]),
            Running::start(
                home.command(["app", "add", "desk", "--kind", "service-app", "--client-id", "C1"])
                    .env("LANYARD_WEBEX_URL", url),
            )
            .end(),
        ] {
            assert!(!refused.stderr.contains("canary"), "{}", refused.stderr);
            refused.fails(2);
        }
    }
}
