//! The broker daemon: sockets, the HTTP API, the proxy.

pub mod owner;
