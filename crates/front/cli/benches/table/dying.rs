//! A process that makes the database's log long, and dies.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use lanyard_home::{KeyAccess, Options};
use lanyard_store::Parts;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _};

use crate::process::own_binary;

/// The word that starts this part: `dying HOME WRITES`.
pub(crate) const PART: &str = "dying";

/// The process, which holds on to the database as it was. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Writer(Child);

/// Starts it, and waits until everything is written.
pub(crate) fn start(home: &Path, writes: u32) -> Writer {
    let mut command = Command::new(own_binary());
    let child = command.arg(PART).arg(home).arg(writes.to_string()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut started = Writer(child.expect("the program starts"));
    let stdout = started.0.stdout.take().expect("stdout is a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("stdout is text");
    assert_eq!(line, "written\n");
    started
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It ends in no other way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn run(mut words: impl Iterator<Item = String>) -> ExitCode {
    let (Some(home), Some(writes)) = (words.next(), words.next().and_then(|writes| writes.parse().ok())) else {
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
    runtime.block_on(write(Path::new(&home), writes));
    ExitCode::SUCCESS
}

async fn write(home: &Path, writes: u32) {
    let mut reader =
        SqliteConnectOptions::new().filename(home.join("lanyard.db")).connect().await.expect("it is there");
    reader.execute("BEGIN").await.expect("a transaction begins");
    reader.execute("SELECT count(*) FROM credentials").await.expect("it can be read");
    let options = Options { keys: KeyAccess::default(), ..Options::default() };
    let store = lanyard_home::open(home, Parts::system(), options).await.expect("it opens").store;
    let credential = store.credentials().await.expect("it can be read").pop().expect("there is one");
    for _ in 0..writes {
        let lasts = Duration::from_hours(14 * 24);
        store.end_access(credential.id, credential.generation, lasts).await.expect("it can be written");
    }
    std::io::stdout().write_all(b"written\n").expect("somebody reads");
    std::future::pending::<()>().await;
}
