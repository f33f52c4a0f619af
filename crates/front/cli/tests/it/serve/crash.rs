//! A broker that crashes for real: it leaves no image of its memory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lanyard_testkit::{Home, RefreshBehaviour, Served, Webex, left_out};

use crate::LANYARD;

/// Lets a program be started in a directory of the test's own where every crash may leave its image.
const IN_THE_OPEN: &str = "ulimit -c unlimited && cd \"$0\" && exec \"$@\"";

/// The files of a directory, and what of them holds this.
fn holds(directory: &Path, secret: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let with = entries.filter(|path| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    });
    with.map(|path| path.display().to_string()).collect()
}

#[test]
fn a_broker_that_crashes_leaves_no_image_of_its_memory_and_the_next_one_starts() {
    let webex = Webex::start(RefreshBehaviour::Keep, Duration::from_hours(1));
    let home = Home::signed_in(LANYARD, &webex);
    let cwd = home.beside().join("crashes");
    fs::create_dir(&cwd).unwrap();
    fs::set_permissions(&cwd, fs::Permissions::from_mode(0o777)).unwrap();
    let starter = ["sh", "-c", IN_THE_OPEN, cwd.to_str().unwrap()];

    // What a crash leaves where nobody forbids it.
    let [shell, option, script, directory] = starter;
    let crashed =
        Command::new(shell).args([option, script, directory, "sh", "-c", "kill -s ABRT $$"]).status().unwrap();
    if !crashed.core_dumped() {
        return left_out("no crash leaves an image on this machine");
    }
    for entry in fs::read_dir(&cwd).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }

    for signal in ["ABRT", "SEGV"] {
        let mut broker = Served::start_by(&home, starter, ["--http", "127.0.0.1:0"]);
        let reply = broker.ask("GET", "/api/v1/credentials/acme/token");
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        let socket = broker.socket();
        // Rust's own handler, which looks for overflown stacks, takes the first SEGV and lets go.
        while broker.is_running() {
            broker.signal(signal);
            std::thread::yield_now();
        }
        let ended = broker.ended();
        assert!(ended.status.signal().is_some(), "{signal}: {:?}", ended.status);
        assert!(!ended.status.core_dumped(), "{signal}");
        assert_eq!(fs::read_dir(&cwd).unwrap().count(), 0, "{signal}: something was left");
        assert_eq!(holds(&home.path(), &token), [""; 0], "{signal}");
        assert!(socket.exists(), "nobody took it away");
    }
    let next = Served::start(&home, [] as [&str; 0]);
    assert_eq!(next.ask("GET", "/api/v1/credentials/acme/token").status, 200);
    assert!(next.stop().status.success());
}
