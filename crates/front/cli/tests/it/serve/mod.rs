//! The broker as a process.

mod attacks;
mod document;
mod manager;
mod policy;
mod remote;
mod sockets;
mod tcp;
