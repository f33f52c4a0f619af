//! `lanyard devices restart`: now, or in a window of hours.

use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;
use lanyard_devices::{CancelRestart, ListRestarts, PlanRestart, Restart as Planned, WatchName, Window, XapiRun};
use serde_json::{Map, Value};

use super::xapi::send;
use super::zone;
use crate::context::Common;
use crate::exit::Failure;
use crate::output;
use crate::output::table;
use crate::prompt::Sure;

#[derive(Debug, Args)]
pub(crate) struct Restart {
    /// The device: its whole name, serial number, MAC address in any form, or id
    #[arg(required_unless_present = "list")]
    device: Option<String>,
    /// The watch, for a device that several watches see
    #[arg(long)]
    watch: Option<WatchName>,
    /// Restart the device in these hours (02:00-04:00), once and not during a call, while a broker runs
    #[arg(long, value_name = "FROM-TO", conflicts_with_all = ["dry_run", "cancel", "list"])]
    window: Option<Window>,
    /// The time zone of the hours, for example Europe/Zurich [default: this machine's]
    #[arg(long, value_name = "ZONE", requires = "window")]
    time_zone: Option<String>,
    /// List the planned restarts, and the outcome of those of the last week
    #[arg(long, conflicts_with_all = ["device", "dry_run", "cancel"])]
    list: bool,
    /// Cancel the planned restart of the device
    #[arg(long, conflicts_with = "dry_run")]
    cancel: bool,
    /// Send nothing, and show what would be sent
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    sure: Sure,
}

impl Restart {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { device, watch, window, time_zone, list: _, cancel, dry_run, sure } = self;
        let Some(device) = device else { return list(common, watch).await };
        if cancel {
            let plan = common.broker().await?.perform(CancelRestart { device, watch }).await?;
            if common.json {
                output::json::print(&plan)?;
            } else {
                output::note(&format!("cancelled the restart of {} {}", plan.room, when(&plan)));
            }
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(window) = window {
            let time_zone = zone::named(time_zone)?;
            let plan = PlanRestart { device, watch, window: window.to_string(), time_zone };
            let plan = common.broker().await?.perform(plan).await?;
            if common.json {
                output::json::print(&plan)?;
            } else {
                output::line(&format!("{} will be restarted {}.", plan.room, when(&plan)))?;
                output::note(
                    "A broker sends the command once (lanyard serve), and waits while the device is in a call.",
                );
                output::note("Next: lanyard devices restart --list");
            }
            return Ok(ExitCode::SUCCESS);
        }
        if !dry_run {
            sure.confirm(&format!("Restart {device}? It ends its calls"))?;
        }
        let command = "SystemUnit.Boot".parse().expect("words with dots between them are a name");
        let arguments = Map::from_iter([("Action".to_owned(), Value::from("Restart"))]);
        send(common, XapiRun { device, watch, command, arguments, dry_run }).await
    }
}

/// The window of a restart: its day and hours where the device stands.
fn when(plan: &Planned) -> String {
    let zone = TimeZone::get(&plan.time_zone).unwrap_or(TimeZone::UTC);
    let day = plan.from.to_zoned(zone).strftime("%a %-d %b");
    format!("on {day}, {} ({})", plan.window, plan.time_zone)
}

async fn list(common: &Common, watch: Option<WatchName>) -> Result<ExitCode, Failure> {
    let all = common.broker().await?.perform(ListRestarts { watch }).await?;
    if common.json {
        output::json::print(&all)?;
    } else if all.is_empty() {
        output::note("no restart is planned");
    } else {
        let rows = all.iter().map(|plan| {
            vec![
                plan.state.to_string(),
                plan.room.clone(),
                plan.serial.clone().unwrap_or_else(|| "-".to_owned()),
                when(plan),
                plan.reason.clone().unwrap_or_else(|| "-".to_owned()),
                plan.watch.clone(),
            ]
        });
        output::block(&table::render(&["STATE", "ROOM", "SERIAL", "WINDOW", "REASON", "WATCH"], rows.collect()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A restart, as `devices show` prints it.
pub(super) fn shown(plan: &Planned) -> String {
    let why = plan.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    match plan.at {
        Some(at) => format!("{} {}{why}", plan.state, table::moment(at, table::room())),
        None => format!("{} {}, by {}{why}", plan.state, when(plan), plan.by),
    }
}
