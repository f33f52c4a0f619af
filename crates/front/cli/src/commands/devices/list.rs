//! `lanyard devices list` and `show`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lanyard_devices::{
    AvailabilityView, BlindCause, BlindView, BusinessHours, DeviceDetail, DeviceState, DeviceView, DevicesView, Issue,
    ListDevices, ListWatches, ShowDevice, WantedLabel, WatchName, WatchView,
};

use super::chosen::Chosen;
use super::columns::{self, Column, Shown};
use super::{chart, devices, history, readings, restart, zone};
use crate::access::Access;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::output;
use crate::output::pasted::quoted;
use crate::output::{duration, table};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Also list the devices that are well
    #[arg(long, short)]
    all: bool,
    /// Only the devices of this watch
    #[arg(long)]
    watch: Option<WatchName>,
    #[command(flatten)]
    chosen: Chosen,
    /// Only the devices at this location: its name or a part of it
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// Only devices in this state; may be repeated
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = state())]
    states: Vec<DeviceState>,
    /// Only devices with this tag of Webex; if repeated, with any of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The columns, separated by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', value_parser = columns::parser())]
    columns: Vec<&'static Column>,
    /// Also show the serial number, the addresses, the software and the id
    #[arg(long, short, conflicts_with = "columns")]
    wide: bool,
}

/// The states, as words on the command line.
fn state() -> impl TypedValueParser<Value = DeviceState> {
    // Only these words come through.
    PossibleValuesParser::new(DeviceState::ALL.map(DeviceState::as_str))
        .map(|word| DeviceState::of_word(&word).unwrap_or(DeviceState::Unknown))
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The device: its name, serial number, MAC address in any form, or id
    device: String,
    /// The watch, for a device that several watches see
    #[arg(long)]
    watch: Option<WatchName>,
    /// The business hours
    #[arg(long, value_name = "HOURS", default_value = "Mon-Fri 8-18")]
    hours: BusinessHours,
    /// The time zone of the hours and the chart, for example Europe/Zurich [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
}

impl List {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { all, watch, chosen, location, states, tags, columns, wide } = self;
        let availability = columns.iter().any(|column| column.name == "availability");
        let (broker, labels) = (common.broker().await?, chosen.labels());
        let list = ListDevices { watch: watch.clone(), labels: labels.clone(), location, tags, availability };
        let mut view = broker.perform(list).await?;
        let is_empty = view.devices.is_empty() && view.waiting.is_empty();
        let now = context::parts().clock.now().wall;
        let said = summary(&view, now);
        if !states.is_empty() {
            view.devices.retain(|device| states.contains(&device.state));
        }
        if common.json {
            output::json::print(&view)?;
            return Ok(ExitCode::SUCCESS);
        }
        if view.watches == 0 {
            output::note("there is no watch; add one: lanyard devices watch add CREDENTIAL");
            return Ok(ExitCode::SUCCESS);
        }
        let several = view.watches > 1;
        let is_shown = |device: &&DeviceView| {
            let is_blind = view.blind.iter().any(|blind| blind.watch == device.watch);
            if !states.is_empty() || all { !is_blind || all } else { !is_blind && needs_attention(device) }
        };
        let columns = match (columns.is_empty(), wide, several) {
            (false, ..) => columns,
            (true, true, _) => columns::named(&WIDE),
            (true, false, true) => columns::named(&[&USUAL[..], &["watch"]].concat()),
            (true, false, false) => columns::named(&USUAL),
        };
        let cells = |device: &DeviceView| {
            let availability = view.availability.get(&device.watch).and_then(|of| of.get(&device.id)).copied();
            let shown = Shown { device, availability, now };
            columns.iter().map(|column| column.of(&shown)).collect()
        };
        let mut rows: Vec<(DeviceState, Vec<String>)> =
            view.devices.iter().filter(is_shown).map(|device| (device.state, cells(device))).collect();
        // One cause, one line, whichever states are asked for: these devices could be in any.
        let blind = view.blind.iter().filter(|_| !all);
        rows.extend(
            blind.map(|blind| {
                (DeviceState::Unknown, columns.iter().map(|column| column.of_blind(blind, now)).collect())
            }),
        );
        rows.sort_by_key(|(state, _)| *state);
        if !rows.is_empty() {
            let headings: Vec<String> = columns.iter().map(|column| column.heading()).collect();
            let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
            output::block(&table::render(&headings, rows.into_iter().map(|(_, cells)| cells).collect()))?;
        }
        output::note(&said);
        if view.unlocated > 0 {
            output::note(&format!("{} were left out, because their location is not known", devices(view.unlocated)));
        }
        match view.waiting.len() {
            0 => {}
            1 => output::note("1 new device waits for approval: lanyard devices approve"),
            count => output::note(&format!("{count} new devices wait for approval: lanyard devices approve")),
        }
        let next = match view.blind.first() {
            Some(blind) => next(blind),
            None if is_empty => unseen(&broker, watch, labels).await?,
            None => None,
        };
        if let Some(next) = next {
            output::note(&format!("Next: {next}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The command that helps if nothing is granted to the credential of a watch.
async fn unseen(broker: &Access, name: Option<WatchName>, labels: Vec<WantedLabel>) -> Result<Option<String>, Failure> {
    let watches = broker.perform(ListWatches { labels }).await?;
    let is_asked = |watch: &&WatchView| name.as_ref().is_none_or(|name| name.as_str() == watch.name);
    let unseen = watches.iter().filter(is_asked).find(|watch| watch.listed == 0);
    Ok(unseen.map(|watch| format!("lanyard devices coverage {} --letter > letter.txt", watch.name)))
}

/// The command that helps a watch that does not read.
fn next(blind: &BlindView) -> Option<String> {
    match blind.cause {
        BlindCause::Paused => Some(format!("lanyard devices watch resume {}", blind.watch)),
        BlindCause::Altered => Some(format!("lanyard devices watch remove {}", blind.watch)),
        BlindCause::NotRead => Some("lanyard serve".to_owned()),
        BlindCause::Failed => blind.credential.as_ref().map(|credential| format!("lanyard test {credential}")),
    }
}

/// The columns that are shown if none are named: besides, the watch if there are several.
const USUAL: [&str; 7] = ["state", "for", "customer", "location", "room", "device", "why"];
/// The columns of `--wide`.
const WIDE: [&str; 13] =
    ["state", "for", "customer", "location", "room", "device", "why", "watch", "serial", "mac", "ip", "software", "id"];

fn needs_attention(device: &DeviceView) -> bool {
    !matches!(device.state, DeviceState::Up | DeviceState::Asleep)
}

pub(super) fn ago(since: Timestamp, now: Timestamp) -> String {
    duration::short(Duration::try_from(now.duration_since(since)).unwrap_or_default())
}

/// How many devices are in which state, in one sentence.
fn summary(view: &DevicesView, now: Timestamp) -> String {
    let states = DeviceState::ALL
        .into_iter()
        .map(|state| (state, view.devices.iter().filter(|device| device.state == state).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {state}"))
        .collect::<Vec<_>>()
        .join(", ");
    let states = if states.is_empty() { String::new() } else { format!(": {states}") };
    let watches = format!("{} watch{}", view.watches, if view.watches == 1 { "" } else { "es" });
    let read = view.read_at.map_or_else(|| "never read".to_owned(), |at| format!("read {} ago", ago(at, now)));
    format!("{} in {watches}{states}; {read}", devices(view.devices.len()))
}

impl Show {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { device, watch, hours, time_zone } = self;
        let time_zone = zone::or_utc(time_zone);
        let shown_hours = format!("{hours} {time_zone}");
        let zone = TimeZone::get(&time_zone).unwrap_or(TimeZone::UTC);
        let show_device = ShowDevice { device, watch, hours: Some(hours.to_string()), time_zone: Some(time_zone) };
        let detail = common.broker().await?.perform(show_device).await?;
        if common.json {
            output::json::print(&detail)?;
            return Ok(ExitCode::SUCCESS);
        }
        show(&detail, &zone, &shown_hours)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The location, the floor and the seats.
fn location(device: &DeviceView) -> String {
    let Some(place) = &device.place else { return "?".to_owned() };
    let floor = place.floor.as_ref().map(|floor| match floor.parse::<i32>() {
        Ok(number) => format!("floor {number}"),
        Err(_) => floor.clone(),
    });
    let seats = place.seats.map(|seats| format!("{seats} seat{}", if seats == 1 { "" } else { "s" }));
    let parts = [Some(place.location_shown().to_owned()), floor, seats];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What Webex says is wrong, in its own words.
fn said(issue: &Issue) -> String {
    let since = issue.since.map(|at| format!("since {}", table::moment(at, table::room())));
    let about: Vec<String> = issue.level.clone().into_iter().chain(since).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(" ")) };
    format!("\"{}\"{about}", issue.title)
}

/// How the devices at the same location are, and what that suggests about one that is down.
fn neighbours(device: &DeviceView, (count, up): (usize, usize)) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    let suggests = match (device.state, count, up) {
        (DeviceState::Down, 2.., up) if up + 1 == count => ": this looks like one room",
        (DeviceState::Down, 2.., 0) => ": this looks like the whole location",
        _ => "",
    };
    format!("{up} of {} at {} {verb} up{suggests}", devices(count), device.location())
}

/// The version of the software, and the channel that it is from.
fn software(device: &DeviceView) -> String {
    let parts = [device.facts.software.clone(), device.facts.channel.as_ref().map(|name| format!("channel {name}"))];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
}

/// How much of each time a device was available.
fn available(view: &AvailabilityView) -> String {
    let percent = |part: Option<f64>| part.map_or_else(|| "?".to_owned(), |part| format!("{:.1} %", part * 100.0));
    format!(
        "last day {}, 7 days {}, 30 days {}, 12 months {}",
        percent(view.day),
        percent(view.week),
        percent(view.month),
        percent(view.year)
    )
}

/// How many changes of state are shown.
const SHOWN: usize = 10;

fn show(detail: &DeviceDetail, zone: &TimeZone, hours: &str) -> Result<(), Failure> {
    let DeviceDetail {
        device,
        availability,
        in_hours,
        in_alert,
        silenced_until,
        periods,
        others,
        at_location,
        restart,
        reported,
        place_read_at,
    } = detail;
    let now = context::parts().clock.now().wall;
    let facts = &device.facts;
    let state = format!("{} for {}", device.state, ago(device.since, now));
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![
        ("device", format!("{}, {}", facts.name, facts.product)),
        ("state", state),
        ("customer", or_dash(&device.customer)),
        ("watch", format!("{}, {}", device.watch, if facts.full { "Full" } else { "Read Only" })),
        ("room", if device.place.is_some() { device.room().to_owned() } else { "?".to_owned() }),
        ("location", location(device)),
    ];
    if let Some(why) = &device.why {
        rows.push(("reason", why.clone()));
    }
    if facts.errors.len() > 1 {
        rows.push(("errors", facts.errors.join(", ")));
    }
    if let Some(at) = facts.heard_at {
        rows.push(("last heard", format!("{at:.0}, says Webex")));
    }
    rows.extend(readings::of_device(device, now));
    rows.extend(reported.iter().map(|summary| (history::title(summary.quantity), history::summary(device, summary))));
    if let Some(place) = &device.place {
        let read = place_read_at.map_or_else(String::new, |at| format!("   (read {} ago)", ago(at, now)));
        for issue in &place.issues {
            rows.push(("Webex says", format!("{}{read}", said(issue))));
            rows.extend(issue.advice.as_ref().map(|advice| ("", format!("\"{advice}\""))));
        }
    }
    if let Some(alert) = in_alert {
        let acknowledged = alert.acknowledged_by.as_ref();
        let by = acknowledged.map_or_else(|| "not acknowledged".to_owned(), |by| format!("acknowledged by {by}"));
        let raised = table::moment(alert.raised_at, table::room());
        rows.push(("alert", format!("{} {}, raised {raised}, {by}", alert.alert, alert.severity.as_str())));
    }
    if let Some(until) = silenced_until {
        rows.push(("silenced", format!("until {}", table::moment(*until, table::room()))));
    }
    rows.extend(restart.as_ref().map(|plan| ("restart", restart::shown(plan))));
    let (count, well) = others;
    if let Some((count, up)) = at_location {
        rows.push(("neighbours", neighbours(device, (*count, *up))));
    }
    rows.extend([
        ("others", format!("{well} of {count} other devices of the watch are up")),
        ("availability", available(availability)),
        ("in hours", format!("{} ({hours})", available(in_hours))),
        ("serial", or_dash(&facts.serial)),
        ("MAC", or_dash(&facts.mac)),
        ("address", or_dash(&facts.ip)),
        ("software", software(device)),
        ("tags", if facts.tags.is_empty() { "-".to_owned() } else { facts.tags.join(", ") }),
    ]);
    output::block(&table::facts(&rows))?;
    output::line("")?;
    for line in chart::lines(periods, zone, now) {
        output::line(&line)?;
    }
    let room = table::room();
    let changes: Vec<_> = periods
        .iter()
        .take(SHOWN)
        .map(|period| {
            let lasted = ago(period.began, period.ended.unwrap_or(now));
            let cause = period.cause.clone().unwrap_or_else(|| "-".to_owned());
            vec![table::moment(period.began, room), period.state.to_string(), lasted, cause]
        })
        .collect();
    if !changes.is_empty() {
        output::line("")?;
        output::block(&table::render(&["SINCE", "STATE", "FOR", "CAUSE"], changes))?;
        if let Some(more) = periods.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let which = facts.serial.as_ref().unwrap_or(&device.id);
            output::note(&format!("{more} more: lanyard devices history {}", quoted(which)));
        }
    }
    if let Some(alert) = in_alert.as_ref().filter(|alert| alert.acknowledged_at.is_none()) {
        output::note(&format!("Next: lanyard devices alerts ack {}", alert.alert));
    }
    Ok(())
}
