//! The watch: compares the state of every credential with what people were told last, and records an event for each difference.
//!
//! One broker of a store keeps the watch. It compares states, not changes, so an event is neither lost nor repeated, whenever a broker ends.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_channel::Severity;
use lanyard_credential::{Credential, CredentialId, CredentialName, Validity};
use lanyard_store::{About, Alert, Event, EventKind, JournalRecord, Position, StoreError};
use lanyard_time::Moment;
use lanyard_work::{Claim, Halt, Next};
use serde::{Deserialize, Serialize};

use super::compare::{Condition, Last, News, STALLED, Told, Verdict, compare};
use super::notices::told as told_of;
use crate::Broker;
use crate::issuer::state_among;

/// The kind and the key of its unit of work.
pub(crate) const WATCH: &str = "events.watch";
pub(crate) const WATCH_KEY: &str = "home";

/// How long before its expiry a token is announced that cannot be renewed.
const WARNINGS: [u64; 4] = [14 * DAY, 7 * DAY, DAY, HOUR];
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// The same client's refusals are told at most this often.
const REFUSALS: Duration = Duration::from_hours(1);
/// How often the watch looks at the journal, if nothing wakes it.
const LOOK: Duration = Duration::from_secs(10);
/// How often its place in the journal is made durable.
const SAVE: Duration = Duration::from_mins(1);
/// How often everything is compared.
const ALL: Duration = Duration::from_hours(1);
/// How many entries are read at once.
const PAGE: u32 = 500;

/// The topics of alerts.
const STATE: &str = "state";
const LAST_BACKUP: &str = "backup";
const REFUSED: &str = "refused";

/// Keeps the watch until the claim is lost or the broker stops.
pub(crate) async fn watch(broker: &Broker, claim: &Claim) -> Result<Next, Halt> {
    let mut watch = Watch {
        broker,
        alerts: HashMap::new(),
        put: HashMap::new(),
        due: BTreeSet::new(),
        issuers: HashMap::new(),
        compared: None,
    };
    let _kept = broker.loops.watch.begin();
    watch.read_alerts().await?;
    let end = broker.store.journal_end().await?;
    let mut position = claim.earlier().and_then(|place: Place| place.position()).unwrap_or(end);
    claim.progress(&Place::at(position)).await?;
    let mut saved = broker.clock.now();
    watch.compare_all().await?;
    loop {
        claim.check()?;
        let seen = broker.journal.end();
        let page = broker.store.journal_after(position, PAGE).await?;
        if page.follows {
            let mut changed = HashMap::new();
            for entry in &page.entries {
                let record = &entry.record;
                match &record.event {
                    Event::BackedUp { .. } => watch.compare_backup(&broker.clock.now()).await?,
                    Event::Refused { means, why, .. } => watch.refused(&record.actor, means, why).await?,
                    Event::HandedOut { .. }
                    | Event::Answered { .. }
                    | Event::Alert { .. }
                    | Event::JobAlert { .. }
                    | Event::Intent { .. } => {}
                    _ => changed.extend(record.about.as_credential().map(|(id, name)| (*id, Some(name.clone())))),
                }
            }
            position = page.position;
            for id in watch.take_due() {
                changed.entry(id).or_insert(None);
            }
            for id in watch.minted_through(changed.keys().copied()) {
                changed.entry(id).or_insert(None);
            }
            for (id, name) in changed {
                watch.compare_one(id, name).await?;
            }
            if page.entries.len() == PAGE as usize {
                continue;
            }
        } else {
            // Entries were pruned, or the database is another one.
            position = broker.store.journal_end().await?;
            watch.read_alerts().await?;
            watch.compare_all().await?;
        }
        let now = broker.clock.now();
        if now.oldest_since(&saved) >= SAVE {
            claim.progress(&Place::at(position)).await?;
            saved = now.clone();
        }
        if watch.compared.as_ref().is_none_or(|at| now.oldest_since(at) >= ALL) {
            watch.compare_all().await?;
        }
        broker.loops.watch.beat(now.wall);
        let wait = watch.due.first().map_or(LOOK, |(at, _)| until(&now, *at).min(LOOK));
        broker.rest(claim, seen, wait).await?;
    }
}

/// The place in the journal up to which the watch has read.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    number: u64,
    mac: String,
}

impl Place {
    fn at(position: Position) -> Self {
        Self { number: position.number, mac: position.mac.to_string() }
    }

    fn position(&self) -> Option<Position> {
        Some(Position { number: self.number, mac: self.mac.parse().ok()? })
    }
}

struct Watch<'a> {
    broker: &'a Broker,
    /// What people were told, by subject and topic.
    alerts: HashMap<(String, String), Alert>,
    /// When this process told them, by both clocks.
    put: HashMap<(String, String), Moment>,
    /// When a credential is to be looked at again, although it has not changed.
    due: BTreeSet<(Timestamp, CredentialId)>,
    /// The credentials that are minted, and through which.
    issuers: HashMap<CredentialId, CredentialId>,
    /// When everything was compared last.
    compared: Option<Moment>,
}

impl Watch<'_> {
    async fn read_alerts(&mut self) -> Result<(), StoreError> {
        let alerts = self.broker.store.alerts().await?;
        self.alerts = alerts.into_iter().map(|alert| ((alert.about.clone(), alert.topic.clone()), alert)).collect();
        Ok(())
    }

    /// The credentials whose time has come.
    fn take_due(&mut self) -> Vec<CredentialId> {
        let now = self.broker.clock.now().wall;
        let mut due = Vec::new();
        while let Some((_, id)) = self.due.first().filter(|(at, _)| *at <= now).copied() {
            due.push(id);
            self.due.pop_first();
        }
        due
    }

    /// The credentials that are minted through these, one through the other: their states depend on these.
    fn minted_through(&self, changed: impl Iterator<Item = CredentialId>) -> HashSet<CredentialId> {
        let mut found: HashSet<CredentialId> = changed.filter(|_| !self.issuers.is_empty()).collect();
        loop {
            let before = found.len();
            let next = self.issuers.iter().filter(|(_, via)| found.contains(via)).map(|(id, _)| *id);
            let next: Vec<_> = next.collect();
            found.extend(next);
            if found.len() == before {
                return found;
            }
        }
    }

    async fn compare_all(&mut self) -> Result<(), StoreError> {
        let now = self.broker.clock.now();
        // Set first: a row that another process writes during this comparison resets it.
        self.compared = Some(now.clone());
        let all = self.broker.store.credentials().await?;
        self.due.clear();
        let minted = all.iter().filter_map(|credential| Some((credential.id, credential.mint.as_ref()?.via)));
        self.issuers = minted.collect();
        for credential in &all {
            self.compare(credential, &all, &now).await?;
        }
        let present: HashSet<String> = all.iter().map(|credential| about(credential.id)).collect();
        let gone = |alert: &Alert| alert.topic == STATE && !present.contains(&alert.about);
        let gone: Vec<_> = self.alerts.values().filter(|alert| gone(alert)).cloned().collect();
        for alert in gone {
            // A row that cannot be read is not gone.
            let Some(id) = alert.about.strip_prefix(CREDENTIAL).and_then(|id| id.parse().ok()) else { continue };
            if let Ok(None) = self.broker.store.credential_by_id(id).await {
                // Its name is in the entry of its deletion.
                let deletion = self.broker.store.deletion(id).await?;
                self.forget(&alert, deletion.map(|entry| entry.record.about)).await?;
            }
        }
        self.compare_backup(&now).await
    }

    async fn compare_one(&mut self, id: CredentialId, name: Option<CredentialName>) -> Result<(), StoreError> {
        let store = &self.broker.store;
        let found = match store.credential_by_id(id).await {
            Ok(found) => found,
            // Its row is named elsewhere.
            Err(error) if error.is_of_one_row() => return Ok(()),
            Err(error) => return Err(error),
        };
        let now = self.broker.clock.now();
        if let Some(credential) = found {
            self.issuers.extend(credential.mint.as_ref().map(|mint| (id, mint.via)));
            let issuers = self.issuers(&credential).await?;
            return self.compare(&credential, &issuers, &now).await;
        }
        let key = (about(id), STATE.to_owned());
        let Some(alert) = self.alerts.get(&key).cloned() else { return Ok(()) };
        self.forget(&alert, name.map(|name| About::credential(&id, &name))).await
    }

    /// The credentials that one is minted through, one through the other.
    async fn issuers(&self, credential: &Credential) -> Result<Vec<Credential>, StoreError> {
        let mut issuers: Vec<Credential> = Vec::new();
        while let Some(mint) = &issuers.last().unwrap_or(credential).mint {
            // Only an altered row makes a circle.
            let is_known = issuers.iter().any(|issuer| issuer.id == mint.via);
            match self.broker.store.credential_by_id(mint.via).await {
                Ok(Some(issuer)) if !is_known => issuers.push(issuer),
                Ok(_) => break,
                Err(error) if error.is_of_one_row() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(issuers)
    }

    /// Compares a credential with what people were told, and tells them.
    async fn compare(&mut self, credential: &Credential, all: &[Credential], now: &Moment) -> Result<(), StoreError> {
        let seen = self.alerts.get(&(about(credential.id), STATE.to_owned())).cloned();
        let state = state_among(credential, all, now);
        let condition = Condition::from(state);
        let (mark, next_look) = warning(condition, credential.validity.as_ref(), now);
        if let Some(wait) = next_look {
            self.due.insert((later(now, wait), credential.id));
        }
        let last = seen
            .as_ref()
            .and_then(|seen| Some(Last { told: Told::of(&seen.state)?, mark: seen.mark, age: self.age(seen, now) }));
        let (told, news) = match compare(last, condition, mark) {
            Verdict::Same => return Ok(()),
            Verdict::Wait(wait) => {
                self.due.insert((later(now, wait), credential.id));
                return Ok(());
            }
            Verdict::Remember(told) => (told, None),
            Verdict::Tell(told, news) => (told, Some(news)),
        };
        if told == Told::Failing {
            self.due.insert((later(now, STALLED), credential.id));
        }
        let event = news.map(|news| {
            let was = last.map(|last| last.told).filter(|was| was.is_alarm() && was.word() != news.word());
            let is_over =
                matches!(news, News::Recovered) && !matches!(condition, Condition::Well | Condition::Expiring);
            let why = match news {
                News::Recovered => is_over.then(|| format!("it is {state} now")),
                News::Authorised => None,
                _ => credential.standing.trouble().map(|trouble| trouble.message.clone()),
            };
            let expires_at = credential.validity.as_ref().filter(|_| news == News::Expiring);
            Event::Alert {
                state: news.word().to_owned(),
                was: was.map(|was| was.word().to_owned()),
                expires_at: expires_at.and_then(Validity::access_expires_at),
                why,
            }
        });
        let next = Alert {
            about: about(credential.id),
            topic: STATE.to_owned(),
            state: told.word().to_owned(),
            mark,
            since: now.wall,
        };
        let told = event.map(|event| (About::credential(&credential.id, &credential.name), event));
        self.put(seen.as_ref(), next, told).await
    }

    /// How long ago people were told; `None` if that seems to be in the future, after a clock was set back.
    fn age(&self, alert: &Alert, now: &Moment) -> Option<Duration> {
        match self.put.get(&(alert.about.clone(), alert.topic.clone())) {
            Some(put) => Some(now.since(put)),
            None => Duration::try_from(now.wall.duration_since(alert.since)).ok(),
        }
    }

    /// A credential that no longer exists.
    async fn forget(&mut self, alert: &Alert, about: Option<About>) -> Result<(), StoreError> {
        let told = Told::of(&alert.state).is_some_and(Told::is_alarm).then(|| {
            let why = Some("it was removed".to_owned());
            let event =
                Event::Alert { state: "recovered".to_owned(), was: Some(alert.state.clone()), expires_at: None, why };
            (about.unwrap_or(About::Home), event)
        });
        self.broker.store.remove_alert(alert, told).await?;
        let key = (alert.about.clone(), alert.topic.clone());
        self.alerts.remove(&key);
        self.put.remove(&key);
        Ok(())
    }

    /// Tells people if the home has not been backed up for long. A server's database has backups of its own.
    async fn compare_backup(&mut self, now: &Moment) -> Result<(), StoreError> {
        let Some(oldest) = self.broker.channels.oldest_backup.filter(|_| !self.broker.store.is_shared()) else {
            return Ok(());
        };
        let seen = self.alerts.get(&(HOME.to_owned(), LAST_BACKUP.to_owned())).cloned();
        let backed_up = self.broker.store.last_of(EventKind::BackedUp).await?;
        // Without a backup, the time since this watch began counts.
        let known = seen.as_ref().map(|seen| seen.since).filter(|since| *since <= now.wall);
        let since = backed_up.max(known).unwrap_or(now.wall);
        let is_old = Duration::try_from(now.wall.duration_since(since)).unwrap_or_default() >= oldest;
        let was_old = seen.as_ref().is_some_and(|seen| seen.state == TOO_OLD);
        let told = match (was_old, is_old) {
            (false, true) => Some(simple("backup-too-old", backed_up.map(|at| format!("it was made at {at:.0}")))),
            (true, false) => Some(simple("backed-up", None)),
            // The entry of a backup may be pruned before the next one is made.
            _ if seen.as_ref().is_some_and(|seen| seen.since >= since) => return Ok(()),
            _ => None,
        };
        let state = if is_old { TOO_OLD } else { "well" }.to_owned();
        let next = Alert { about: HOME.to_owned(), topic: LAST_BACKUP.to_owned(), state, mark: None, since };
        self.put(seen.as_ref(), next, told.map(|event| (About::Home, event))).await
    }

    async fn refused(&mut self, actor: &str, means: &str, why: &str) -> Result<(), StoreError> {
        let now = self.broker.clock.now();
        let key = (actor.to_owned(), REFUSED.to_owned());
        let seen = self.alerts.get(&key).cloned();
        let age = seen.as_ref().and_then(|seen| self.age(seen, &now));
        if !actor.starts_with("client ") || age.is_some_and(|age| age < REFUSALS) {
            return Ok(());
        }
        let (about, topic) = key;
        let next = Alert { about, topic, state: "refused".to_owned(), mark: None, since: now.wall };
        let why = format!("{actor}, {means}: {why}");
        self.put(seen.as_ref(), next, Some((About::Home, simple("client-refused", Some(why))))).await
    }

    async fn put(&mut self, seen: Option<&Alert>, next: Alert, told: Option<(About, Event)>) -> Result<(), StoreError> {
        let news = told.clone().map(|(about, event)| JournalRecord {
            at: next.since,
            about,
            actor: self.broker.actor(),
            event,
        });
        if self.broker.store.put_alert(seen, &next, told).await? {
            if let Some((kind, data)) = news.as_ref().and_then(told_of) {
                match data.severity {
                    Severity::Info => tracing::info!(event = kind.short(), "{}", data.summary),
                    Severity::Warning | Severity::Critical => {
                        tracing::warn!(event = kind.short(), hint = data.hint, "{}", data.summary);
                    }
                }
            }
            let key = (next.about.clone(), next.topic.clone());
            self.put.insert(key.clone(), self.broker.clock.now());
            self.alerts.insert(key, next);
            return Ok(());
        }
        // Another broker has the watch, or somebody changed the row: everything is compared again.
        self.compared = None;
        self.read_alerts().await
    }
}

/// The smallest warning time that has begun, and how long until the next one begins or the token expires.
fn warning(condition: Condition, validity: Option<&Validity>, now: &Moment) -> (Option<u64>, Option<Duration>) {
    let Some(left) = validity.and_then(|validity| validity.access_left(now)) else { return (None, None) };
    let begun = WARNINGS.iter().copied().filter(|warning| left.as_secs() <= *warning).min();
    let next = WARNINGS.iter().copied().filter(|warning| left.as_secs() > *warning).max().unwrap_or(0);
    // The condition of an expired token does not change by itself.
    let wait = (!left.is_zero()).then(|| left.saturating_sub(Duration::from_secs(next)));
    (begun.filter(|_| condition == Condition::Expiring), wait)
}

fn simple(state: &str, why: Option<String>) -> Event {
    Event::Alert { state: state.to_owned(), was: None, expires_at: None, why }
}

fn about(id: CredentialId) -> String {
    format!("{CREDENTIAL}{id}")
}

fn later(now: &Moment, wait: Duration) -> Timestamp {
    now.wall.checked_add(wait).unwrap_or(Timestamp::MAX)
}

fn until(now: &Moment, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now.wall)).unwrap_or_default()
}

const HOME: &str = "home";
const CREDENTIAL: &str = "credential/";
const TOO_OLD: &str = "too-old";
