//! Steps at which a test stops or kills the process. Compiled only for the testkit.

use rustix::process::{Signal, getpid, kill_process};

/// The variable that names a step and what happens there: `rotation.declared=kill` or `rotation.declared=stop`.
const VARIABLE: &str = "LANYARD_FAILPOINT";

/// Does what the environment asks for at this step.
pub(crate) fn reached(name: &str) {
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let Some((step, what)) = wanted.split_once('=') else { return };
    if step != name {
        return;
    }
    let signal = match what {
        "kill" => Signal::KILL,
        "stop" => Signal::STOP,
        _ => return,
    };
    // The signal is for this very process; it cannot fail to exist.
    let _ = kill_process(getpid(), signal);
    settle();
}

/// Keeps this thread here until the signal has worked: another thread of the process may be the one that takes it. The time runs on
/// while the process is stopped.
#[expect(clippy::disallowed_methods, reason = "no clock of a test may decide when a signal has worked")]
fn settle() {
    std::thread::sleep(std::time::Duration::from_secs(1));
}
