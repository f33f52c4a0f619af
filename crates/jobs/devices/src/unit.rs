//! The recurring unit that reads the devices of a watch.

use lanyard_store::StoreError;
use lanyard_work::{Claim, Halt, Handlers, JobContext, Next};
use serde_json::Value;

use crate::sweep::sweep;
use crate::watch::{LONGEST_INTERVAL, watch, watches};

/// The kind of the unit. Its key is the id of the watch.
pub(crate) const SWEEP: &str = "devices.sweep";

/// Adds the work that a broker does for this job.
pub fn work(handlers: &mut Handlers, job: &JobContext) {
    let job = job.clone();
    handlers.add(SWEEP, move |claim| {
        let job = job.clone();
        async move { read_once(&job, &claim).await }
    });
}

/// Adds the units that a store is missing: one for each watch.
pub async fn begin_work(job: &JobContext) -> Result<(), StoreError> {
    // One that was altered without Lanyard is not read; it is named where watches are listed.
    for found in watches(&job.store).await?.into_iter().flatten() {
        job.queue.ensure(SWEEP, &found.id, &Value::Null).await?;
    }
    Ok(())
}

async fn read_once(job: &JobContext, claim: &Claim) -> Result<Next, Halt> {
    let id = &claim.document().key;
    let found = match watch(&job.store, id).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            // It was removed while this unit was due.
            job.queue.remove(SWEEP, id).await?;
            return Err(Halt::Lost);
        }
        Err(error) if error.is_of_one_row() => {
            tracing::error!(%error, "a watch was altered without Lanyard, and is not read");
            return Ok(Next::Again(LONGEST_INTERVAL));
        }
        Err(error) => return Err(error.into()),
    };
    if found.watch.paused_at.is_some() {
        return Ok(Next::Again(found.watch.interval()));
    }
    let swept = tokio::select! {
        halt = claim.halted() => return Err(halt),
        swept = sweep(job, &found) => swept?,
    };
    if let Some(reason) = &swept.blind {
        tracing::warn!(watch = %found.watch.name, reason, "the devices of a watch cannot be read");
    }
    Ok(Next::Again(found.watch.interval()))
}
