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

    /// Whether `other` still exists, as far as the process `self` can tell. A process that cannot be seen is not gone for that reason:
    /// `hidepid` hides processes that live.
    pub fn judge(&self, other: &Self) -> Presence {
        if self.host != other.host || !system::sees_processes_of(&self.host) {
            return Presence::Unknown;
        }
        if !self.boot.same_boot(&other.boot) {
            // The same host under another boot: nothing of the earlier boot survives. An unknown boot says nothing.
            let known = !self.boot.as_str().is_empty() && !other.boot.as_str().is_empty();
            return if known { Presence::Gone } else { Presence::Unknown };
        }
        match system::started(other.pid) {
            Ok(None) => Presence::Gone,
            // A time namespace shifts a start time before it is rounded, so that two of them may see it one tick apart.
            Ok(Some(started)) => match started.abs_diff(other.started) {
                0 => Presence::Alive,
                1 => Presence::Unknown,
                _ => Presence::Gone,
            },
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

    use rustix::io::Errno;
    use rustix::param::clock_ticks_per_second as ticks_per_second;
    use rustix::process::{Pid, test_kill_process};

    pub(super) fn host() -> String {
        let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        // A `/proc` that was mounted for another process-id namespace shows this process under another number, or not at all.
        let own =
            std::fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == &*std::process::id().to_string());
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok().filter(|_| own);
        let namespace = namespace.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
        format!("{}/{node}/{namespace}", machine.trim())
    }

    /// Whether `/proc` shows the processes of this host's process-id namespace.
    pub(super) fn sees_processes_of(host: &str) -> bool {
        !host.is_empty() && !host.ends_with('/')
    }

    /// The start time of a process; `None` when there is no such process, or only its uncollected remains. An error when the process
    /// exists and `/proc` does not show it.
    pub(super) fn started(pid: u32) -> io::Result<Option<u64>> {
        let stat = match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat,
            // The second error: it ended between the opening and the reading.
            Err(error) => match Errno::from_io_error(&error) {
                Some(Errno::NOENT | Errno::SRCH) if is_absent(pid) => return Ok(None),
                _ => return Err(error),
            },
        };
        let shift = crate::namespace::in_ticks(crate::namespace::boot_clock_ahead(), ticks_per_second());
        Ok(parse(&stat)?.map(|started| started.wrapping_sub(shift)))
    }

    /// Whether the kernel knows no such process. Mount options of `/proc` hide a process, but not from this question.
    fn is_absent(pid: u32) -> bool {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
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
        use super::{is_absent, parse, sees_processes_of};

        #[test]
        fn a_process_is_absent_only_if_the_kernel_says_so() {
            let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
            assert!(!is_absent(child.id()) && !is_absent(std::process::id()) && !is_absent(0));
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(is_absent(child.id()));
        }

        #[test]
        fn without_a_proc_of_its_own_namespace_a_process_judges_nobody() {
            for (host, sees) in [("m/n/pid:[4026531836]", true), ("m/n/", false), ("//", false), ("", false)] {
                assert_eq!(sees_processes_of(host), sees, "{host}");
            }
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

    pub(super) fn sees_processes_of(host: &str) -> bool {
        !host.is_empty()
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
