//! The broker as a process.

mod attacks;
mod audited;
#[cfg(target_os = "linux")]
mod crash;
mod document;
mod manager;
#[cfg(target_os = "linux")]
mod outages;
mod policy;
mod remote;
mod replaced;
mod sockets;
mod tcp;
mod tls;
