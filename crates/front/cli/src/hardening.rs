//! What keeps secrets out of crash files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Sets the soft limit of core files to nothing, and on Linux keeps other processes of the same user out of this one's memory.
/// Neither can fail in a way that a person could mend, so that a failure is passed over.
pub(crate) fn no_core_dumps() {
    let limit = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Gives a child program back what was taken: whether it dumps core is its own affair.
pub(crate) fn allow_core_dumps() {
    let limit = getrlimit(Resource::Core);
    let _ = setrlimit(Resource::Core, Rlimit { current: limit.maximum, ..limit });
}
