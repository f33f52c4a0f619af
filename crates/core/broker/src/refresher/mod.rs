//! The refresher: renews every credential ahead of its end.
//!
//! Pure code decides when each credential is due ([`schedule`], [`plan`], [`bucket`], [`breaker`]); [`run`] keeps time, and [`work`]
//! acts through the broker.

mod breaker;
mod bucket;
mod hears;
mod lane;
mod options;
mod plan;
mod refusals;
mod report;
mod run;
mod schedule;
mod work;

pub use options::RefresherOptions;
pub use report::{BreakerState, Counts, EnvironmentReport, RefresherReport};
pub use run::Refresher;
