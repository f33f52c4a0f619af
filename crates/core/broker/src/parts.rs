//! The clock, randomness and sleep that a broker uses.

use std::sync::Arc;

use lanyard_time::{Clock, Entropy, Sleep};

/// Time, waiting and randomness, as this process has them.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// The way to wait.
    pub sleep: Arc<dyn Sleep>,
}
