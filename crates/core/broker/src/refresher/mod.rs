//! The refresher: renews every credential ahead of its end.
//!
//! Pure code decides when each credential is due ([`schedule`], [`plan`]) and how many may begin
//! ([`Gate`](crate::renewals::Gate)); [`run`] keeps time, and [`work`]
//! acts through the broker.

mod plan;
mod report;
mod run;
mod schedule;
mod work;

pub use report::{BreakerState, Counts, EnvironmentReport, RefresherReport};
pub use run::Refresher;
