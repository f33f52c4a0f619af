//! The use cases as values, and the I/O around a rotation.
//!
//! A use case is a value that implements [`Operation`](lanyard_operation::Operation); a front end creates and performs one. The
//! pure part of a rotation is in `lanyard_credential::rotation`; this crate supplies the store, Webex, and time.

mod background;
mod broker;
mod calls;
mod channels;
mod delivery;
mod doubts;
mod early;
mod environment;
mod error;
mod events;
mod fit;
mod grant;
mod handouts;
mod identity;
mod issuer;
mod jobs;
mod lookup;
mod memory;
mod operations;
mod parts;
mod refresher;
mod renewal;
mod renewals;
mod revocation;
mod runs;
mod token_source;
#[cfg(test)]
mod trips;
pub mod views;
mod wire;

pub use background::CountedDeliveries;
pub use broker::{Broker, whose_limit};
pub use calls::*;
pub use channels::{Channel, ChannelName, ChannelNameError, ChannelSettings};
pub use error::{Again, Error, Troubled, advice, class_of, mint_advice};
pub use handouts::{
    Asked, AuditBuffer, AuditBufferFull, CountedHandOuts, CredentialFigures, HandOutOptions, HandOuts, LostHistory,
    Names, Ready, SoonExpiring, Taken,
};
pub use issuer::{Issuer, Obstacle, state_among};
pub use memory::Pass;
pub use operations::{begin_work, register, work};
pub use parts::Parts;
pub use refresher::{BreakerState, Counts, EnvironmentReport, Refresher, RefresherReport};
pub use renewal::{HandOut, HandedOut, RecordHandOut, Shortfall, TokenVerdict};
pub use renewals::{CountedRenewals, RefresherOptions};
pub use revocation::{RetryRevocations, Revocation, RevocationOutcome};
pub use runs::{TestAll, TestProgress};
pub use token_source::CredentialTokens;
