//! Restarts in a window of hours: planned, listed and cancelled.

use jiff::tz::TimeZone;
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::XapiName;
use lanyard_store::{About, Event, StoreError};
use lanyard_work::{JobContext, Unit};
use serde::{Deserialize, Serialize};
use serde_json::to_value;

use crate::calls::watch::JOB;
use crate::calls::xapi::Target;
use crate::names::WatchName;
use crate::restarts::{RESTART, Restart, RestartState, Window, key};
use crate::scope_hint::COMMANDS;
use crate::watch::stored;

/// Plans the restart of a device in a window of hours. A plan of the same device is replaced.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRestart {
    /// Its name, serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
    /// The hours, as in `02:00-04:00`.
    pub window: String,
    /// Their time zone, as in `Europe/Zurich`.
    pub time_zone: String,
}

impl Operation for PlanRestart {
    const DECLARED: Declaration = Declaration::change("devices.restart.plan").slow();

    type Context = JobContext;
    type Reply = Restart;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Restart, Problem> {
        let Self { device, watch, window, time_zone } = self;
        let bad = |what: String| Problem::new(Code::BadRequest, what);
        let hours: Window = window.parse().map_err(|error| bad(format!("{window:?}: {error}")))?;
        let zone = TimeZone::get(&time_zone).map_err(|_| {
            bad(format!("there is no time zone {time_zone:?}"))
                .hint("use a name of the IANA database, for example Europe/Zurich")
        })?;
        let target = Target::find(job, &device, watch.as_ref()).await?;
        target.needs(COMMANDS)?;
        // What it may do at that time is read again then; one that may not even now is refused at once.
        let command: XapiName = "SystemUnit.Boot".parse().expect("words with dots between them are a name");
        let may = target.permitted(job).await?;
        target.full(may, &command)?;
        let (from, until) = hours.next(job.store.time().await.map_err(|error| stored(&error))?, &zone);
        let plan = Restart {
            watch: target.view.watch.clone(),
            device: target.id.as_str().to_owned(),
            room: target.view.room().to_owned(),
            serial: target.view.facts.serial.clone(),
            window: hours.to_string(),
            time_zone,
            from,
            until,
            by: job.caller.actor().to_string(),
            state: RestartState::Planned,
            at: None,
            reason: None,
        };
        let key = key(&target.watch, target.id.as_str());
        withdraw(job, &key).await?;
        let what = format!("restart of {} of the watch {} planned for {window}", plan.room, plan.watch);
        record(job, &About::credential(&target.credential.id, &target.credential.name), what).await?;
        let progress = to_value(&plan).expect("a plan is written as JSON");
        job.queue.ensure(RESTART, &key, &progress).await.map_err(|error| stored(&error))?;
        Ok(plan)
    }
}

/// Lists the restarts that are planned, and the outcome of those of the last week.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRestarts {
    /// Only those of this watch.
    pub watch: Option<WatchName>,
}

impl Operation for ListRestarts {
    const DECLARED: Declaration = Declaration::read("devices.restart.list");

    type Context = JobContext;
    type Reply = Vec<Restart>;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Vec<Restart>, Problem> {
        let units = job.queue.all_recurring(RESTART).await.map_err(|error| stored(&error))?;
        let mut all: Vec<Restart> = units.iter().filter_map(plan_of).collect();
        all.retain(|plan| self.watch.as_ref().is_none_or(|name| plan.watch == name.as_str()));
        all.sort_by(|a, b| (a.from, &a.room, &a.device).cmp(&(b.from, &b.room, &b.device)));
        Ok(all)
    }
}

/// Cancels a restart that was not sent yet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelRestart {
    /// The name of the device, its serial number, hardware address or id.
    pub device: String,
    /// The watch that sees it, for a device that several see.
    pub watch: Option<WatchName>,
}

impl Operation for CancelRestart {
    const DECLARED: Declaration = Declaration::change("devices.restart.cancel");

    type Context = JobContext;
    type Reply = Restart;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<Restart, Problem> {
        let target = Target::find(job, &self.device, self.watch.as_ref()).await?;
        let key = key(&target.watch, target.id.as_str());
        let plan = withdraw(job, &key).await?.filter(|plan| !plan.state.is_end());
        let Some(plan) = plan else {
            return Err(Problem::new(Code::NoSuchName, format!("no restart of {} is planned", target.view.room()))
                .hint("list what is planned: lanyard devices restart --list"));
        };
        let what = format!("restart of {} of the watch {} cancelled", plan.room, plan.watch);
        record(job, &About::credential(&target.credential.id, &target.credential.name), what).await?;
        Ok(plan)
    }
}

/// The restart of a device that is planned, or was carried out in the last week.
pub(crate) async fn planned(job: &JobContext, watch: &str, device: &str) -> Result<Option<Restart>, StoreError> {
    match job.queue.recurring(RESTART, &key(watch, device)).await {
        Ok(unit) => Ok(unit.as_ref().and_then(plan_of)),
        Err(error) if error.is_of_one_row() => Ok(None),
        Err(error) => Err(error),
    }
}

fn plan_of(unit: &Unit) -> Option<Restart> {
    serde_json::from_value(unit.document.progress.clone()).ok()
}

/// Removes the plan of a device, unless it is being sent. A process that was about to send it finds that it is gone, and does not.
async fn withdraw(job: &JobContext, key: &str) -> Result<Option<Restart>, Problem> {
    let found = match job.queue.recurring(RESTART, key).await {
        Ok(found) => found.as_ref().and_then(plan_of),
        Err(error) if error.is_of_one_row() => None,
        Err(error) => return Err(stored(&error)),
    };
    if let Some(plan) = found.as_ref().filter(|plan| plan.state == RestartState::Sending) {
        return Err(Problem::new(Code::BadRequest, format!("the restart of {} is being sent just now", plan.room))
            .hint("see its outcome: lanyard devices restart --list"));
    }
    job.queue.remove(RESTART, key).await.map_err(|error| stored(&error))?;
    Ok(found)
}

async fn record(job: &JobContext, about: &About, what: String) -> Result<(), Problem> {
    let event = Event::JobChanged { job: JOB.to_owned(), what };
    let written = job.store.write_rows(|mut tx| {
        let (event, about) = (event.clone(), about.clone());
        async move {
            tx.record(about, event);
            tx.commit::<_, StoreError>(()).await
        }
    });
    written.await.map_err(|error| stored(&error))
}
