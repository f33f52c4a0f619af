//! The broker daemon: its sockets, its HTTP API, its proxy.
//!
//! The hand-out thread (`front`) answers on the owner's socket with a runtime of its own: a cached token is given there, and nothing
//! else is done there. Everything that waits for the store or for Webex, and the sockets of others, runs on the runtime that [`serve`]
//! was called on.

mod answer;
mod api;
mod background;
mod body;
mod caller;
mod connection;
mod counts;
mod extract;
mod front;
mod listen;
mod loading;
mod loopback;
mod metrics;
mod options;
pub mod owner;
mod passage;
mod problem;
pub mod proxy;
mod proxying;
mod record;
mod registration;
mod serve;
mod shared;
mod strangers;

pub use body::{Body, BoxError};
pub use listen::tls::TlsError;
pub use listen::{ListenError, sockets};
pub use loopback::{Guest, serve_loopback};
pub use options::{ClientsSocket, Http, Options, TlsFiles};
pub use passage::{Passage, Way};
pub use problem::{Code, Problem, response as problem_response};
pub use serve::{Order, Ready, ServeError, Told, serve};
