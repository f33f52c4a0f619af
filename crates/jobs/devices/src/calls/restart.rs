//! Restarts in a window of hours: planned, listed and cancelled.

use jiff::tz::TimeZone;
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_protocol::XapiName;
use lanyard_store::{About, Event, StoreError};
use lanyard_work::{JobContext, Unit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, to_value};

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
        let what = format!("restart of {} of the watch {} planned for {window}", plan.room, plan.watch);
        let progress = to_value(&plan).expect("a plan is written as JSON");
        replace(job, &target, what, |_| Ok(Some(progress.clone()))).await?;
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
        let what = format!("restart of {} of the watch {} cancelled", target.view.room(), target.view.watch);
        let none = || {
            Problem::new(Code::NoSuchName, format!("no restart of {} is planned", target.view.room()))
                .hint("list what is planned: lanyard devices restart --list")
        };
        let is_planned = |plan: &&Restart| !plan.state.is_end();
        replace(job, &target, what, |plan| plan.filter(is_planned).map(|_| None).ok_or_else(&none))
            .await?
            .ok_or_else(&none)
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

/// Replaces or removes the plan of a device, and returns the earlier one. One that is being sent stays; a process that was about to send one
/// that is replaced can no longer write that it does, and so does not.
async fn replace(
    job: &JobContext,
    target: &Target,
    what: String,
    decide: impl Fn(Option<&Restart>) -> Result<Option<Value>, Problem>,
) -> Result<Option<Restart>, Problem> {
    let read = |progress: &Value| serde_json::from_value::<Restart>(progress.clone()).ok();
    let about = About::credential(&target.credential.id, &target.credential.name);
    let event = Event::JobChanged { job: JOB.to_owned(), what };
    let key = key(&target.watch, target.id.as_str());
    let replaced = job.queue.replace(RESTART, &key, (&about, &event), |progress| {
        let plan = progress.and_then(read);
        match &plan {
            Some(plan) if plan.state == RestartState::Sending => Err(Refusal::Problem(
                Problem::new(Code::BadRequest, format!("the restart of {} is being sent just now", plan.room))
                    .hint("see its outcome: lanyard devices restart --list"),
            )),
            plan => decide(plan.as_ref()).map_err(Refusal::Problem),
        }
    });
    match replaced.await {
        Ok(progress) => Ok(progress.as_ref().and_then(read)),
        Err(Refusal::Problem(problem)) => Err(problem),
        Err(Refusal::Store(error)) => Err(stored(&error)),
    }
}

/// Why a plan was not replaced.
enum Refusal {
    Problem(Problem),
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
