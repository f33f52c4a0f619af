//! The output of `lanyard simulator`: for a person, for a program, and in a file.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use lanyard_testkit::{Ended, Home, Running, Terminal};
use serde_json::Value;

use crate::LANYARD;

/// A shell that starts one, calls it once without a token when its file is there, and stops it.
fn started(home: &Home, options: &[&str]) -> Command {
    let script = "lanyard=$1 file=$2; shift 2
        \"$lanyard\" simulator --people 3 --devices 0 --info \"$file\" \"$@\" & pid=$!
        until [ -e \"$file\" ] || ! kill -0 $pid 2> /dev/null; do sleep 0.05; done
        port=$(sed 's|.*\"base_url\":\"http://127.0.0.1:\\([0-9]*\\)/v1\".*|\\1|' \"$file\")
        exec 3<> \"/dev/tcp/127.0.0.1/$port\"
        printf 'GET /v1/people/me?name=unlogged HTTP/1.1\\r\\nHost: 127.0.0.1:%s\\r\\nConnection: close\\r\\n\\r\\n' \"$port\" >&3
        cat <&3 > /dev/null
        kill $pid && wait $pid";
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", LANYARD]).arg(home.beside().join("webex.json")).args(options);
    command
}

fn description(home: &Home) -> Value {
    serde_json::from_str(&std::fs::read_to_string(home.beside().join("webex.json")).unwrap()).unwrap()
}

#[test]
fn a_person_reads_a_short_page() {
    let home = Home::new(LANYARD);
    let (shown, code) = Terminal::run(started(&home, &[]), 100);
    assert_eq!(code, 0, "{shown}");
    let described = description(&home);
    for (name, value) in [
        ("Webex API", &described["base_url"]),
        ("Developer portal", &described["portal_url"]),
        ("Control Hub", &described["hub_url"]),
        ("Sign in as", &described["admin"]["email"]),
        ("Password", &described["admin"]["password"]),
    ] {
        let line = format!("{name:16}  {}\n", value.as_str().unwrap());
        assert!(shown.contains(&line), "{line}{shown}");
    }
    assert!(!shown.contains('{') && shown.lines().count() < 12, "{shown}");
    assert_eq!(home.beside().join("webex.json").metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_program_reads_json() {
    let home = Home::new(LANYARD);
    let printed = Running::start(&mut started(&home, &["--json"])).end().ok();
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), description(&home));
}

#[test]
fn with_a_file_for_programs_the_output_is_for_people() {
    let home = Home::new(LANYARD);
    let printed = Running::start(&mut started(&home, &[])).end().ok();
    assert!(printed.contains("Developer portal") && !printed.contains('{'), "{printed}");
}

#[test]
fn verbose_it_prints_each_call_without_its_query() {
    let home = Home::new(LANYARD);
    for (options, logged) in [(&[][..], false), (&["-v"], true)] {
        let ended = Running::start(&mut started(&home, options)).end();
        assert_eq!(ended.stderr.contains("GET /v1/people/me 401"), logged, "{}", ended.stderr);
        assert!(!ended.stderr.contains("unlogged"), "{}", ended.stderr);
        std::fs::remove_file(home.beside().join("webex.json")).unwrap();
    }
}

#[test]
fn an_address_that_is_empty_is_not_the_commercial_webex() {
    let home = Home::new(LANYARD);
    let tried = |words: &[&str]| -> Ended {
        let mut command = home.command(words);
        Running::start(command.env("LANYARD_WEBEX_URL", "")).end()
    };
    let token = home.file("token", "made-up");
    let token = token.to_str().unwrap();
    for words in
        [&["add", "bot", "lobby", "--token-file", token][..], &["add", "personal", "me", "--token-file", token]]
    {
        let refused = tried(words);
        assert!(refused.stderr.contains("LANYARD_WEBEX_URL is set, and empty"), "{words:?}: {}", refused.stderr);
        refused.fails(2);
    }
    tried(&["list"]).ok();
}
