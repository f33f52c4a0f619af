//! The use cases as values, and the I/O around a rotation.
//!
//! A use case is a value that implements [`Operation`](lanyard_operation::Operation); a front end creates and performs one. The
//! pure part of a rotation is in `lanyard_credential::rotation`; this crate supplies the store, Webex, and time.

mod broker;
mod calls;
mod doubts;
mod early;
mod environment;
mod error;
mod fit;
mod grant;
mod handouts;
mod identity;
mod issuer;
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
pub mod views;
mod wire;

pub use broker::{Broker, whose_limit};
pub use calls::api::{ApiPath, ApiPathError, ApiReply, CallApi, Target};
pub use calls::app::{
    AddApp, ChangeApp, ListApps, ListUnreadableApps, RemoveApp, ReplaceSecret, ReplacedSecret, SecretVerdict, ShowApp,
    TrySecret,
};
pub use calls::audit::{KeepAudit, ReadAudit, ShowAuditRetention, VerifyAudit};
pub use calls::backup::{Resume, Tried, Verdict};
pub use calls::check_calls::CheckCalls;
pub use calls::clear::{Clear, Cleared};
pub use calls::client::{
    AddClient, AddedClient, Holding, ListClients, ListRefusedClients, RemoveClient, ShowClient, ShownClient,
    client_actor,
};
pub use calls::client_policy::{ChangeClient, Limit};
pub use calls::device_sign_in::{AwaitDevice, BeginDeviceSignIn, DeviceSignIn};
pub use calls::holders::{Holder, Holders};
pub use calls::import::{ImportedTokens, Keep, LookUp, LookedUp, Origin};
pub use calls::issue_token::{IssueToken, TokenForCalls};
pub use calls::minted::{AddGuest, AddServiceApp, AddedGrant, ServiceAppSource};
pub use calls::names::{FindWebex, ListNames};
pub use calls::paste::{AddToken, AddedToken};
pub use calls::precheck::Precheck;
pub use calls::refresh::{Refresh, Refreshed};
pub use calls::rename::{ChangeLabels, Rename};
pub use calls::show::{List, ListUnreadable, Listed, Show};
pub use calls::sign_in::{BeginSignIn, FinishSignIn, SignIn, SignedIn};
pub use calls::switch::{Disable, Disabled, Enable, Enabled, Found};
pub use calls::take_token::{TakeToken, TakenToken};
pub use calls::test::{
    Coverage, JobReport, NeedReport, NeedVerdict, NotGranted, Sight, Test, TestReport, TokenFinding,
};
pub use calls::tokens::{ListTokens, LiveToken, LiveTokens, MOST_LIVE_TOKENS, RevokeTokens, Which, Whose, kind_word};
pub use error::{Again, Error, Troubled, advice, class_of, mint_advice};
pub use handouts::{
    Asked, AuditBuffer, AuditBufferFull, CountedHandOuts, CredentialFigures, HandOutOptions, HandOuts, LostHistory,
    Names, Ready, SoonExpiring, Taken,
};
pub use issuer::{Issuer, Obstacle, state_among};
pub use memory::Pass;
pub use operations::{register, work};
pub use parts::Parts;
pub use refresher::{BreakerState, Counts, EnvironmentReport, Refresher, RefresherReport};
pub use renewal::{HandOut, HandedOut, RecordHandOut, Shortfall, TokenVerdict};
pub use renewals::RefresherOptions;
pub use revocation::{RetryRevocations, Revocation, RevocationOutcome};
pub use runs::{TestAll, TestProgress};
pub use token_source::CredentialTokens;
