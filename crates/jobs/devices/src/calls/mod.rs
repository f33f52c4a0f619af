//! The operations of the job.

pub(crate) mod alert_view;
pub(crate) mod alerts;
pub(crate) mod coverage;
pub(crate) mod device;
pub(crate) mod sweep;
pub(crate) mod watch;
