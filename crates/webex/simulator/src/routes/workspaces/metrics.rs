//! `/v1/workspaceMetrics` and `/v1/workspaceDurationMetrics`.

use std::time::Duration;

use axum::Json;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::seen;
use crate::form::Form;
use crate::routes::extract::{Caller, Permitted, scopes};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;
use crate::world::{Kind, SAMPLE, Sense, Workspace, date, device_id, people, reading};

scopes! {
    Read = "spark-admin:workspaces_read";
}

/// How the readings of a time are put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aggregation {
    None,
    Hourly,
    Daily,
}

impl Aggregation {
    fn of(query: &Form, usual: &str) -> Result<Self, Refusal> {
        match query.get("aggregation").unwrap_or(usual) {
            "none" => Ok(Self::None),
            "hourly" => Ok(Self::Hourly),
            "daily" => Ok(Self::Daily),
            other => Err(Refusal::BadRequest(format!("{other} is no aggregation."))),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
        }
    }

    /// The longest time that may be asked for (the reference's).
    fn longest(self) -> Duration {
        if self == Self::Daily { Duration::from_hours(30 * 24) } else { Duration::from_hours(48) }
    }

    fn bucket(self) -> Duration {
        if self == Self::Daily { Duration::from_hours(24) } else { Duration::from_hours(1) }
    }
}

/// From when to when; the last day where nothing is said.
struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl Span {
    fn of(query: &Form, aggregation: Aggregation, now: Timestamp) -> Result<Self, Refusal> {
        let moment = |name: &str, usual: Timestamp| match query.get(name) {
            None => Ok(usual),
            Some(text) => text.parse().map_err(|_| Refusal::BadRequest(format!("{name} is no ISO 8601 timestamp."))),
        };
        let to = moment("to", now)?;
        let from = moment("from", to.checked_sub(Duration::from_hours(24)).unwrap_or(Timestamp::MIN))?;
        if from > to {
            return Err(Refusal::BadRequest("from is after to.".to_owned()));
        }
        if to.duration_since(from).unsigned_abs() > aggregation.longest() {
            return Err(Refusal::BadRequest("The time span is too long for this aggregation.".to_owned()));
        }
        Ok(Self { from, to })
    }

    /// The moments of readings in it, none of them in the future.
    fn samples(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let every = SAMPLE.as_secs().cast_signed();
        let first = self.from.as_second().div_euclid(every) + i64::from(self.from.as_second().rem_euclid(every) > 0);
        let last = self.to.min(now).as_second().div_euclid(every);
        (first..=last).filter_map(move |number| Timestamp::from_second(number * every).ok())
    }
}

/// A reading and its moment.
type Reading = (Timestamp, f64);

/// `GET /workspaceMetrics`.
pub(in crate::routes) async fn measured(webex: Webex, caller: Permitted<Read>, query: Form) -> Reply {
    let (name, sense) = sense(&query)?;
    let aggregation = Aggregation::of(&query, "none")?;
    let now = webex.now();
    let span = Span::of(&query, aggregation, now)?;
    let fahrenheit = sense == Sense::Temperature && query.get("unit") == Some("fahrenheit");
    let state = webex.state();
    let workspace = workspace(&state, &caller, &query)?;
    let sensor = state.rooms.devices_in(workspace.id).find(|device| device.kind == Kind::RoomDesk);
    let value = |at| {
        let value = reading(sense, workspace.id, workspace.capacity.unwrap_or(4), at);
        if fahrenheit { ((value * 1.8 + 32.0) * 10.0).round() / 10.0 } else { value }
    };
    // A room without a device has nothing that measures.
    let readings: Vec<Reading> = sensor.into_iter().flat_map(|_| span.samples(now)).map(|at| (at, value(at))).collect();
    let mut items: Vec<Value> = match (aggregation, sensor) {
        (Aggregation::None, Some(sensor)) => readings
            .iter()
            .map(|(at, value)| json!({ "deviceId": device_id(sensor.id), "timestamp": date(*at), "value": value }))
            .collect(),
        _ => buckets(&readings, aggregation.bucket())
            .filter_map(|(start, bucket)| summary(start, aggregation, bucket))
            .collect(),
    };
    if query.get("sortBy") != Some("oldestFirst") {
        items.reverse();
    }
    let mut body = json!({
        "workspaceId": query.get("workspaceId"),
        "metricName": name,
        "aggregation": aggregation.as_str(),
        "from": date(span.from),
        "to": date(span.to),
        "sortBy": if query.get("sortBy") == Some("oldestFirst") { "oldestFirst" } else { "newestFirst" },
        "items": items,
    });
    if sense == Sense::Temperature {
        body["unit"] = json!(if fahrenheit { "fahrenheit" } else { "celsius" });
    }
    Ok(Json(body))
}

/// Mean, least and most of what is above zero: nobody there is no reading.
fn summary(start: Timestamp, aggregation: Aggregation, readings: &[Reading]) -> Option<Value> {
    let values = || readings.iter().map(|(_, value)| *value).filter(|value| *value > 0.0);
    let count = u32::try_from(values().count()).ok().filter(|count| *count > 0)?;
    let round = |value: f64| (value * 100.0).round() / 100.0;
    Some(json!({
        "start": date(start),
        "end": date(start.checked_add(aggregation.bucket()).ok()?),
        "mean": round(values().sum::<f64>() / f64::from(count)),
        "min": values().fold(f64::INFINITY, f64::min),
        "max": values().fold(0.0, f64::max),
    }))
}

/// Readings by the hour or the day that they belong to.
fn buckets(readings: &[Reading], bucket: Duration) -> impl Iterator<Item = (Timestamp, &[Reading])> {
    let length = bucket.as_secs().cast_signed();
    let number = move |at: &Timestamp| at.as_second().div_euclid(length);
    readings.chunk_by(move |(a, _), (b, _)| number(a) == number(b)).filter_map(move |chunk| {
        let (at, _) = chunk.first()?;
        Some((Timestamp::from_second(number(at) * length).ok()?, chunk))
    })
}

/// `GET /workspaceDurationMetrics`: how long a room was in use or booked; here nobody books.
pub(in crate::routes) async fn durations(webex: Webex, caller: Permitted<Read>, query: Form) -> Reply {
    let aggregation = Aggregation::of(&query, "hourly")?;
    if aggregation == Aggregation::None {
        return Err(Refusal::BadRequest("aggregation is hourly or daily.".to_owned()));
    }
    let measurement = query.get("measurement").unwrap_or("timeUsed");
    let used = match measurement {
        "timeUsed" => true,
        "timeBooked" => false,
        other => return Err(Refusal::BadRequest(format!("{other} is no measurement."))),
    };
    let now = webex.now();
    let span = Span::of(&query, aggregation, now)?;
    let state = webex.state();
    let workspace = workspace(&state, &caller, &query)?;
    let present = |at| if used { people(workspace.id, workspace.capacity.unwrap_or(4), at).min(1) } else { 0 };
    let readings: Vec<Reading> = span.samples(now).map(|at| (at, if present(at) > 0 { 1.0 } else { 0.0 })).collect();
    let items = buckets(&readings, aggregation.bucket()).map(|(start, bucket)| {
        let minutes = bucket.iter().filter(|(_, value)| *value > 0.0).count() as u64 * SAMPLE.as_secs() / 60;
        json!({
            "start": date(start),
            "end": date(start.checked_add(aggregation.bucket()).unwrap_or(start)),
            "duration": minutes,
        })
    });
    Ok(Json(json!({
        "workspaceId": query.get("workspaceId"),
        "aggregation": aggregation.as_str(),
        "measurement": measurement,
        "from": date(span.from),
        "to": date(span.to),
        "unit": "minutes",
        "items": items.collect::<Vec<_>>(),
    })))
}

fn sense(query: &Form) -> Result<(&str, Sense), Refusal> {
    let name = query.get("metricName").ok_or_else(|| Refusal::BadRequest("metricName is required.".to_owned()))?;
    let sense = match name {
        "soundLevel" => Sense::SoundLevel,
        "ambientNoise" => Sense::AmbientNoise,
        "temperature" => Sense::Temperature,
        "humidity" => Sense::Humidity,
        "tvoc" => Sense::Tvoc,
        "peopleCount" => Sense::PeopleCount,
        other => return Err(Refusal::BadRequest(format!("{other} is no metricName."))),
    };
    Ok((name, sense))
}

fn workspace<'s>(state: &'s crate::webex::State, caller: &Caller, query: &Form) -> Result<&'s Workspace, Refusal> {
    let id = query.get("workspaceId").ok_or_else(|| Refusal::BadRequest("workspaceId is required.".to_owned()))?;
    seen(state, caller, id)
}
