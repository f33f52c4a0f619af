//! Where the tokens of calls come from.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;

use crate::SubjectKey;

/// A token of one credential, with the facts that a call needs.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token.
    pub token: AccessToken,
    /// The number of the token set that it belongs to: a newer token of the same credential has a higher one.
    pub generation: u32,
    /// The Webex that accepts it.
    pub environment: Arc<Environment>,
    /// The subject whose limits its calls count against.
    pub subject: SubjectKey,
}

/// The tokens of one credential. A caller uses a source in the same process, and one that asks another process, in the same way.
pub trait TokenSource: Sync {
    /// The reason why there is no token.
    type Error: fmt::Display + Send;

    /// Issues a valid token.
    fn issue(&self) -> impl Future<Output = Result<IssuedToken, Self::Error>> + Send;

    /// Reports that Webex answered a call with `refused` with 401, and returns another token if there is one.
    ///
    /// A newer generation is returned at once. Otherwise `/people/me` decides whether Webex refuses the token everywhere. Only then
    /// is it renewed, and for this reason at most once an hour. `None` means that the call itself was refused, or that no other token
    /// can be obtained now.
    fn replace(&self, refused: &IssuedToken) -> impl Future<Output = Result<Option<IssuedToken>, Self::Error>> + Send;
}

impl<S: TokenSource + Send> TokenSource for &S {
    type Error = S::Error;

    fn issue(&self) -> impl Future<Output = Result<IssuedToken, S::Error>> + Send {
        (**self).issue()
    }

    fn replace(&self, refused: &IssuedToken) -> impl Future<Output = Result<Option<IssuedToken>, S::Error>> + Send {
        (**self).replace(refused)
    }
}
