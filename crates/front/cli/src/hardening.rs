//! Protection against crash files that contain secrets.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit of core files that this process was started with.
static GIVEN: OnceLock<Rlimit> = OnceLock::new();

/// Sets the soft limit of core files to zero, and on Linux keeps other processes of the same user out of this process's memory.
/// A user could not correct a failure of either call, so failures are ignored.
pub(crate) fn no_core_dumps() {
    let given = GIVEN.get_or_init(|| getrlimit(Resource::Core));
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: given.maximum });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Restores exactly the limit that this process was started with, for a program that inherits it.
pub(crate) fn restore_core_limit() {
    if let Some(given) = GIVEN.get() {
        let _ = setrlimit(Resource::Core, Rlimit { current: given.current, maximum: given.maximum });
    }
}
