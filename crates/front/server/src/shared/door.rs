//! The entry point of operations in a broker.

use lanyard_broker::{Asked, AuditBufferFull, client_actor};
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_operation::{Actor, Caller, Code, Declaration, Door, End, Entry, Problem, Starter};
use lanyard_time::Moment;

use std::sync::Arc;

use super::Shared;

/// The door of a broker: names are looked up in memory, calls are recorded in the audit buffer, and no caller waits for a store that
/// has stopped answering.
#[derive(Clone, Debug)]
pub(crate) struct BrokerDoor(pub(crate) Arc<Shared>);

impl Door for BrokerDoor {
    fn now(&self) -> Moment {
        self.0.hand_outs.now()
    }

    async fn look_up(&self, caller: &Caller, names: &[CredentialName]) {
        let Self(shared) = self;
        if shared.hand_outs.is_loaded() {
            return;
        }
        for name in names {
            let known = shared.hand_outs.know(name.as_str(), |id| caller.knows(id));
            // The operation reports a store that fails.
            if let Ok(Err(error)) = shared.broker().unless_silent(known).await {
                tracing::debug!(credential = %name, %error, "a credential cannot be looked up");
            }
        }
    }

    fn find(&self, name: &CredentialName) -> Option<CredentialId> {
        self.0.hand_outs.find(name.as_str()).map(|held| held.id)
    }

    fn again(&self, starter: &Starter) -> Result<Caller, Problem> {
        let Some(id) = starter.client else { return Ok(Caller::owner(starter.actor.as_str())) };
        let client = self.0.hand_outs.client(id).ok_or_else(|| {
            Problem::new(Code::Refused, format!("{} no longer exists", starter.actor)).hint("lanyard client list")
        })?;
        let actor = Actor::Named(client_actor(&client.name).into());
        Ok(Caller::Client { client, actor })
    }

    fn record(&self, Entry { operation, about, actor, end }: Entry<'_>) {
        let recorded: Result<(), AuditBufferFull> = match end {
            End::Answered => {
                // Each command is a process of its own: their reads are counted together.
                let actor = match actor {
                    Actor::User { uid, .. } => Actor::User { uid: *uid, pid: None },
                    named @ Actor::Named(_) => named.clone(),
                };
                self.0.hand_outs.note_answered(about, actor, operation.into())
            }
            End::Failed(problem) => {
                let (actor, means, end) = (actor.clone(), operation.into(), Err(problem.in_audit()));
                self.0.hand_outs.note(Asked { credential: about, actor, means, end }, self.now().wall)
            }
        };
        if let Err(full) = recorded {
            tracing::error!(error = %full, operation, "a call is missing from the audit");
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        declared: &'static Declaration,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<T, Problem> {
        let Self(shared) = self;
        let broker = shared.broker();
        if declared.in_memory {
            let done = broker.running().detached(declared, work).await;
            shared.hand_outs.catch_up_soon().await;
            return done;
        }
        broker.await_store().await?;
        let (erases, there) = (declared.erases, Self(Arc::clone(shared)));
        let work = async move {
            let done = work.await;
            if erases {
                there.0.forget();
            }
            done
        };
        // The operation continues even if its caller is told that the store does not answer. A sign-in may take longer.
        let work = broker.running().detached(declared, work);
        let done = if declared.is_slow { work.await } else { broker.unless_silent(work).await? };
        // The change is in memory before the caller gets the reply.
        broker.catch_up_unless_silent().await;
        done
    }
}
