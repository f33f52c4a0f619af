//! What is done once a day with what was read.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use lanyard_store::StoreError;
use lanyard_work::JobContext;

use super::{rollups, stored};

/// The day on which this process did it last, by the id of the watch.
#[derive(Debug, Default)]
struct Kept(Mutex<HashMap<String, i64>>);

/// Rolls up the numbers of the days that have ended, and forgets what is no longer kept: at the first call of a process, and then once a day,
/// however many devices are due.
pub async fn keep_readings(job: &JobContext, watch: &str, now: Timestamp) -> Result<(), StoreError> {
    let (kept, day) = (job.memory.of::<Kept>(), now.as_second().div_euclid(24 * 60 * 60));
    let days = || kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    if days().get(watch) == Some(&day) {
        return Ok(());
    }
    stored::prune(&job.store, watch, now).await?;
    rollups::roll_up(&job.store, watch, now).await?;
    days().insert(watch.to_owned(), day);
    Ok(())
}
