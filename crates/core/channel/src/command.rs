//! A program that reads the event.

use std::borrow::Cow;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_protocol::visible;
use lanyard_time::Sleep;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, Command};

use crate::error::DeliveryError;
use crate::notice::Notice;
use crate::target::{Argv, CommandTarget};

/// Runs the program, with the event on its standard input. After `limit` its process group is told to end, and soon after killed.
///
/// The program gets no environment but a search path, a language, and the event's type and id. Processes that it leaves in its group are
/// killed when it has ended.
///
/// # Panics
/// Never: a notice has no value that JSON lacks, and each stream of the program is taken once.
pub(crate) async fn run(
    target: &CommandTarget,
    notice: &Notice,
    receiver: String,
    limit: Duration,
    sleep: &dyn Sleep,
) -> Result<(), DeliveryError> {
    let mut event = serde_json::to_vec(notice).expect("a notice can be written as JSON");
    event.push(b'\n');
    let unreachable = |receiver: String, error: &io::Error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such program",
            io::ErrorKind::PermissionDenied => "it may not be executed",
            _ => "it cannot be started",
        };
        DeliveryError::Unreachable { receiver, reason: reason.into() }
    };
    let mut child = match command(&target.argv, notice).spawn() {
        Ok(child) => child,
        Err(error) => return Err(unreachable(receiver, &error)),
    };
    let group = Group::of(child.id());
    let said = Mutex::new(Vec::new());
    let (stdin, stderr) = (child.stdin.take().expect("it is piped"), child.stderr.take().expect("it is piped"));
    let mut talking = pin!(async { tokio::join!(feed(stdin, &event), listen(stderr, &said)) });
    let mut is_talking = true;
    let mut over = pin!(sleep.sleep(limit));
    let ended = loop {
        tokio::select! {
            biased;
            status = child.wait() => break Some(status),
            _ = &mut talking, if is_talking => is_talking = false,
            () = &mut over => break None,
        }
    };
    let Some(status) = ended else {
        group.signal(Signal::TERM);
        tokio::select! {
            _ = child.wait() => {}
            () = sleep.sleep(GRACE) => {}
        }
        group.kill();
        let _ = child.wait().await;
        return Err(DeliveryError::TimedOut { receiver, limit });
    };
    // The processes that it left, which may hold its streams open.
    group.kill();
    if is_talking {
        tokio::select! {
            _ = &mut talking => {}
            // A process that left the group as well.
            () = sleep.sleep(GRACE) => {}
        }
    }
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let said = said.lock().unwrap_or_else(PoisonError::into_inner);
            Err(DeliveryError::Later { receiver, reason: failure(status, &said, &target.argv), retry_after: None })
        }
        Err(error) => Err(unreachable(receiver, &error)),
    }
}

fn command(argv: &Argv, notice: &Notice) -> Command {
    let (program, arguments) = argv.expose_secret().split_first().expect("it has a program");
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").env_clear();
    for name in ["PATH", "LANG"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("LANYARD_EVENT_TYPE", notice.kind.as_str()).env("LANYARD_EVENT_ID", notice.id.as_str());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
    command
}

/// The process group of the program. A delivery that is dropped kills it.
struct Group(Option<Pid>);

impl Group {
    fn of(leader: Option<u32>) -> Self {
        Self(leader.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// Kills it, once: later its number may be another group's.
    fn kill(mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It may have ended.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// Writes the event; a program need not read it.
async fn feed(mut stdin: ChildStdin, event: &[u8]) {
    let _ = stdin.write_all(event).await;
}

/// Reads all, and keeps the end: a program whose output is not read does not end.
async fn listen(mut stderr: impl AsyncRead + Unpin, said: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&buffer[..read]);
        let surplus = said.len().saturating_sub(LONGEST_SAYING);
        said.drain(..surplus);
    }
}

/// How it failed, with its last line.
fn failure(status: ExitStatus, said: &[u8], argv: &Argv) -> Cow<'static, str> {
    let end = match (status.code(), status.signal()) {
        (Some(code), _) => format!("it exited with {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it failed".to_owned(),
    };
    let text = String::from_utf8_lossy(said);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line = without_arguments(line.trim(), argv);
    let line: String = visible(&line).chars().take(LONGEST_LINE).collect();
    if line.is_empty() { end.into() } else { format!("{end}: {line}").into() }
}

/// The text without the arguments of the program, which may be secrets that it repeats.
fn without_arguments(line: &str, argv: &Argv) -> String {
    let arguments = argv.expose_secret().iter().skip(1);
    let values =
        arguments.flat_map(|argument| [Some(argument.as_str()), argument.split_once('=').map(|(_, value)| value)]);
    let mut values: Vec<_> = values.flatten().filter(|value| value.len() >= SHORTEST_SECRET).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.into_iter().fold(line.to_owned(), |line, value| line.replace(value, "…"))
}

/// How much of its standard error is kept, in bytes.
const LONGEST_SAYING: usize = 4096;
/// How much of its last line is shown, in characters.
const LONGEST_LINE: usize = 300;
/// The shortest argument that is taken for a secret.
const SHORTEST_SECRET: usize = 6;
/// The time to end after the signal to do so.
const GRACE: Duration = Duration::from_secs(2);
