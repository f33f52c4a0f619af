//! The store and what it works with.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use lanyard_time::{BootId, Clock, CountedDurations, Durations, Entropy, LOCAL, Moment, SystemClock, SystemEntropy};
use lanyard_vault::{AuditKey, DataKey, MemoryKey};

use crate::engine::{Engine, StoreIdentity};
use crate::first_sights::FirstSights;
use crate::keys::{HomeRow, Keys};
use crate::presence::Presence;
use crate::{Pause, StoreError};

/// The store that the processes of a home share. A clone is a handle to the same store.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    /// On whose behalf the audit says that things are done.
    pub(crate) actor: Arc<str>,
    /// Whether it opens what it reads even if the home is paused.
    pub(crate) inspects: bool,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) directory: PathBuf,
    pub(crate) engine: Engine,
    pub(crate) keys: Keys,
    pub(crate) audit_key: AuditKey,
    pub(crate) clients_key: AuditKey,
    pub(crate) seals_key: AuditKey,
    pub(crate) documents_key: DataKey,
    /// Made when it is first needed: a command that ends at once keeps nothing.
    pub(crate) memory_key: OnceLock<MemoryKey>,
    pub(crate) parts: Parts,
    pub(crate) presence: Presence,
    pub(crate) first_sights: FirstSights,
    pub(crate) reads: Durations,
    pub(crate) writes: Durations,
    /// As the home's row said when it was last read.
    pub(crate) paused: ArcSwapOption<Pause>,
}

/// How long the operations of a store took, those that failed or were given up included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDurations {
    /// Each statement that reads outside a transaction.
    pub reads: CountedDurations,
    /// Each transaction that writes, from the wait for its beginning to its commit.
    pub writes: CountedDurations,
}

/// An operation of the store that is being timed.
pub(crate) struct Timed<'a> {
    durations: &'a Durations,
    clock: &'a dyn Clock,
    begun: Duration,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.durations.add(self.clock.elapsed().saturating_sub(self.begun));
    }
}

impl Inner {
    pub(crate) fn paused(&self) -> Option<Pause> {
        self.paused.load().as_deref().cloned()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load().is_some()
    }

    pub(crate) fn set_paused(&self, paused: Option<Pause>) {
        // Nearly always it is as it was: whoever hands out should not see it written with each transaction.
        if paused.as_ref() != self.paused.load().as_deref() {
            self.paused.store(paused.map(Arc::new));
        }
    }
}

/// Where time, randomness and the own identity come from.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of keys and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// The boot session of the kernel: only under the same one do processes see each other's locks.
    pub kernel: BootId,
    /// The name of the audit chain that this process writes.
    pub host: Box<str>,
}

impl Parts {
    /// This process with the given clock and randomness.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let kernel = clock.now().boot.boot;
        Self { clock, entropy, kernel, host: host().into() }
    }

    /// This process with the machine's own.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy))
    }
}

impl Store {
    pub(crate) fn new(inner: Inner) -> Self {
        let actor = format!("uid {}", rustix::process::getuid().as_raw()).into();
        Self { inner: Arc::new(inner), actor, inspects: false }
    }

    /// Returns a handle to this store that acts for another actor: the audit names `actor` for everything that is done through it.
    pub fn acting_as(&self, actor: impl Into<Arc<str>>) -> Self {
        Self { actor: actor.into(), ..self.clone() }
    }

    /// The home's directory.
    pub fn home(&self) -> &Path {
        &self.inner.directory
    }

    /// Where the store is, for people: a file, or a server's address without a password.
    pub fn database(&self) -> String {
        self.inner.engine.place()
    }

    /// Which store it is. Looks at the directory of a file.
    pub fn identity(&self) -> StoreIdentity {
        self.inner.engine.identity()
    }

    /// How long the operations of this process took so far.
    pub fn durations(&self) -> StoreDurations {
        StoreDurations { reads: self.inner.reads.counted(), writes: self.inner.writes.counted() }
    }

    /// Counts the time until the returned value is dropped. The futures of writes are large, so they are not wrapped in another.
    pub(crate) fn timed<'a>(&'a self, durations: &'a Durations) -> Timed<'a> {
        let clock = &*self.inner.parts.clock;
        Timed { durations, clock, begun: clock.elapsed() }
    }

    /// The histograms of a new store.
    pub(crate) const fn no_durations() -> Durations {
        Durations::new(&LOCAL)
    }

    /// Closes the connections. The store works on afterwards and opens them again; to close is what keeps the files small.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.inner.engine.close().await
    }

    /// The home's own row, as it is now.
    pub(crate) async fn home_row(&self) -> Result<HomeRow, StoreError> {
        HomeRow::of(&self.inner.engine).await?.checked(&self.inner.seals_key)
    }

    /// Where this process has randomness from.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.inner.parts.entropy
    }

    /// The key of what this process keeps in memory to open it often.
    pub(crate) fn memory_key(&self) -> &MemoryKey {
        self.inner.memory_key.get_or_init(|| MemoryKey::generate(self.entropy()))
    }

    /// The present moment on this machine's clocks.
    pub fn now(&self) -> Moment {
        self.inner.parts.clock.now()
    }
}

/// The machine together with its process-id namespace: containers of one machine write chains of their own.
fn host() -> String {
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if cfg!(not(target_os = "linux")) {
        return node;
    }
    // A `/proc` that was mounted for another process-id namespace shows this process under another number, or not at all.
    let own = std::fs::read_link("/proc/self").is_ok_and(|link| link.as_os_str() == &*std::process::id().to_string());
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok().filter(|_| own);
    let namespace = namespace.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{}/{node}/{namespace}", machine.trim())
}
