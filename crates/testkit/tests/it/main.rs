//! What holds for the workspace as a whole.

mod layers;
mod modules;
mod workspace;
