//! Calls of the owner.

mod calls;
mod places;
mod versions;
mod world;
