//! A process that dies with a token in its memory leaves none of it on the disk.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lanyard_testkit::{RefreshBehaviour, Running, Webex};

use crate::signed_in;

/// The command that starts a process with an unlimited size of core files.
const UNLIMITED: [&str; 4] = ["sh", "-c", "ulimit -c unlimited && exec \"$@\"", "sh"];

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).expect("the directory is there").next().is_none()
}

#[test]
fn a_crash_leaves_no_core_file() {
    let webex = Webex::start(RefreshBehaviour::Keep, super::LIFE);
    let home = signed_in(&webex);
    for (signal, number) in [("ABRT", 6), ("SYS", 31)] {
        let ordinary = home.beside().join(format!("ordinary-{signal}"));
        let lanyards = home.beside().join(format!("lanyard-{signal}"));
        for directory in [&ordinary, &lanyards] {
            fs::create_dir(directory).expect("a directory is made");
        }

        // An ordinary program dumps core here; otherwise there would be nothing to see.
        let mut program = Command::new(UNLIMITED[0]);
        program
            .args(&UNLIMITED[1..])
            .args(["sh", "-c", "echo ready >&2; read line"])
            .current_dir(&ordinary)
            .stdin(Stdio::piped());
        let mut program = Running::start(&mut program);
        // When it says what it was told, the limit is lifted.
        program.wait_for("ready");
        program.signal(signal);
        let ended = program.end().status;
        assert_eq!(ended.signal(), Some(number));
        if !ended.core_dumped() {
            lanyard_testkit::left_out("no program may dump core on this machine");
            return;
        }

        let mut command = home.command_by(UNLIMITED, ["refresh", "acme", "--force"]);
        command.env("LANYARD_FAILPOINT", "rotation.answered=stop").current_dir(&lanyards);
        let renewal = Running::start(&mut command);
        renewal.wait_until_stopped();
        renewal.signal(signal);
        renewal.signal("CONT");
        let ended = renewal.end().status;
        assert_eq!(ended.signal(), Some(number));
        assert!(!ended.core_dumped());
        assert!(is_empty(&lanyards));
    }
}
