//! The tokens that a broker has in memory, and how they are handed out without waiting.
//!
//! Tokens are kept sealed and opened when they are handed out. Reading takes no lock that a rotation, the store or the network
//! holds; what changes a token puts another in its place. What was handed out is written down later, in the [`audit_buffer`].

mod audit_buffer;
mod by_name;
mod clients;
mod counts;
mod figures;
mod loading;
mod names;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use lanyard_credential::{Client, ClientId, ClientKey, CredentialId, CredentialName};
use lanyard_operation::Actor;
use lanyard_secret::AccessToken;
use lanyard_store::{Changes, HeldToken, Position, RefusedClient, Shared, Store, StoreError};
use lanyard_time::{Clock, Moment, Sleep};
use thiserror::Error;
use tokio::sync::{Mutex, Notify, watch};

pub use self::audit_buffer::{Asked, AuditBuffer, AuditBufferFull};
use self::by_name::ByName;
use self::clients::Clients;
pub use self::counts::CountedHandOuts;
pub use self::figures::{CredentialFigures, SoonExpiring};
use self::loading::Loading;
pub use self::names::Names;
use crate::fit::Fit;
use crate::parts::Parts;

/// The tokens that a broker hands out. A clone is the same one.
#[derive(Clone, Debug)]
pub struct HandOuts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Sleep>,
    options: HandOutOptions,
    by_name: ByName,
    audit_buffer: AuditBuffer,
    clients: ArcSwap<Clients>,
    client_list: Mutex<LatestList>,
    lost_history: OnceLock<LostHistory>,
    learned: Learned,
    loading: Loading,
    /// Held while the tokens by name are brought up to date.
    keeper: Mutex<Keeper>,
    /// When the store was last read whole, in milliseconds of the boot clock.
    seen: AtomicU64,
    /// When the store last answered, in milliseconds of the boot clock. While much is read, that is later than `seen`.
    answered: AtomicU64,
    poked: Notify,
    /// Counts what was learned of credentials.
    changed: watch::Sender<u64>,
}

/// The listener that is told of every change, by any finder.
struct Learned(Box<dyn Fn(&Changes) + Send + Sync>);

impl fmt::Debug for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Learned")
    }
}

/// The list of clients that was last read: an earlier one is refused, and what was reported is not reported again.
#[derive(Debug, Default)]
struct LatestList {
    version: u64,
    refused: Vec<RefusedClient>,
}

#[derive(Debug, Default)]
struct Keeper {
    shared: Shared,
    position: Position,
}

/// An entry of the journal that was there and is not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the audit no longer holds entry {number} as it was: it was cut off, or an earlier database was put back")]
pub struct LostHistory {
    /// Its number.
    pub number: u64,
}

impl LostHistory {
    /// The next step for a person.
    pub const fn hint(&self) -> &'static str {
        "find out who wrote to the database: lanyard audit --verify; if it was put back on purpose, restart the broker"
    }
}

/// The options of handing out.
#[derive(Clone, Debug)]
pub struct HandOutOptions {
    /// For how long tokens are handed out while the store cannot be read. Default: 15 minutes.
    pub max_stale: Duration,
    /// How often the store is asked for changes of other processes. Default: a quarter of a second.
    pub poll: Duration,
    /// How often hand-outs are written down: what a crash may lose. Default: a quarter of a second.
    pub flush: Duration,
    /// How many different hand-outs wait to be written down while the store cannot be written. Default: 65,536.
    pub audit_buffer: usize,
}

impl Default for HandOutOptions {
    fn default() -> Self {
        Self {
            max_stale: Duration::from_mins(15),
            poll: Duration::from_millis(250),
            flush: Duration::from_millis(250),
            audit_buffer: 65_536,
        }
    }
}

/// The answer to a request for a token.
#[derive(Debug)]
pub enum Taken {
    /// A token that is good for as long as was asked.
    Good(Ready),
    /// A token that is good, and not for as long as was asked: a renewal may bring a better one.
    Short(Ready),
    /// None that may be handed out. The reason is had from the broker's [`HandOut`](crate::HandOut).
    None,
    /// There is no such credential.
    Unknown,
    /// The store could not be read for too long: whether the token may still be handed out is not known.
    Stale(Duration),
}

/// A token, opened.
#[derive(Debug)]
pub struct Ready {
    /// The token.
    pub token: AccessToken,
    /// How long it lasts; `None` where that is unknown.
    pub left: Option<Duration>,
    /// Its credential, as far as that is kept in memory.
    pub held: Arc<HeldToken>,
}

impl HandOuts {
    /// Opens the hand-outs of a store: reads its clients, but not its credentials. [`load`](Self::load) reads those; until it is
    /// done, [`know`](Self::know) reads a single one. `learned` is called for every later change, once it is in memory.
    pub async fn open(
        store: &Store,
        parts: Parts,
        options: HandOutOptions,
        learned: impl Fn(&Changes) + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        // Read the position first, so that rows that change while the rest is read are read again.
        let position = store.journal_end().await?;
        let inner = Inner {
            store: store.clone(),
            clock: parts.clock,
            sleep: parts.sleep,
            by_name: ByName::default(),
            audit_buffer: AuditBuffer::new(options.audit_buffer),
            clients: ArcSwap::default(),
            client_list: Mutex::default(),
            lost_history: OnceLock::new(),
            learned: Learned(Box::new(learned)),
            loading: Loading::of(store.credential_count().await?),
            options,
            keeper: Mutex::new(Keeper { position, ..Keeper::default() }),
            seen: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            poked: Notify::new(),
            changed: watch::Sender::new(0),
        };
        let hand_outs = Self(Arc::new(inner));
        hand_outs.read_clients().await?;
        hand_outs.saw_store();
        Ok(hand_outs)
    }

    /// The credential of that name, if it is known.
    pub fn find(&self, name: &str) -> Option<Arc<HeldToken>> {
        self.0.by_name.find(name)
    }

    /// The client that this is the key of.
    pub fn client_of_key(&self, key: &ClientKey) -> Option<Arc<Client>> {
        self.0.clients.load().by_key(key)
    }

    /// The client with this id.
    pub fn client(&self, id: ClientId) -> Option<Arc<Client>> {
        self.0.clients.load().by_id(id)
    }

    /// The client that is this user of the machine.
    pub fn client_of_user(&self, uid: u32) -> Option<Arc<Client>> {
        self.0.clients.load().by_uid(uid)
    }

    /// The first `limit` names of credentials.
    pub fn names(&self, limit: usize) -> Names {
        self.0.by_name.names(limit)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The present moment, on the clock by which tokens end.
    pub fn now(&self) -> Moment {
        self.0.clock.now()
    }

    /// For how long the store has not been read.
    pub fn unseen(&self, now: &Moment) -> Duration {
        Duration::from_millis(milliseconds(now).saturating_sub(self.0.seen.load(Ordering::Relaxed)))
    }

    /// For how long the store has not answered.
    pub fn unanswered(&self, now: &Moment) -> Duration {
        Duration::from_millis(milliseconds(now).saturating_sub(self.0.answered.load(Ordering::Relaxed)))
    }

    /// For how long the store has not been read, if that is too long to hand out tokens from memory.
    pub fn stale(&self, now: &Moment) -> Option<Duration> {
        Some(self.unseen(now)).filter(|unseen| *unseen > self.0.options.max_stale)
    }

    /// Gives the token of a credential. Neither waits nor reads.
    pub fn take(&self, name: &str, min_validity: Duration, now: &Moment) -> Result<Taken, StoreError> {
        if let Some(unseen) = self.stale(now) {
            return Ok(Taken::Stale(unseen));
        }
        let Some(held) = self.find(name) else { return Ok(Taken::Unknown) };
        let fit = Fit::of(held.hands_out, held.validity.as_ref(), min_validity, now);
        if matches!(fit, Fit::Expired | Fit::Withheld) {
            return Ok(Taken::None);
        }
        let Some(token) = self.0.store.open_held(&held)? else { return Ok(Taken::None) };
        let left = held.validity.as_ref().and_then(|validity| validity.access_left(now));
        let ready = Ready { token, left, held };
        Ok(if fit == Fit::Short { Taken::Short(ready) } else { Taken::Good(ready) })
    }

    /// Whether memory has a token of this credential that can be handed out now. Decrypts nothing.
    pub fn has_valid(&self, name: &str) -> bool {
        let now = self.now();
        let left = |held: &HeldToken| held.validity.as_ref().and_then(|validity| validity.access_left(&now));
        self.find(name)
            .is_some_and(|held| held.hands_out && held.is_there() && left(&held).is_none_or(|left| !left.is_zero()))
    }

    /// Whether the token in memory is of this generation.
    pub fn holds(&self, name: &str, generation: u32) -> bool {
        self.find(name).is_some_and(|held| held.generation.number() == generation)
    }

    /// Notes a request and its time, to be written down with the next ones.
    pub fn note(&self, asked: Asked, at: Timestamp) -> Result<(), AuditBufferFull> {
        self.0.audit_buffer.note(asked, at)
    }

    /// Notes `times` equal requests, to be written down as one.
    pub fn note_times(&self, asked: Asked, times: u32, at: Timestamp) -> Result<(), AuditBufferFull> {
        self.0.audit_buffer.note_times(asked, times, at)
    }

    /// Notes that a request that changes nothing was answered.
    pub fn note_answered(
        &self,
        credential: Option<(CredentialId, CredentialName)>,
        actor: Actor,
        means: Arc<str>,
    ) -> Result<(), AuditBufferFull> {
        self.0.audit_buffer.note_answered(credential, actor, means, self.now().wall)
    }

    /// Reads all changes at once. After a change in this process, it is called before the change is reported.
    pub async fn catch_up(&self) -> Result<Changes, StoreError> {
        let mut keeper = self.0.keeper.lock().await;
        let mut changes = self.0.store.changes(keeper.position).await?;
        self.heard_store();
        // As of the question: the answer may have taken its time.
        if !changes.follows {
            self.look_for_history(keeper.position).await?;
            changes.credentials = self.read_all(&mut keeper).await?;
            self.0.changed.send_modify(|times| *times += 1);
            (self.0.learned.0)(&changes);
            return Ok(changes);
        }
        for id in &changes.credentials {
            self.renew(*id, &mut keeper).await?;
            self.heard_store();
        }
        // A credential that was erased is taken from its clients without a word.
        if changes.clients || !changes.credentials.is_empty() {
            self.read_clients().await?;
        }
        keeper.position = changes.position;
        self.saw_store();
        if !changes.credentials.is_empty() {
            self.0.changed.send_modify(|times| *times += 1);
        }
        if changes.clients || !changes.credentials.is_empty() {
            (self.0.learned.0)(&changes);
        }
        Ok(changes)
    }

    /// Reads all changes, unless the store has stopped answering.
    pub async fn catch_up_soon(&self) {
        let waited = self.unseen(&self.now());
        tokio::select! {
            biased;
            _ = self.catch_up() => {}
            () = self.0.sleep.sleep(ANSWERS_WITHIN.saturating_sub(waited)) => {}
        }
    }

    /// The entry of the journal that this process has seen and that is not there any more, if there is one. It stays until the process
    /// ends: a person has to look.
    pub fn lost_history(&self) -> Option<LostHistory> {
        self.0.lost_history.get().copied()
    }

    /// The journal does not go on from that position. Unless it was pruned, somebody cut it off, or put an earlier database there.
    async fn look_for_history(&self, position: Position) -> Result<(), StoreError> {
        if self.0.store.was_pruned(position).await? {
            return Ok(());
        }
        let lost = LostHistory { number: position.number };
        if self.0.lost_history.set(lost).is_ok() {
            tracing::error!(hint = lost.hint(), "{lost}");
        }
        Ok(())
    }

    /// Completes when a credential's token may not be used any more: it was cleared or disabled. A token that Webex refuses is
    /// another matter.
    pub async fn withdrawn(self, id: CredentialId) {
        let mut changed = self.0.changed.subscribe();
        let is_usable = || self.0.by_name.find_by_id(id).is_some_and(|held| held.hands_out || held.is_last);
        // The sender lives as long as this does.
        while is_usable() && changed.changed().await.is_ok() {}
    }

    /// Makes [`follow`](Self::follow) look at once.
    pub fn poke(&self) {
        self.0.poked.notify_one();
    }

    /// Keeps what is in memory true for as long as it is polled; `told` hears how each look went.
    pub async fn follow(&self, mut told: impl FnMut(Result<&Changes, &StoreError>)) {
        loop {
            told(self.catch_up().await.as_ref());
            tokio::select! {
                () = self.0.sleep.sleep(self.0.options.poll) => {}
                () = self.0.poked.notified() => {}
            }
        }
    }

    /// Writes down what was handed out for as long as it is polled; `told` hears how each attempt went.
    pub async fn write_down(&self, mut told: impl FnMut(Result<usize, &StoreError>)) {
        loop {
            self.0.sleep.sleep(self.0.options.flush).await;
            match self.flush().await {
                Ok(written) => told(Ok(written)),
                Err(error) => told(Err(&error)),
            }
        }
    }

    /// Writes down at once what was handed out; how many records that were. Where it fails they go on waiting.
    pub async fn flush(&self) -> Result<usize, StoreError> {
        self.0.audit_buffer.flush(&self.0.store).await
    }

    /// Whether one more can be noted.
    pub fn has_room(&self) -> bool {
        self.waiting() < self.0.options.audit_buffer
    }

    /// How many tokens were handed out and how many requests were refused since the broker started.
    pub fn counted(&self) -> Vec<CountedHandOuts> {
        self.0.audit_buffer.counted()
    }

    /// How many different hand-outs may wait to be written down.
    pub fn most_waiting(&self) -> usize {
        self.0.options.audit_buffer
    }

    /// How many different hand-outs wait to be written down.
    pub fn waiting(&self) -> usize {
        self.0.audit_buffer.len()
    }

    /// Reads everything again; returns which credentials there are.
    async fn read_all(&self, keeper: &mut Keeper) -> Result<Vec<CredentialId>, StoreError> {
        let inner = &*self.0;
        // Read the position first, so that rows that change while the rest is read are read again.
        let position = inner.store.journal_end().await?;
        let mut all = Vec::new();
        let keep = |token| {
            all.push(token);
            self.heard_store();
        };
        inner.store.held_tokens_of_all(&mut keeper.shared, keep).await?;
        let ids = all.iter().map(|token: &HeldToken| token.id).collect();
        inner.loading.finish(|_| inner.by_name.fill(all));
        self.read_clients().await?;
        keeper.position = position;
        self.saw_store();
        Ok(ids)
    }

    async fn read_clients(&self) -> Result<(), StoreError> {
        let list = self.0.store.client_list().await?;
        let mut latest = self.0.client_list.lock().await;
        if list.version > 0 && list.version < latest.version {
            tracing::error!(
                found = list.version,
                seen = latest.version,
                "an earlier list of clients was put back into the database: the later one stays in force"
            );
            return Ok(());
        }
        if list.refused != latest.refused {
            for refused in &list.refused {
                tracing::error!(hint = refused.hint(), "{refused}");
            }
        }
        *latest = LatestList { version: list.version.max(latest.version), refused: list.refused };
        self.0.clients.store(Arc::new(Clients::new(list.clients)));
        Ok(())
    }

    async fn renew(&self, id: CredentialId, keeper: &mut Keeper) -> Result<(), StoreError> {
        self.0.loading.touch(id);
        match self.0.store.held_token(id, &mut keeper.shared).await {
            Ok(Some(token)) => self.0.by_name.put(token),
            Ok(None) => self.0.by_name.remove(id),
            Err(error) if error.is_of_one_row() => {
                tracing::warn!(credential = %id, %error, hint = error.hint(), "a credential cannot be read and is left out");
                self.0.by_name.remove(id);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn saw_store(&self) {
        self.0.seen.store(milliseconds(&self.0.clock.now()), Ordering::Relaxed);
        self.heard_store();
    }

    fn heard_store(&self) {
        self.0.answered.store(milliseconds(&self.0.clock.now()), Ordering::Relaxed);
    }
}

/// How long a store that answers takes for the changes, even on a busy machine.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

fn milliseconds(now: &Moment) -> u64 {
    u64::try_from(now.boot.elapsed.as_millis()).unwrap_or(u64::MAX)
}
