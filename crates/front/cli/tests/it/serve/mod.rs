//! The broker as a process.

mod document;
mod manager;
mod remote;
mod sockets;
mod tcp;
