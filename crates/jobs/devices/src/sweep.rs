//! One reading of a watch's devices, compared with what was known of them.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use lanyard_client::{ApiError, CallError, CallOptions};
use lanyard_operation::{Class, Code, Problem};
use lanyard_protocol::{Device, DeviceId, ListDevices};
use lanyard_store::StoreError;
use lanyard_store::sql::Tx;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::Facts;
use crate::seen::{self, Reading, Seen};
use crate::state::{Change, DeviceState, Tracked};
use crate::watch::{StoredWatch, Watch, WatchedKinds};

/// How many readings in succession must have a state before it counts.
const SAMPLES: u32 = 2;
/// A device that Webex no longer lists is forgotten after this time.
const FORGOTTEN: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// How many devices one transaction writes: others wait for it.
const AT_ONCE: usize = 500;
/// The longest id of a device that is kept: PostgreSQL has no index over longer ones. Webex's have about 110 characters.
const LONGEST_ID: usize = 512;
/// How long the periods of states are kept.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(400 * 24);
/// The largest page: Webex limits calls, not items.
const PAGE: u32 = 1000;

/// What a reading found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Swept {
    /// How many devices Webex listed.
    pub listed: usize,
    /// How many of them are watched.
    pub watched: usize,
    /// How many states changed.
    pub changed: usize,
    /// How many devices are no longer listed.
    pub gone: usize,
    /// Why the devices could not be read. Then nothing else is known, and no device counts as down.
    pub blind: Option<String>,
}

/// A device that is to be written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// As it is now, with the change of state that counts.
    Put(String, Box<Seen>, Option<Change>),
    /// Not any more.
    Forget(String),
}

/// Reads the devices of a watch once, and writes what has changed.
pub async fn sweep(job: &JobContext, stored: &StoredWatch) -> Result<Swept, StoreError> {
    let StoredWatch { id, watch, .. } = stored;
    // Read first: if another process reads the devices while this one lists them, this listing is dropped.
    let before = seen::reading_of(&job.store, id).await?;
    let listed = list(job, watch).await;
    let at = job.store.time().await?;
    let read_before = before.read_at;
    let mut known = seen::of_watch(&job.store, id).await?;
    // Nothing is known of the time in which nobody could read, or did.
    let was_blind = before.blind.is_some() || read_before.is_some_and(|read_at| watch.is_late(read_at, at));
    let is_first_failure = listed.is_err() && before.blind.is_none();
    let (reading, mut writes, swept) = match &listed {
        Ok(devices) => {
            let cleared = if was_blind { clear_candidates(&mut known) } else { Vec::new() };
            let mut writes = compare(&known, devices, watch.kinds, at);
            let is_written = |id: &str| writes.iter().any(|write| matches!(write, Write::Put(put, ..) if put == id));
            let cleared: Vec<_> = cleared.into_iter().filter(|id| !is_written(id)).collect();
            writes.extend(cleared.into_iter().map(|id| Write::Put(id.clone(), Box::new(known[&id].clone()), None)));
            let watched = devices.iter().filter(|device| watch.kinds.covers(device)).count();
            let is_change = |write: &&Write| matches!(write, Write::Put(_, _, Some(change)) if change.from.is_some());
            let ids: HashSet<&str> = devices.iter().filter_map(|device| Some(device.id.as_ref()?.as_str())).collect();
            let swept = Swept {
                listed: devices.len(),
                watched,
                changed: writes.iter().filter(is_change).count(),
                gone: known.keys().filter(|id| !ids.contains(id.as_str())).count(),
                blind: None,
            };
            let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
            let (listed, left_out) = (number(devices.len()), number(devices.len() - watched));
            (Reading { read_at: Some(at), blind: None, listed, left_out }, writes, swept)
        }
        Err(problem) => {
            let since = before.blind.as_ref().map_or(at, |(since, _)| *since);
            let reading = Reading { blind: Some((since, problem.to_string())), ..before };
            (reading, Vec::new(), Swept { blind: Some(problem.to_string()), ..Swept::default() })
        }
    };
    if was_blind && listed.is_ok() {
        begin_again(&known, &mut writes, at);
    }
    let (first, rest) = writes.split_at(writes.len().min(AT_ONCE));
    let is_written = job
        .store
        .write_rows(|mut tx| {
            let reading = &reading;
            async move {
                if !seen::put_reading(&mut tx, id, read_before, (reading, at)).await? {
                    return tx.abandon(false).await;
                }
                if was_blind || is_first_failure {
                    seen::end_all(&mut tx, id, read_before.unwrap_or(at)).await?;
                }
                for write in first {
                    write_one(&mut tx, id, write, at).await?;
                }
                seen::prune(&mut tx, id, at - KEPT).await?;
                tx.commit::<_, StoreError>(true).await
            }
        })
        .await?;
    // Others write between these. What is left out is compared again at the next reading.
    for writes in rest.chunks(AT_ONCE).take_while(|_| is_written) {
        let read_at = reading.read_at;
        job.store
            .write_rows(|mut tx| async move {
                if !seen::is_last(&mut tx, id, read_at).await? {
                    return tx.abandon(()).await;
                }
                for write in writes {
                    write_one(&mut tx, id, write, at).await?;
                }
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
    }
    // The reading of another process counts: it is as new as this one.
    Ok(if is_written { swept } else { Swept { changed: 0, gone: 0, ..swept } })
}

async fn write_one(tx: &mut Tx, watch: &str, write: &Write, at: Timestamp) -> Result<(), StoreError> {
    match write {
        Write::Put(device, seen, change) => {
            seen::put(tx, watch, device, seen).await?;
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

/// Forgets states that were read once: the next reading does not follow upon that one. Returns the devices.
fn clear_candidates(known: &mut HashMap<String, Seen>) -> Vec<String> {
    let cleared = |(id, seen): (&String, &mut Seen)| seen.tracked.candidate.take().map(|_| id.clone());
    known.iter_mut().filter_map(cleared).collect()
}

/// Begins a period for each device that has none in `writes`: after a time of which nothing is known.
fn begin_again(known: &HashMap<String, Seen>, writes: &mut Vec<Write>, at: Timestamp) {
    let mut left: HashMap<&str, &Seen> = known.iter().map(|(id, seen)| (id.as_str(), seen)).collect();
    let again = |seen: &Seen| Some(Change { from: None, to: seen.tracked.state, since: at });
    for write in &mut *writes {
        match write {
            Write::Put(id, seen, change) => {
                left.remove(id.as_str());
                if change.is_none() {
                    *change = again(seen);
                }
            }
            Write::Forget(id) => drop(left.remove(id.as_str())),
        }
    }
    writes.extend(left.into_iter().map(|(id, seen)| Write::Put(id.to_owned(), Box::new(seen.clone()), again(seen))));
}

/// Lists the devices of a watch.
pub(crate) async fn list(job: &JobContext, watch: &Watch) -> Result<Vec<Device>, Problem> {
    let found = job.store.credential_by_id(watch.credential).await.map_err(|error| crate::watch::stored(&error))?;
    let credential = found.ok_or_else(|| {
        Problem::new(Code::NoSuchName, format!("the credential of the watch {} was removed", watch.name))
            .hint(format!("remove the watch too: lanyard devices watch remove {}", watch.name))
    })?;
    let which = ListDevices { org_id: watch.org.clone(), workspace_id: None, max: Some(PAGE) };
    let page = job.client(&credential).devices(&which, &CallOptions::default()).await;
    Ok(page.map_err(called)?.items)
}

/// Why a call to Webex brought nothing, as the caller sees it.
pub(crate) fn called(error: ApiError<Problem>) -> Problem {
    let error = match error {
        ApiError::NoToken(problem) => return problem,
        ApiError::Call(error) => error,
    };
    if error.is_unauthorized() {
        return Problem::new(Code::PersonMustAct, "Webex does not accept the token any more")
            .hint("see which credential that is: lanyard devices watch list; then lanyard test NAME");
    }
    let limited = error.is_limited();
    let class = match &error {
        CallError::Resource(error) => match error.status().map(|status| status.as_u16()) {
            Some(403) => Class::PersonMustAct,
            Some(423 | 429 | 500..) => Class::Unreachable,
            _ => Class::Failed,
        },
        CallError::Paging(..) => Class::Failed,
        CallError::Send(_) | CallError::Limited(_) => Class::Unreachable,
    };
    let problem = Problem::of(if limited { Code::Limited } else { Code::of_class(class) }, &error);
    match error.retry_after() {
        Some(wait) => problem.retry_after(wait),
        None => problem,
    }
}

/// What is to be written after a reading.
pub(crate) fn compare(
    known: &HashMap<String, Seen>,
    listed: &[Device],
    kinds: WatchedKinds,
    at: Timestamp,
) -> Vec<Write> {
    // A device that is listed twice is compared once.
    let mut compared = HashSet::new();
    let mut writes = Vec::new();
    let mut unlisted: HashMap<&str, &Seen> = known.iter().map(|(id, seen)| (id.as_str(), seen)).collect();
    for device in listed.iter().filter(|device| kinds.covers(device)) {
        // Without an id it cannot be told apart from others.
        let Some(id) = device.id.as_ref().map(DeviceId::as_str).filter(|id| id.len() <= LONGEST_ID) else { continue };
        if !compared.insert(id) {
            continue;
        }
        let state = DeviceState::of(device.connection_status);
        let facts = Facts::of(device, matches!(state, DeviceState::Up | DeviceState::Degraded));
        match known.get(id) {
            None => {
                let change = Change { from: None, to: state, since: at };
                let new = Seen { tracked: Tracked::first(state, at), gone_since: None, facts };
                writes.push(Write::Put(id.to_owned(), Box::new(new), Some(change)));
            }
            Some(before) => {
                unlisted.remove(id);
                let mut tracked = before.tracked.clone();
                let change = tracked.observe(state, at, SAMPLES);
                let after = Seen { tracked, gone_since: None, facts };
                if after != *before {
                    writes.push(Write::Put(id.to_owned(), Box::new(after), change));
                }
            }
        }
    }
    for (id, before) in unlisted {
        let gone_since = before.gone_since.unwrap_or(at);
        if at.duration_since(gone_since) > FORGOTTEN {
            writes.push(Write::Forget(id.to_owned()));
            continue;
        }
        let mut tracked = before.tracked.clone();
        // The grant was withdrawn, or the device was removed: nothing says that it is down.
        let change = tracked.observe(DeviceState::Unknown, at, SAMPLES);
        let after = Seen { tracked, gone_since: Some(gone_since), facts: before.facts.clone() };
        if after != *before {
            writes.push(Write::Put(id.to_owned(), Box::new(after), change));
        }
    }
    writes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn device(id: &str, status: &str) -> Device {
        serde_json::from_value(json!({ "id": id, "type": "roomdesk", "workspaceId": "w", "connectionStatus": status }))
            .unwrap()
    }

    /// Compares reading after reading, and gives the changes that count.
    fn changes(readings: &[Vec<Device>]) -> Vec<(i64, String, DeviceState)> {
        let (mut known, mut changes) = (HashMap::new(), Vec::new());
        for (second, listed) in (0..).zip(readings) {
            for write in compare(&known, listed, WatchedKinds::default(), at(second)) {
                match write {
                    Write::Put(id, seen, change) => {
                        changes.extend(change.map(|change| (second, id.clone(), change.to)));
                        known.insert(id, *seen);
                    }
                    Write::Forget(id) => drop(known.remove(&id)),
                }
            }
        }
        changes
    }

    #[test]
    fn a_device_that_is_no_longer_listed_is_unknown_and_never_down() {
        let listed = vec![device("a", "connected"), device("b", "connected")];
        let fewer = vec![device("a", "connected")];
        let found = changes(&[listed.clone(), fewer.clone(), fewer, listed.clone(), listed]);
        assert_eq!(
            found,
            [
                (0, "a".to_owned(), DeviceState::Up),
                (0, "b".to_owned(), DeviceState::Up),
                (2, "b".to_owned(), DeviceState::Unknown),
                (4, "b".to_owned(), DeviceState::Up),
            ]
        );
    }

    #[test]
    fn what_has_not_changed_is_not_written() {
        let listed = [device("a", "connected")];
        let Some(Write::Put(id, seen, _)) = compare(&HashMap::new(), &listed, WatchedKinds::default(), at(0)).pop()
        else {
            panic!("it is new")
        };
        let known = HashMap::from([(id, *seen)]);
        assert_eq!(compare(&known, &listed, WatchedKinds::default(), at(9)), []);
    }

    #[test]
    fn after_a_time_of_which_nothing_is_known_every_device_begins_a_period_once() {
        let mut known = HashMap::new();
        for id in ["a", "b", "c"] {
            let mut tracked = Tracked::first(DeviceState::Up, at(0));
            if id != "c" {
                assert_eq!(tracked.observe(DeviceState::Down, at(1), 2), None);
            }
            known.insert(id.to_owned(), Seen { tracked, gone_since: None, facts: Facts::default() });
        }
        let mut cleared = clear_candidates(&mut known);
        cleared.sort();
        assert_eq!(cleared, ["a", "b"]);
        let listed = [device("a", "disconnected"), device("c", "connected"), device("d", "connected")];
        let mut writes = compare(&known, &listed, WatchedKinds::default(), at(9));
        begin_again(&known, &mut writes, at(9));
        let mut begun: Vec<_> = writes
            .iter()
            .map(|write| match write {
                Write::Put(id, _, Some(change)) => (id.as_str(), change.to, change.since),
                other => panic!("{other:?}"),
            })
            .collect();
        begun.sort_by_key(|(id, ..)| *id);
        let up = DeviceState::Up;
        assert_eq!(begun, [("a", up, at(9)), ("b", up, at(9)), ("c", up, at(9)), ("d", up, at(9))]);
    }

    #[test]
    fn odd_devices_affect_only_themselves() {
        let odd = [
            json!({}),
            json!({ "id": null, "connectionStatus": "connected" }),
            json!({ "id": "x", "type": "hologram", "connectionStatus": "dreaming", "errorCodes": null }),
            json!({ "id": "y", "type": "roomdesk", "connectionStatus": "connected", "plannedMaintenance": { "mode": "off" } }),
            json!({ "id": "y", "type": "roomdesk", "connectionStatus": "disconnected" }),
            json!({ "id": "z".repeat(513), "type": "roomdesk", "connectionStatus": "connected" }),
            json!({ "id": "p", "type": "phone", "connectionStatus": "connected" }),
            json!({ "id": "q", "type": "roomdesk", "personId": "someone", "connectionStatus": "connected" }),
        ];
        let listed: Vec<Device> = odd.into_iter().map(|device| serde_json::from_value(device).unwrap()).collect();
        let found: Vec<_> = changes(&[listed]).into_iter().map(|(_, id, state)| (id, state)).collect();
        assert_eq!(found, [("x".to_owned(), DeviceState::Unknown), ("y".to_owned(), DeviceState::Up)]);
    }

    #[test]
    fn a_device_that_stays_away_is_forgotten() {
        let known = HashMap::from([(
            "a".to_owned(),
            Seen {
                tracked: Tracked::first(DeviceState::Unknown, at(0)),
                gone_since: Some(at(0)),
                facts: Facts::default(),
            },
        )]);
        let day = 24 * 60 * 60;
        assert_eq!(compare(&known, &[], WatchedKinds::default(), at(29 * day)), []);
        let forgotten = compare(&known, &[], WatchedKinds::default(), at(31 * day));
        assert_eq!(forgotten, [Write::Forget("a".to_owned())]);
    }
}
