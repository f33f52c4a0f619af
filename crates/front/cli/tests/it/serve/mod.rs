//! The broker as a process.

mod attacks;
mod document;
mod manager;
#[cfg(target_os = "linux")]
mod outages;
mod policy;
mod remote;
mod sockets;
mod tcp;
