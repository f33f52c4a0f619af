//! The broker: what every use case works with.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_client::{CallOptions, CountedCalls, SubjectKey, Transport};
use lanyard_credential::{Credential, CredentialId, CredentialName};
use lanyard_operation::{Caller, Context, Operation, OwnerDoor, Problem, Running, perform};
use lanyard_protocol::{Environment, PersonId};
use lanyard_store::{Position, Store};
use lanyard_time::{BoxFuture, Clock, Entropy, Sleep};
use lanyard_work::{Claim, Halt, HasQueue, Memory, Queue};

use crate::Error;
use crate::background::{CountedDeliveries, JournalEnd, Loops, rest};
use crate::channels::Deliveries;
use crate::doubts::Doubts;
use crate::early::EarlyRenewals;
use crate::handouts::HandOuts;
use crate::parts::Parts;
use crate::renewals::{Admitted, CountedRenewals, MustFinish, Renewals};

/// Everything that a use case needs. One for each process; a clone is the same broker.
#[derive(Clone, Debug)]
pub struct Broker {
    pub(crate) store: Store,
    pub(crate) transport: Arc<Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sleep: Arc<dyn Sleep>,
    /// The caller whose operation runs, and whom the audit names.
    pub(crate) caller: Caller,
    /// The environments that clients may name, besides Cisco's and those that the home has.
    pub(crate) environments: Arc<[Environment]>,
    /// The last early renewals that clients requested.
    pub(crate) early: Arc<EarlyRenewals>,
    /// The credentials that the caller was authorised for, by the names it used.
    pub(crate) authorized: Arc<[(CredentialName, CredentialId)]>,
    /// The operations that run in this process.
    pub(crate) running: Running,
    /// The renewals of this process, and everything that it must finish.
    pub(crate) renewals: Arc<Renewals>,
    /// Keeps the process from ending while a clone works on what must be finished.
    pub(crate) finishing: Option<Arc<MustFinish>>,
    /// The findings about tokens that Webex refused.
    pub(crate) doubts: Arc<Doubts>,
    /// The work that has passed the gate, if all renewals of this clone belong to it.
    pub(crate) admitted: Option<Arc<Admitted>>,
    /// The work that outlives a request.
    pub(crate) queue: Queue,
    /// The values that jobs keep.
    pub(crate) jobs_memory: Memory,
    /// The settings and connections of channels.
    pub(crate) channels: Arc<Deliveries>,
    /// The end of the journal, for which background work waits.
    pub(crate) journal: Arc<JournalEnd>,
    /// How the background work fares.
    pub(crate) loops: Arc<Loops>,
    /// The tokens in memory, where this process is a broker that stays.
    pub(crate) memory: Option<HandOuts>,
}

/// Runs a caller's operation under the caller's name, on the authorised credentials. An owner's operation uses the credential that
/// has the name when it runs.
impl Context for Broker {
    fn acting_for(&self, caller: &Caller, authorized: &[(CredentialName, CredentialId)]) -> Self {
        let broker = self.acting(caller.clone());
        if caller.is_owner() { broker } else { broker.authorized_for(authorized.iter().cloned()) }
    }
}

impl HasQueue for Broker {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Broker {
    /// A broker over an open store.
    pub fn new(store: &Store, parts: Parts, actor: impl Into<String>) -> Self {
        let transport = Transport::new(Arc::clone(&parts.clock), Arc::clone(&parts.entropy));
        let transport = Arc::new(transport.with_sleep(Arc::clone(&parts.sleep)));
        let actor = actor.into();
        let renewals = Arc::new(Renewals::new(parts.clock.now()));
        Self {
            store: store.acting_as(actor.as_str()),
            transport,
            clock: parts.clock,
            entropy: parts.entropy,
            sleep: parts.sleep,
            caller: Caller::owner(actor),
            environments: Arc::default(),
            early: Arc::default(),
            authorized: Arc::default(),
            running: Running::default(),
            renewals,
            finishing: None,
            doubts: Arc::default(),
            admitted: None,
            queue: Queue::new(store),
            jobs_memory: Memory::default(),
            channels: Arc::default(),
            journal: Arc::default(),
            loops: Arc::default(),
            memory: None,
        }
    }

    /// The actor, as the audit names it.
    pub fn actor(&self) -> String {
        self.caller.actor().to_string()
    }

    /// A broker like this one that acts for the owner under another name, as the audit names that.
    pub fn acting_as(&self, actor: impl Into<Arc<str>>) -> Self {
        self.acting(Caller::owner(actor))
    }

    fn acting(&self, caller: Caller) -> Self {
        Self { store: self.store.acting_as(caller.actor().to_string()), caller, ..self.clone() }
    }

    /// Performs an operation for the owner, in the owner's own process.
    pub async fn perform<O: Operation<Context = Self>>(&self, operation: O) -> Result<O::Reply, Problem> {
        perform(&self.door(), self, &Caller::owner(self.actor()), operation).await
    }

    /// The door of its owner's own process.
    pub fn door(&self) -> OwnerDoor {
        OwnerDoor::new(Arc::clone(&self.clock), self.running.clone())
    }

    /// The operations that run in this process.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Wakes the work that waits for new entries. The reader of the journal calls it with the position that it has reached.
    pub fn journal_reached(&self, position: Position) {
        self.journal.reach(position.number);
    }

    /// When the watch over events last compared what there is; `None` if another broker keeps it.
    pub fn last_watch(&self) -> Option<Timestamp> {
        self.loops.watch.last()
    }

    /// When this broker last looked for events to deliver, or tried to; `None` if other brokers deliver to all channels.
    pub fn last_delivery(&self) -> Option<Timestamp> {
        self.loops.delivery.last()
    }

    /// The deliveries of this process since it started, and the events that wait for the channels to which it delivers.
    pub fn counted_deliveries(&self) -> Vec<CountedDeliveries> {
        self.loops.deliveries.counted()
    }

    /// Waits until the journal has grown since its end was `seen`, for `wait` at most. Fails if the work has to stop.
    pub(crate) async fn rest(&self, claim: &Claim, seen: u64, wait: Duration) -> Result<(), Halt> {
        rest(&self.journal, &*self.sleep, claim, seen, wait).await
    }

    /// Runs an operation as a part of another one, for the same caller. The future is boxed, because some are large.
    pub(crate) fn run<O: Operation<Context = Self>>(&self, operation: O) -> BoxFuture<'_, Result<O::Reply, O::Error>> {
        tracing::debug!(?operation, "part of an operation");
        Box::pin(operation.run(self))
    }

    /// Lets clients add credentials for these environments.
    #[must_use]
    pub fn allowing(self, environments: impl Into<Arc<[Environment]>>) -> Self {
        Self { environments: environments.into(), ..self }
    }

    /// Binds names to the ids for which a caller was authorised. A use case that meets another credential under such a name, because
    /// it was renamed in the meantime, reports that there is none.
    #[must_use]
    pub fn authorized_for(&self, credentials: impl IntoIterator<Item = (CredentialName, CredentialId)>) -> Self {
        Self { authorized: credentials.into_iter().collect(), ..self.clone() }
    }

    /// Whether a credential found under a name may be used under it: see [`authorized_for`](Self::authorized_for).
    pub(crate) fn is_authorized(&self, name: &CredentialName, found: CredentialId) -> bool {
        self.authorized.iter().all(|(known, id)| known != name || *id == found)
    }

    /// Whether a request for a token is under way whose outcome is not stored: a process that ended now could lose it.
    pub fn must_finish(&self) -> bool {
        self.renewals.any()
    }

    /// Completes when the outcome of every request for a token is stored.
    pub async fn finished(&self) {
        self.renewals.finished().await;
    }

    /// Requests no more tokens, and completes when the outcome of every request that was begun is stored, and the operations whose callers
    /// are gone have ended, or a few seconds later. Called before the process ends, however it ends, or becomes another program.
    pub async fn drain(&self) {
        self.renewals.drain().await;
        tokio::select! {
            () = self.running.ended() => {}
            () = self.sleep.sleep(OPERATIONS) => tracing::warn!("an operation did not end in time"),
        }
    }

    /// Registers something that must be finished once it has begun. `None` if the process is about to end: then nothing may be sent
    /// any more, except as a part of what must be finished anyway.
    pub(crate) fn enter(&self) -> Option<Arc<MustFinish>> {
        self.finishing.clone().or_else(|| self.renewals.enter().map(Arc::new))
    }

    /// Runs `work`, which obtains tokens and stores or revokes them, on the renewal thread. The work continues if the returned
    /// future is dropped, and the process exits only after it.
    pub(crate) async fn finish<T, W>(&self, work: impl FnOnce(Self) -> W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let finishing = self.enter().ok_or(Error::Stopping)?;
        // The clone keeps the process from ending, and so does every part of the work that is given one of its own.
        self.renewals.run(work(Self { finishing: Some(finishing), ..self.clone() })).await
    }

    /// Returns a clone of the broker for work that has passed the gate of renewals; renewals by the clone do not pass it again.
    pub(crate) fn admitted(&self) -> Self {
        Self { admitted: Some(self.admitted.clone().unwrap_or_default()), ..self.clone() }
    }

    /// Notes that a request for tokens is about to be sent.
    pub(crate) fn sends(&self) {
        if let Some(admitted) = &self.admitted {
            admitted.note_sent();
        }
    }

    /// How calls are made as a credential: those of one subject share its limit.
    pub(crate) fn calls_of(credential: &Credential) -> CallOptions {
        CallOptions::default().of(subject_of(credential))
    }

    /// The time, waiting and randomness that it works with.
    pub fn parts(&self) -> Parts {
        Parts { clock: Arc::clone(&self.clock), entropy: Arc::clone(&self.entropy), sleep: Arc::clone(&self.sleep) }
    }

    /// Ends the connections to Webex that are kept open: their buffers hold the tokens that were sent.
    pub fn forget_connections(&self) {
        self.transport.forget();
    }

    /// The calls to Webex that this process has made.
    pub fn calls(&self) -> Vec<CountedCalls> {
        self.transport.calls()
    }

    /// How many subjects Webex has asked to wait, each counted once for each API.
    pub fn limited_subjects(&self) -> usize {
        self.transport.limited()
    }

    /// The renewals of this process, those that were held back included.
    pub fn renewals(&self) -> CountedRenewals {
        self.renewals.counted()
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// How long operations may take once the process is to end.
const OPERATIONS: Duration = Duration::from_secs(3);

/// Whose limit a credential's calls count against.
pub(crate) fn subject_of(credential: &Credential) -> SubjectKey {
    whose_limit(&credential.environment, credential.subject.known().map(|subject| &subject.id), credential.id)
}

/// Whose limit a credential's calls count against, by the credential's parts: the credential's own where it is not known who it acts as.
pub fn whose_limit(environment: &Environment, subject: Option<&PersonId>, id: CredentialId) -> SubjectKey {
    match subject {
        Some(subject) => SubjectKey::person(environment, subject),
        None => SubjectKey::new(id.to_string()),
    }
}
