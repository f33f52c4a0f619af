//! Where the time comes from.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{BootId, BootTime, Moment};

/// A source of the present moment.
pub trait Clock: Debug + Send + Sync {
    /// The present, on both clocks.
    fn now(&self) -> Moment;

    /// The time of the boot clock alone, to measure how long something takes.
    fn elapsed(&self) -> Duration {
        self.now().boot.elapsed
    }
}

/// The machine's own clocks: `CLOCK_REALTIME` and, where there is one, `CLOCK_BOOTTIME`.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot: BootId,
    /// By how many nanoseconds this process's boot clock runs ahead of the machine's.
    ahead: i128,
}

impl SystemClock {
    /// Reads the boot's identity once; where the system gives none, moments compare by the wall clock alone.
    pub fn new() -> Self {
        Self { boot: boot_id(), ahead: ahead() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one door that time enters through")]
    fn now(&self) -> Moment {
        Moment { wall: Timestamp::now(), boot: BootTime { boot: self.boot.clone(), elapsed: self.elapsed() } }
    }

    fn elapsed(&self) -> Duration {
        on_the_machines_axis(since_boot(), self.ahead)
    }
}

#[cfg(target_os = "linux")]
fn boot_id() -> BootId {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| BootId::unknown(), |id| BootId::new(id.trim()))
}

/// macOS names each boot by a UUID. Its boot time is no such name: it moves whenever the clock is set.
#[cfg(not(target_os = "linux"))]
fn boot_id() -> BootId {
    static BOOT: std::sync::OnceLock<BootId> = std::sync::OnceLock::new();
    let ask = || {
        let output =
            std::process::Command::new("/usr/sbin/sysctl").args(["-n", "kern.bootsessionuuid"]).output().ok()?;
        let id = String::from_utf8(output.stdout).ok()?;
        (!id.trim().is_empty()).then(|| BootId::new(id.trim()))
    };
    BOOT.get_or_init(|| ask().unwrap_or_else(BootId::unknown)).clone()
}

#[cfg(target_os = "linux")]
fn ahead() -> i128 {
    crate::namespace::boot_clock_ahead()
}

#[cfg(not(target_os = "linux"))]
fn ahead() -> i128 {
    0
}

fn on_the_machines_axis(reading: Duration, ahead: i128) -> Duration {
    let nanoseconds = i128::try_from(reading.as_nanos()).unwrap_or(i128::MAX).saturating_sub(ahead);
    Duration::from_nanos(u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX))
}

fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = rustix::time::ClockId::Boottime;
    // macOS: CLOCK_MONOTONIC counts on while the machine sleeps.
    #[cfg(not(target_os = "linux"))]
    let clock = rustix::time::ClockId::Monotonic;
    let reading = rustix::time::clock_gettime(clock);
    Duration::new(u64::try_from(reading.tv_sec).unwrap_or(0), u32::try_from(reading.tv_nsec).unwrap_or(0))
}

/// A clock that stands still until a test moves it. Clones share the same hands.
#[derive(Clone, Debug)]
pub struct ManualClock {
    now: Arc<Mutex<Moment>>,
}

impl ManualClock {
    /// A clock that shows `wall`, one hour after a boot named `manual`.
    pub fn at(wall: Timestamp) -> Self {
        Self {
            now: Arc::new(Mutex::new(Moment {
                wall,
                boot: BootTime { boot: BootId::new("manual"), elapsed: Duration::from_hours(1) },
            })),
        }
    }

    /// Lets time pass: both hands move forward.
    pub fn advance(&self, by: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.wall = now.wall.checked_add(by).unwrap_or(Timestamp::MAX);
        now.boot.elapsed = now.boot.elapsed.saturating_add(by);
    }

    /// Sets the wall clock forward or back without any time passing, as a person or an NTP step does.
    pub fn jump_wall(&self, by: SignedDuration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.wall = now.wall.saturating_add(by).unwrap_or(now.wall);
    }

    /// Starts another boot: the boot clock begins again from zero under a new identity.
    pub fn reboot(&self, id: &str) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.boot = BootTime { boot: BootId::new(id), elapsed: Duration::ZERO };
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_does_not_run_backwards() {
        let clock = SystemClock::new();
        let first = clock.now();
        let second = clock.now();
        assert!(second.boot.elapsed >= first.boot.elapsed);
        assert!(clock.elapsed() >= second.boot.elapsed);
        assert!(first.boot.elapsed > Duration::ZERO);
    }

    #[test]
    fn a_time_namespace_does_not_shift_the_boot_clock() {
        let reading = Duration::from_secs(500);
        for (ahead, expected) in [(0, 500), (400_000_000_000, 100), (-400_000_000_000, 900), (600_000_000_000, 0)] {
            assert_eq!(on_the_machines_axis(reading, ahead), Duration::from_secs(expected));
        }
    }

    #[test]
    fn a_manual_clock_moves_only_when_it_is_moved() {
        let clock = ManualClock::at(Timestamp::from_second(1_000).unwrap());
        let first = clock.now();
        assert_eq!(clock.now(), first);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now().since(&first), Duration::from_secs(5));
        clock.jump_wall(SignedDuration::from_hours(-24));
        assert_eq!(clock.now().since(&first), Duration::from_secs(5));
    }
}
