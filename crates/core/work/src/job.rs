//! What a job has from the process that it runs in.

use std::fmt;
use std::sync::Arc;

use lanyard_client::{ApiClient, IssuedToken, TokenSource, Transport};
use lanyard_credential::{Credential, CredentialId, CredentialName};
use lanyard_operation::{Caller, Context, Problem};
use lanyard_store::Store;
use lanyard_time::{BoxFuture, Clock, Entropy, Sleep};

use crate::memory::Memory;
use crate::queue::Queue;
use crate::run::HasQueue;

/// The tokens of all credentials, as the process has them. A job does not know where they come from.
pub trait Tokens: fmt::Debug + Send + Sync {
    /// Issues a valid token of a credential. Fails if another credential has its name now.
    fn issue<'a>(&'a self, name: &'a CredentialName, id: CredentialId) -> BoxFuture<'a, Result<IssuedToken, Problem>>;

    /// See [`TokenSource::replace`].
    fn replace<'a>(
        &'a self,
        name: &'a CredentialName,
        id: CredentialId,
        refused: &'a IssuedToken,
    ) -> BoxFuture<'a, Result<Option<IssuedToken>, Problem>>;

    /// Renews a credential now, because something at Webex may have ended or changed its grant. Its state then says what Webex answered.
    fn renew<'a>(&'a self, name: &'a CredentialName, id: CredentialId) -> BoxFuture<'a, Result<(), Problem>>;
}

/// The context of a job's operations and units: the store with the job's tables, the queue, and calls to Webex with the tokens of any
/// credential.
#[derive(Clone, Debug)]
pub struct JobContext {
    /// The store.
    pub store: Store,
    /// The queue.
    pub queue: Queue,
    /// The way to Webex, with its limits.
    pub transport: Arc<Transport>,
    /// The tokens.
    pub tokens: Arc<dyn Tokens>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The random numbers.
    pub entropy: Arc<dyn Entropy>,
    /// The way to wait.
    pub sleep: Arc<dyn Sleep>,
    /// The values that jobs keep while the process runs.
    pub memory: Memory,
    /// The caller whose operation runs.
    pub caller: Caller,
}

impl JobContext {
    /// A client that calls Webex as a credential.
    pub fn client(&self, credential: &Credential) -> ApiClient<'_, CredentialSource> {
        let source =
            CredentialSource { tokens: Arc::clone(&self.tokens), name: credential.name.clone(), id: credential.id };
        ApiClient::new(&self.transport, source)
    }
}

impl Context for JobContext {
    fn acting_for(&self, caller: &Caller, _: &[(CredentialName, CredentialId)]) -> Self {
        let store = self.store.acting_as(caller.actor().to_string());
        let queue = self.queue.within(&store);
        Self { store, queue, caller: caller.clone(), ..self.clone() }
    }
}

impl HasQueue for JobContext {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// The tokens of one credential.
#[derive(Clone, Debug)]
pub struct CredentialSource {
    tokens: Arc<dyn Tokens>,
    name: CredentialName,
    id: CredentialId,
}

impl TokenSource for CredentialSource {
    type Error = Problem;

    async fn issue(&self) -> Result<IssuedToken, Problem> {
        self.tokens.issue(&self.name, self.id).await
    }

    async fn replace(&self, refused: &IssuedToken) -> Result<Option<IssuedToken>, Problem> {
        self.tokens.replace(&self.name, self.id, refused).await
    }
}
