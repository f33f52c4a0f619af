//! The operations of the job.

pub(crate) mod alert_view;
pub(crate) mod alerts;
pub(crate) mod approve;
pub(crate) mod coverage;
pub(crate) mod coverage_all;
pub(crate) mod device;
pub(crate) mod find;
pub(crate) mod list;
pub(crate) mod numbers;
pub(crate) mod report;
pub(crate) mod restart;
pub(crate) mod rules;
pub(crate) mod show;
pub(crate) mod sweep;
pub(crate) mod watch;
pub(crate) mod watch_add;
pub(crate) mod watch_set;
pub(crate) mod watched;
pub(crate) mod xapi;
