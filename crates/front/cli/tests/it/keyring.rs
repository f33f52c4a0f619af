//! A real Secret Service: gnome-keyring on a bus of the test's own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanyard_testkit::{Ended, Home, Running, left_out, wait};
use serde_json::Value;

use crate::LANYARD;

/// A bus with a keyring on it, both ended when dropped.
struct Session {
    processes: Vec<Child>,
    address: String,
    directory: tempfile::TempDir,
}

/// No service is started by the bus itself: what runs is what the test started.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=DIRECTORY</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

impl Session {
    /// Starts both; says why where that is impossible.
    fn start() -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix("lanyard-bus-").tempdir().expect("a directory is had");
        let bus = directory.path().join("bus.conf");
        fs::write(&bus, BUS.replace("DIRECTORY", &directory.path().to_string_lossy())).expect("it is written");
        let started = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", bus.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut daemon = started.map_err(|error| format!("dbus-daemon: {error}"))?;
        let mut address = String::new();
        let stdout = daemon.stdout.take().expect("it is a pipe");
        BufReader::new(stdout).read_line(&mut address).expect("it prints its address");
        let mut session = Self { processes: vec![daemon], address: address.trim().to_owned(), directory };
        let mut keyring = session.within(&mut Command::new("gnome-keyring-daemon"));
        let keyring = keyring
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut keyring = keyring.map_err(|error| format!("gnome-keyring-daemon: {error}"))?;
        keyring.stdin.take().expect("it is a pipe").write_all(b"password of the login keyring").expect("it reads");
        session.processes.push(keyring);
        for _ in 0..200 {
            if session.has_keyring()? {
                return Ok(session);
            }
            wait(Duration::from_millis(50));
        }
        Err("gnome-keyring-daemon did not appear on the bus".to_owned())
    }

    fn has_keyring(&self) -> Result<bool, String> {
        let asked = Command::new("dbus-send")
            .arg(format!("--bus={}", self.address))
            .args(["--print-reply", "--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.NameHasOwner"])
            .arg("string:org.freedesktop.secrets")
            .output();
        let asked = asked.map_err(|error| format!("dbus-send: {error}"))?;
        Ok(String::from_utf8_lossy(&asked.stdout).contains("boolean true"))
    }

    /// A command in this session: with its bus, and a home directory that has no keyring of anybody's in it.
    fn within(&self, command: &mut Command) -> Command {
        let mut here = Command::new(command.get_program());
        here.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => here.env(name, value),
                None => here.env_remove(name),
            };
        }
        here.env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("HOME", self.directory.path())
            .env("XDG_RUNTIME_DIR", self.directory.path())
            .env("XDG_DATA_HOME", self.directory.path().join("share"))
            .env_remove("LANYARD_KEY_SOURCE");
        here
    }

    fn run(&self, home: &Home, arguments: &[&str]) -> Ended {
        Running::start(&mut self.within(&mut home.command(arguments))).end()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

const ADD: [&str; 10] = [
    "--webex-url",
    "http://127.0.0.1:9/v1",
    "app",
    "add",
    "desk",
    "--kind=integration",
    "--client-id=C1",
    "--scope=spark:people_read",
    "--redirect-uri=http://127.0.0.1:9/c",
    "--client-secret-file",
];

fn json(ended: Ended) -> Value {
    serde_json::from_str(&ended.ok()).unwrap()
}

fn holds_key_file(home: &Path) -> bool {
    home.join("home.key").exists() || home.join("home.key.next").exists()
}

#[test]
fn a_keyring_that_answers_keeps_the_key_of_a_new_home() {
    let session = match Session::start() {
        Ok(session) => session,
        Err(why) => return left_out(&format!("it takes dbus and gnome-keyring: {why}")),
    };
    let home = Home::new(LANYARD);
    let secret = home.file("secret", "canary-client-secret");
    session.run(&home, &[&ADD[..], &[secret.to_str().unwrap()]].concat()).ok();
    assert!(!holds_key_file(&home.path()));
    let first = json(session.run(&home, &["--json", "key", "show"]));
    assert_eq!(first["place"]["source"], "keyring");

    // In the middle of its own session, and in none at all.
    session.run(&home, &["app", "show", "desk"]).ok();
    let mut nowhere = home.command(["app", "list"]);
    nowhere.env_remove("DBUS_SESSION_BUS_ADDRESS").env("XDG_RUNTIME_DIR", "/nowhere");
    let refused = Running::start(&mut nowhere).end();
    assert!(refused.stderr.contains("the keyring of this session cannot be used"), "{}", refused.stderr);
    assert!(refused.hint().contains("lanyard key rotate --to"), "{}", refused.hint());
    refused.fails(6);

    // Another key in the same keyring, then in a file, and back: nothing of the old ones is left.
    session.run(&home, &["key", "rotate"]).ok();
    let second = json(session.run(&home, &["--json", "key", "show"]));
    assert_ne!(first["id"], second["id"]);
    assert!(!holds_key_file(&home.path()));
    session.run(&home, &["key", "rotate", "--to", "file"]).ok();
    assert!(holds_key_file(&home.path()));
    home.run(["app", "show", "desk"]).ok();
    session.run(&home, &["key", "rotate", "--to", "keyring"]).ok();
    assert!(!holds_key_file(&home.path()));
    let last = json(session.run(&home, &["--json", "key", "show"]));
    assert_eq!((&last["place"]["source"], &last["to_remove"]), (&"keyring".into(), &Value::Null));
    session.run(&home, &["audit", "--verify"]).ok();

    // A copy beside the original, in the same session: each has a key of its own to throw away.
    let copy = home.beside().join("copy");
    session.run(&home, &["backup", copy.to_str().unwrap()]).ok();
    let second = Home::new(LANYARD);
    session.run(&second, &["restore", copy.to_str().unwrap()]).ok();
    session.run(&second, &["restore", "--resume"]).ok();
    session.run(&second, &["key", "rotate"]).ok();
    session.run(&second, &["app", "show", "desk"]).ok();
    session.run(&home, &["app", "show", "desk"]).ok();
}

/// A bus at which nobody answers.
fn silent(directory: &Path) -> (UnixListener, String) {
    let path = directory.join("silent");
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    (listener, format!("unix:path={}", path.display()))
}

#[test]
fn a_keyring_that_does_not_answer_keeps_nobody_from_a_new_home() {
    let home = Home::new(LANYARD);
    let (listener, address) = silent(home.beside());
    let secret = home.file("secret", "canary-client-secret");
    let mut add = home.command(ADD);
    add.arg(secret).env_remove("LANYARD_KEY_SOURCE").env("DBUS_SESSION_BUS_ADDRESS", &address);
    Running::start(&mut add).end().ok();
    assert!(listener.accept().is_ok(), "it was asked");
    assert!(holds_key_file(&home.path()));

    // And whoever opens that home leaves the bus alone.
    let mut list = home.command(["app", "list"]);
    list.env_remove("LANYARD_KEY_SOURCE").env("DBUS_SESSION_BUS_ADDRESS", &address);
    Running::start(&mut list).end().ok();
    assert!(listener.accept().is_err(), "nobody asked the bus");
}
