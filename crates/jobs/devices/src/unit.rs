//! The recurring units that read the devices of a watch, their statuses, and the places where they stand.

use lanyard_store::StoreError;
use lanyard_work::{Claim, Halt, Handlers, JobContext, Next};
use serde_json::Value;

use crate::comparing::comparing;
use crate::decide::Swept;
use crate::place_reading::{INTERVAL, read_places, wait};
use crate::places;
use crate::queue;
use crate::readings::{UNIT as READINGS, keep_readings, read_statuses};
use crate::remembered::Remembered;
use crate::restarts;
pub(crate) use crate::sweep::SWEEP;
use crate::sweep::sweep;
use crate::watch::{LONGEST_INTERVAL, StoredWatch, credential_of, watch, watches};

/// The kind of the unit that reads workspaces and locations. Its key is the id of the watch.
pub(crate) const PLACES: &str = "devices.places";

/// Adds the work that a broker does for this job.
pub fn work(handlers: &mut Handlers, job: &JobContext) {
    queue::work(handlers, job);
    restarts::work(handlers, job);
    let of_devices = job.clone();
    handlers.add(SWEEP, move |claim| {
        let job = of_devices.clone();
        async move { read_once(&job, &claim).await }
    });
    let of_places = job.clone();
    handlers.add(PLACES, move |claim| {
        let job = of_places.clone();
        async move { read_places_once(&job, &claim).await }
    });
    let of_statuses = job.clone();
    handlers.add(READINGS, move |claim| {
        let job = of_statuses.clone();
        async move { read_statuses_once(&job, &claim).await }
    });
}

/// Adds the units that a store is missing: two or three for each watch, and another for each whose credential is a workspace integration.
pub async fn begin_work(job: &JobContext) -> Result<(), StoreError> {
    // One that was altered without Lanyard is not read; it is named where watches are listed.
    for found in watches(&job.store).await?.into_iter().flatten() {
        job.queue.ensure(SWEEP, &found.id, &Value::Null).await?;
        ensure_places(job, &found).await?;
        ensure_readings(job, &found).await?;
        queue::ensure(job, &found).await?;
    }
    Ok(())
}

/// Adds the unit that reads the places of a watch, if a credential can read them.
pub(crate) async fn ensure_places(job: &JobContext, found: &StoredWatch) -> Result<(), StoreError> {
    let own = credential_of(&job.store, found.watch.credential).await?;
    match comparing(&job.store, &found.watch, own.as_ref()).await {
        Ok(Some(_)) => job.queue.ensure(PLACES, &found.id, &Value::Null).await,
        Ok(None) => Ok(()),
        Err(error) if error.is_of_one_row() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes all units of a watch due now: it was changed.
pub(crate) async fn wake(job: &JobContext, watch: &str) -> Result<(), StoreError> {
    for kind in [SWEEP, PLACES, READINGS] {
        job.queue.wake(kind, watch).await?;
    }
    queue::wake(job, watch).await
}

/// Adds the unit that reads the statuses of a watch's devices, or removes it if they are not read.
pub(crate) async fn ensure_readings(job: &JobContext, found: &StoredWatch) -> Result<(), StoreError> {
    match found.watch.readings() {
        Some(_) => job.queue.ensure(READINGS, &found.id, &Value::Null).await,
        None => job.queue.remove(READINGS, &found.id).await,
    }
}

/// Removes the units of a watch.
pub(crate) async fn remove_units(job: &JobContext, watch: &str) -> Result<(), StoreError> {
    for kind in [PLACES, READINGS] {
        job.queue.remove(kind, watch).await?;
    }
    queue::remove(job, watch).await?;
    job.queue.remove(SWEEP, watch).await
}

/// The watch of a unit, or what comes next if it is not read.
async fn watch_of(job: &JobContext, claim: &Claim, kind: &str) -> Result<Result<StoredWatch, Next>, Halt> {
    let id = &claim.document().key;
    let found = match watch(&job.store, id).await {
        Ok(Some(found)) => found,
        Ok(None) => {
            // It was removed while this unit was due.
            job.queue.remove(kind, id).await?;
            job.memory.of::<Remembered>().forget(id);
            return Err(Halt::Lost);
        }
        Err(error) if error.is_of_one_row() => {
            tracing::error!(%error, "a watch was altered without Lanyard, and is not read");
            return Ok(Err(Next::Again(LONGEST_INTERVAL)));
        }
        Err(error) => return Err(error.into()),
    };
    if found.watch.paused_at.is_some() {
        return Ok(Err(Next::Again(found.watch.interval())));
    }
    Ok(Ok(found))
}

async fn read_places_once(job: &JobContext, claim: &Claim) -> Result<Next, Halt> {
    let found = match watch_of(job, claim, PLACES).await? {
        Ok(found) => found,
        Err(next) => return Ok(next),
    };
    // It is also due after devices have changed.
    let reading = places::reading_of(&job.store, &found.id).await?;
    if let Some(wait) = wait(&reading, true, job.store.time().await?) {
        return Ok(Next::Again(wait));
    }
    let read = tokio::select! {
        halt = claim.halted() => return Err(halt),
        read = read_places(job, &found) => read?,
    };
    let Some(read) = read else {
        // No credential can read them any more.
        job.queue.remove(PLACES, &found.id).await?;
        return Err(Halt::Lost);
    };
    // The same reason again is no news.
    if let Some(reason) = read.failed.as_ref().filter(|_| read.failed != reading.reason) {
        tracing::warn!(watch = %found.watch.name, credential = read.with, reason, "not all workspaces and locations of a watch can be read");
    }
    Ok(Next::Again(INTERVAL))
}

async fn read_statuses_once(job: &JobContext, claim: &Claim) -> Result<Next, Halt> {
    let found = match watch_of(job, claim, READINGS).await? {
        Ok(found) => found,
        Err(next) => return Ok(next),
    };
    if found.watch.readings().is_none() {
        job.queue.remove(READINGS, &found.id).await?;
        return Err(Halt::Lost);
    }
    let now = job.store.time().await?;
    let wait = tokio::select! {
        halt = claim.halted() => return Err(halt),
        wait = read_statuses(job, &found, now) => wait?,
    };
    Ok(Next::Again(wait))
}

async fn read_once(job: &JobContext, claim: &Claim) -> Result<Next, Halt> {
    let found = match watch_of(job, claim, SWEEP).await? {
        Ok(found) => found,
        Err(next) => return Ok(next),
    };
    let swept = tokio::select! {
        halt = claim.halted() => return Err(halt),
        swept = read_watch(job, &found) => swept?,
    };
    if let Some(reason) = &swept.blind {
        tracing::warn!(watch = %found.watch.name, reason, "the devices of a watch cannot be read");
    }
    Ok(Next::Again(found.watch.interval()))
}

/// Reads the devices of a watch, as a broker does, and once a day tidies what was read of them.
pub async fn read_watch(job: &JobContext, found: &StoredWatch) -> Result<Swept, StoreError> {
    let swept = sweep_and_wake(job, found).await?;
    keep_readings(job, &found.id, job.store.time().await?).await?;
    Ok(swept)
}

/// Reads the devices of a watch. If a state has changed, or other devices are online, their statuses and places are read soon.
pub(crate) async fn sweep_and_wake(job: &JobContext, found: &StoredWatch) -> Result<Swept, StoreError> {
    let remembered = job.memory.of::<Remembered>();
    let before = remembered.online(&found.id);
    let swept = sweep(job, found).await?;
    if swept.changed > 0 || remembered.online(&found.id) != before {
        job.queue.wake(PLACES, &found.id).await?;
        job.queue.wake(READINGS, &found.id).await?;
    }
    Ok(swept)
}
