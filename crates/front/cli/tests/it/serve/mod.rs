//! The broker as a process.

mod document;
mod manager;
mod sockets;
mod tcp;
