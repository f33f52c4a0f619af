//! Serialises foreign types for another process, for `#[serde(with = "…")]`.

pub(crate) mod headers;
pub(crate) mod shared;
pub(crate) mod status;
pub(crate) mod text;
