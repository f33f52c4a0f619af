//! The use cases as values, and the I/O around a rotation.
//!
//! A use case is a value that implements [`Call`]; a front end makes one and hands it to [`Broker::call`]. What is pure about a
//! rotation is in `lanyard_credential::rotation`; here is what it asks for: the store, Webex, and time.

mod broker;
mod calls;
mod environment;
mod error;
mod identity;
mod rotation;
#[cfg(feature = "failpoints")]
mod steps;

pub use broker::{Broker, Call, Parts};
pub use calls::app::{AddApp, ListApps, RemoveApp, ReplaceSecret, ShowApp};
pub use calls::audit::{ReadAudit, VerifyAudit};
pub use calls::backup::{MakeBackup, Resume, Tried, TryTokens, Verdict};
pub use calls::clear::{Clear, Cleared, RetryRevocations, Revocation, RevocationOutcome};
pub use calls::hand_out::{HandOut, HandedOut, RecordHandOut, Shortfall};
pub use calls::key::{ReplaceKey, ShowKey};
pub use calls::paste::AddToken;
pub use calls::refresh::{Refresh, Refreshed};
pub use calls::show::{List, Show};
pub use calls::sign_in::{BeginSignIn, FinishSignIn, SignIn, SignedIn};
pub use error::{Class, Error, advice};

/// Marks a step at which a test may stop or kill the process. Nothing at all without the feature `failpoints`.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::steps::reached($name);
    };
}
pub(crate) use failpoint;
