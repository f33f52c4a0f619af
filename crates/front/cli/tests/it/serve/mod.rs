//! The broker as a process.

mod document;
mod remote;
mod sockets;
mod tcp;
