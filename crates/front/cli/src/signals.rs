//! Signals that stop the process.

use std::io::{self, IsTerminal as _};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};

use lanyard_broker::Broker;
use lanyard_server::Order;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;
use crate::{hidden, output};

/// A command handles signals itself.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// The broker of this process. Its token requests are finished before the process exits.
static BROKER: OnceLock<Broker> = OnceLock::new();

/// The work that remains when a signal stops the process.
type AtEnd = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;
static AT_END: Mutex<Option<AtEnd>> = Mutex::new(None);

/// Registers `work` for a signal that stops the process; it runs after the token requests are finished.
pub(crate) fn at_end(work: AtEnd) {
    *AT_END.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
}

/// Withdraws the work of [`at_end`], because the caller does it.
pub(crate) fn forget_end() {
    drop(AT_END.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// From here on, a signal to stop ends the process at once, unless `broker` is requesting a token: the outcome is stored first.
pub(crate) fn watch(broker: &Broker) -> Result<(), Failure> {
    if HANDED_OVER.load(Ordering::Relaxed) {
        return Ok(());
    }
    let _ = BROKER.set(broker.clone());
    listen().map_err(Failure::io(CANNOT_WAIT))
}

/// From here on, a signal to stop ends the process in order. Signals that a command handles itself count here only while a hidden line is
/// read, because nothing else can then answer them.
///
/// A thread of its own waits for signals, because a command may block, at a prompt or on a pipe that nobody reads.
pub(crate) fn listen() -> io::Result<()> {
    static LISTENING: Mutex<bool> = Mutex::new(false);
    let mut is_listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    if *is_listening {
        return Ok(());
    }
    let (listening, listens) = mpsc::channel();
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(listening.send(Err(error))),
        };
        runtime.block_on(async move {
            match Signals::new().and_then(|signals| Ok((signals, Listener::new(continued())?))) {
                Ok((signals, continued)) => {
                    let _ = listening.send(Ok(()));
                    end(signals, continued).await;
                }
                Err(error) => drop(listening.send(Err(error))),
            }
        });
    })?;
    listens.recv().unwrap_or(Ok(()))?;
    *is_listening = true;
    Ok(())
}

/// Leaves signals to a command that passes them on, or stops in an order of its own.
pub(crate) fn hand_over() {
    HANDED_OVER.store(true, Ordering::Relaxed);
}

/// Completes if no signal has ended this process: a program is not started, and nothing is recorded, once one has.
pub(crate) async fn unless_stopping() {
    if STOPPING.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// A signal is ending this process.
static STOPPING: AtomicBool = AtomicBool::new(false);

async fn end(mut signals: Signals, mut continued: Listener) {
    let number = loop {
        let number = tokio::select! {
            number = signals.next() => number,
            () = continued.next() => {
                hidden::again();
                continue;
            }
        };
        if !HANDED_OVER.load(Ordering::Relaxed) || hidden::is_read() {
            break number;
        }
    };
    STOPPING.store(true, Ordering::Relaxed);
    if let Some(broker) = BROKER.get() {
        if broker.must_finish() {
            // A person who pressed Ctrl-C must know why nothing happens yet.
            output::note("lanyard: a token request is under way; stopping as soon as its outcome is stored");
        }
        broker.drain().await;
    }
    let at_end = AT_END.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(at_end) = at_end {
        at_end().await;
    }
    if is_of_keyboard(number) && std::io::stderr().is_terminal() {
        // The cursor may be behind a prompt, and is behind the key that the terminal echoed.
        output::note("");
    }
    leave(number)
}

/// The signal that comes after the process was stopped.
fn continued() -> SignalKind {
    SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())
}

fn is_of_keyboard(number: i32) -> bool {
    [SignalKind::interrupt(), SignalKind::quit()].iter().any(|kind| kind.as_raw_value() == number)
}

#[expect(clippy::exit, reason = "the shell's convention for a process that a signal ended")]
fn leave(number: i32) -> ! {
    hidden::end();
    std::process::exit(128 + number)
}

/// The signals for a broker: the keyboard's and SIGTERM stop it, SIGHUP makes it read its files again.
pub(crate) struct Orders(Signals);

impl Orders {
    /// Begins to listen.
    pub(crate) fn new() -> Result<Self, Failure> {
        hand_over();
        Signals::new().map(Self).map_err(Failure::io(CANNOT_WAIT))
    }

    /// Completes with the number of the next signal, while there is nothing yet to read again or to stop in order.
    pub(crate) async fn any(&mut self) -> i32 {
        self.0.next().await
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Order {
        tokio::select! {
            () = self.0.interrupt.next() => Order::Stop,
            () = self.0.quit.next() => Order::Stop,
            () = self.0.terminate.next() => Order::Stop,
            () = self.0.hang_up.next() => Order::Reload,
        }
    }
}

struct Signals {
    interrupt: Listener,
    quit: Listener,
    terminate: Listener,
    hang_up: Listener,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: Listener::new(SignalKind::interrupt())?,
            quit: Listener::new(SignalKind::quit())?,
            terminate: Listener::new(SignalKind::terminate())?,
            hang_up: Listener::new(SignalKind::hangup())?,
        })
    }

    /// The number of the next signal.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            () = self.interrupt.next() => SignalKind::interrupt().as_raw_value(),
            () = self.quit.next() => SignalKind::quit().as_raw_value(),
            () = self.terminate.next() => SignalKind::terminate().as_raw_value(),
            () = self.hang_up.next() => SignalKind::hangup().as_raw_value(),
        }
    }
}

pub(crate) const CANNOT_WAIT: &str = "cannot wait for signals";

/// Waits for one signal. One that was ignored when the process began, as `nohup` sees to, stays ignored.
pub(crate) struct Listener(Option<Signal>);

impl Listener {
    pub(crate) fn new(kind: SignalKind) -> io::Result<Self> {
        if is_ignored(kind) {
            return Ok(Self(None));
        }
        signal(kind).map(Some).map(Self)
    }

    /// Completes when the signal comes.
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}

/// Whether the signal is ignored: the mask `SigIgn` of `/proc/self/status` (proc(5)). Elsewhere than on Linux it cannot be asked
/// without unsafe code.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores(&status, kind.as_raw_value())
}

fn ignores(status: &str, number: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(number - 1).is_ok_and(|bit| mask.checked_shr(bit).is_some_and(|rest| rest & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read_from_its_lowest_bit() {
        let status = "Name:\tlanyard\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(ignores(status, 1) && ignores(status, 13));
        assert!(!ignores(status, 2) && !ignores(status, 15) && !ignores(status, 0));
        assert!(!ignores("", 1) && !ignores("SigIgn:\tnonsense\n", 1));
    }
}
