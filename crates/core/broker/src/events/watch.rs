//! The watch: compares the state of every credential with what people were told last, and records an event for each difference.
//!
//! One broker of a store keeps the watch. It compares states, not changes, so an event is neither lost nor repeated, whenever a broker ends.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::{Credential, CredentialId, CredentialName, State};
use lanyard_store::{About, Alert, Event, EventKind, Position, StoreError};
use lanyard_time::Moment;
use lanyard_work::{Claim, Halt, Next};
use serde::{Deserialize, Serialize};

use crate::Broker;
use crate::issuer::state_among;

/// The kind and the key of its unit of work.
pub(crate) const WATCH: &str = "events.watch";
pub(crate) const WATCH_KEY: &str = "home";

/// How long before its expiry a token is announced that cannot be renewed.
const WARNINGS: [u64; 4] = [14 * DAY, 7 * DAY, DAY, HOUR];
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// How long a renewal must fail before people are told.
const STALLED: Duration = Duration::from_mins(2);
/// How old the last backup may be.
const BACKUP: Duration = Duration::from_hours(7 * 24);
/// The same client's refusals are told at most this often.
const REFUSALS: Duration = Duration::from_hours(1);
/// How often the watch looks at the journal.
const LOOK: Duration = Duration::from_secs(1);
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
    let mut watch = Watch { broker, alerts: HashMap::new(), due: BTreeSet::new(), compared: None };
    watch.read_alerts().await?;
    let end = broker.store.journal_end().await?;
    let mut position = claim.earlier().and_then(|place: Place| place.position()).unwrap_or(end);
    claim.progress(&Place::at(position)).await?;
    let mut saved = broker.clock.now();
    watch.compare_all().await?;
    loop {
        claim.check()?;
        let page = broker.store.journal_after(position, PAGE).await?;
        if page.follows {
            let mut changed = HashMap::new();
            for entry in &page.entries {
                let record = &entry.record;
                match &record.event {
                    Event::BackedUp { .. } => watch.compare_backup(&broker.clock.now()).await?,
                    Event::Refused { means, why, .. } => watch.refused(&record.actor, means, why).await?,
                    Event::HandedOut { .. } | Event::Answered { .. } | Event::Alert { .. } | Event::Intent { .. } => {}
                    _ => changed.extend(record.about.as_credential().map(|(id, name)| (*id, Some(name.clone())))),
                }
            }
            position = page.position;
            for id in watch.take_due() {
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
        if elapsed(&saved, &now) >= SAVE {
            claim.progress(&Place::at(position)).await?;
            saved = now.clone();
        }
        if watch.compared.as_ref().is_none_or(|at| elapsed(at, &now) >= ALL) {
            watch.compare_all().await?;
        }
        tokio::select! {
            halt = claim.halted() => return Err(halt),
            () = broker.sleep.sleep(LOOK) => {}
        }
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
    /// When a credential is to be looked at again, although it has not changed.
    due: BTreeSet<(Timestamp, CredentialId)>,
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

    async fn compare_all(&mut self) -> Result<(), StoreError> {
        let now = self.broker.clock.now();
        let all = self.broker.store.credentials().await?;
        self.due.clear();
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
                self.forget(&alert, None).await?;
            }
        }
        self.compare_backup(&now).await?;
        self.compared = Some(now);
        Ok(())
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
        match found {
            Some(credential) if credential.mint.is_some() => {
                let all = store.credentials().await?;
                self.compare(&credential, &all, &now).await
            }
            Some(credential) => self.compare(&credential, &[], &now).await,
            None => {
                let key = (about(id), STATE.to_owned());
                let Some(alert) = self.alerts.get(&key).cloned() else { return Ok(()) };
                self.forget(&alert, name.map(|name| About::credential(&id, &name))).await
            }
        }
    }

    /// Compares a credential with what people were told, and tells them.
    async fn compare(&mut self, credential: &Credential, all: &[Credential], now: &Moment) -> Result<(), StoreError> {
        let key = (about(credential.id), STATE.to_owned());
        let seen = self.alerts.get(&key).cloned();
        let state = Told::of(credential, all, now);
        let (mark, next_look) = state.warning(credential, now);
        if let Some(at) = next_look {
            self.due.insert((at, credential.id));
        }
        let since = now.wall;
        let next = Alert { about: key.0.clone(), topic: key.1.clone(), state: state.word().to_owned(), mark, since };
        let why = || credential.standing.trouble().map(|trouble| trouble.message.clone());
        let expires_at = || credential.validity.as_ref().and_then(lanyard_credential::Validity::access_expires_at);
        let event = |word: &str, was: Option<&str>| Event::Alert {
            state: word.to_owned(),
            was: was.map(str::to_owned),
            expires_at: if word == "expiring" { expires_at() } else { None },
            why: if word == "recovered" || word == "authorised" { None } else { why() },
        };
        let was = seen.as_ref().map(|seen| seen.state.as_str());
        let told_mark = seen.as_ref().and_then(|seen| seen.mark);
        let is_nearer = mark.is_some() && (told_mark.is_none() || mark < told_mark);
        let fixed = || Alert { state: FIXED.to_owned(), ..next.clone() };
        let (next, told) = match (was, state) {
            // The renewal fails: people are told if it still does a little later.
            (None | Some("well" | "off" | "pending" | FIXED), Told::Stalled) => {
                self.due.insert((later(now, STALLED), credential.id));
                (Alert { state: FAILING.to_owned(), ..next }, None)
            }
            (Some(FAILING), Told::Stalled) => {
                let since = seen.as_ref().map_or(now.wall, |seen| seen.since);
                let due = since.checked_add(STALLED).unwrap_or(Timestamp::MAX);
                if now.wall < due {
                    self.due.insert((due, credential.id));
                    return Ok(());
                }
                (next, Some(event("stalled", None)))
            }
            (Some("stalled"), Told::Stalled)
            | (Some("needs-login"), Told::NeedsLogin)
            | (Some("well"), Told::Well)
            | (Some("pending"), Told::Pending)
            | (Some("off"), Told::Off) => return Ok(()),
            (was, Told::Stalled) => (next, Some(event("stalled", was.filter(|was| is_alarm(was))))),
            (was, Told::NeedsLogin) => (next, Some(event("needs-login", was.filter(|was| is_alarm(was))))),

            // A token that was added for a fixed time is no news until its expiry comes near.
            (Some(FIXED | "expiring"), Told::Expiring) if is_nearer => (next, Some(event("expiring", None))),
            (Some(FIXED | "expiring"), Told::Expiring) if mark == told_mark => return Ok(()),
            (None | Some(FIXED | "off"), Told::Expiring) => (fixed(), None),
            (Some(was @ ("expiring" | "needs-login")), Told::Expiring) => {
                (fixed(), Some(event("recovered", Some(was))))
            }
            (Some("pending"), Told::Expiring) => (fixed(), Some(event("authorised", None))),
            (Some(was), Told::Expiring) => (next, Some(event("expiring", Some(was).filter(|was| is_alarm(was))))),

            (Some(was), Told::Well) if is_alarm(was) => (next, Some(event("recovered", Some(was)))),
            (Some("pending"), Told::Well) => (next, Some(event("authorised", None))),
            (Some(was), Told::Off | Told::Pending) if is_alarm(was) => {
                let why = Some(format!("it is {} now", state_among(credential, all, now)));
                let was = Some(was.to_owned());
                (next, Some(Event::Alert { state: "recovered".to_owned(), was, expires_at: None, why }))
            }
            (_, Told::Well | Told::Off | Told::Pending) => (next, None),
        };
        let told = told.map(|event| (About::credential(&credential.id, &credential.name), event));
        self.put(seen.as_ref(), next, told).await
    }

    /// A credential that no longer exists.
    async fn forget(&mut self, alert: &Alert, about: Option<About>) -> Result<(), StoreError> {
        let told = is_alarm(&alert.state).then(|| {
            let why = Some("it was removed".to_owned());
            let event =
                Event::Alert { state: "recovered".to_owned(), was: Some(alert.state.clone()), expires_at: None, why };
            (about.unwrap_or(About::Home), event)
        });
        self.broker.store.remove_alert(alert, told).await?;
        self.alerts.remove(&(alert.about.clone(), alert.topic.clone()));
        Ok(())
    }

    /// Tells people if the home has not been backed up for long. A server's database has backups of its own.
    async fn compare_backup(&mut self, now: &Moment) -> Result<(), StoreError> {
        if self.broker.store.is_shared() {
            return Ok(());
        }
        let seen = self.alerts.get(&(HOME.to_owned(), LAST_BACKUP.to_owned())).cloned();
        let backed_up = self.broker.store.last_of(EventKind::BackedUp).await?;
        // Without a backup, the time since this watch began counts.
        let since = backed_up.or(seen.as_ref().map(|seen| seen.since)).unwrap_or(now.wall);
        let is_old = Duration::try_from(now.wall.duration_since(since)).unwrap_or_default() >= BACKUP;
        let was_old = seen.as_ref().is_some_and(|seen| seen.state == TOO_OLD);
        let told = match (was_old, is_old) {
            (false, true) => {
                let last = backed_up.map_or("there is none".to_owned(), |at| format!("the last one is of {at:.0}"));
                Some(simple("backup-too-old", Some(last)))
            }
            (true, false) => Some(simple("backed-up", None)),
            _ if seen.is_some() => return Ok(()),
            _ => None,
        };
        let state = if is_old { TOO_OLD } else { "well" }.to_owned();
        let next = Alert { about: HOME.to_owned(), topic: LAST_BACKUP.to_owned(), state, mark: None, since };
        self.put(seen.as_ref(), next, told.map(|event| (About::Home, event))).await
    }

    async fn refused(&mut self, actor: &str, means: &str, why: &str) -> Result<(), StoreError> {
        let now = self.broker.clock.now().wall;
        let key = (actor.to_owned(), REFUSED.to_owned());
        let seen = self.alerts.get(&key).cloned();
        let again = seen.as_ref().map(|seen| seen.since.checked_add(REFUSALS).unwrap_or(Timestamp::MAX));
        if !actor.starts_with("client ") || again.is_some_and(|again| now < again) {
            return Ok(());
        }
        let next =
            Alert { about: key.0.clone(), topic: key.1.clone(), state: "refused".to_owned(), mark: None, since: now };
        let why = format!("{actor}, {means}: {why}");
        self.put(seen.as_ref(), next, Some((About::Home, simple("client-refused", Some(why))))).await
    }

    async fn put(&mut self, seen: Option<&Alert>, next: Alert, told: Option<(About, Event)>) -> Result<(), StoreError> {
        if self.broker.store.put_alert(seen, &next, told).await? {
            self.alerts.insert((next.about.clone(), next.topic.clone()), next);
            return Ok(());
        }
        // Another broker has the watch, or somebody changed the row: everything is compared again.
        self.compared = None;
        self.read_alerts().await
    }
}

/// The state of a credential, as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Well,
    Expiring,
    Stalled,
    NeedsLogin,
    /// It waits for its first token.
    Pending,
    /// It is switched off, or being cleared.
    Off,
}

impl Told {
    fn of(credential: &Credential, all: &[Credential], now: &Moment) -> Self {
        match state_among(credential, all, now) {
            State::Active => Self::Well,
            State::Expiring => Self::Expiring,
            State::Stalled => Self::Stalled,
            State::NeedsLogin | State::NeedsToken => Self::NeedsLogin,
            State::Pending => Self::Pending,
            State::Clearing | State::Disabled => Self::Off,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::Expiring => "expiring",
            Self::Stalled => "stalled",
            Self::NeedsLogin => "needs-login",
            Self::Pending => "pending",
            Self::Off => "off",
        }
    }

    /// The smallest warning time that has begun, and when to look again.
    fn warning(self, credential: &Credential, now: &Moment) -> (Option<u64>, Option<Timestamp>) {
        let left = credential.validity.as_ref().and_then(|validity| validity.access_left(now));
        let Some(left) = left else { return (None, None) };
        let begun = WARNINGS.iter().copied().filter(|warning| left.as_secs() <= *warning).min();
        let next = WARNINGS.iter().copied().filter(|warning| left.as_secs() > *warning).max().unwrap_or(0);
        // One that has expired changes no more by itself.
        let look = (!left.is_zero()).then(|| later(now, left.saturating_sub(Duration::from_secs(next))));
        (begun.filter(|_| self == Self::Expiring), look)
    }
}

/// Its token lasts for a fixed time, and its end is not near.
const FIXED: &str = "fixed";
/// The renewal fails, and people are not told yet.
const FAILING: &str = "failing";

/// Whether people were told that something is wrong.
fn is_alarm(state: &str) -> bool {
    matches!(state, "expiring" | "stalled" | "needs-login")
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

fn elapsed(from: &Moment, now: &Moment) -> Duration {
    // A wall clock that was set back must not stop the watch.
    Duration::try_from(now.wall.duration_since(from.wall)).unwrap_or(ALL)
}

const HOME: &str = "home";
const CREDENTIAL: &str = "credential/";
const TOO_OLD: &str = "too-old";
