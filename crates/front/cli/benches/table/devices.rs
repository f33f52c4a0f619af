//! A reading of ten thousand devices, against the same list with `wxc-sdk`; and what a hundred watches cost.
//!
//! The broker does more for a device than the SDK: it compares each one with what is stored. The processor time is that of the broker and of
//! the SDK's process, each from before a reading to after it; neither start counts, and `lanyard devices sweep`, which asks for the
//! reading, does not either.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Home, Options, Webex, python};

use crate::hand_out::{in_turns, median};
use crate::process::{Server, lanyard, time};
use crate::table::{Row, Table, Target};
use crate::{Plan, machine};

/// Of the SDK's devices for each second of processor time.
const PACE: Target = Target::AtLeast(4.0);
/// Of a core, in percent, for all watches every three minutes.
const SHARE: Target = Target::AtMost(5.0);
/// In megabytes.
const MEMORY: Target = Target::AtMost(200.0);

/// How many watches the devices are spread over in the second part.
pub(crate) const WATCHES: usize = 100;
/// How often the devices are read.
const INTERVAL: Duration = Duration::from_mins(3);

/// The processor time and the duration of one reading of all devices.
#[derive(Clone, Copy, Debug)]
struct Reading {
    used: Duration,
    took: Duration,
}

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let count = plan.credentials / 10;
    let devices = usize::try_from(count).expect("a few thousand");
    let webex = Webex::with(Options { devices, people: 20, ..Options::default() });
    one_watch(plan, table, &webex, devices);
    many_watches(plan, table, &webex, devices);
}

/// One watch of all devices, and the SDK.
fn one_watch(plan: &Plan, table: &mut Table, webex: &Webex, devices: usize) {
    let scene = Scene::new(plan, webex, Home::new(&plan.binary));
    scene.add("personal", "all", &webex.description().personal.access_token);
    // The SDK reads no statuses either.
    scene.run(&["devices", "watch", "add", "all", "--readings", "off"]);
    let broker = scene.serve();
    let mut sdk = Sdk::start(webex);
    assert_eq!(sdk.read().0, devices, "the SDK lists all of them");
    scene.read(&broker, "all");
    let rounds = in_turns(plan.rounds, || scene.read(&broker, "all"), || sdk.read().1);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(devices).unwrap_or(u32::MAX));
    let (ours, theirs): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
    let of =
        |readings: &[Reading], figure: fn(&Reading) -> Duration| median(readings.iter().map(|one| each(figure(one))));
    let ratio = |figure: fn(&Reading) -> Duration| {
        median(rounds.iter().map(|(ours, theirs)| figure(theirs).as_secs_f64() / figure(ours).as_secs_f64()))
    };
    let beside =
        format!("{:.1} µs for each, {:.1} with the SDK", of(&ours, |one| one.used), of(&theirs, |one| one.used));
    let what = format!("{devices} devices read, per second of processor time, against wxc-sdk");
    table.add(Row::against(what, PACE, ratio(|one| one.used), " x", beside));
    let beside =
        format!("{:.1} µs for each, {:.1} with the SDK", of(&ours, |one| one.took), of(&theirs, |one| one.took));
    let wall = format!("{:.2} x", ratio(|one| one.took));
    table.add(Row::seen("the same by the clock".to_owned(), wall, beside));
    let most = |process: u32| machine::memory(process).map_or(f64::NAN, |(_, most)| megabytes(most));
    let (ours, theirs) = (most(broker.id()), most(sdk.child.id()));
    let beside = format!("{ours:.0} MB, {theirs:.0} MB with the SDK");
    table.add(Row::seen(
        "the memory of the SDK against that of the broker".to_owned(),
        format!("{:.2} x", theirs / ours),
        beside,
    ));
    broker.stop();
}

/// Many bots with a watch each, which share the devices.
fn many_watches(plan: &Plan, table: &mut Table, webex: &Webex, devices: usize) {
    let watches = WATCHES.min(devices);
    let scene = Scene::with_watches(plan, webex, Home::new(&plan.binary), watches);
    let broker = scene.serve();
    let readings: Vec<_> = (0..plan.rounds).map(|_| scene.read(&broker, "")).collect();
    let used = median(readings.iter().map(|reading| reading.used.as_secs_f64()));
    let share = used / INTERVAL.as_secs_f64() * 100.0;
    let what = format!("{devices} devices in {watches} watches, every three minutes: share of a core");
    let beside = format!("{:.0} ms of processor time for all of them", used * 1e3);
    table.add(Row::against(what, SHARE, share, " %", beside));
    let (resident, most) = machine::memory(broker.id()).unwrap_or_default();
    let beside = format!("{:.0} MB at the end", megabytes(resident));
    table.add(Row::against("the most memory".to_owned(), MEMORY, megabytes(most), " MB", beside));
    broker.stop();
}

/// A home beside a local Webex.
pub(crate) struct Scene<'a> {
    plan: &'a Plan,
    webex: &'a Webex,
    pub(crate) home: Home,
}

impl<'a> Scene<'a> {
    pub(crate) const fn new(plan: &'a Plan, webex: &'a Webex, home: Home) -> Self {
        Self { plan, webex, home }
    }

    /// A home with a watch for each of so many bots, which share the devices.
    pub(crate) fn with_watches(plan: &'a Plan, webex: &'a Webex, home: Home, watches: usize) -> Self {
        let scene = Self::new(plan, webex, home);
        let bots: Vec<_> = (0..watches).map(|number| webex.new_bot(&format!("bot-{number}"))).collect();
        for (number, workspace) in webex.workspaces().iter().enumerate() {
            let id = workspace["id"].as_str().expect("a workspace has an id");
            webex.grant(id, &bots[number % watches].email, Some("read"));
        }
        for (number, bot) in bots.iter().enumerate() {
            let name = format!("bot-{number}");
            scene.add("bot", &name, &bot.access_token);
            scene.run(&["label", &name, &format!("customer=customer-{number}")]);
        }
        scene.run(&["devices", "watch", "add", "--each-labelled", "customer"]);
        scene
    }

    /// Runs a command, which must succeed, and returns how long it took.
    pub(crate) fn run(&self, arguments: &[&str]) -> Duration {
        let mut command = lanyard(&self.plan.binary, &self.home.path());
        time(command.args(["--webex-url", self.webex.url()]).args(arguments))
    }

    fn add(&self, kind: &str, name: &str, token: &str) {
        let file = self.home.file("token", token);
        self.run(&["add", kind, name, "--token-file", file.to_str().expect("a path of text")]);
    }

    pub(crate) fn serve(&self) -> Server {
        Server::broker(&self.plan.binary, &self.home.path())
    }

    /// Has the broker read the devices of a watch, or of all if its name is empty.
    fn read(&self, broker: &Server, watch: &str) -> Reading {
        let before = machine::processor_time(broker.id());
        let arguments = ["devices", "sweep", watch];
        let took = self.run(if watch.is_empty() { &arguments[..2] } else { &arguments });
        let after = machine::processor_time(broker.id());
        let used = after.zip(before).map_or(Duration::ZERO, |(after, before)| after.saturating_sub(before));
        Reading { used, took }
    }
}

/// The SDK, in a process that lists all devices when it is asked to.
struct Sdk {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Sdk {
    fn start(webex: &Webex) -> Self {
        let python = python(Path::new(env!("CARGO_TARGET_TMPDIR")), "wxc-sdk", "1.41.0");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/table/wxc_sweep.py");
        let mut command = Command::new(python);
        command.arg(script).env("SDK_BASE", webex.url());
        command.env("WEBEX_ACCESS_TOKEN", &webex.description().personal.access_token);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python starts");
        let input = child.stdin.take().expect("it is piped");
        let mut sdk = Self { output: BufReader::new(child.stdout.take().expect("it is piped")), input, child };
        assert_eq!(sdk.line(), "ready");
        sdk
    }

    /// Lists all devices: how many there are, and what it took.
    fn read(&mut self) -> (usize, Reading) {
        writeln!(self.input).expect("the SDK waits for it");
        let line = self.line();
        let mut numbers = line.split(' ').map(|number| number.parse::<u64>().expect("a number"));
        let mut next = || numbers.next().expect("three numbers");
        let count = usize::try_from(next()).expect("a few thousand");
        (count, Reading { used: Duration::from_nanos(next()), took: Duration::from_nanos(next()) })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the SDK writes text");
        line.trim_end().to_owned()
    }
}

impl Drop for Sdk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn megabytes(kilobytes: u64) -> f64 {
    f64::from(u32::try_from(kilobytes).unwrap_or(u32::MAX)) / 1024.0
}
