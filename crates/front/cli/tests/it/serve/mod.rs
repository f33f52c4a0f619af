//! The broker as a process.

mod document;
mod manager;
#[cfg(target_os = "linux")]
mod outages;
mod remote;
mod sockets;
mod tcp;
