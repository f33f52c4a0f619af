//! The use cases as values, and the I/O around a rotation.
