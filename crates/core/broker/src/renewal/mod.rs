//! The ways to get a valid token for a credential: a rotation, or a new grant through another credential's token, which may have to be
//! renewed in turn.

mod hand_out;
mod mint;
mod refused;
mod renew;
mod rotation;

pub use self::hand_out::{HandOut, HandedOut, RecordHandOut, Shortfall};
pub(crate) use self::refused::PATIENCE;
pub use self::refused::TokenVerdict;
