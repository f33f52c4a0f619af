//! The machine of a run, and the processor time and memory of its processes.

use std::fmt;
use std::fs;
use std::time::Duration;

use serde::Serialize;

/// The machine.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    system: String,
    processor: String,
    cores: usize,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            system: format!("{} {} {}", std::env::consts::OS, release.trim(), std::env::consts::ARCH),
            processor: model.map_or("an unknown processor", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {} cores", self.system, self.processor, self.cores)
    }
}

/// The processor time that a process has used; `None` where proc(5) is not there.
pub(crate) fn processor_time(process: u32) -> Option<Duration> {
    // In nanoseconds, of all threads; `stat` has hundredths of a second.
    let mut total = 0;
    for task in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let times = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        total += times.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(total))
}

/// A process's memory in kilobytes: what is resident now, and the most that ever was.
pub(crate) fn memory(process: u32) -> Option<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}
