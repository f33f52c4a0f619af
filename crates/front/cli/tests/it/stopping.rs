//! Being told to stop, or not to, while a local Webex runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::LANYARD;

/// A process that is killed when the test is over.
struct Simulator(Child);

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Simulator {
    /// Starts it through a shell that ignores these signals, which its successor inherits.
    fn start(ignored: &str, arguments: &[&str]) -> Self {
        let script = format!("trap '' {ignored}; exec \"$0\" simulator \"$@\"");
        let mut command = if ignored.is_empty() {
            // Whoever runs the tests in the background may have them ignore signals, which is inherited as well.
            let mut command = Command::new("env");
            command.args(["--default-signal", LANYARD, "simulator"]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &script, LANYARD]);
            command
        };
        Self(command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// Reads its first line.
    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

/// Whether somebody answers there.
fn answers(line: &str) -> bool {
    let description: serde_json::Value = serde_json::from_str(line).unwrap();
    let url: url::Url = description["base_url"].as_str().unwrap().parse().unwrap();
    std::net::TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).is_ok()
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_was_ignored_from_the_beginning_stays_ignored() {
    let mut simulator = Simulator::start("HUP INT", &[]);
    let line = simulator.first_line();
    // A signal that is ignored is gone as soon as it was sent; one that is not would end it before the next.
    for signal in ["HUP", "INT"] {
        simulator.signal(signal);
        assert!(answers(&line), "SIG{signal}");
    }
    simulator.signal("TERM");
    assert!(simulator.0.wait().unwrap().success());
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_it_cleanly() {
    for signal in ["INT", "TERM"] {
        let mut simulator = Simulator::start("", &[]);
        assert!(answers(&simulator.first_line()));
        simulator.signal(signal);
        assert!(simulator.0.wait().unwrap().success(), "SIG{signal}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_local_webex_that_is_still_starting_is_ended_at_once() {
    let mut simulator = Simulator::start("", &["--people", "100000"]);
    // From here on it listens to signals; it takes seconds to make up so many people.
    let caught = |status: String| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).map(|mask| mask.trim().to_owned());
        mask.and_then(|mask| u64::from_str_radix(&mask, 16).ok())
            .is_some_and(|mask| mask >> 1 & 1 == 1 && mask >> 14 & 1 == 1)
    };
    let ended = |simulator: &mut Simulator| simulator.0.try_wait().unwrap().is_some();
    while !caught(std::fs::read_to_string(format!("/proc/{}/status", simulator.0.id())).unwrap()) {
        assert!(!ended(&mut simulator), "it ended before it listened");
        std::thread::yield_now();
    }
    simulator.signal("INT");
    assert!(simulator.0.wait().unwrap().success());
    assert_eq!(simulator.first_line(), "", "it ended before it was ready");
}
