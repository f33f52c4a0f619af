//! The use cases, one file each.

pub(crate) mod api;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check_calls;
pub(crate) mod clear;
pub(crate) mod client;
pub(crate) mod client_policy;
pub(crate) mod device_sign_in;
pub(crate) mod holders;
pub(crate) mod import;
pub(crate) mod issue_token;
pub(crate) mod key;
pub(crate) mod minted;
pub(crate) mod names;
pub(crate) mod paste;
pub(crate) mod precheck;
pub(crate) mod refresh;
pub(crate) mod rename;
pub(crate) mod show;
pub(crate) mod sign_in;
pub(crate) mod switch;
pub(crate) mod take_token;
pub(crate) mod test;
pub(crate) mod tokens;
