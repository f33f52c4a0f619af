//! Commands.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lanyard_channel::{Channels, CommandTarget, DeliveryError, Notice, Target};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::{NoTokens, World, notice, now};

fn command(argv: &[&str]) -> Target {
    let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
    Target::Command(CommandTarget { argv: argv.try_into().unwrap() })
}

/// A shell whose first argument is a path.
fn shell(script: &str, path: &Path) -> Target {
    command(&["sh", "-c", script, "sh", path.to_str().unwrap()])
}

/// A named pipe that processes hold open for as long as they live.
struct Pipe {
    directory: TempDir,
    /// The first line that was written.
    first: oneshot::Receiver<String>,
    /// The rest, when no process has it open any more.
    rest: JoinHandle<String>,
}

impl Pipe {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let (said, first) = oneshot::channel();
        let rest = tokio::task::spawn_blocking(move || {
            let (mut pipe, mut line, mut rest) =
                (BufReader::new(File::open(path).unwrap()), String::new(), String::new());
            pipe.read_line(&mut line).unwrap();
            let _ = said.send(line);
            pipe.read_to_string(&mut rest).unwrap();
            rest
        });
        Self { directory, first, rest }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("pipe")
    }
}

#[tokio::test]
async fn a_command_reads_the_event_and_has_an_environment_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let (read, environment) = (directory.path().join("read"), directory.path().join("environment"));
    let script = "cat >\"$1/read\"; env >\"$1/environment\"; pwd >\"$1/pwd\"; echo noise";
    World::new().deliver(&shell(script, directory.path()), &notice()).await.unwrap();
    assert_eq!(serde_json::from_slice::<Notice>(&std::fs::read(read).unwrap()).unwrap(), notice());
    let environment = std::fs::read_to_string(environment).unwrap();
    // Some shells set the last ones themselves.
    let own = ["PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"];
    let mut names: Vec<_> = environment.lines().map(|line| line.split_once('=').unwrap()).collect();
    names.retain(|(name, _)| !own.contains(name));
    names.sort_unstable();
    let expected = [("LANYARD_EVENT_ID", "4711"), ("LANYARD_EVENT_TYPE", "lanyard.credential.needs-login")];
    assert_eq!(names, expected);
    assert_eq!(std::fs::read_to_string(directory.path().join("pwd")).unwrap(), "/\n");
}

#[tokio::test]
async fn a_command_need_not_read_and_may_say_a_lot() {
    let mut long = notice();
    long.data.details.insert("long".to_owned(), "x".repeat(1_000_000).into());
    World::new().deliver(&command(&["true"]), &long).await.unwrap();
    let floods = "yes | head -c 5000000; yes | head -c 5000000 >&2";
    World::new().deliver(&command(&["sh", "-c", floods]), &long).await.unwrap();
}

#[tokio::test]
async fn a_failure_is_told_with_the_last_line_and_without_arguments() {
    let said = async |argv: &[&str]| {
        let error = World::new().deliver(&command(argv), &notice()).await.unwrap_err();
        assert!(error.may_retry());
        assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        error.to_string()
    };
    assert_eq!(said(&["false"]).await, "the command false did not accept the event: it exited with 1");
    assert_eq!(
        said(&["sh", "-c", "yes first | head -n 20000 >&2; printf 'no \\033[2J route\\n\\n' >&2; exit 3"]).await,
        "the command sh did not accept the event: it exited with 3: no \\u{1b}[2J route"
    );
    assert_eq!(
        said(&["sh", "-c", "echo \"$0 is wrong, as is $1\" >&2; exit 1", "canary-1", "--token=canary-2"]).await,
        "the command sh did not accept the event: it exited with 1: … is wrong, as is …"
    );
    assert_eq!(said(&["sh", "-c", "kill -9 $$"]).await, "the command sh did not accept the event: signal 9 ended it");
    assert_eq!(
        said(&["/no/such/canary/program", "canary"]).await,
        "the command program cannot be reached: there is no such program"
    );
    assert_eq!(said(&["/"]).await, "the command / cannot be reached: it may not be executed");
}

#[tokio::test]
async fn a_command_that_hangs_is_told_to_end() {
    let (world, pipe) = (World::new(), Pipe::new());
    let script = "exec 9>\"$1\"; trap 'echo bye >&9; exit 0' TERM; echo ready >&9; sleep 1000 & wait";
    let (target, notice) = (shell(script, &pipe.path()), notice());
    let (ended, ()) = tokio::join!(world.deliver(&target, &notice), async {
        assert_eq!(pipe.first.await.unwrap(), "ready\n");
        world.alarm.ring(Channels::LONGEST);
    });
    let error = ended.unwrap_err();
    assert!(matches!(error, DeliveryError::TimedOut { .. }) && error.may_retry(), "{error:?}");
    assert_eq!(error.to_string(), "the command sh took longer than 30 s");
    assert_eq!(pipe.rest.await.unwrap(), "bye\n");
}

#[tokio::test]
async fn a_command_that_ignores_the_signal_is_killed_with_its_children() {
    let (world, pipe) = (World::new(), Pipe::new());
    let script = "exec 9>\"$1\"; trap '' TERM; sleep 1000 & echo ready >&9; sleep 1000";
    let (target, notice) = (shell(script, &pipe.path()), notice());
    let (ended, ()) = tokio::join!(world.deliver(&target, &notice), async {
        assert_eq!(pipe.first.await.unwrap(), "ready\n");
        world.alarm.ring(Channels::LONGEST);
        world.alarm.ring(Duration::from_secs(2));
    });
    assert!(matches!(ended, Err(DeliveryError::TimedOut { .. })), "{ended:?}");
    assert_eq!(pipe.rest.await.unwrap(), "");
}

#[tokio::test]
async fn processes_that_a_command_leaves_are_killed() {
    let (world, pipe) = (World::new(), Pipe::new());
    let script = "exec 9>\"$1\"; trap '' TERM HUP; sleep 1000 & echo ready >&9";
    world.deliver(&shell(script, &pipe.path()), &notice()).await.unwrap();
    assert_eq!(pipe.rest.await.unwrap(), "");
}

#[tokio::test]
async fn a_delivery_that_is_dropped_kills_its_command() {
    let (world, pipe) = (Arc::new(World::new()), Pipe::new());
    let target = shell("exec 9>\"$1\"; trap '' TERM; echo ready >&9; sleep 1000", &pipe.path());
    let delivery = tokio::spawn(async move {
        let _ = world.channels.deliver(&target, &notice(), &now(), &[], |_| NoTokens).await;
    });
    assert_eq!(pipe.first.await.unwrap(), "ready\n");
    delivery.abort();
    assert_eq!(pipe.rest.await.unwrap(), "");
}
