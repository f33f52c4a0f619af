//! How the readings of watches stand, for people and for metrics.

use std::collections::HashMap;

use jiff::Timestamp;
use lanyard_credential::Credential;
use lanyard_store::{Store, StoreError};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, seconds_for};
use super::cycle::{may_read, subject_of};
use super::stored::{self, Online};
use crate::watch::{StoredWatch, Watch};

/// How the statuses of a watch's devices are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingsView {
    /// How often; `None` if they are not read.
    pub interval_seconds: Option<u64>,
    /// Why they are not read although they should be.
    pub reason: Option<String>,
    /// How many devices are online, so that they can be asked.
    pub devices: u64,
    /// How long it takes to ask all of them at the limit that is assumed now.
    pub takes_seconds: u64,
    /// How many calls a minute Webex is assumed to allow the account now; half of them are for these readings.
    pub calls_per_minute: u64,
    /// Until when Webex asked not to call.
    #[schemars(with = "Option<String>")]
    pub paused_until: Option<Timestamp>,
    /// When that device was asked that was asked the longest ago; `None` if one was never asked.
    #[schemars(with = "Option<String>")]
    pub oldest_at: Option<Timestamp>,
}

impl ReadingsView {
    /// Whether the limit that is assumed does not suffice for the interval.
    pub fn is_over_budget(&self) -> bool {
        self.reason.is_none() && self.interval_seconds.is_some_and(|interval| self.takes_seconds > interval)
    }
}

/// How the statuses of a watch's devices are read.
pub(crate) async fn readings_of(
    job: &JobContext,
    found: &StoredWatch,
    credential: Option<&Credential>,
) -> Result<ReadingsView, StoreError> {
    let now = job.store.time().await?;
    let online = stored::online_in(&job.store, &found.id, now).await?;
    let budget = match credential {
        Some(credential) => stored::budget(&job.store, &subject_of(credential), now).await?,
        None => Budget::full(now),
    };
    Ok(standing(&found.watch, credential, &online, &budget, now))
}

fn standing(
    watch: &Watch,
    credential: Option<&Credential>,
    online: &Online,
    budget: &Budget,
    now: Timestamp,
) -> ReadingsView {
    let Some(interval) = watch.readings() else { return ReadingsView::default() };
    let reason = match credential {
        Some(credential) => may_read(credential).err(),
        None => Some("the credential was removed".to_owned()),
    };
    ReadingsView {
        interval_seconds: Some(interval.as_secs()),
        reason,
        devices: online.devices,
        takes_seconds: seconds_for(online.devices, budget.rate(now)),
        calls_per_minute: u64::try_from(budget.limit(now) / 1_000).unwrap_or_default(),
        paused_until: budget.pause(now).and_then(|left| now.checked_add(left).ok()),
        oldest_at: online.oldest.filter(|_| online.unasked == 0),
    }
}

/// Figures of the readings of all watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cycles {
    /// When that device was asked that was asked the longest ago.
    pub(crate) oldest: Option<Timestamp>,
    /// For how many watches the limit that is assumed does not suffice.
    pub(crate) over_budget: u64,
    /// The lowest limit that is assumed of an account, in calls a minute.
    pub(crate) calls_per_minute: Option<u64>,
}

/// Reads the figures of these watches; those that are paused, or whose statuses are not read, do not count.
pub(crate) async fn cycles(store: &Store, watches: &[StoredWatch], now: Timestamp) -> Result<Cycles, StoreError> {
    let mut cycles = Cycles::default();
    if watches.is_empty() {
        return Ok(cycles);
    }
    let online = stored::online(store, now).await?;
    let budgets = stored::budgets(store, now).await?;
    let credentials: HashMap<_, _> =
        store.credentials().await?.into_iter().map(|credential| (credential.id, credential)).collect();
    for found in watches.iter().filter(|found| found.watch.paused_at.is_none()) {
        let online = online.get(&found.id).copied().unwrap_or_default();
        let credential = credentials.get(&found.watch.credential);
        let budget = credential.and_then(|credential| budgets.get(&subject_of(credential)).copied());
        let view = standing(&found.watch, credential, &online, &budget.unwrap_or(Budget::full(now)), now);
        if view.interval_seconds.is_none() || view.reason.is_some() {
            continue;
        }
        cycles.over_budget += u64::from(view.is_over_budget());
        let lowest = cycles.calls_per_minute.unwrap_or(u64::MAX).min(view.calls_per_minute);
        cycles.calls_per_minute = Some(lowest);
        // A device that was never asked has waited since the watch was added at most.
        let oldest = if online.unasked > 0 { Some(found.watch.added_at) } else { online.oldest };
        cycles.oldest = [cycles.oldest, oldest].into_iter().flatten().min();
    }
    Ok(cycles)
}
