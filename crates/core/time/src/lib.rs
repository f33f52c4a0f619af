//! Time, waiting and randomness: the system's, and manual ones that tests move.
//!
//! Everything in Lanyard that needs the time, a pause or a random number takes it from here, as a value it was given.
//! `clippy.toml` bans the other ways in.

mod clock;
mod durations;
mod entropy;
mod heartbeat;
mod moment;
#[cfg(target_os = "linux")]
mod namespace;
mod sleep;

pub use clock::{Clock, ManualClock, SystemClock};
pub use durations::{CountedDurations, Durations, LOCAL, REMOTE};
pub use entropy::{Entropy, SeededEntropy, SystemEntropy};
pub use heartbeat::Heartbeat;
pub use moment::{BootId, BootTime, Moment};
#[cfg(feature = "tokio")]
pub use sleep::SystemSleep;
pub use sleep::{BoxFuture, ManualSleep, Sleep};
