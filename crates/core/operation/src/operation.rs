//! The trait of all operations.

use std::fmt::Debug;
use std::future::Future;

use lanyard_credential::{CredentialId, CredentialName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::declaration::{About, Declaration, Recorded};
use crate::problem::Problem;

/// A use case, as a value that can be sent to another process. It refuses unknown fields (`deny_unknown_fields`), so that an older
/// process does not ignore them; a reply may have unknown fields.
pub trait Operation: Serialize + DeserializeOwned + Debug + Send + Sized + 'static {
    /// Its fixed facts.
    const DECLARED: Declaration;
    /// The credentials that it is about, unless its request names some.
    const ABOUT: About<'static> = About::All;

    /// The context on which it runs.
    type Context: Context;
    /// Its reply.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
    /// Its error.
    type Error: Into<Problem> + Send + 'static;

    /// The credentials that it is about.
    fn about(&self) -> About<'_> {
        Self::ABOUT
    }

    /// Runs the operation. The caller is already authorised, so only [`perform`](crate::perform) and other operations of the same
    /// context call this.
    fn run(self, on: &Self::Context) -> impl Future<Output = Result<Self::Reply, Self::Error>> + Send;

    /// Returns the part that recorded this success. An operation that only sometimes changes something decides by the reply.
    fn recorded(_reply: &Self::Reply) -> Recorded {
        Self::DECLARED.recorded
    }
}

/// A process that has the context of operations.
pub trait Provides<C: Context> {
    /// The context.
    fn context(&self) -> C;
}

/// The context on which operations run: the broker, or the parts of a job.
pub trait Context: Clone + Send + Sync + 'static {
    /// Returns this context for a caller, which was authorised for these credentials under these names.
    #[must_use]
    fn acting_for(&self, caller: &Caller, authorized: &[(CredentialName, CredentialId)]) -> Self;
}
