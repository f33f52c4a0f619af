//! The background tasks of a broker.

use std::io;

use futures_util::FutureExt as _;
use futures_util::future::select_all;
use tokio::task::{JoinError, JoinHandle};

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It ends automatically once the broker stops taking requests.
    Drains,
    /// It ends automatically once nothing is under way.
    Finishes,
    /// It never ends, and is aborted last.
    Never,
}

/// Tasks none of which may end before the broker is told to stop.
#[derive(Debug, Default)]
pub(crate) struct Background(Vec<Task>);

#[derive(Debug)]
struct Task {
    name: &'static str,
    ending: Ending,
    handle: JoinHandle<io::Result<()>>,
}

/// A task that ended although nothing told it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) task: &'static str,
    pub(crate) why: String,
}

impl Background {
    /// Adds a task.
    pub(crate) fn add(&mut self, name: &'static str, ending: Ending, handle: JoinHandle<io::Result<()>>) {
        self.0.push(Task { name, ending, handle });
    }

    /// Completes when any of them ends, and forgets that one.
    pub(crate) async fn first_end(&mut self) -> Ended {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let ends = self.0.iter_mut().map(|task| (&mut task.handle).map(why));
        let (why, index, _) = select_all(ends).await;
        let task = self.0.swap_remove(index).name;
        Ended { task, why }
    }

    /// Completes when all tasks have ended that end in this way, once the broker stops.
    pub(crate) async fn end(&mut self, ending: Ending) {
        for task in self.0.extract_if(.., |task| task.ending == ending) {
            match task.handle.await {
                Ok(Ok(())) => {}
                other => tracing::error!(task = task.name, why = why(other), "it failed"),
            }
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for task in &self.0 {
            task.handle.abort();
        }
    }
}

/// How a task ended.
fn why(ended: Result<io::Result<()>, JoinError>) -> String {
    match ended {
        Ok(Ok(())) => "it returned".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                format!("it panicked: {}", text.unwrap_or("without a message"))
            }
            Err(error) => error.to_string(),
        },
    }
}

/// A thread as a task.
pub(crate) fn joined(thread: std::thread::JoinHandle<io::Result<()>>) -> JoinHandle<io::Result<()>> {
    tokio::task::spawn_blocking(move || match thread.join() {
        Ok(ended) => ended,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_is_named_with_the_way_it_ended() {
        let mut background = Background::default();
        background.add("one that stays", Ending::Never, tokio::spawn(std::future::pending()));
        background.add("refresher", Ending::Finishes, tokio::spawn(async { panic!("out of range") }));
        let ended = background.first_end().await;
        assert_eq!((ended.task, ended.why.as_str()), ("refresher", "it panicked: out of range"));

        background.add("clients' socket", Ending::Drains, tokio::spawn(async { Err(io::Error::other("no files")) }));
        let ended = background.first_end().await;
        assert_eq!((ended.task, ended.why.as_str()), ("clients' socket", "no files"));

        let thread = std::thread::spawn(|| -> io::Result<()> { panic!("on a thread") });
        background.add("hand-out thread", Ending::Drains, joined(thread));
        let ended = background.first_end().await;
        assert_eq!((ended.task, ended.why.as_str()), ("hand-out thread", "it panicked: on a thread"));
        assert!(background.first_end().now_or_never().is_none(), "the others go on");
    }
}
