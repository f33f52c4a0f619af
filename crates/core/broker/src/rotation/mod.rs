//! The I/O around a rotation.

mod driver;
mod trouble;

pub(crate) use driver::{LEASE, RotationEnd, look_again};
pub(crate) use trouble::Fault;
