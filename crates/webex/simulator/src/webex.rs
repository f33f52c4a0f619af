//! The simulated Webex itself: one state behind one lock, and the doors that time and randomness come through.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use jiff::Timestamp;
use lanyard_secret::SecretText;
use lanyard_time::{Clock, Entropy, Moment, Sleep};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::behaviour::Behaviour;
use crate::browsers::{Sessions, Visits};
use crate::fault::Faults;
use crate::issuer::{Issuer, Terms};
use crate::limit::Calls;
use crate::record::Record;
use crate::world::{Delivery, Directory, Happenings, Hooks, Integrations, Meetings, Rooms, Spaces};

/// A handle to the simulated Webex; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Webex(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    setting: Setting,
    dial: RwLock<Dial>,
    state: Mutex<State>,
    happenings: Mutex<Happenings>,
    polls: RwLock<()>,
    deliveries: mpsc::Sender<Delivery>,
}

/// The simulator's clock: what it showed at a moment, and how fast it has run since.
#[derive(Debug)]
struct Dial {
    set: Moment,
    showed: Timestamp,
    /// Of its seconds in one of the machine's; none: it stands.
    rate: f64,
}

impl Dial {
    fn at(&self, moment: &Moment) -> Timestamp {
        let passed = moment.since(&self.set).mul_f64(self.rate);
        self.showed.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}

/// The settings that do not change while the simulator runs.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Whether other machines may reach it.
    pub(crate) allow_remote: bool,
    /// Ends in `/v1`.
    pub(crate) base_url: String,
    pub(crate) control_key: SecretText,
    /// The password of every person.
    pub(crate) password: SecretText,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sleep: Arc<dyn Sleep>,
    /// True once the simulator stops.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl Setting {
    /// The scheme, host and port that everything is reached at.
    pub(crate) fn origin(&self) -> &str {
        self.base_url.strip_suffix("/v1").unwrap_or(&self.base_url)
    }
}

/// Everything that changes. Held briefly, never while waiting.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) directory: Directory,
    pub(crate) rooms: Rooms,
    pub(crate) spaces: Spaces,
    pub(crate) meetings: Meetings,
    pub(crate) hooks: Hooks,
    pub(crate) integrations: Integrations,
    pub(crate) issuer: Issuer,
    pub(crate) visits: Visits,
    pub(crate) sessions: Sessions,
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
        deliveries: mpsc::Sender<Delivery>,
    ) -> Self {
        let set = setting.clock.now();
        Self(Arc::new(Inner {
            setting,
            dial: RwLock::new(Dial { showed: set.wall, set, rate: 1.0 }),
            state: Mutex::new(State {
                directory,
                rooms,
                spaces: Spaces::default(),
                meetings: Meetings::default(),
                hooks: Hooks::default(),
                integrations: Integrations::default(),
                issuer,
                visits: Visits::default(),
                sessions: Sessions::default(),
                behaviour,
                faults: Faults::default(),
                record: Record::default(),
                calls: Calls::default(),
            }),
            happenings: Mutex::default(),
            polls: RwLock::new(()),
            deliveries,
        }))
    }

    pub(crate) fn setting(&self) -> &Setting {
        &self.0.setting
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The happenings in messaging. A caller that needs the state as well locks the state first.
    pub(crate) fn happenings(&self) -> MutexGuard<'_, Happenings> {
        self.0.happenings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The simulator's time: the wall clock's at the start, and what has passed since. A remote server does not notice when
    /// someone sets the local wall clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.time().0
    }

    /// The simulator's time, and how fast it runs.
    pub(crate) fn time(&self) -> (Timestamp, f64) {
        let dial = self.0.dial.read().unwrap_or_else(PoisonError::into_inner);
        (dial.at(&self.setting().clock.now()), dial.rate)
    }

    /// Moves the simulator's time forward.
    pub(crate) fn advance(&self, milliseconds: u64) {
        let mut dial = self.0.dial.write().unwrap_or_else(PoisonError::into_inner);
        dial.showed = dial.showed.checked_add(Duration::from_millis(milliseconds)).unwrap_or(Timestamp::MAX);
    }

    /// Sets how fast the simulator's time runs; at zero it stops.
    pub(crate) fn run_at(&self, rate: f64) {
        let moment = self.setting().clock.now();
        let mut dial = self.0.dial.write().unwrap_or_else(PoisonError::into_inner);
        *dial = Dial { showed: dial.at(&moment), set: moment, rate };
    }

    /// The account that this address and password sign in to.
    pub(crate) fn who_signs_in(&self, state: &State, email: &str, password: &SecretText) -> Option<Uuid> {
        let account = state.directory.by_email(email)?;
        (account.signs_in && password.matches(&self.setting().password)).then_some(account.id)
    }

    /// Calls `decide` with the state and the terms of this moment.
    pub(crate) fn decide<T>(&self, decide: impl FnOnce(&mut Issuer, &Directory, Terms<'_>) -> T) -> T {
        let now = self.now();
        let mut state = self.state();
        let State { directory, issuer, behaviour, .. } = &mut *state;
        let terms = Terms { now, behaviour, entropy: &*self.setting().entropy };
        decide(issuer, directory, terms)
    }

    /// Lets a webhook be told; what the queue has no room for is lost.
    pub(crate) fn deliver(&self, delivery: Delivery) {
        // Nobody waits for a receiver that cannot keep up.
        let _ = self.0.deliveries.try_send(delivery);
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
