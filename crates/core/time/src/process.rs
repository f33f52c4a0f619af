//! Which process of which machine someone is, and whether that process is still there.

use std::fmt;

use crate::BootId;

/// A process, told apart from any other that ever ran or will run: the owner of a lease and the writer of an intent.
///
/// The host is the machine together with its process-id namespace: two containers on one machine see different processes
/// under the same number and must not judge each other.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    /// The machine and its process-id namespace.
    pub host: Box<str>,
    /// The boot in which the process runs.
    pub boot: BootId,
    /// The process id.
    pub pid: u32,
    /// When the process started, in a unit of the system's own that serves to tell processes apart (Linux: clock ticks since boot).
    pub started: u64,
}

/// What can be said about another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It runs, or is stopped but may go on.
    Alive,
    /// It has surely ended.
    Gone,
    /// It lives on another host, or the system does not tell.
    Unknown,
}

impl ProcessIdentity {
    /// The identity of the process that calls.
    pub fn current(boot: BootId) -> Self {
        let pid = std::process::id();
        Self { host: system::host().into(), boot, pid, started: system::started(pid).unwrap_or(None).unwrap_or(0) }
    }

    /// Whether `other` still exists, as far as the process `self` can tell.
    pub fn judge(&self, other: &Self) -> Presence {
        if self.host.is_empty() || self.host != other.host {
            return Presence::Unknown;
        }
        if !self.boot.same_boot(&other.boot) {
            // The same host under another boot: nothing of the earlier boot survives. An unknown boot says nothing.
            let known = !self.boot.as_str().is_empty() && !other.boot.as_str().is_empty();
            return if known { Presence::Gone } else { Presence::Unknown };
        }
        match system::started(other.pid) {
            Ok(None) => Presence::Gone,
            Ok(Some(started)) if started != other.started => Presence::Gone,
            Ok(Some(_)) => Presence::Alive,
            Err(_) => Presence::Unknown,
        }
    }
}

impl fmt::Debug for ProcessIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} (started {}) on {}", self.pid, self.started, self.host)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;

    pub(super) fn host() -> String {
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let namespace =
            std::fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
        format!("{}/{node}/{namespace}", machine.trim())
    }

    /// The start time of a process; `None` when there is no such process, or only its remains that no one has collected.
    pub(super) fn started(pid: u32) -> io::Result<Option<u64>> {
        let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // ESRCH: it ended between the opening and the reading.
            Err(error) if error.raw_os_error() == Some(3) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(parse(&stat)?.map(|started| started.wrapping_sub(clock_shift())))
    }

    /// By how many ticks the boot clock of this process's time namespace runs ahead of the machine's (`time_namespaces(7)`). Start
    /// times are shown by the reader's clock: without this, a process would look like another one to readers of other namespaces,
    /// and be taken for gone while it lives.
    fn clock_shift() -> u64 {
        let offsets = std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        ticks_ahead(&offsets, rustix::param::clock_ticks_per_second())
    }

    fn ticks_ahead(offsets: &str, ticks_per_second: u64) -> u64 {
        let boot = offsets.lines().find_map(|line| line.trim_start().strip_prefix("boottime"));
        let mut numbers = boot.unwrap_or_default().split_ascii_whitespace().map(str::parse::<i64>);
        let (Some(Ok(seconds)), Some(Ok(nanoseconds))) = (numbers.next(), numbers.next()) else { return 0 };
        let ticks = i128::from(ticks_per_second);
        let ahead = i128::from(seconds) * ticks + (i128::from(nanoseconds) * ticks).div_euclid(1_000_000_000);
        i64::try_from(ahead).unwrap_or(0).cast_unsigned()
    }

    /// proc(5): the name in parentheses may hold anything; after it, the state is field 3 and the start time field 22.
    fn parse(stat: &str) -> io::Result<Option<u64>> {
        let malformed = || io::Error::from(io::ErrorKind::InvalidData);
        let (_, rest) = stat.rsplit_once(')').ok_or_else(malformed)?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next().ok_or_else(malformed)?;
        let started = fields.nth(18).and_then(|field| field.parse().ok()).ok_or_else(malformed)?;
        Ok((!matches!(state, "Z" | "X")).then_some(started))
    }

    #[cfg(test)]
    mod tests {
        use super::{parse, ticks_ahead};

        #[test]
        fn the_shift_of_a_time_namespace_is_read_in_ticks() {
            assert_eq!(ticks_ahead("monotonic           0         0\nboottime          400         0\n", 100), 40_000);
            assert_eq!(
                ticks_ahead("monotonic           0         0\nboottime           -2 500000000\n", 100).cast_signed(),
                -150
            );
            assert_eq!(ticks_ahead("", 100), 0);
        }

        #[test]
        fn a_name_with_parentheses_does_not_mislead() {
            let line = "7 (a) S (b)) S 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 8812 1 1";
            assert_eq!(parse(line).unwrap(), Some(8812));
            let zombie = line.replace(") S 1", ") Z 1");
            assert_eq!(parse(&zombie).unwrap(), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

    pub(super) fn host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    pub(super) fn started(pid: u32) -> io::Result<Option<u64>> {
        let pid = Pid::from_u32(pid);
        let mut system = System::new();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
        Ok(system.process(pid).map(sysinfo::Process::start_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, SystemClock};

    fn me() -> ProcessIdentity {
        ProcessIdentity::current(SystemClock::new().now().boot.boot)
    }

    #[test]
    fn a_process_sees_itself_alive() {
        assert_eq!(me().judge(&me()), Presence::Alive);
    }

    #[test]
    fn a_child_is_alive_until_it_has_ended_even_before_it_is_collected() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let identity =
            ProcessIdentity { pid: child.id(), started: system::started(child.id()).unwrap().unwrap(), ..me() };
        assert_eq!(me().judge(&identity), Presence::Alive);
        child.kill().unwrap();
        while me().judge(&identity) == Presence::Alive {
            std::thread::yield_now();
        }
        assert_eq!(me().judge(&identity), Presence::Gone);
        child.wait().unwrap();
        assert_eq!(me().judge(&identity), Presence::Gone);
    }

    #[test]
    fn a_reused_number_is_another_process() {
        let other = ProcessIdentity { started: 1, ..me() };
        assert_eq!(me().judge(&other), Presence::Gone);
    }

    #[test]
    fn another_host_is_never_judged_and_an_earlier_boot_is_gone() {
        let elsewhere = ProcessIdentity { host: "elsewhere".into(), ..me() };
        assert_eq!(me().judge(&elsewhere), Presence::Unknown);
        let earlier = ProcessIdentity { boot: BootId::new("earlier"), ..me() };
        assert_eq!(me().judge(&earlier), Presence::Gone);
        let nameless = ProcessIdentity { boot: BootId::unknown(), ..me() };
        assert_eq!(me().judge(&nameless), Presence::Unknown);
    }
}
