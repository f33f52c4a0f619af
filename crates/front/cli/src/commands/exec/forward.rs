//! Signals for the program behind the proxy: it decides what they mean, as if it had been started directly.

use futures_util::future::select_all;
use rustix::process::{Pid, Signal, getpgid, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::SignalKind;

use crate::exit::Failure;
use crate::signals::{CANNOT_WAIT, Listener};

/// Listens for every signal that would end or stop this process, and leave the program running alone.
pub(super) struct Forwarding {
    listeners: Vec<(Listener, Signal)>,
    /// How many signals of the keyboard have arrived.
    from_keyboard: u32,
}

/// The signals that are forwarded. WINCH and CONT end no process, but a program may wait for them.
const FORWARDED: [Signal; 9] = [
    Signal::TERM,
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::WINCH,
    Signal::CONT,
];

impl Forwarding {
    /// Starts to listen.
    pub(super) fn begin() -> Result<Self, Failure> {
        let listener =
            |signal: Signal| Listener::new(SignalKind::from_raw(signal.as_raw())).map(|listener| (listener, signal));
        let listeners = FORWARDED.into_iter().map(listener).collect::<std::io::Result<_>>();
        Ok(Self { listeners: listeners.map_err(Failure::io(CANNOT_WAIT))?, from_keyboard: 0 })
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Signal {
        let arrivals = self.listeners.iter_mut().map(|(listener, signal)| {
            Box::pin(async move {
                listener.next().await;
                *signal
            })
        });
        select_all(arrivals).await.0
    }

    /// Sends the signal to the program.
    ///
    /// The keyboard's signals reach the whole foreground process group, the program included, so the first of them is not
    /// forwarded there. The kernel does not tell the keyboard from `kill`: when the signal comes again, it is forwarded, because
    /// the program may not have received the first.
    pub(super) fn forward(&mut self, signal: Signal, program: Option<Pid>) {
        let Some(program) = program else { return };
        if matches!(signal, Signal::INT | Signal::QUIT) && reached_by_keyboard(program) {
            self.from_keyboard += 1;
            if self.from_keyboard == 1 {
                return;
            }
        }
        // The program may have ended just now.
        let _ = kill_process(program, signal);
    }
}

/// Whether the keyboard's signals go to the program as well as to this process: both are in the terminal's foreground group.
fn reached_by_keyboard(program: Pid) -> bool {
    let ours = getpgrp();
    let in_front =
        std::fs::File::open("/dev/tty").is_ok_and(|terminal| tcgetpgrp(&terminal).is_ok_and(|group| group == ours));
    in_front && getpgid(Some(program)).is_ok_and(|group| group == ours)
}
