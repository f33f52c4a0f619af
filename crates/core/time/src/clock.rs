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
}

/// The machine's own clocks: `CLOCK_REALTIME` and, where there is one, `CLOCK_BOOTTIME`.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot: BootId,
}

impl SystemClock {
    /// Reads the boot's identity once; where the system gives none, moments compare by the wall clock alone.
    pub fn new() -> Self {
        Self { boot: boot_id() }
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
        Moment { wall: Timestamp::now(), boot: BootTime { boot: self.boot.clone(), elapsed: since_boot() } }
    }
}

#[cfg(target_os = "linux")]
fn boot_id() -> BootId {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| BootId::unknown(), |id| BootId::new(id.trim()))
}

#[cfg(not(target_os = "linux"))]
fn boot_id() -> BootId {
    match sysinfo::System::boot_time() {
        0 => BootId::unknown(),
        seconds => BootId::new(seconds.to_string()),
    }
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
        assert!(first.boot.elapsed > Duration::ZERO);
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
