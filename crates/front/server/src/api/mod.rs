//! The HTTP API: one router for everything but a token that is in memory.

mod body;
mod declared;
mod document;
mod endpoint;
mod health;
mod owner_calls;
mod path;
mod reply;
mod routes;
mod runs;
pub(crate) mod token;

pub(crate) use self::owner_calls::{at_once, is_asked};
pub(crate) use self::routes::router;
