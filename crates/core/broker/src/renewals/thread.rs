//! The thread that runs renewals.

use std::convert::Infallible;
use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use lanyard_operation::joined;

/// A thread with a tokio runtime of its own, started when it is first used. It ends when this is dropped.
///
/// A connection to Webex or to PostgreSQL is driven by the runtime that opened it, and either runtime may use it afterwards: this
/// runtime and the callers' both live until [`drain`](super::Renewals::drain) has completed. `SQLite` has threads of its own.
#[derive(Debug, Default)]
pub(super) struct Thread(OnceLock<Running>);

#[derive(Debug)]
struct Running {
    handle: Handle,
    /// Ends the thread when dropped.
    _end: Option<oneshot::Sender<Infallible>>,
}

impl Thread {
    /// Starts `work` on the thread; the returned future waits for it. The work continues if the future is dropped.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let running = self.0.get_or_init(|| {
            start().unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot start a thread for renewals; they run on the current runtime");
                Running { handle: Handle::current(), _end: None }
            })
        });
        joined(running.handle.spawn(work))
    }
}

fn start() -> io::Result<Running> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel::<Infallible>();
    std::thread::Builder::new().name("renewals".to_owned()).spawn(move || {
        let _ = runtime.block_on(ended);
    })?;
    Ok(Running { handle, _end: Some(end) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_while_its_caller_blocks_and_after_its_runtime_has_ended() {
        let (go, went) = oneshot::channel();
        let (done, ended) = std::sync::mpsc::channel();
        let thread = Thread::default();
        let caller = Builder::new_current_thread().build().unwrap();
        caller.block_on(async {
            let work = thread.run(async move { done.send(went.await).unwrap() });
            tokio::select! {
                biased;
                () = work => panic!("it waits"),
                () = std::future::ready(()) => {}
            }
        });
        drop(caller);
        go.send(7).unwrap();
        assert_eq!(ended.recv().unwrap(), Ok(7));
    }
}
