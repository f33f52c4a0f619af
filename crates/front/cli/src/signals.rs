//! What happens when someone wants the process to stop.

use std::future::Future;

use lanyard_broker::Broker;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// Runs `work`. A signal to stop ends the process at once, but never between the sending of a refresh token and the storing of
/// what came back: then that is finished first.
pub(crate) async fn guarded<T>(broker: &Broker, work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut signals = Signals::new()?;
    let mut work = std::pin::pin!(work);
    let number = tokio::select! {
        biased;
        done = &mut work => return Ok(done),
        number = signals.next() => number,
    };
    if broker.must_finish() {
        tell();
        tokio::select! {
            _ = &mut work => {}
            () = broker.finished() => {}
        }
    }
    leave(number)
}

#[expect(clippy::print_stderr, reason = "a person pressed Ctrl-C and must know why nothing happens yet")]
fn tell() {
    eprintln!("lanyard: a renewal is under way; stopping as soon as its outcome is stored");
}

#[expect(clippy::exit, reason = "the shell's convention for a process that a signal ended")]
fn leave(number: i32) -> ! {
    std::process::exit(128 + number)
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::io("cannot wait for signals"));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    /// The number of the next signal.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = self.hang_up.recv() => SignalKind::hangup().as_raw_value(),
        }
    }
}
