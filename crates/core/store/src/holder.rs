//! The process that has a claim on a unit of work, as other processes see it.

use std::borrow::Borrow as _;

use lanyard_credential::Process;
use lanyard_time::BootId;

use crate::Store;
use crate::presence::Sight;

impl Store {
    /// The name under which this process claims work. It states how others see whether the process has ended.
    pub fn holder(&self) -> String {
        let Process { number, kernel, .. } = self.inner.presence.announce(self.entropy());
        let kernel: &str = kernel.borrow();
        format!("{number}{BETWEEN}{kernel}")
    }

    /// Whether the process with this name is known to have ended. `false` also if that cannot be seen from here.
    pub fn has_ended(&self, holder: &str) -> bool {
        let Some((number, kernel)) = holder.split_once(BETWEEN) else { return false };
        let process = Process { number: number.into(), kernel: BootId::new(kernel), pid: 0 };
        !self.inner.presence.is_own(&process) && self.inner.presence.look(&process) == Sight::Gone
    }
}

/// The number of a holder's presence file.
pub(crate) fn number(holder: &str) -> &str {
    holder.split_once(BETWEEN).map_or(holder, |(number, _)| number)
}

const BETWEEN: char = '/';
