//! A simulator that is called two hundred times a second on one core, for as long as one likes.
//!
//! `LANYARD_SOAK=3600 cargo test --release -p lanyard --test it soak -- --nocapture` is the long form.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Home, Load, Method, Sent};
use serde_json::{Value, json};

const RATE: u32 = 200;

/// The allowed growth of memory, in bytes. Most of it is the record of calls, which keeps the last hundred thousand.
const MOST_GROWTH: u64 = 160 * 1024 * 1024;

#[test]
fn called_without_rest_it_answers_and_does_not_grow() {
    let seconds: u64 = std::env::var("LANYARD_SOAK").map_or(5, |seconds| seconds.parse().expect("seconds"));
    let home = Home::new(env!("CARGO_BIN_EXE_lanyard"));
    let binary = env!("CARGO_BIN_EXE_lanyard");
    let mut command = Command::new("taskset");
    command.args(["-c", "0", binary, "simulator", "--people", "1000", "--devices", "1000", "--lively"]);
    command.env_clear().env("LANYARD_HOME", home.path());
    let simulator = Simulator::start(&mut command);
    let webex = &simulator.description;
    let text = |pointer: &str| webex.pointer(pointer).and_then(Value::as_str).expect(pointer).to_owned();
    let (url, admin) = (text("/base_url"), text("/personal/access_token"));
    let load = Load { url: &url, rate: RATE, time: Duration::from_secs(seconds) };
    let devices = load.read(&format!("/devices?capability=xapi&connectionStatus=connected&max={DEVICES}"), &admin);
    let ids: Vec<String> =
        devices["items"].as_array().expect("a list").iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();

    let get = |path: String| Sent { method: Method::GET, path, token: admin.clone(), body: None };
    let post = |path: &str, body: Value| Sent {
        method: Method::POST,
        path: path.to_owned(),
        token: admin.clone(),
        body: Some(body),
    };
    let next = |number: usize| {
        let id = &ids[number % ids.len()];
        match number % 10 {
            0 => get("/people/me".to_owned()),
            1 => get(format!("/devices?start={}&max=50", number % 900)),
            2 => get("/people?max=50".to_owned()),
            3 => get(format!("/workspaces?start={}&max=20", number % 400)),
            4 => post(
                "/xapi/command/Audio.Volume.Set",
                json!({ "deviceId": id, "arguments": { "Level": number % 100 } }),
            ),
            _ => get(format!("/devices/{id}")),
        }
    };
    let pid = simulator.process.id();
    let mut memory = Vec::new();
    let seen = load.run(next, |second| {
        if second % (seconds / 12).max(1) == 0 {
            memory.push(resident(pid));
            eprintln!("soak: {second} s, {} MiB", memory.last().unwrap() / 1024 / 1024);
        }
    });
    memory.push(resident(pid));
    eprintln!(
        "soak: {} calls in {seconds} s, answered within p50 {:?}, p99 {:?}, p99.9 {:?}, at most {:?}; memory {:?} MiB",
        seen.times.len(),
        seen.within(0.5),
        seen.within(0.99),
        seen.within(0.999),
        seen.within(1.0),
        memory.iter().map(|bytes| bytes / 1024 / 1024).collect::<Vec<_>>()
    );
    // A device may fail unprompted between two calls: a command to it is refused then, and nothing else may be.
    let odd: Vec<_> = seen.failures.iter().filter(|failure| !failure.starts_with("POST /xapi/")).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let (first, last) = (memory[0], memory[memory.len() - 1]);
    assert!(last < first + MOST_GROWTH, "{memory:?}");
    if seconds >= 1800 {
        // The record is full after nine minutes; after that, nothing may grow.
        let full = memory[memory.len() / 3];
        assert!(last < full + full / 20, "{memory:?}");
    }
}

/// The process, and what its first line says. Dropping it ends it.
struct Simulator {
    process: Child,
    description: Value,
}

impl Simulator {
    fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("taskset is there");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it speaks");
        let description = serde_json::from_str(&line).expect("the first line is JSON");
        Self { process, description }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may already have exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const DEVICES: usize = 200;

/// A process's resident memory, in bytes.
fn resident(pid: u32) -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).expect("the simulator runs");
    let pages: u64 = pages.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).expect("a number of pages");
    pages * 4096
}
