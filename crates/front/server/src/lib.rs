//! The broker daemon: its sockets, its HTTP API, its proxy.

mod body;
mod problem;
pub mod proxy;

pub use body::{Body, BoxError};
pub use problem::{Code, Problem};
