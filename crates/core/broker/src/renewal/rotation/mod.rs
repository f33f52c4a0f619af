//! The I/O around a rotation.

mod driver;
#[cfg(test)]
mod replay;
mod trouble;

pub(crate) use trouble::Fault;
