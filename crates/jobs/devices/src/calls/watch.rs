//! The watches: added, listed, paused, resumed and removed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_credential::{Credential, CredentialName};
use lanyard_operation::{About, Code, Declaration, Operation, Problem};
use lanyard_protocol::OrgId;
use lanyard_store::{About as Subject, Event, StoreError};
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decide::Swept;
use crate::seen::{self, Reading};
use crate::sweep::sweep;
use crate::unit::SWEEP;
use crate::watch::{
    INTERVAL, LONGEST_INTERVAL, SHORTEST_INTERVAL, StoredWatch, Watch, WatchedKinds, insert, named, remove, stored,
    update, watches,
};
use crate::watch_name::WatchName;

/// A watch, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchView {
    /// Its name.
    pub name: String,
    /// The credential that reads the devices; `None` if that was removed.
    pub credential: Option<String>,
    /// The label `customer` of the credential.
    pub customer: Option<String>,
    /// The organisation that is read, if it is not the credential's own.
    pub org: Option<String>,
    /// How often the devices are read.
    pub interval_seconds: u64,
    /// The devices that are watched besides those of workspaces.
    pub kinds: WatchedKinds,
    /// Since when it is paused.
    #[schemars(with = "Option<String>")]
    pub paused_at: Option<Timestamp>,
    /// When the devices were read last.
    #[schemars(with = "Option<String>")]
    pub read_at: Option<Timestamp>,
    /// Since when they cannot be read.
    #[schemars(with = "Option<String>")]
    pub blind_since: Option<Timestamp>,
    /// Why they cannot be read, or why the watch itself cannot.
    pub reason: Option<String>,
    /// How many devices Webex listed at the last reading.
    pub listed: u64,
    /// How many of those are not watched: phones, accessories, personal devices.
    pub left_out: u64,
}

/// A watch that was added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddedView {
    /// The watch.
    pub watch: WatchView,
    /// Its first reading.
    pub first: Swept,
    /// The account that reads: a bot's address is what an administrator grants workspaces to.
    pub account: Option<String>,
    /// The name of its organisation.
    pub organisation: Option<String>,
    /// The kind of the credential.
    pub kind: String,
    /// The labels of the credential, by which channels choose events.
    pub labels: BTreeMap<String, String>,
}

/// Adds a watch, after reading its devices once.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddWatch {
    /// The credential that reads the devices.
    pub credential: CredentialName,
    /// The name of the watch; the credential's if there is none.
    pub name: Option<WatchName>,
    /// The organisation to read, if it is not the credential's own.
    pub org: Option<OrgId>,
    /// How often the devices are read, in seconds.
    pub interval_seconds: Option<u64>,
    /// The devices that are watched besides those of workspaces.
    pub kinds: WatchedKinds,
}

impl Operation for AddWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.add").slow();

    type Context = JobContext;
    type Reply = AddedView;
    type Error = Problem;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.credential])
    }

    async fn run(self, job: &JobContext) -> Result<AddedView, Problem> {
        let found = job.store.credential(&self.credential).await.map_err(|error| stored(&error))?;
        let credential = found.ok_or_else(|| no_credential(&self.credential))?;
        let interval = self.interval_seconds.unwrap_or(INTERVAL.as_secs());
        if !(SHORTEST_INTERVAL.as_secs()..=LONGEST_INTERVAL.as_secs()).contains(&interval) {
            let what = format!(
                "the interval of a watch is {} s to {} h",
                SHORTEST_INTERVAL.as_secs(),
                LONGEST_INTERVAL.as_secs() / 3600
            );
            return Err(Problem::new(Code::BadRequest, what));
        }
        let name = self.name.unwrap_or_else(|| credential.name.clone().into());
        let mut id = [0; 16];
        job.entropy.fill(&mut id);
        let new = StoredWatch {
            id: format!("{:032x}", u128::from_be_bytes(id)),
            version: 0,
            watch: Watch {
                name: name.clone(),
                credential: credential.id,
                org: self.org,
                interval_seconds: interval,
                kinds: self.kinds,
                paused_at: None,
                added_at: job.clock.now().wall,
            },
        };
        // A token that Webex refuses, or an organisation that it may not read, is reported at once, and nothing is added.
        crate::sweep::list(job, &new.watch, Some(&credential)).await?;
        let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {name} added") };
        if !insert(&job.store, &new, &credential, &event).await.map_err(|error| stored(&error))? {
            return Err(Problem::new(Code::NameTaken, format!("there is a watch named {name} already"))
                .hint("choose another name with --name, or see the watches: lanyard devices watch list"));
        }
        // Before the first reading, so that a watch is read whatever comes of that.
        job.queue.ensure(SWEEP, &new.id, &Value::Null).await.map_err(|error| stored(&error))?;
        let first = sweep(job, &new).await.map_err(|error| stored(&error))?;
        let reading = seen::reading_of(&job.store, &new.id).await.map_err(|error| stored(&error))?;
        let own = credential.organisation.as_ref().filter(|_| new.watch.org.is_none());
        Ok(AddedView {
            watch: view(&new.watch, Some(&credential), &reading),
            first,
            account: credential.subject.known().and_then(|subject| subject.email.clone()),
            organisation: own.and_then(|found| found.name.clone()),
            kind: credential.kind.as_str().to_owned(),
            labels: credential.labels.clone(),
        })
    }
}

/// Lists the watches, by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListWatches {}

impl Operation for ListWatches {
    const DECLARED: Declaration = Declaration::read("devices.watch.list");

    type Context = JobContext;
    type Reply = Vec<WatchView>;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Vec<WatchView>, Problem> {
        list(job).await.map_err(|error| stored(&error))
    }
}

async fn list(job: &JobContext) -> Result<Vec<WatchView>, StoreError> {
    let credentials = job.store.credentials().await?;
    let readings = seen::readings(&job.store).await?;
    let mut views = Vec::new();
    for found in watches(&job.store).await? {
        views.push(match found {
            Ok(stored) => {
                let credential = credentials.iter().find(|credential| credential.id == stored.watch.credential);
                let reading = readings.get(&stored.id).cloned().unwrap_or_default();
                view(&stored.watch, credential, &reading)
            }
            Err(error) if error.is_of_one_row() => unreadable(&error),
            Err(error) => return Err(error),
        });
    }
    Ok(views)
}

/// Pauses a watch, or resumes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseWatch {
    /// The watch.
    pub name: WatchName,
    /// Whether it is to be paused.
    pub pause: bool,
}

impl Operation for PauseWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.pause");

    type Context = JobContext;
    type Reply = WatchView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<WatchView, Problem> {
        loop {
            let mut found = named(&job.store, &self.name).await?;
            if found.watch.paused_at.is_some() != self.pause {
                found.watch.paused_at = self.pause.then(|| job.clock.now().wall);
                found.version += 1;
                let verb = if self.pause { "paused" } else { "resumed" };
                let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {} {verb}", self.name) };
                if !update(&job.store, &found, &event).await.map_err(|error| stored(&error))? {
                    continue;
                }
            }
            // Also where nothing has changed: an earlier call may have ended before this.
            job.queue.ensure(SWEEP, &found.id, &Value::Null).await.map_err(|error| stored(&error))?;
            job.queue.wake(SWEEP, &found.id).await.map_err(|error| stored(&error))?;
            let credential =
                job.store.credential_by_id(found.watch.credential).await.map_err(|error| stored(&error))?;
            let reading = seen::reading_of(&job.store, &found.id).await.map_err(|error| stored(&error))?;
            return Ok(view(&found.watch, credential.as_ref(), &reading));
        }
    }
}

/// Removes a watch, and everything that was read for it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveWatch {
    /// The watch.
    pub name: WatchName,
}

impl Operation for RemoveWatch {
    const DECLARED: Declaration = Declaration::change("devices.watch.remove");

    type Context = JobContext;
    type Reply = ();
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<(), Problem> {
        let event = Event::JobChanged { job: JOB.to_owned(), what: format!("watch {} removed", self.name) };
        // Even if its row was altered: so that somebody can add it again. Then its alerts end without a credential's name.
        let credential = match named(&job.store, &self.name).await {
            Ok(found) => job.store.credential_by_id(found.watch.credential).await.ok().flatten(),
            Err(_) => None,
        };
        let about =
            credential.map_or(Subject::Home, |credential| Subject::credential(&credential.id, &credential.name));
        let at = job.store.time().await.map_err(|error| stored(&error))?;
        let removed = remove(&job.store, &self.name, (&event, &about), at).await.map_err(|error| stored(&error))?;
        let Some(id) = removed else { return named(&job.store, &self.name).await.map(drop) };
        job.queue.remove(SWEEP, &id).await.map_err(|error| stored(&error))
    }
}

fn no_credential(name: &CredentialName) -> Problem {
    Problem::new(Code::NoSuchName, format!("there is no credential named {name}"))
        .hint("list the credentials: lanyard list")
}

fn view(watch: &Watch, credential: Option<&Credential>, reading: &Reading) -> WatchView {
    let blind = reading.blind.as_ref();
    WatchView {
        name: watch.name.to_string(),
        credential: credential.map(|credential| credential.name.to_string()),
        customer: credential.and_then(|credential| credential.labels.get(CUSTOMER).cloned()),
        org: watch.org.as_ref().map(|org| org.as_str().to_owned()),
        interval_seconds: watch.interval_seconds,
        kinds: watch.kinds,
        paused_at: watch.paused_at,
        read_at: reading.read_at,
        blind_since: blind.map(|(since, _)| *since),
        reason: blind.map(|(_, reason)| reason.clone()),
        listed: reading.listed,
        left_out: reading.left_out,
    }
}

/// A watch whose row was altered without Lanyard.
fn unreadable(error: &StoreError) -> WatchView {
    let name = match error {
        StoreError::Altered { row, .. } => row.clone(),
        _ => String::new(),
    };
    WatchView {
        name,
        credential: None,
        customer: None,
        org: None,
        interval_seconds: 0,
        kinds: WatchedKinds::default(),
        paused_at: None,
        read_at: None,
        blind_since: None,
        reason: Some(error.to_string()),
        listed: 0,
        left_out: 0,
    }
}

/// The label that names the customer of a credential.
pub(crate) const CUSTOMER: &str = "customer";
/// The job, as the audit names it.
pub(crate) const JOB: &str = "devices";
