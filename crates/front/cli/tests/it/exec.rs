//! Programs with a token in their environment: `lanyard exec`.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use lanyard_testkit::{Ended, Home, Options, Running, Webex};

use crate::signed_in;

fn exec(home: &Home, arguments: &[&str]) -> Ended {
    home.run(["exec", "acme"].iter().chain(arguments))
}

fn signed_in_home() -> (Webex, Home) {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    (webex, home)
}

#[test]
fn a_program_has_the_token_and_no_variable_of_lanyards() {
    let (webex, home) = signed_in_home();
    let mut command = home.command(["exec", "--", "env"]);
    command.env("LANYARD_CREDENTIAL", "acme").env("LANYARD_ANYTHING", "else").env("KEPT", "as it is");
    let environment = Running::start(command.env("LANYARD_WEBEX_URL", webex.url())).end().ok();
    let variables: BTreeMap<_, _> = environment.lines().filter_map(|line| line.split_once('=')).collect();
    assert_eq!(variables["WEBEX_ACCESS_TOKEN"], home.token());
    assert_eq!(variables["KEPT"], "as it is");
    assert!(!environment.contains("LANYARD_"), "{:?}", variables.keys());
}

#[test]
fn the_variable_can_be_named() {
    let (_webex, home) = signed_in_home();
    let said = exec(&home, &["--env", "MY_TOKEN", "--", "sh", "-c", "echo $MY_TOKEN; test -z \"$WEBEX_ACCESS_TOKEN\""]);
    assert_eq!(said.ok(), home.token());
    for name in ["", "A=B", "LANYARD_TOKEN"] {
        let refused = exec(&home, &["--env", name, "--", "true"]);
        assert!(refused.hint().contains("--env"), "{}", refused.stderr);
        refused.fails(125);
    }
}

#[test]
fn the_programs_exit_code_is_the_exit_code() {
    let (_webex, home) = signed_in_home();
    for code in [0, 1, 4, 37, 125, 255] {
        assert_eq!(exec(&home, &["--", "sh", "-c", &format!("exit {code}")]).code(), code);
    }
    let no_program = home.file("no-program", "#!/bin/sh\n");
    let cannot = exec(&home, &["--", no_program.to_str().unwrap()]);
    assert!(cannot.stderr.contains("no-program cannot be run\n"), "{}", cannot.stderr);
    assert_eq!(cannot.stderr.matches("Permission denied").count(), 1, "{}", cannot.stderr);
    cannot.fails(126);
    exec(&home, &["--", "/"]).fails(126);
    let absent = exec(&home, &["--", "lanyard-test-absent"]);
    assert!(absent.stderr.contains("lanyard-test-absent cannot be run\n  because: No such file"), "{}", absent.stderr);
    absent.fails(127);
    let handed_out = home.run(["audit"]).ok();
    assert!(!handed_out.contains("absent") && !handed_out.contains("no-program"), "{handed_out}");
    home.run(["exec", "nobody", "--", "true"]).fails(125);
}

#[test]
fn a_command_line_that_cannot_be_read_is_not_the_programs_failure() {
    let home = Home::new(crate::LANYARD);
    let lines: [&[&str]; 5] = [
        &["exec"],
        &["exec", "acme"],
        &["--json", "exec", "No Name", "--", "true"],
        &["exec", "--nonsense", "--", "true"],
        &["exec", "--min-validity", "soon", "--", "true"],
    ];
    for arguments in lines {
        home.run(arguments).fails(125);
    }
    assert!(home.run(["exec", "--help"]).ok().contains("Usage: lanyard exec"));
    home.run(["token", "No Name"]).fails(2);
}

#[test]
fn the_program_gets_signals_and_dies_of_them_as_itself() {
    let (_webex, home) = signed_in_home();
    let itself = exec(&home, &["--", "sh", "-c", "kill -s KILL $$"]);
    assert_eq!(itself.status.signal(), Some(9));

    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
        let mut command = home.command(["exec", "acme", "--", "sh", "-c", "echo ready >&2; exec cat"]);
        let mut running = Running::start(command.stdin(Stdio::piped()));
        running.wait_for("ready");
        running.signal(name);
        assert_eq!(running.end().status.signal(), Some(number), "{name}");
    }
}

#[test]
fn arguments_and_standard_input_pass_through_untouched() {
    let (_webex, home) = signed_in_home();
    let odd = ["a b", "", "--json", "-h", "$HOME", "'", "é"];
    let script = "for word; do echo \"<$word>\"; done";
    let said = exec(&home, &[&["--", "sh", "-c", script, "sh"], &odd[..]].concat()).ok();
    assert_eq!(said, odd.map(|word| format!("<{word}>")).join("\n"));
    let mut command = home.command(["exec", "acme", "--", "cat"]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    running.write_line("through");
    assert_eq!(running.end().ok(), "through");
}

#[test]
fn the_token_is_on_no_command_line_and_the_hand_out_is_in_the_audit() {
    let (_webex, home) = signed_in_home();
    let token = home.token();
    let line = exec(&home, &["--", "sh", "-c", "ps -o args= -p $$; ps -o args= -p $PPID"]).ok();
    assert!(line.contains("ps -o args="), "{line}");
    assert!(!line.contains(&token), "{line}");
    let audit = home.run(["audit"]).ok();
    assert!(audit.contains("exec sh, generation 1"), "{audit}");
    assert!(!audit.contains(&token), "{audit}");
}
