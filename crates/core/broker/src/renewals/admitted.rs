//! Work that has passed the gate.

use std::sync::atomic::{AtomicBool, Ordering};

/// Work that has passed the gate: a renewal, with those of its issuers that it needs.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    has_sent: AtomicBool,
}

impl Admitted {
    /// Notes that a request for tokens is about to be sent.
    pub(crate) fn note_sent(&self) {
        self.has_sent.store(true, Ordering::Relaxed);
    }

    /// Whether a request for tokens was sent, so that the work counts towards the rate however it ended.
    pub(crate) fn has_sent(&self) -> bool {
        self.has_sent.load(Ordering::Relaxed)
    }
}
