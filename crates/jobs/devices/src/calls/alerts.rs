//! The alerts: listed, shown, acknowledged and silenced.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::Event;
use lanyard_work::JobContext;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::{self, Acknowledged, Alert, AlertNumber, Filter, Silence};
use crate::calls::alert_view::AlertView;
use crate::calls::device::DeviceView;
use crate::calls::find::{Meant, find};
use crate::calls::watch::JOB;
use crate::calls::watched::{Watched, check_labels, chosen, everything};
use crate::labels::WantedLabel;
use crate::names::WatchName;
use crate::rules::Rule;
use crate::watch::stored;

/// A silence: no new alerts are raised of a device, or of a whole watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceView {
    /// The watch.
    pub watch: String,
    /// The label `customer` of its credential.
    pub customer: Option<String>,
    /// The name of the device; `None` for the whole watch.
    pub device: Option<String>,
    /// Its end.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub until: Timestamp,
    /// The caller who silenced it, as the audit names them.
    pub by: String,
    /// The note of that caller.
    pub note: Option<String>,
}

/// Alerts, and the silences in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertsView {
    /// The alerts: the most urgent first, then the latest.
    pub alerts: Vec<AlertView>,
    /// The silences, by their end.
    pub silences: Vec<SilenceView>,
    /// How many watches there are.
    pub watches: usize,
}

/// An alert with its devices as they are now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDetail {
    /// The alert.
    #[serde(flatten)]
    pub alert: AlertView,
    /// The devices that still belong to it.
    pub members: Vec<DeviceView>,
}

/// Lists alerts.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListAlerts {
    /// Only those of this watch.
    pub watch: Option<WatchName>,
    /// Only those of watches that have all these labels.
    #[serde(default)]
    pub labels: Vec<WantedLabel>,
    /// The latest alerts, ended ones included, up to this many; the open ones if it is omitted.
    pub latest: Option<u32>,
}

/// How many alerts are listed at most.
const MOST: u32 = 10_000;

impl Operation for ListAlerts {
    const DECLARED: Declaration = Declaration::read("devices.alerts.list");

    type Context = JobContext;
    type Reply = AlertsView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<AlertsView, Problem> {
        let (all, _) = everything(job).await.map_err(|error| stored(&error))?;
        if let Some(name) = &self.watch
            && !all.iter().any(|found| found.watch.name == *name)
        {
            return Err(no_watch(name));
        }
        check_labels(&self.labels, &all)?;
        let by_id: HashMap<&str, &Watched> = all.iter().map(|found| (found.id.as_str(), found)).collect();
        let is_wanted = |id: &str| {
            let Some(found) = by_id.get(id) else { return self.watch.is_none() && self.labels.is_empty() };
            self.watch.as_ref().is_none_or(|name| found.watch.name == *name) && found.has(&self.labels)
        };
        // The filters are applied to what was read: alerts are few.
        let filter = if self.latest.is_some() { Filter::Latest(MOST) } else { Filter::Open };
        let mut found = alerts::alerts(&job.store, filter).await.map_err(|error| stored(&error))?;
        found.retain(|alert| is_wanted(&alert.watch));
        match self.latest {
            Some(limit) => found.truncate(usize::try_from(limit.min(MOST)).unwrap_or(usize::MAX)),
            None => found.sort_by_key(|alert| (alert.severity(), alert.rule, std::cmp::Reverse(alert.number))),
        }
        let now = job.store.time().await.map_err(|error| stored(&error))?;
        let silences = alerts::silences(&job.store, now).await.map_err(|error| stored(&error))?;
        let silences = silences.into_iter().filter(|silence| is_wanted(&silence.watch)).filter_map(|silence| {
            let watched = by_id.get(&*silence.watch)?;
            let name = |id: &str| watched.devices.get(id).map_or_else(|| id.to_owned(), |seen| seen.facts.name.clone());
            Some(SilenceView {
                watch: watched.watch.name.to_string(),
                customer: watched.customer.clone(),
                device: (!silence.device.is_empty()).then(|| name(&silence.device)),
                until: silence.until,
                by: silence.by,
                note: silence.note,
            })
        });
        Ok(AlertsView {
            silences: silences.collect(),
            alerts: found.into_iter().map(|alert| view(&alert, by_id.get(&*alert.watch).copied())).collect(),
            watches: all.len(),
        })
    }
}

/// Shows one alert.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowAlert {
    /// Its number.
    pub alert: AlertNumber,
}

impl Operation for ShowAlert {
    const DECLARED: Declaration = Declaration::read("devices.alerts.show");

    type Context = JobContext;
    type Reply = AlertDetail;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<AlertDetail, Problem> {
        let alert = numbered(job, self.alert).await?;
        let (all, _) = everything(job).await.map_err(|error| stored(&error))?;
        let watched = all.iter().find(|found| found.id == alert.watch);
        let mut members: Vec<DeviceView> = watched.map(Watched::views).unwrap_or_default();
        members.retain(|device| device.alert == Some(alert.number) && alert.ended.is_none());
        members.sort_by(|a, b| (&a.facts.name, &a.id).cmp(&(&b.facts.name, &b.id)));
        Ok(AlertDetail { alert: view(&alert, watched), members })
    }
}

/// Records that the caller handles an alert.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeAlert {
    /// Its number.
    pub alert: AlertNumber,
    /// A note.
    pub note: Option<String>,
}

/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;

impl Operation for AcknowledgeAlert {
    const DECLARED: Declaration = Declaration::change("devices.alerts.ack");

    type Context = JobContext;
    type Reply = AlertView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<AlertView, Problem> {
        let note = note(self.note)?;
        numbered(job, self.alert).await?;
        let said = note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        let event = changed(format!("alert {} acknowledged{said}", self.alert));
        let at = job.store.time().await.map_err(|error| stored(&error))?;
        let acked = Acknowledged { at, by: job.caller.actor().to_string(), note };
        let done = alerts::acknowledge(&job.store, self.alert, &acked, &event).await;
        if !done.map_err(|error| stored(&error))? {
            return Err(Problem::new(Code::BadRequest, format!("alert {} has ended", self.alert))
                .hint("list the open alerts: lanyard devices alerts list"));
        }
        let (all, _) = everything(job).await.map_err(|error| stored(&error))?;
        let alert = numbered(job, self.alert).await?;
        Ok(view(&alert, all.iter().find(|found| found.id == alert.watch)))
    }
}

/// What is silenced.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum SilenceTarget {
    /// A device: its name, serial number, hardware address or id.
    Device(String),
    /// The devices of an alert.
    Alert(AlertNumber),
    /// A whole watch.
    Watch(WatchName),
}

/// Withholds new alerts of a device or a watch for a while, or ends that.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceAlerts {
    /// What is silenced.
    pub target: SilenceTarget,
    /// The watch that sees the device, if several do.
    pub watch: Option<WatchName>,
    /// For how long; the silence ends now if it is omitted.
    pub lasts: Option<Duration>,
    /// A note.
    pub note: Option<String>,
}

/// What was silenced, or no longer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilencedView {
    /// The watch, the device or the devices, in words.
    pub what: String,
    /// Its end; `None` if it has ended.
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

/// The longest silence.
const LONGEST_SILENCE: Duration = Duration::from_hours(90 * 24);

impl Operation for SilenceAlerts {
    const DECLARED: Declaration = Declaration::change("devices.alerts.silence");

    type Context = JobContext;
    type Reply = SilencedView;
    type Error = Problem;

    async fn run(self, job: &JobContext) -> Result<SilencedView, Problem> {
        let note = note(self.note)?;
        let all = chosen(job, self.watch.as_ref()).await?;
        let (places, what) = match &self.target {
            SilenceTarget::Watch(name) => {
                let found = all.iter().find(|found| found.watch.name == *name).ok_or_else(|| no_watch(name))?;
                (vec![(found.id.clone(), String::new())], format!("the watch {name}"))
            }
            SilenceTarget::Device(text) => {
                let (watched, id, seen) = find(&all, text, Meant::OrLike)?;
                (vec![(watched.id.clone(), id.to_owned())], format!("{} of {}", seen.facts.name, watched.watch.name))
            }
            SilenceTarget::Alert(number) => of_alert(&all, &numbered(job, *number).await?)?,
        };
        let Some(lasts) = self.lasts else {
            let event = changed(format!("silence of {what} ended"));
            if alerts::lift(&job.store, &places, &event).await.map_err(|error| stored(&error))? == 0 {
                return Err(Problem::new(Code::NoSuchName, format!("{what} is not silenced"))
                    .hint("see the silences: lanyard devices alerts list"));
            }
            return Ok(SilencedView { what, until: None });
        };
        if lasts > LONGEST_SILENCE {
            let days = LONGEST_SILENCE.as_secs() / 86_400;
            return Err(Problem::new(Code::BadRequest, format!("a silence lasts {days} days at most"))
                .hint("pause the watch instead: lanyard devices watch pause NAME"));
        }
        let now = job.store.time().await.map_err(|error| stored(&error))?;
        let until = now + SignedDuration::try_from(lasts).unwrap_or(SignedDuration::ZERO);
        let by = job.caller.actor().to_string();
        let silence = |(watch, device)| Silence { watch, device, until, by: by.clone(), note: note.clone() };
        let silences: Vec<_> = places.into_iter().map(silence).collect();
        let event = changed(format!("{what} silenced until {until:.0}"));
        alerts::silence(&job.store, &silences, &event).await.map_err(|error| stored(&error))?;
        Ok(SilencedView { what, until: Some(until) })
    }
}

/// What an alert is about: its devices, or its watch.
fn of_alert(all: &[Watched], alert: &Alert) -> Result<(Vec<(String, String)>, String), Problem> {
    let watched = all.iter().find(|found| found.id == alert.watch);
    let members: Vec<_> = watched
        .iter()
        .flat_map(|found| &found.devices)
        .filter(|(_, seen)| seen.alert == Some(alert.number.number()))
        .map(|(id, _)| (alert.watch.clone(), id.clone()))
        .collect();
    if alert.rule == Rule::Blind {
        return Ok((vec![(alert.watch.clone(), String::new())], format!("the watch {}", alert.facts.watch)));
    }
    if members.is_empty() {
        let what = format!("alert {} has ended, and no device belongs to it any more", alert.number);
        return Err(Problem::new(Code::BadRequest, what)
            .hint("name the device instead: lanyard devices alerts silence DEVICE --for TIME"));
    }
    let what = match (&*members, &*alert.facts.names) {
        ([_], [name]) => format!("{name} of {}", alert.facts.watch),
        (members, _) => format!("{} devices of {}", members.len(), alert.facts.watch),
    };
    Ok((members, what))
}

async fn numbered(job: &JobContext, number: AlertNumber) -> Result<Alert, Problem> {
    let found = alerts::alert(&job.store, number).await.map_err(|error| stored(&error))?;
    found.ok_or_else(|| {
        Problem::new(Code::NoSuchName, format!("there is no alert {number}"))
            .hint("list the alerts: lanyard devices alerts list --all")
    })
}

fn note(note: Option<String>) -> Result<Option<String>, Problem> {
    let note = note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
        return Err(Problem::new(Code::BadRequest, format!("a note has {LONGEST_NOTE} characters at most")));
    }
    Ok(note)
}

fn no_watch(name: &WatchName) -> Problem {
    Problem::new(Code::NoSuchName, format!("there is no watch named {name}"))
        .hint("list the watches: lanyard devices watch list")
}

fn view(alert: &Alert, watched: Option<&Watched>) -> AlertView {
    AlertView::of(alert, watched.map(|found| (found.watch.name.as_str(), found.customer.as_deref())))
}

fn changed(what: String) -> Event {
    Event::JobChanged { job: JOB.to_owned(), what }
}
