//! The binary, run.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, WaitOptions, waitpid};

/// A process that has ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// The standard output.
    pub stdout: String,
    /// The standard error.
    pub stderr: String,
}

impl Ended {
    /// The exit code; -1 where a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// Its standard output, without the line's end; panics where it did not succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.status.success(), "{:?}\n{}\n{}", self.status, self.stdout, self.stderr);
        self.stdout.trim_end().to_owned()
    }

    /// Its error output; panics where it ended with another code.
    #[track_caller]
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code(), code, "{}\n{}", self.stdout, self.stderr);
        self.stderr
    }

    /// The text of the hint on standard error. Panics if there is none.
    #[track_caller]
    pub fn hint(&self) -> &str {
        let hint = self.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        hint.unwrap_or_else(|| panic!("there is no hint:\n{}", self.stderr))
    }
}

/// A process that runs. It is killed when dropped.
#[derive(Debug)]
pub struct Running(Option<Child>, String);

impl Running {
    /// Starts it, its outputs kept.
    pub fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(Some(child.expect("the program starts")), String::new())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child().id()
    }

    /// Reads its error output until a line holds `text`; gives that line.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let stderr = self.0.as_mut().and_then(|child| child.stderr.as_mut()).expect("it runs and stderr is kept");
        let mut line = Vec::new();
        // Byte by byte, without a buffer: what follows belongs to whoever reads next.
        let mut byte = [0];
        while stderr.read(&mut byte).expect("stderr can be read") == 1 {
            line.push(byte[0]);
            if line.ends_with(b"\n") {
                let text_line = String::from_utf8_lossy(&line).into_owned();
                if text_line.contains(text) {
                    return text_line;
                }
                self.1.push_str(&text_line);
                line.clear();
            }
        }
        panic!("it ended without saying {text:?}:\n{}", self.1);
    }

    /// Stops reading its error output, as a program that reads a log and ends does.
    #[track_caller]
    pub fn close_stderr(&mut self) {
        drop(self.take_stderr());
    }

    /// Its error output, to be read by somebody else.
    #[track_caller]
    pub(crate) fn take_stderr(&mut self) -> ChildStderr {
        self.0.as_mut().and_then(|child| child.stderr.take()).expect("it runs and stderr is kept")
    }

    /// Writes a line to its standard input, and closes it.
    #[track_caller]
    pub fn write_line(&mut self, line: &str) {
        let mut stdin = self.0.as_mut().and_then(|child| child.stdin.take()).expect("stdin is a pipe");
        stdin.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.as_mut().expect("it runs").try_wait().expect("it is our child").is_some()
    }

    /// Waits until it has stopped itself, at the step that `LANYARD_FAILPOINT` names.
    #[track_caller]
    pub fn wait_until_stopped(&self) {
        let id = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        // This takes the end of the process away from `Child` where it ends instead; then the test has failed anyway.
        let (_, status) =
            waitpid(id, WaitOptions::UNTRACED).expect("it is our child").expect("to wait brings something");
        assert!(status.stopped(), "it ended before the step: {status:?}");
    }

    /// Sends it a signal by name, as `kill(1)` takes it.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status();
        assert!(status.expect("kill(1) runs").success());
    }

    /// Kills it (SIGKILL) and collects it; whether it was still alive.
    pub fn kill(mut self) -> bool {
        let mut child = self.0.take().expect("it runs");
        let alive = child.try_wait().expect("it is our child").is_none();
        // It may exit between the look and the signal.
        let _ = child.kill();
        child.wait().expect("it is our child");
        alive
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let mut child = self.0.take().expect("it runs");
        // Both pipes are drained, one of them on a thread, so that neither fills up.
        // Somebody else may be reading it.
        let pipe = child.stderr.take();
        let reading = std::thread::spawn(move || {
            let mut stderr = String::new();
            pipe.map_or(Ok(0), |mut pipe| pipe.read_to_string(&mut stderr)).map(|_| stderr)
        });
        let mut stdout = String::new();
        let read = child.stdout.take().expect("stdout is kept").read_to_string(&mut stdout);
        read.expect("stdout is text");
        let stderr = reading.join().expect("reading does not panic").expect("stderr is text");
        let stderr = std::mem::take(&mut self.1) + &stderr;
        Ended { status: child.wait().expect("it is our child"), stdout, stderr }
    }

    fn child(&self) -> &Child {
        self.0.as_ref().expect("it runs")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may already have exited.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Lets real time pass, for processes that know no other.
#[expect(clippy::disallowed_methods, reason = "the processes under test have the machine's own clock")]
pub fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Says that a test, or the rest of it, did nothing: past the harness, which shows nothing of a test that does not fail.
pub fn left_out(why: &str) {
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let line = format!("LEFT OUT: {test}: {}\n", why.trim());
    std::io::stderr().write_all(line.as_bytes()).expect("stderr is there");
}

/// Variables that change what a program shows or how it reaches the network. Whoever runs the tests may have set them.
const FOREIGN: [&str; 12] = [
    "CI",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "LINES",
    "ALL_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "RUST_LOG",
];

/// A command of the binary in a home, with no variable of Lanyard's inherited and none of [`FOREIGN`].
pub(crate) fn command<S: AsRef<OsStr>>(binary: &Path, home: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LANYARD_") {
            command.env_remove(name);
        }
    }
    for name in FOREIGN {
        command.env_remove(name);
    }
    // `true` for a browser: no test opens a real one.
    // No test touches the keyring of whoever runs it.
    command.env("LANYARD_KEY_SOURCE", "file");
    command.env("LANYARD_HOME", home).env("NO_COLOR", "1").env("BROWSER", "true").stdin(Stdio::null()).args(arguments);
    command
}
