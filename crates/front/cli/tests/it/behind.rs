//! Programs that call Webex and never hold a token: `lanyard exec --proxy`.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use lanyard_testkit::{
    Attack, Elsewhere, Ended, Home, Method, Options, Reply, Running, Served, Webex, attacks, send_to,
};
use serde_json::{Value, json};

use crate::{LANYARD, signed_in};

const NONE: [&str; 0] = [];

/// Prints what a call through the proxy brings.
const CALL: &str = "curl -sS -H \"Authorization: Bearer $WEBEX_ACCESS_TOKEN\" \"$WEBEX_BASE_URL/people/me\"";

/// Says where the proxy is and what opens it, and waits.
const TELL_AND_WAIT: &str = "echo \"at $WEBEX_BASE_URL with $WEBEX_ACCESS_TOKEN.\" >&2; read line";

fn behind(home: &Home, arguments: &[&str]) -> Ended {
    home.run(["exec", "acme", "--proxy", "--"].iter().chain(arguments))
}

fn begin(home: &Home, script: &str) -> Running {
    let mut command = home.command(["exec", "acme", "--proxy", "--", "sh", "-c", script]);
    // In the background of any terminal, so that no signal can be the keyboard's.
    Running::start(command.stdin(Stdio::piped()).process_group(0))
}

/// Tells a story without a broker and with one.
fn both(story: impl Fn(&Webex, &Home)) {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    story(&webex, &home);
    let broker = Served::start(&home, NONE);
    story(&webex, &home);
    assert!(broker.stop().status.success());
}

/// The address of the proxy and the key, as printed by [`TELL_AND_WAIT`].
fn told(running: &mut Running) -> (String, String) {
    let line = running.wait_for("at http://");
    let line = line.trim().strip_prefix("at http://").and_then(|line| line.strip_suffix('.')).unwrap();
    let (url, key) = line.split_once(" with ").unwrap();
    (url.strip_suffix("/v1").unwrap().to_owned(), key.to_owned())
}

fn ask(address: &str, host: &str, key: Option<&str>) -> Reply {
    let authorization = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let request = format!("GET /v1/people/me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{authorization}\r\n");
    send_to(address, request.as_bytes()).unwrap()
}

#[test]
fn two_keys_in_one_request_are_refused() {
    both(|_, home| {
        let mut program = begin(home, TELL_AND_WAIT);
        let (address, key) = told(&mut program);
        let keys = [format!("Bearer {key}"), "Bearer another".to_owned()];
        for [first, second] in [[0, 1], [1, 0], [0, 0]] {
            let request = format!(
                "GET /v1/people/me HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: {}\r\nAuthorization: {}\r\n\r\n",
                keys[first], keys[second]
            );
            let reply = send_to(&address, request.as_bytes()).unwrap();
            assert_eq!(reply.status, 401, "{first} {second}");
        }
        assert_eq!(ask(&address, &address, Some(&key)).status, 200);
        program.write_line("");
        program.end().ok();
    });
}

#[test]
fn a_program_has_a_key_and_an_address_and_neither_a_token_nor_a_variable_of_lanyards() {
    both(|webex, home| {
        let token = home.token();
        let mut command = home.command(["exec", "--proxy", "--", "env"]);
        command.env("LANYARD_CREDENTIAL", "acme").env("LANYARD_ANYTHING", "else").env("KEPT", "as it is");
        let environment = Running::start(command.env("LANYARD_WEBEX_URL", webex.url())).end().ok();
        let variables: BTreeMap<_, _> = environment.lines().filter_map(|line| line.split_once('=')).collect();
        assert!(variables["WEBEX_ACCESS_TOKEN"].starts_with("lyx_"));
        assert!(variables["WEBEX_BASE_URL"].starts_with("http://127.0.0.1:"));
        assert!(variables["WEBEX_BASE_URL"].ends_with("/v1"));
        assert_eq!(variables["KEPT"], "as it is");
        assert!(!environment.contains("LANYARD_"), "{:?}", variables.keys());
        assert!(!environment.contains(&token));

        webex.forget_record();
        let said = behind(home, &["sh", "-c", CALL]);
        assert!(!said.stderr.contains(&token), "{}", said.stderr);
        let me: Value = serde_json::from_str(&said.ok()).unwrap();
        assert_eq!(me["emails"][0], webex.description().admin.email);
        assert_eq!(webex.record().len(), 1);
    });
}

#[test]
fn a_program_that_could_not_make_a_call_is_not_started() {
    let webex = Webex::with(Options::default());
    let home = Home::signed_in(LANYARD, &webex);
    let personal = &webex.description().personal;
    let file = home.file("personal", &personal.access_token);
    let mut add = home.command(["--webex-url", webex.url(), "add", "personal", "mine", "--token-file"]);
    Running::start(add.arg(file)).end().ok();
    let ran = home.beside().join("ran");
    let refused = |home: &Home, why: &str| {
        let ended = home.run(["exec", "--proxy", "mine", "--", "touch", ran.to_str().unwrap()]);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        ended.fails(125);
        assert!(!ran.exists());
    };
    let (copy, key) = (home.beside().join("copy"), home.path().join("home.key"));
    home.run(["backup", copy.to_str().unwrap()]).ok();
    let paused = Home::new(LANYARD);
    paused.run(["restore", copy.to_str().unwrap(), "--key-file", key.to_str().unwrap()]).ok();
    refused(&paused, "this home has been paused since");
    webex.control(Method::POST, "/access_tokens/revoke", Some(&json!({ "subject": personal.email })));
    home.run(["test", "mine"]).fails(4);
    refused(&home, "mine has no valid token");
}

#[test]
fn the_programs_exit_code_is_the_exit_code() {
    both(|_, home| {
        for code in [0, 1, 4, 37, 125, 255] {
            assert_eq!(behind(home, &["sh", "-c", &format!("exit {code}")]).code(), code);
        }
        assert_eq!(behind(home, &["sh", "-c", "kill -s KILL $$"]).code(), 128 + 9);
        let no_program = home.file("no-program", "#!/bin/sh\n");
        let cannot = behind(home, &[no_program.to_str().unwrap()]);
        assert!(cannot.stderr.contains("no-program cannot be run\n"), "{}", cannot.stderr);
        cannot.fails(126);
        behind(home, &["lanyard-test-absent"]).fails(127);
        home.run(["exec", "nobody", "--proxy", "--", "true"]).fails(125);
    });
}

#[test]
fn what_says_something_of_a_token_says_nothing_of_a_proxy() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    for more in [["--env", "TOKEN"], ["--min-validity", "60"]] {
        let refused = home.run(["exec", "acme", "--proxy"].iter().chain(&more).chain(&["--", "true"]));
        assert!(refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
        refused.fails(125);
    }
}

#[test]
fn the_program_gets_signals_and_decides_what_they_mean() {
    both(|_, home| {
        for (name, number) in
            [("TERM", 15), ("HUP", 1), ("INT", 2), ("QUIT", 3), ("USR1", 10), ("USR2", 12), ("ALRM", 14)]
        {
            let mut running = begin(home, TELL_AND_WAIT);
            told(&mut running);
            running.signal(name);
            assert_eq!(running.end().code(), 128 + number, "{name}");
        }
        for name in ["TERM", "INT", "USR1", "WINCH", "CONT"] {
            let mut running = begin(home, &format!("trap 'exit 7' {name}; {TELL_AND_WAIT}"));
            told(&mut running);
            running.signal(name);
            assert_eq!(running.end().code(), 7, "{name}");
        }
    });
}

#[test]
fn the_program_has_the_core_limit_that_the_command_was_started_with() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    for limits in ["ulimit -S -c 0", "ulimit -S -c 1; ulimit -H -c 4", "ulimit -c 0"] {
        let seen = |prefix: &str| {
            let script = format!("{limits}; exec {prefix} sh -c 'ulimit -S -c; ulimit -H -c'");
            let mut command = std::process::Command::new("sh");
            command.args(["-c", &script]).env("LANYARD_HOME", home.path());
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let bare = seen("");
        for way in ["exec acme --", "exec acme --proxy --"] {
            assert_eq!(seen(&format!("{} {way}", crate::LANYARD)), bare, "{limits}, {way}");
        }
    }
}

#[test]
fn the_key_opens_this_proxy_alone_by_its_own_name_and_as_long_as_the_program_runs() {
    both(|webex, home| {
        let (mut one, mut other) = (begin(home, TELL_AND_WAIT), begin(home, TELL_AND_WAIT));
        let ((address, key), (others_address, others_key)) = (told(&mut one), told(&mut other));
        let token = home.token();
        webex.forget_record();
        let digit = if key.ends_with('0') { '1' } else { '0' };
        let wrong = format!("{}{digit}", &key[..key.len() - 1]);
        for (host, given, status, problem) in [
            (&*address, None, 401, Some("unauthorized")),
            (&address, Some(&*others_key), 401, Some("unauthorized")),
            (&address, Some(&wrong), 401, Some("unauthorized")),
            (&address, Some(&token), 401, Some("unauthorized")),
            ("rebound.example", Some(&key), 421, Some("wrong-host")),
            (&others_address, Some(&key), 421, Some("wrong-host")),
            ("127.0.0.1", Some(&key), 421, Some("wrong-host")),
            (&address, Some(&key), 200, None),
            (&address.replace("127.0.0.1", "localhost"), Some(&key), 200, None),
        ] {
            let reply = ask(&address, host, given);
            assert_eq!((reply.status, reply.problem()), (status, problem), "{host}: {}", reply.body);
        }
        assert_eq!(webex.record().len(), 2);
        one.write_line("end");
        one.end().ok();
        assert!(TcpStream::connect(&address).is_err(), "nobody listens there any more");
        assert_eq!(ask(&others_address, &others_address, Some(&key)).status, 401);
        other.write_line("end");
        other.end().ok();
    });
}

#[test]
fn attacks_get_no_further_than_at_a_brokers_own_door() {
    both(|webex, home| {
        let elsewhere = Elsewhere::listen();
        let mut running = begin(home, TELL_AND_WAIT);
        let (address, key) = told(&mut running);
        webex.forget_record();
        for Attack { request, refused } in
            attacks(&address, &format!("127.0.0.1:{}", elsewhere.port()), Some(&format!("Bearer {key}")))
        {
            let request = request.replace("/webex/me", "");
            let reply = send_to(&address, request.as_bytes());
            let seen = reply.as_ref().map(|reply| (reply.status, reply.problem()));
            // Without the credential's name some are refused for another reason, and none is left without an answer for it.
            assert!(refused.is(seen) || matches!(seen, Some((400..=499, _))), "{request}: {seen:?}");
        }
        assert!(webex.record().is_empty(), "{:?}", webex.record());
        elsewhere.saw_nobody();
        running.write_line("end");
        running.end().ok();
    });
}

#[test]
fn each_call_is_in_the_audit_with_the_program_that_made_it() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let twice = format!(
        "{CALL}; {CALL}; curl -sS -H \"Authorization: Bearer $WEBEX_ACCESS_TOKEN\" -X POST \"$WEBEX_BASE_URL/../x\" --path-as-is"
    );
    let audited = |from: usize| {
        let audit: Value = serde_json::from_str(&home.run(["--json", "audit"]).ok()).unwrap();
        let (mut calls, mut refused) = (0, 0);
        for record in &audit.as_array().unwrap()[..] {
            let detail = record["detail"].as_str().unwrap();
            let times = detail.rsplit_once(", ").and_then(|(_, times)| times.strip_suffix(" times")?.parse().ok());
            if detail.starts_with("exec sh, proxy GET people, generation 1") {
                calls += times.unwrap_or(1);
            }
            refused += usize::from(detail.starts_with("exec sh, proxy POST: bad-path"));
        }
        assert_eq!((calls, refused), (2 * from, from), "{audit:#}");
    };
    behind(&home, &["sh", "-c", &twice]).ok();
    audited(1);
    let broker = Served::start(&home, NONE);
    behind(&home, &["sh", "-c", &twice]).ok();
    assert!(broker.stop().status.success());
    audited(2);
    home.run(["audit", "--verify"]).ok();
}

#[test]
fn with_a_broker_neither_the_program_nor_the_command_ever_has_the_token() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let token = home.token();
    let broker = Served::start(&home, NONE);
    let mut files = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let key = files.find(|path| path.extension().is_some_and(|extension| extension == "key")).unwrap();
    std::fs::rename(key, home.beside().join("key")).unwrap();
    assert_eq!(home.run(["key", "show"]).code(), 6, "no command opens the store now");

    let mut running = begin(&home, &format!("{CALL}; {TELL_AND_WAIT}"));
    let (address, key) = told(&mut running);
    assert_eq!(ask(&address, &address, Some(&key)).status, 200);
    #[cfg(target_os = "linux")]
    match crate::canary::in_memory(running.id(), &[&token, &key]) {
        Some(found) => assert_eq!(found, [key], "its own key is found, so the token would be"),
        None => lanyard_testkit::left_out("it takes root, to look into a process"),
    }
    running.write_line("end");
    assert!(!running.end().ok().contains(&token));
    assert!(broker.stop().status.success());
}

#[test]
fn a_broker_that_stops_meanwhile_is_told_of_and_another_is_found() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let broker = Served::start(&home, NONE);
    let mut running = begin(&home, TELL_AND_WAIT);
    let (address, key) = told(&mut running);
    assert_eq!(ask(&address, &address, Some(&key)).status, 200);
    assert!(broker.stop().status.success());
    let reply = ask(&address, &address, Some(&key));
    assert_eq!((reply.status, reply.problem()), (503, Some("busy")), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert!(reply.json()["detail"].as_str().unwrap().contains("does not answer any more"), "{}", reply.body);
    assert!(reply.json()["hint"].as_str().unwrap().contains("lanyard serve"), "{}", reply.body);
    let broker = Served::start(&home, NONE);
    assert_eq!(ask(&address, &address, Some(&key)).status, 200);
    running.write_line("end");
    running.end().ok();
    assert!(broker.stop().status.success());
}

/// Opens more connections than its proxy may have files, leaves them silent, and then calls.
const FLOOD: &str = r"
import os, resource, socket, urllib.parse, urllib.request
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
base = os.environ['WEBEX_BASE_URL']
at = urllib.parse.urlsplit(base)
silent = [socket.create_connection((at.hostname, at.port)) for _ in range(200)]
for _ in range(3):
    headers = {'Authorization': 'Bearer ' + os.environ['WEBEX_ACCESS_TOKEN']}
    call = urllib.request.Request(base + '/people/me', headers=headers)
    print(urllib.request.urlopen(call, timeout=20).status)
";

#[cfg(target_os = "linux")]
#[test]
fn silent_connections_keep_no_program_from_its_proxy() {
    both(|_, home| {
        let few = ["prlimit", "--nofile=64:4096", "--"];
        let ended =
            Running::start(&mut home.command_by(few, ["exec", "acme", "--proxy", "--", "python3", "-c", FLOOD])).end();
        assert_eq!(ended.ok().split_whitespace().collect::<Vec<_>>(), ["200"; 3]);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_broker_whose_sockets_others_could_replace_is_not_called_for_a_program() {
    let webex = Webex::with(Options::default());
    let home = signed_in(&webex);
    let broker = Served::start(&home, NONE);
    // It becomes so while the program runs.
    let open = format!("chmod 777 '{}'", home.path().display());
    let script = format!("{open}; {CALL}; chmod 700 '{}'", home.path().display());
    let said = behind(&home, &["sh", "-c", &script]).ok();
    assert!(said.contains("other users can write to") && said.contains("chmod go-w"), "{said}");
    assert!(broker.stop().status.success());
}
