//! A broker whose log is neither read nor closed.

use std::io::{PipeReader, PipeWriter, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Home, ask_on, wait};
use serde_json::Value;

use super::{nothing_is_lost, strict};
use crate::signed_in;

/// Starts a broker that logs everything, and waits until it answers.
fn broker(home: &Home, log: PipeWriter) -> Child {
    let mut serve = home.command(["serve", "-vvv", "--log", "json"]);
    let broker = serve.stdout(Stdio::null()).stderr(Stdio::from(log)).spawn().unwrap();
    while !home.path().join("lanyard.sock").exists() {
        wait(Duration::from_millis(20));
    }
    broker
}

/// Asks it to stop, and waits until it has.
#[track_caller]
fn stop(broker: &mut Child) {
    let status = Command::new("kill").args(["-s", "TERM", &broker.id().to_string()]).status().unwrap();
    assert!(status.success());
    for _ in 0..1000 {
        if let Some(status) = broker.try_wait().unwrap() {
            return assert!(status.success(), "{status}");
        }
        wait(Duration::from_millis(20));
    }
    let _ = broker.kill();
    panic!("it does not end");
}

/// A pipe that is full to the last byte.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while writer.write(b"\n").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

#[test]
fn a_broker_whose_log_is_not_read_answers_renews_and_stops() {
    let webex = strict();
    let home = signed_in(&webex);
    let (mut reader, writer) = full_pipe();
    let mut broker = broker(&home, writer);
    let before = home.token();
    for _ in 0..5 {
        home.run(["refresh", "acme", "--force"]).ok();
    }
    assert_ne!(home.token(), before);
    assert_eq!(webex.refreshes().len(), 5, "{:?}", webex.refreshes());
    stop(&mut broker);
    // Nothing of it was read to the end.
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert!(said.bytes().all(|byte| byte == b'\n'), "{said}");
    nothing_is_lost(&home, &webex, 5);
}

#[test]
fn a_broker_that_stops_writes_its_last_lines_for_a_reader_that_comes_late() {
    let webex = strict();
    let home = signed_in(&webex);
    let (mut reader, writer) = full_pipe();
    let mut broker = broker(&home, writer);
    // Each of these leaves a line at least.
    let socket = home.path().join("lanyard.sock");
    for _ in 0..1500 {
        assert_eq!(ask_on(&socket, "GET", "/api/v1/credentials/acme", &[]).unwrap().status, 200);
    }
    let read = std::thread::spawn(move || {
        let mut said = String::new();
        reader.read_to_string(&mut said).map(|_| said)
    });
    stop(&mut broker);
    let said = read.join().unwrap().unwrap();
    let facts: Vec<Value> = said.trim().lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let lost = facts.iter().find(|fact| fact["message"].to_string().contains("log lines were dropped"));
    assert!(lost.is_some_and(|lost| lost["count"].as_u64() > Some(0)), "{} lines", facts.len());
    assert!(facts.iter().any(|fact| fact["message"] == "stopped"), "{said}");
}
