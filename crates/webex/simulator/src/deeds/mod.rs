//! Actions of people in the developer portal and in Control Hub. The pages and the control plane use the functions here.

mod announce;
mod apps;
mod bots;
mod hub;
mod integrations;
mod service_apps;

pub(crate) use announce::announce;
pub(crate) use apps::{AppError, NewIntegration};
pub(crate) use bots::BotError;
pub(crate) use hub::NoAccess;
pub(crate) use integrations::{Activated, Deed};
pub(crate) use service_apps::Authorised;
