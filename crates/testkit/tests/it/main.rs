//! Tests of the workspace as a whole.

#![expect(clippy::unwrap_used, reason = "all of this is tests; the helpers beside them fail them just so")]

mod layers;
mod modules;
mod workspace;
