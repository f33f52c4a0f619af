//! The broker as a process.

mod actors;
mod attacks;
mod audited;
mod channels;
#[cfg(target_os = "linux")]
mod crash;
#[cfg(target_os = "linux")]
mod cut_off;
mod document;
mod environments;
mod exposition;
mod manager;
mod metrics;
#[cfg(target_os = "linux")]
pub(crate) mod outages;
mod policy;
mod remote;
mod replaced;
mod runs;
mod sockets;
mod tcp;
mod tls;
mod waited;
mod withdrawn;

pub(crate) use self::tls::Authority;
