//! Calls of the owner.

mod calls;
mod places;
mod tokens;
mod versions;
mod world;
