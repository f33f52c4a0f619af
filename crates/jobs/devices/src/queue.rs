//! The recurring unit that waits for the messages which Webex pushes to a workspace integration.
//!
//! A message is a hint to read the devices now, and nothing in it is stored. The readings decide, so a message that is lost, comes twice or
//! comes late changes no state; and the watch is read at its interval whatever the queue does.

use std::collections::HashSet;
use std::time::Duration;

use lanyard_client::{ApiError, CallError, CallOptions};
use lanyard_credential::{Credential, Kind};
use lanyard_operation::Problem;
use lanyard_protocol::workspace_integration::{PolledQueue, Push, complete_activation, poll, report_operational};
use lanyard_secret::SafeUrl;
use lanyard_store::StoreError;
use lanyard_work::{Claim, Halt, Handlers, JobContext, Next};
use serde_json::Value;

use crate::outcome::called;
use crate::state::DISTANCE;
use crate::sweep::SWEEP;
use crate::watch::{LONGEST_INTERVAL, StoredWatch, credential_of, watch};

/// The kind of the unit. Its key is the id of the watch.
const QUEUE: &str = "devices.queue";

/// The pause between two polls: a queue that answers at once, without messages, must not be asked all the time.
const BETWEEN: Duration = Duration::from_secs(1);
/// The pause after the readings that a message caused.
const AFTER_READINGS: Duration = Duration::from_secs(4);
/// The pause after a poll that failed, and between two looks at a watch that is paused.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How many actions are remembered, so that one that comes again has no effect.
const MOST_ACTIONS: usize = 100;

/// Adds the work that a broker does with queues.
pub(crate) fn work(handlers: &mut Handlers, job: &JobContext) {
    let job = job.clone();
    handlers.add(QUEUE, move |claim| {
        let job = job.clone();
        async move { listen(&job, &claim).await }
    });
}

/// Adds the unit of a watch whose credential is a workspace integration.
pub(crate) async fn ensure(job: &JobContext, stored: &StoredWatch) -> Result<(), StoreError> {
    match integration(job, stored).await? {
        Some(_) => job.queue.ensure(QUEUE, &stored.id, &Value::Null).await,
        None => Ok(()),
    }
}

/// Makes the unit of a watch due now, if it has one.
pub(crate) async fn wake(job: &JobContext, watch: &str) -> Result<(), StoreError> {
    job.queue.wake(QUEUE, watch).await
}

/// Removes the unit of a watch.
pub(crate) async fn remove(job: &JobContext, watch: &str) -> Result<(), StoreError> {
    job.queue.remove(QUEUE, watch).await
}

/// The workspace integration of a watch, and its address at Webex; `None` if the watch has a credential of another kind, or none.
async fn integration(job: &JobContext, stored: &StoredWatch) -> Result<Option<(Credential, SafeUrl)>, StoreError> {
    let found = credential_of(&job.store, stored.watch.credential).await?;
    let Some(credential) = found.filter(|credential| credential.kind == Kind::WorkspaceIntegration) else {
        return Ok(None);
    };
    let app = match credential.app {
        Some(id) => job.store.app_by_id(id).await?,
        None => None,
    };
    let address = app.and_then(|app| app.application_id).and_then(|address| address.parse().ok());
    Ok(address.map(|address| (credential, address)))
}

async fn listen(job: &JobContext, claim: &Claim) -> Result<Next, Halt> {
    let id = &claim.document().key;
    let found = match watch(&job.store, id).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            remove(job, id).await?;
            return Err(Halt::Lost);
        }
        // It is named where watches are listed.
        Err(error) if error.is_of_one_row() => return Ok(Next::Again(LONGEST_INTERVAL)),
        Err(error) => return Err(error.into()),
    };
    // A watch that is read once a day still hears what is pushed, soon after a poll that failed and after it is resumed.
    let again = Ok(Next::Again(found.watch.interval().min(AFTER_FAILURE)));
    if found.watch.paused_at.is_some() {
        return again;
    }
    let Some((credential, address)) = integration(job, &found).await? else { return again };
    let heard = tokio::select! {
        halt = claim.halted() => return Err(halt),
        heard = hear(job, &found, &credential, &address) => heard,
    };
    if let Err(Heard::Problem(problem)) = &heard {
        tracing::warn!(watch = %found.watch.name, %problem, "no messages of the workspace integration; its devices are read at their interval");
    }
    match heard {
        Err(Heard::Store(error)) => Err(error.into()),
        Err(Heard::Problem(_)) | Ok(()) => again,
    }
}

/// Why nothing is heard any more.
enum Heard {
    Problem(Problem),
    Store(StoreError),
}

impl From<ApiError<Problem>> for Heard {
    fn from(error: ApiError<Problem>) -> Self {
        Self::Problem(called(error))
    }
}

impl From<StoreError> for Heard {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Completes the activation, and acts on messages until the watch is paused or removed.
async fn hear(job: &JobContext, stored: &StoredWatch, credential: &Credential, address: &SafeUrl) -> Result<(), Heard> {
    let (client, options) = (job.client(credential), CallOptions::default());
    let state: PolledQueue = client.resource(|_| complete_activation(address), &options).await?;
    let Some(url) = state.poll_url() else { return Ok(()) };
    // Whatever was pushed while nobody listened is lost.
    job.queue.wake(SWEEP, &stored.id).await?;
    let mut actions = HashSet::new();
    while watch(&job.store, &stored.id).await?.is_some_and(|found| found.watch.paused_at.is_none()) {
        let answer: Value = match client.resource(|_| poll(&url), &CallOptions::once()).await {
            // Webex holds a poll for longer than a call may take.
            Err(ApiError::Call(CallError::Send(error))) if error.is_timeout() => Value::Null,
            answer => answer?,
        };
        let pushed = Push::of(&answer);
        if pushed.contains(&Push::HealthCheck) {
            client.change(|_| report_operational(address), &options).await?;
        }
        let mut is_new = false;
        for push in &pushed {
            let Push::Action(digest) = push else { continue };
            if actions.len() >= MOST_ACTIONS {
                actions.clear();
            }
            is_new |= actions.insert(*digest);
        }
        // Only Webex's answer to a renewal says whether the grant has ended, or has other scopes now. One answers for all actions.
        if is_new {
            job.tokens.renew(&credential.name, credential.id).await.map_err(Heard::Problem)?;
        }
        if pushed.iter().any(|push| !matches!(push, Push::HealthCheck)) {
            read_twice(job, stored).await?;
        }
        job.sleep.sleep(BETWEEN).await;
    }
    Ok(())
}

/// Has the devices read now, and once more when a second reading counts. Messages that come meanwhile wait in the queue.
async fn read_twice(job: &JobContext, stored: &StoredWatch) -> Result<(), StoreError> {
    job.queue.wake(SWEEP, &stored.id).await?;
    job.sleep.sleep(DISTANCE.unsigned_abs() + BETWEEN).await;
    job.queue.wake(SWEEP, &stored.id).await?;
    job.sleep.sleep(AFTER_READINGS).await;
    Ok(())
}
