//! The I/O around a rotation.

mod driver;
#[cfg(test)]
mod replay;
mod trouble;

pub(crate) use driver::{RotationEnd, look_again};
pub(crate) use trouble::Fault;
