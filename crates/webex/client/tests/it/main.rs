//! The client against scripted servers on loopback.

mod calls;
mod errors;
mod limits;
mod pages;
mod proxies;
mod server;
mod typed;
mod world;
