//! Processes that are started here, and that end with the value that stands for them.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lanyard_testkit::wait;

use crate::{floor, load};

/// A process that serves on a socket. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) socket: PathBuf,
}

impl Server {
    /// `lanyard serve` over a home.
    pub(crate) fn broker(binary: &str, home: &Path) -> Self {
        let server = Self::broker_starting(binary, home, &[]);
        server.wait_until_it_answers();
        server
    }

    /// `lanyard serve` over a home, with these arguments too, not waited for.
    pub(crate) fn broker_starting(binary: &str, home: &Path, arguments: &[&str]) -> Self {
        let mut command = lanyard(binary, home);
        Self::start(command.arg("serve").args(arguments).env("LANYARD_LOG", "warn"), home.join("lanyard.sock"))
    }

    /// The floor, whose bodies have that length.
    pub(crate) fn floor(directory: &Path, length: usize) -> Self {
        let socket = directory.join("floor.sock");
        let mut command = Command::new(own_binary());
        let server = Self::start(command.arg(floor::PART).arg(&socket).arg(length.to_string()), socket);
        server.wait_until_it_answers();
        server
    }

    /// A program that listens on `socket`.
    pub(crate) fn start(command: &mut Command, socket: PathBuf) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts");
        Self { child, socket }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until somebody answers on the socket.
    pub(crate) fn wait_until_it_answers(&self) {
        while self.ask("GET", "/healthz").is_none() {
            wait(Duration::from_millis(1));
        }
    }

    /// A call to it: its whole answer; `None` where nobody listens.
    pub(crate) fn ask(&self, method: &str, path: &str) -> Option<String> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: lanyard\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        (!answer.is_empty()).then_some(answer)
    }

    /// Ends it as an operator would, and waits for that.
    pub(crate) fn stop(mut self) {
        let ended = Command::new("kill").args(["-s", "TERM", &self.id().to_string()]).status();
        assert!(ended.expect("kill(1) runs").success());
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the binary in a home, with no variable of Lanyard's inherited.
pub(crate) fn lanyard(binary: &str, home: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LANYARD_") {
            command.env_remove(name);
        }
    }
    command.env("LANYARD_KEY_SOURCE", "file").env("LANYARD_HOME", home).stdin(Stdio::null());
    command
}

/// This program.
pub(crate) fn own_binary() -> PathBuf {
    std::env::current_exe().expect("the system knows it")
}

/// How long a process took from before its start to after its end. It must succeed.
pub(crate) fn time(command: &mut Command) -> Duration {
    let begun = load::now();
    let ended = command.output().expect("the program starts");
    let took = begun.elapsed();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    took
}
