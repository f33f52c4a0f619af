//! Prompts that a person leaves: the terminal is as it was before.

use std::os::unix::fs::PermissionsExt as _;

use lanyard_testkit::{End, Home, Running, Terminal, left_out};
use rustix::process::Signal;

use crate::LANYARD;
use crate::snapshots::furnished;

/// Each way to leave a prompt, with the exit code that it has.
const WAYS: [(End, i32); 4] = [
    (End::Typed("\u{3}"), 130),
    (End::Typed("\u{1c}"), 131),
    (End::Signal(Signal::TERM), 143),
    (End::Signal(Signal::HUP), 129),
];

const APP: [&str; 7] = ["app", "add", "desk", "--kind", "integration", "--client-id", "C1"];

fn leaves(home: &Home, words: &[&str], prompt: &str) {
    for (way, expected) in WAYS {
        let (shown, code, is_as_before) = Terminal::end_at(home.command_by(Terminal::SESSION, words), prompt, &way);
        assert!(is_as_before && code == expected, "{words:?} {way:?}: {code}, {is_as_before}\n{shown}");
        assert!(shown.contains(prompt), "{shown}");
    }
}

/// Whether a command can be given a terminal of its own here.
fn has_sessions() -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|directory| directory.join(Terminal::SESSION[0]).is_file());
    if !found {
        left_out("setsid is not installed");
    }
    found
}

#[test]
fn a_prompt_that_is_left_restores_the_terminal() {
    if !has_sessions() {
        return;
    }
    let (webex, home) = furnished();
    let add = ["--webex-url", webex.url(), "add", "bot", "new"];
    leaves(&home, &add, "access token (not shown): ");
    leaves(&home, &["app", "secret", "desk"], "client secret (not shown): ");
    leaves(&home, &["key", "rotate", "--to", "passphrase"], "new passphrase, at least");
    leaves(&home, &["clear", "lobby"], "[y/N] ");
    let (shown, _, is_as_before) =
        Terminal::end_at(home.command_by(Terminal::SESSION, add), "(not shown): ", &End::Typed("secret\u{7f}\n"));
    assert!(is_as_before && shown.contains("(not shown): \n") && !shown.contains("secre"), "{shown}");
    let (shown, code, is_as_before) =
        Terminal::end_at(home.command_by(Terminal::SESSION, add), "(not shown): ", &End::Typed("\u{4}"));
    assert!(is_as_before && shown.contains("(not shown): \nerror: the access token is empty"), "{shown}");
    assert_eq!(code, 2);
}

#[test]
fn a_prompt_that_was_stopped_hides_the_secret_again() {
    if !has_sessions() {
        return;
    }
    let (webex, home) = furnished();
    let add = ["--webex-url", webex.url(), "add", "bot", "new"];
    let shown = Terminal::stop_at(home.command_by(Terminal::SESSION, add), "(not shown): ", "canary\n");
    assert!(shown.contains("(not shown): ") && !shown.contains("canary"), "{shown}");
}

#[test]
fn a_prompt_before_there_is_a_home_restores_the_terminal() {
    if !has_sessions() {
        return;
    }
    let home = Home::new(LANYARD);
    let add = [&APP[..], &["--redirect-uri", "http://127.0.0.1:9/c"]].concat();
    leaves(&home, &add, "client secret (not shown): ");
}

#[test]
fn a_prompt_for_the_homes_passphrase_restores_the_terminal() {
    if !has_sessions() {
        return;
    }
    let home = Home::new(LANYARD);
    let (passphrase, secret) = (home.file("passphrase", "correct horse battery\n"), home.file("secret", "canary"));
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut make = home.command(APP);
    make.args(["--redirect-uri", "http://127.0.0.1:9/c", "--client-secret-file"]).arg(&secret);
    make.env("LANYARD_KEY_SOURCE", "passphrase").env("LANYARD_PASSPHRASE_FILE", &passphrase);
    Running::start(&mut make).end().ok();
    for command in [&["list"][..], &["serve"]] {
        leaves(&home, command, "passphrase of the home's key (not shown): ");
    }
}
