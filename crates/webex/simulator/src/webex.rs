//! The simulated Webex itself: one state behind one lock, and the doors that time and randomness come through.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_secret::SecretText;
use lanyard_time::{Clock, Entropy, Moment, Sleep};
use tokio::sync::watch;

use crate::behaviour::Behaviour;
use crate::fault::Faults;
use crate::issuer::{Issuer, Terms};
use crate::record::Record;
use crate::routes::Calls;
use crate::routes::authorize::Visits;
use crate::world::{Directory, Rooms};

/// A handle to the simulated Webex; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Webex(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    setting: Setting,
    started: Moment,
    /// How far the control plane has moved the clock, in milliseconds.
    advanced: AtomicU64,
    state: Mutex<State>,
    polls: RwLock<()>,
}

/// What does not change while the simulator runs.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Ends in `/v1`.
    pub(crate) base_url: String,
    pub(crate) control_key: SecretText,
    /// What every person signs in with.
    pub(crate) password: SecretText,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sleep: Arc<dyn Sleep>,
    /// True once the simulator stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// Everything that changes. Held briefly, never while waiting.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) directory: Directory,
    pub(crate) rooms: Rooms,
    pub(crate) issuer: Issuer,
    pub(crate) visits: Visits,
    pub(crate) behaviour: Behaviour,
    pub(crate) faults: Faults,
    pub(crate) record: Record,
    pub(crate) calls: Calls,
}

impl Webex {
    pub(crate) fn new(
        setting: Setting,
        directory: Directory,
        rooms: Rooms,
        issuer: Issuer,
        behaviour: Behaviour,
    ) -> Self {
        Self(Arc::new(Inner {
            started: setting.clock.now(),
            setting,
            advanced: AtomicU64::new(0),
            state: Mutex::new(State {
                directory,
                rooms,
                issuer,
                visits: Visits::default(),
                behaviour,
                faults: Faults::default(),
                record: Record::default(),
                calls: Calls::default(),
            }),
            polls: RwLock::new(()),
        }))
    }

    pub(crate) fn setting(&self) -> &Setting {
        &self.0.setting
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The simulator's time: the wall clock's at the start, and what has passed since. A remote server does not notice when
    /// someone sets the local wall clock.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = self.setting().clock.now().since(&self.0.started);
        let advanced = Duration::from_millis(self.0.advanced.load(Ordering::Relaxed));
        self.0.started.wall.checked_add(passed.saturating_add(advanced)).unwrap_or(Timestamp::MAX)
    }

    /// Moves the simulator's time forward.
    pub(crate) fn advance(&self, milliseconds: u64) {
        self.0.advanced.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Calls `decide` with the state and the terms of this moment.
    pub(crate) fn decide<T>(&self, decide: impl FnOnce(&mut Issuer, &Directory, Terms<'_>) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        let State { directory, issuer, behaviour, .. } = &mut *state;
        let terms = Terms { now, behaviour, entropy: &*self.setting().entropy };
        decide(issuer, directory, terms)
    }

    /// Held while a connection is being driven, so that [`settled`](Self::settled) can wait for writing and bookkeeping to agree.
    pub(crate) fn driving(&self) -> RwLockReadGuard<'_, ()> {
        self.0.polls.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when every connection that was being driven has been let go: a reply that a client has read whole is then
    /// marked as sent.
    pub(crate) async fn settled(&self) {
        let webex = self.clone();
        let waited = tokio::task::spawn_blocking(move || {
            drop(webex.0.polls.write().unwrap_or_else(PoisonError::into_inner));
        });
        // It fails only where the runtime is shutting down, and then nobody reads the answer.
        let _ = waited.await;
    }
}
