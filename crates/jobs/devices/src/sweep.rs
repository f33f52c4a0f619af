//! One reading of a watch's devices: what is known is read, what follows is decided, and that is written.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use lanyard_client::{ApiError, CallOptions};
use lanyard_credential::Credential;
use lanyard_operation::{Code, Problem};
use lanyard_protocol::{Device, ListDevices};
use lanyard_store::sql::Tx;
use lanyard_store::{About, Store, StoreError};
use lanyard_work::JobContext;

use crate::alerts::{self, Teller};
use crate::decide::{Decision, Known, Swept, Write, decide};
use crate::labels::labels_of;
use crate::outcome::called;
use crate::places::{self, Places};
use crate::readings;
use crate::remembered::Remembered;
use crate::rules;
use crate::seen;
use crate::watch::{StoredWatch, Watch};

/// The kind of the unit that reads a watch. Its key is the id of the watch.
pub(crate) const SWEEP: &str = "devices.sweep";

/// How many devices one transaction writes: others wait for it.
const AT_ONCE: usize = 500;
/// How long the periods of states, and alerts that have ended, are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// A number that was read longer ago says nothing of a device, unless it is read so seldom.
const NUMBERS_COUNT: SignedDuration = SignedDuration::from_hours(6);
/// How many devices a watch may have: they are compared in memory.
const MOST: usize = 20_000;
/// The largest page: Webex limits calls, not items.
const PAGE: u32 = 1000;

/// Webex's answer to a watch's credential, before anything follows from it.
#[derive(Debug)]
pub struct Listing {
    /// When the devices had been read before: if another process reads them meanwhile, this listing is dropped.
    pub read_before: Option<Timestamp>,
    /// The credential, if it still exists.
    pub credential: Option<Credential>,
    /// The devices, or the reason why they could not be listed.
    pub devices: Result<Vec<Device>, String>,
}

/// Reads the devices of a watch once, and writes what has changed.
pub async fn sweep(job: &JobContext, stored: &StoredWatch) -> Result<Swept, StoreError> {
    let listing = listing(job, stored).await?;
    let at = job.store.time().await?;
    record(&job.store, &job.memory.of(), stored, &listing, at).await
}

/// Lists the devices of a watch.
pub async fn listing(job: &JobContext, stored: &StoredWatch) -> Result<Listing, StoreError> {
    let read_before = seen::read_at(&job.store, &stored.id).await?;
    let credential = job.store.credential_by_id(stored.watch.credential).await;
    let devices = match &credential {
        Ok(credential) => list(job, &stored.watch, credential.as_ref()).await,
        Err(error) => Err(crate::watch::stored(error)),
    };
    let devices = devices.map_err(|problem| problem.to_string());
    Ok(Listing { read_before, credential: credential.ok().flatten(), devices })
}

/// Writes what follows from a listing at `at`. Nothing is written if another process has read the devices since it began.
pub async fn record(
    store: &Store,
    remembered: &Remembered,
    stored: &StoredWatch,
    listing: &Listing,
    at: Timestamp,
) -> Result<Swept, StoreError> {
    let Listing { read_before, credential, devices } = listing;
    let (read_before, credential) = (*read_before, credential.as_ref());
    let listed = devices.as_deref().map_err(|why| &**why);
    let StoredWatch { id, watch, .. } = stored;
    let (reading, revision) = seen::reading_of(store, id).await?;
    let mut known = Known {
        devices: match remembered.take(id, revision) {
            Some(devices) => devices,
            None => seen::of_watch(store, id).await?,
        },
        reading,
        alerts: alerts::open_of(store, id).await?,
        places: if watch.locations.is_empty() { Places::new() } else { places::of_watch(store, id).await? },
        statuses: HashMap::new(),
        silences: alerts::silences_of(store, id).await?,
    };
    let about = about(credential);
    let name = credential.map(|credential| credential.name.as_str());
    let labels = labels_of(credential.map(|credential| &credential.labels), &watch.labels);
    let rules = rules::of_watch(store, &labels).await?;
    if rules.have_thresholds() && watch.readings().is_some() {
        known.statuses = readings::of_watch(store, id).await?;
        let before = at - numbers_count_for(watch);
        known.statuses.retain(|_, view| view.read_at.is_some_and(|read_at| read_at >= before));
    }
    let teller = Teller { watch: watch.name.as_str(), credential: name, at, places: None };
    let mut decision = decide(watch, &teller, &mut known, &rules, listed);
    if !decision.due.devices.is_empty() {
        // Only alerts need them.
        let places = places::of_watch(store, id).await?;
        decision.raised.extend(Teller { places: Some(&places), ..teller }.raise(&decision.due));
    }
    decision.swept.raised = decision.raised.len();
    let Some(entered) = write(store, id, (&decision, &about), (read_before, at)).await? else {
        // The reading of another process counts: it is as new as this one.
        return Ok(Swept { changed: 0, gone: 0, raised: 0, ended: 0, ..decision.swept });
    };
    for write in decision.writes {
        match write {
            Write::Put(device, mut seen, _) => {
                seen.alert = entered.get(&device).copied().or(seen.alert);
                known.devices.insert(device, *seen);
            }
            Write::Forget(device) => drop(known.devices.remove(&device)),
        }
    }
    remembered.keep(id, revision + 1, known.devices);
    Ok(decision.swept)
}

/// For how long a number counts after it was read.
fn numbers_count_for(watch: &Watch) -> SignedDuration {
    let cycles = watch.readings().and_then(|every| SignedDuration::try_from(every.saturating_mul(3)).ok());
    cycles.unwrap_or_default().clamp(NUMBERS_COUNT, KEPT)
}

/// What the alerts of a watch are about: its credential, as long as that exists.
pub(crate) fn about(credential: Option<&Credential>) -> About {
    credential.map_or(About::Home, |credential| About::credential(&credential.id, &credential.name))
}

/// Writes a decision, and returns the alerts that devices entered, by device. `None` if another process has read the devices since
/// `read_before`.
async fn write(
    store: &Store,
    id: &str,
    (decision, about): (&Decision, &About),
    (read_before, at): (Option<Timestamp>, Timestamp),
) -> Result<Option<HashMap<String, u64>>, StoreError> {
    let (first, rest) = decision.writes.split_at(decision.writes.len().min(AT_ONCE));
    let entered = store
        .write_rows(|mut tx| async move {
            if !seen::put_reading(&mut tx, id, read_before, (&decision.reading, at)).await? {
                return tx.abandon(None).await;
            }
            if let Some(from) = decision.unknown_from {
                seen::end_all(&mut tx, id, from).await?;
            }
            for ended in &decision.ended {
                alerts::end(&mut tx, (ended, about), at).await?;
            }
            let mut entered = HashMap::new();
            for raised in &decision.raised {
                let Some(number) = alerts::raise(&mut tx, id, (raised, about), at).await? else { continue };
                entered.extend(raised.devices.iter().map(|device| (device.clone(), number)));
            }
            for write in first {
                write_one(&mut tx, id, write, (&entered, at)).await?;
            }
            // It looks at every period of the watch: once a day is enough.
            let day = |at: Timestamp| at.as_second() / 86_400;
            if read_before.is_none_or(|before| day(before) != day(at)) {
                seen::prune(&mut tx, id, at - KEPT).await?;
            }
            alerts::prune(&mut tx, id, (at - KEPT, at)).await?;
            tx.commit::<_, StoreError>(Some(entered)).await
        })
        .await?;
    let Some(entered) = entered else { return Ok(None) };
    let each = &entered;
    // Others write between these. What is left out is compared again at the next reading.
    for writes in rest.chunks(AT_ONCE) {
        store
            .write_rows(|mut tx| async move {
                if !seen::is_last(&mut tx, id, decision.reading.read_at).await? {
                    return tx.abandon(()).await;
                }
                for write in writes {
                    write_one(&mut tx, id, write, (each, at)).await?;
                }
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
    }
    Ok(Some(entered))
}

async fn write_one(
    tx: &mut Tx,
    watch: &str,
    write: &Write,
    (entered, at): (&HashMap<String, u64>, Timestamp),
) -> Result<(), StoreError> {
    match write {
        Write::Put(device, seen, change) => {
            let alert = entered.get(device.as_str()).copied().or(seen.alert);
            seen::put(tx, (watch, device), seen, alert).await?;
            if let Some(change) = change {
                let cause = seen.facts.errors.first().map(String::as_str);
                seen::begin_period(tx, watch, device, change, cause).await?;
            }
            Ok(())
        }
        Write::Forget(device) => {
            seen::forget(tx, watch, device).await?;
            seen::end_period(tx, watch, device, at).await
        }
    }
}

/// Lists the devices of a watch.
pub(crate) async fn list(
    job: &JobContext,
    watch: &Watch,
    credential: Option<&Credential>,
) -> Result<Vec<Device>, Problem> {
    let credential = credential.ok_or_else(|| {
        Problem::new(Code::NoSuchName, format!("the credential of the watch {} was removed", watch.name))
            .hint(format!("remove the watch too: lanyard devices watch remove {}", watch.name))
    })?;
    let which = ListDevices { org_id: watch.org.clone(), workspace_id: None, max: Some(PAGE) };
    let (client, options) = (job.client(credential), CallOptions::default());
    let mut pages = client.pages::<Device>(|environment| which.request(environment), &options).await.map_err(called)?;
    let mut devices = Vec::new();
    while let Some(page) = pages.next_page().await.map_err(|error| called(ApiError::Call(error)))? {
        devices.extend(page.items);
        if devices.len() > MOST {
            let what = format!("Webex lists more than {MOST} devices, the most that the watch {} may have", watch.name);
            return Err(Problem::new(Code::BadRequest, what)
                .hint("watch parts of the organisation with credentials that see fewer devices"));
        }
    }
    Ok(devices)
}
