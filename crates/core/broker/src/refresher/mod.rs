//! The refresher: renews every credential ahead of its end.
//!
//! What is due when is decided from values ([`schedule`], [`plan`], [`bucket`], [`breaker`]); [`run`] keeps time and [`work`] does it through the broker.

mod breaker;
mod bucket;
mod lane;
mod options;
mod plan;
mod report;
mod run;
mod schedule;
mod work;

pub use options::RefresherOptions;
pub use report::{BreakerState, Counts, EnvironmentReport, RefresherReport};
pub use run::Refresher;
