//! A database that somebody else holds for too long.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use lanyard_testkit::{Home, Running};

use super::{nothing_is_lost, refused, strict};
use crate::signed_in;

/// Another program in the middle of a transaction that writes. It ends when dropped.
struct Holder(Child);

impl Holder {
    fn of(home: &Home) -> Self {
        let mut command = Command::new("sqlite3");
        command.arg(home.path().join("lanyard.db")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("sqlite3(1) is here");
        let stdin = child.stdin.as_mut().expect("stdin is a pipe");
        stdin.write_all(b"BEGIN IMMEDIATE;\nSELECT 'held';\n").expect("it reads");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is a pipe")).read_line(&mut line).expect("it speaks");
        assert_eq!(line.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_locked_database_keeps_nobody_from_a_valid_token_and_nothing_is_sent() {
    let webex = strict();
    let home = signed_in(&webex);
    let holder = Holder::of(&home);
    // Side by side: each waits as long as it may for the other program.
    let token = Running::start(&mut home.command(["token", "acme"]));
    let renewal = Running::start(&mut home.command(["refresh", "acme", "--force"]));
    let token = token.end();
    assert!(
        token.stderr.contains("warning: this hand-out is missing from the audit: the store is busy"),
        "{}",
        token.stderr
    );
    assert!(webex.accepts(&token.ok()));
    refused(renewal.end(), 6, "the store is busy", "another lanyard process is writing");
    assert_eq!(webex.refreshes().len(), 0);
    drop(holder);
    nothing_is_lost(&home, &webex, 0);
}
