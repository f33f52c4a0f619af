//! Completion of command lines, in the shells themselves.

use std::path::Path;
use std::process::{Command, Stdio};

use lanyard_testkit::{Home, Running, Webex};

use crate::LANYARD;
use crate::snapshots::furnished;

/// A home with credentials and an app, labels, a client and a watch.
fn home() -> (Webex, Home) {
    let (webex, home) = furnished();
    home.run(["label", "lobby", "site=bern"]).ok();
    home.run(["client", "add", "report", "--credential", "lobby", "--can", "read"]).ok();
    home.run(["devices", "watch", "add", "lobby", "--name", "rooms"]).ok();
    (webex, home)
}

/// A shell beside the program under test.
fn shell(home: &Home, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null()).env_clear().env("LANYARD_HOME", home.path());
    let path = std::env::var("PATH").unwrap_or_default();
    let binary = Path::new(LANYARD).parent().expect("a binary is in a directory").display();
    command.env("PATH", format!("{binary}:{path}")).env("HOME", home.beside()).env("TERM", "dumb");
    command
}

fn has(shell: &str) -> bool {
    let there = Command::new(shell).args(["-c", "true"]).stdin(Stdio::null()).status().is_ok();
    if !there {
        lanyard_testkit::left_out(&format!("{shell} is not installed"));
    }
    there
}

/// A command line, and what its last word may become.
const LINES: [(&str, &[&str]); 13] = [
    ("lanyard dis", &["disable"]),
    ("lanyard token ", &["acme", "lobby", "mine"]),
    ("lanyard token l", &["lobby"]),
    ("lanyard exec m", &["mine"]),
    ("lanyard api l", &["lobby"]),
    ("lanyard test lobby --against a", &["acme"]),
    ("lanyard login again --app ", &["desk"]),
    ("lanyard app show d", &["desk"]),
    ("lanyard client show r", &["report"]),
    ("lanyard devices sweep ", &["rooms"]),
    ("lanyard list --label ", &["site=bern"]),
    ("lanyard list --kind p", &["personal"]),
    ("lanyard --home /nowhere token l", &[]),
];

#[test]
fn bash_completes_commands_and_names() {
    let (_webex, home) = home();
    let ask = r#"source <(lanyard completions bash)
        read -r -a COMP_WORDS <<< "$1"
        [[ $1 == *' ' ]] && COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_TYPE=9
        _clap_complete_lanyard lanyard "${COMP_WORDS[COMP_CWORD]}" ''
        for word in "${COMPREPLY[@]}"; do [[ $word == -* ]] || printf '%s\n' "$word"; done"#;
    for (line, expected) in LINES {
        let ended = Running::start(&mut shell(&home, "bash", &["-c", ask, "bash", line])).end();
        assert_eq!(ended.stderr, "", "{line}");
        assert_eq!(ended.ok().lines().collect::<Vec<_>>(), expected, "{line}");
    }
}

#[test]
fn fish_completes_commands_and_names() {
    if !has("fish") {
        return;
    }
    let (_webex, home) = home();
    let ask = "lanyard completions fish | source; complete -C $argv[1] | string split -f 1 \\t";
    for (line, expected) in LINES {
        let ended = Running::start(&mut shell(&home, "fish", &["--no-config", "-c", ask, line])).end();
        let all = ended.stdout.lines().filter(|word| !word.starts_with('-')).collect::<Vec<_>>();
        // Fish offers files where nothing else fits.
        if !expected.is_empty() {
            assert_eq!(all, expected, "{line}: {}", ended.stderr);
        }
    }
}

#[test]
fn zsh_completes_a_name() {
    if !has("zsh") {
        return;
    }
    let (_webex, home) = home();
    // Its own line editor, on a terminal of its own, with a key pressed as a person presses it.
    let ask = r#"zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u; source <(lanyard completions zsh)"
        zpty -w shell $'lanyard show lo\t'
        zpty -w shell 'exit'
        while zpty -r shell line; do print -rn -- $line; done"#;
    let ended = Running::start(&mut shell(&home, "zsh", &["-f", "-c", ask])).end();
    let shown = ended.stdout.replace('\r', "");
    assert!(shown.contains("lanyard show lobby") && shown.contains("kind           bot"), "{shown}\n{}", ended.stderr);
}

#[test]
fn a_question_changes_nothing_in_the_home() {
    let (_webex, home) = home();
    let files = || {
        let all = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
        all.collect::<std::collections::BTreeSet<_>>()
    };
    let before = files();
    let mut command = home.command(["--", "lanyard", "token", ""]);
    command.env("LANYARD_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
    assert!(Running::start(&mut command).end().ok().contains("lobby"));
    assert_eq!(files(), before);
}

#[test]
fn nothing_is_said_and_nothing_is_made_where_there_is_no_home() {
    let home = Home::new(LANYARD);
    for line in [&["lanyard", "token", ""][..], &["lanyard", "nonsense", "--", "x"], &[]] {
        let mut command = home.command(["--"]);
        let ended = Running::start(command.args(line).env("LANYARD_COMPLETE", "bash")).end();
        assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{line:?}");
    }
    assert!(!home.path().exists());
}

#[test]
fn every_shell_gets_its_completions() {
    let home = Home::new(LANYARD);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.run(["completions", shell]).ok();
        assert!(script.contains("LANYARD_COMPLETE"), "{shell}: {script}");
    }
    home.run(["completions", "csh"]).fails(2);
    assert!(!home.path().exists(), "it needs no home");
}
