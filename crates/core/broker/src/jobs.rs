//! What jobs have from this process.

use std::sync::Arc;

use lanyard_client::{IssuedToken, TokenSource as _};
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_operation::Problem;
use lanyard_time::BoxFuture;
use lanyard_work::{HasQueue as _, JobContext, Tokens};

use crate::Broker;
use crate::renewals::Wanted;

impl Broker {
    /// The context of the jobs' operations and units in this process.
    pub fn job_context(&self) -> JobContext {
        JobContext {
            store: self.store.clone(),
            queue: self.queue().clone(),
            transport: Arc::clone(&self.transport),
            tokens: Arc::new(self.clone()),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            sleep: Arc::clone(&self.sleep),
            memory: self.jobs_memory.clone(),
            caller: self.caller.clone(),
        }
    }
}

impl Tokens for Broker {
    fn issue<'a>(&'a self, name: &'a CredentialName, id: CredentialId) -> BoxFuture<'a, Result<IssuedToken, Problem>> {
        Box::pin(async move { Ok(self.tokens_of(name).bound_to(Some(id)).issue().await?) })
    }

    fn replace<'a>(
        &'a self,
        name: &'a CredentialName,
        id: CredentialId,
        refused: &'a IssuedToken,
    ) -> BoxFuture<'a, Result<Option<IssuedToken>, Problem>> {
        Box::pin(async move { Ok(self.tokens_of(name).bound_to(Some(id)).replace(refused).await?) })
    }

    fn renew<'a>(&'a self, name: &'a CredentialName, id: CredentialId) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async move {
            let broker = self.authorized_for([(name.clone(), id)]);
            let seen = broker.credential(name).await?;
            broker.renew(&seen, Wanted::ByHand).await?;
            Ok(())
        })
    }
}
