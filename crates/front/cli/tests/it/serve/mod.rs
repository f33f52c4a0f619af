//! The broker as a process.

mod document;
mod sockets;
mod tcp;
