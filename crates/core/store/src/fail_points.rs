//! Steps at which a test stops or kills the process, or lets its task panic. Only the testkit switches them on.

/// Marks a step at which a test may stop or kill the process. Does nothing without the feature `failpoints`.
pub fn fail_point(step: &str) {
    #[cfg(feature = "failpoints")]
    enabled::reached(step);
    #[cfg(not(feature = "failpoints"))]
    let _ = step;
}

#[cfg(feature = "failpoints")]
mod enabled {
    use rustix::process::{Signal, getpid, kill_process};

    /// The variable that names a step and what happens there: `rotation.declared=kill`, `rotation.declared=stop` or
    /// `refresher.turn=panic`.
    const VARIABLE: &str = "LANYARD_FAILPOINT";

    /// Does what the environment asks for at this step.
    pub(super) fn reached(name: &str) {
        let Ok(wanted) = std::env::var(VARIABLE) else { return };
        let Some((step, what)) = wanted.split_once('=') else { return };
        if step != name {
            return;
        }
        let signal = match what {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            "panic" => panic!("a test asked for it at {name}"),
            _ => return,
        };
        // The signal is for this very process; it cannot fail to exist.
        let _ = kill_process(getpid(), signal);
        while is_pending(signal) {
            std::thread::yield_now();
        }
    }

    /// Whether no thread of this process has received the signal yet (the mask `ShdPnd` of proc(5)). The first one that does stops all
    /// others before they run on, this one included. Without unsafe code a signal cannot be sent to this thread alone.
    fn is_pending(signal: Signal) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
        mask & (1 << (signal.as_raw() - 1)) != 0
    }
}
