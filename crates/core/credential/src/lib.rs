//! The pure domain: kinds, token sets, states, and the rotation protocol with its model test.
//!
//! Nothing here does I/O. A decision is a function of values.

mod app;
mod client;
mod credential;
mod generation;
mod id;
mod intent;
mod job;
mod kind;
mod label;
mod mint;
mod name;
mod nearest;
pub mod rotation;
mod state;
mod subject;
mod trouble;
mod validity;

pub use app::{App, AppKind};
pub use client::{
    Capability, CapabilityError, CapabilitySet, Client, ClientKey, ClientKeyError, Granted, KeyHash, MethodError,
    MethodSet, PathPattern, PathPatternError, Refused,
};
pub use credential::{Credential, Renewal};
pub use generation::{Generation, Grant};
pub use id::{AppId, ClientId, CredentialId, IdError, RevocationId};
pub use intent::{Intent, IntentPhase, Process, Spend};
pub use job::{Job, Need, Probe};
pub use kind::{Kind, KindError};
pub use label::{Label, LabelError, LabelValue};
pub use mint::{GuestSubject, GuestSubjectError, Mint, Order};
pub use name::{AppName, ClientName, CredentialName, LabelKey, NameError};
pub use nearest::nearest;
pub use state::{Standing, StandingKind, State};
pub use subject::{Organisation, Subject, SubjectIdentity};
pub use trouble::{Trouble, TroubleKind};
pub use validity::{RefreshRight, Validity};
