//! The broker as a process.

mod actors;
mod attacks;
mod audited;
#[cfg(target_os = "linux")]
mod crash;
mod document;
mod environments;
mod manager;
#[cfg(target_os = "linux")]
pub(crate) mod outages;
mod policy;
mod remote;
mod replaced;
mod sockets;
mod tcp;
mod tls;
mod withdrawn;
