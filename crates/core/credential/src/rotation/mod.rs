//! The rotation protocol.
