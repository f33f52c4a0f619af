//! A sign-in for one run of a program: `lanyard exec --login`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use lanyard_testkit::{Home, Method, Options, Running, Served, Webex};
use serde_json::json;

use crate::LANYARD;

/// A Webex, a home with the app `desk` and no credential, and the directory for temporary files.
struct Stage {
    webex: Webex,
    home: Home,
    temporary: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let webex = Webex::with(Options::default());
        let home = Home::new(LANYARD);
        home.add_app(&webex);
        let temporary = home.beside().join("run");
        fs::create_dir(&temporary).unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o700)).unwrap();
        Self { webex, home, temporary }
    }

    /// Starts a program with a sign-in, and signs a person in.
    fn start(&self, options: &[&str], program: &[&str]) -> Running {
        let (mut running, url) = self.begin(options, program);
        running.write_line(self.webex.person_signs_in(&url, true).as_str());
        running
    }

    fn begin(&self, options: &[&str], program: &[&str]) -> (Running, String) {
        let words = [&["exec", "--login", "desk", "--paste"], options, &["--"], program].concat();
        let mut command = self.home.command(words);
        let mut running = Running::start(command.env("XDG_RUNTIME_DIR", &self.temporary).stdin(Stdio::piped()));
        let url = running.wait_for("/authorize?").trim().to_owned();
        (running, url)
    }

    /// Checks that the home has no credential, and that no file is left.
    #[track_caller]
    fn has_nothing(&self) {
        assert_eq!(self.home.run(["--json", "list"]).ok(), "[]");
        assert_eq!(fs::read_dir(&self.temporary).unwrap().count(), 0);
    }

    fn revocations(&self) -> usize {
        self.webex.record().iter().filter(|call| call["path"].as_str().unwrap_or_default().ends_with("/revoke")).count()
    }
}

#[test]
fn the_program_has_a_token_that_is_revoked_when_it_exits() {
    let stage = Stage::new();
    let (token, works) = (stage.home.beside().join("token"), "test -n \"$WEBEX_ACCESS_TOKEN\" && exit 7");
    let script = format!("printf %s \"$WEBEX_ACCESS_TOKEN\" > '{}'; env | grep LANYARD_; {works}", token.display());
    let ended = stage.start(&[], &["sh", "-c", &script]).end();
    let admin = &stage.webex.description().admin.email;
    assert!(ended.stderr.contains("signed in: ") && ended.stderr.contains(admin.as_str()), "{}", ended.stderr);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.code(), 7);
    assert!(!stage.webex.accepts(&fs::read_to_string(token).unwrap()));
    assert_eq!(stage.webex.refreshes().len(), 0);
    stage.has_nothing();
    let audit = stage.home.run(["audit"]).ok();
    assert!(audit.contains("exec sh with its own sign-in"), "{audit}");
}

#[test]
fn a_code_on_another_device_signs_in_too_and_a_running_broker_is_not_told() {
    let stage = Stage::new();
    stage.webex.control(Method::POST, "/behaviour", Some(&json!({ "device_interval_s": 0 })));
    let broker = Served::start(&stage.home, [""; 0]);
    let mut command = stage.home.command(["exec", "--login", "desk", "--device", "--", "true"]);
    let mut running = Running::start(command.env("XDG_RUNTIME_DIR", &stage.temporary));
    let address = running.wait_for("holds the code: ").split(": ").nth(1).unwrap().trim().to_owned();
    stage.webex.approves_device(&address, true);
    running.end().ok();
    assert!(stage.revocations() > 0);
    stage.has_nothing();
    assert!(stage.home.run(["audit"]).ok().contains("exec true with its own sign-in"));
    assert!(broker.stop().status.success());
}

#[test]
fn the_proxy_works_for_as_long_as_the_program_runs() {
    let stage = Stage::new();
    let call = "curl -s -o /dev/null -w '%{http_code}\\n' -H \"Authorization: Bearer $WEBEX_ACCESS_TOKEN\" $WEBEX_BASE_URL/people/me";
    let ended = stage.start(&["--proxy"], &["sh", "-c", call]).end();
    assert_eq!(ended.ok(), "200");
    assert!(stage.revocations() > 0);
    stage.has_nothing();
}

#[test]
fn a_signal_ends_the_program_and_the_tokens() {
    let stage = Stage::new();
    let mut running = stage.start(&[], &["sh", "-c", "echo \"ready $WEBEX_ACCESS_TOKEN\" >&2; exec sleep 600"]);
    let token = running.wait_for("ready ").trim().trim_start_matches("ready ").to_owned();
    assert!(stage.webex.accepts(&token));
    running.signal("TERM");
    running.end().fails(128 + 15);
    assert!(!stage.webex.accepts(&token));
    stage.has_nothing();
}

#[test]
fn a_sign_in_that_ends_early_leaves_nothing() {
    let stage = Stage::new();
    let (running, _) = stage.begin(&[], &["true"]);
    running.signal("INT");
    running.end().fails(130);
    stage.has_nothing();

    let (mut refused, url) = stage.begin(&[], &["true"]);
    refused.write_line(stage.webex.person_signs_in(&url, false).as_str());
    let refused = refused.end();
    assert!(refused.hint().contains("lanyard exec --login desk -- COMMAND"), "{}", refused.stderr);
    refused.fails(125);
    stage.has_nothing();

    stage.webex.forget_record();
    let absent = stage.home.run(["exec", "--login", "desk", "--", "lanyard-test-absent"]);
    absent.fails(127);
    stage.home.run(["exec", "--login", "nosuch", "--", "true"]).fails(125);
    assert_eq!(stage.webex.record().len(), 0, "a person is not sent to a browser for nothing");
}

#[test]
fn a_token_that_cannot_be_revoked_is_reported() {
    let stage = Stage::new();
    stage.webex.fault(&json!({ "path": "/idb/oauth2/v1/revoke", "count": null, "action": { "status": 503 } }));
    let ended = stage.start(&[], &["sh", "-c", "exit 3"]).end();
    assert!(ended.stderr.contains("warning: the refresh token was not revoked, and stays valid"), "{}", ended.stderr);
    assert_eq!(ended.code(), 3);
    stage.has_nothing();
}

#[test]
fn what_a_killed_run_leaves_opens_for_no_one() {
    let stage = Stage::new();
    // The program outlives it, until its standard input ends.
    let mut running = stage.start(&[], &["sh", "-c", "echo \"ready $WEBEX_ACCESS_TOKEN\" >&2; exec cat"]);
    let token = running.wait_for("ready ").trim().trim_start_matches("ready ").to_owned();
    running.signal("KILL");
    assert_eq!(running.end().code(), -1);
    let left: Vec<_> = fs::read_dir(&stage.temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [left] = &left[..] else { panic!("{left:?}") };
    let names: Vec<_> = fs::read_dir(left).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("key")), "{names:?}");
    for entry in fs::read_dir(left).unwrap() {
        let content = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!content.windows(token.len()).any(|part| part == token.as_bytes()));
    }
    let mut list = stage.home.command(["list"]);
    let opened = Running::start(list.env("LANYARD_HOME", left)).end();
    assert!(opened.code() == 6, "{}", opened.stderr);
    assert_eq!(stage.home.run(["--json", "list"]).ok(), "[]");
}
