//! The trait of all operations.

use std::fmt::Debug;
use std::future::Future;

use lanyard_credential::{CredentialId, CredentialName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::declaration::{About, Declaration, Recorded};
use crate::problem::Problem;

/// A use case, as a value that travels. Its fields refuse unknown ones (`deny_unknown_fields`), so that an older process refuses what
/// it does not understand; its reply stays open.
pub trait Operation: Serialize + DeserializeOwned + Debug + Send + Sized + 'static {
    /// Its fixed facts.
    const DECLARED: Declaration;

    /// What it runs on.
    type Context: Context;
    /// What it answers.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// Why it fails.
    type Error: Into<Problem> + Send + 'static;

    /// The credentials that it is about.
    fn about(&self) -> About<'_> {
        About::All
    }

    /// Does it. Callers are authorised before: only [`perform`](crate::perform) and other operations of the same context call this.
    fn run(self, on: &Self::Context) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;

    /// Who recorded this success. An operation that changes something only sometimes looks at the reply.
    fn recorded(_reply: &Self::Reply) -> Recorded {
        Self::DECLARED.recorded
    }
}

/// What operations run on: the broker, or the parts of a job.
pub trait Context: Clone + Send + Sync + 'static {
    /// The same on behalf of a caller, who was authorised for these credentials under these names.
    #[must_use]
    fn acting_for(&self, caller: &Caller, authorized: &[(CredentialName, CredentialId)]) -> Self;
}
