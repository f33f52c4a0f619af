//! `lanyard devices`: room and desk devices, watched.

mod alerts;
mod approve;
mod chart;
mod chosen;
mod columns;
mod coverage;
mod device_list;
mod history;
mod list;
mod manifest;
mod readings;
mod report;
mod report_page;
mod restart;
mod rules;
mod watch;
mod watch_add;
mod xapi;
mod zone;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_devices::{ListWatches, Sweep, Swept, WatchName, WatchView};
use lanyard_operation::Class;

use self::chosen::Chosen;
use super::Examples;
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::output;

/// Watch room and desk devices: what is down, since when, and what is not granted
#[derive(Debug, Subcommand)]
pub(crate) enum Devices {
    /// Manage watches: which credential reads which devices
    #[command(subcommand)]
    Watch(watch::Watches),
    /// List the devices that are not well
    List(list::List),
    /// Show one device: its state, its availability and its last changes
    Show(list::Show),
    /// List and acknowledge alerts, and silence what is known
    #[command(subcommand)]
    Alerts(alerts::Alerts),
    /// Manage the rules for alerts
    #[command(subcommand)]
    Rules(rules::Rules),
    /// List the states that a device has had, or what it reported
    History(history::History),
    /// Report how available devices were in a month
    Report(report::Monthly),
    /// List the workspaces with devices that a watch cannot see
    Coverage(coverage::Compare),
    /// Approve new devices that wait, so that their states count
    Approve(approve::Approve),
    /// Print the manifest of a workspace integration, to be uploaded in Control Hub
    Manifest(manifest::Manifest),
    /// Read statuses of a device, or send it a command (xAPI)
    Xapi(xapi::Xapi),
    /// Restart a device, now or in a window of hours
    Restart(restart::Restart),
    /// Read the devices now; a running broker does it automatically
    Sweep(SweepNow),
}

#[derive(Debug, Args)]
pub(crate) struct SweepNow {
    /// The watch; all if none is given
    watch: Option<WatchName>,
    #[command(flatten)]
    chosen: Chosen,
}

impl Devices {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Watch(command) => command.run(common).await,
            Self::List(command) => command.run(common).await,
            Self::Show(command) => command.run(common).await,
            Self::Alerts(command) => command.run(common).await,
            Self::Rules(command) => command.run(common).await,
            Self::Approve(command) => command.run(common).await,
            Self::History(command) => command.run(common).await,
            Self::Report(command) => command.run(common).await,
            Self::Coverage(command) => command.run(common).await,
            Self::Manifest(command) => command.run(),
            Self::Sweep(command) => command.run(common).await,
            Self::Xapi(command) => command.run(common).await,
            Self::Restart(command) => command.run(common).await,
        }
    }
}

impl SweepNow {
    async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let swept = broker.perform(Sweep { watch: self.watch, labels: self.chosen.labels() }).await?;
        let blind = swept.iter().any(|read| read.found.blind.is_some());
        if common.json {
            output::json::print(&swept)?;
        } else if swept.is_empty() {
            output::note("there is no watch, or all are paused; see: lanyard devices watch list");
        } else {
            let watches = broker.perform(ListWatches { labels: Vec::new() }).await?;
            for read in &swept {
                let found = &read.found;
                let watch = watches.iter().find(|watch| watch.name == read.watch);
                output::line(&match &found.blind {
                    Some(why) => format!("{}: the devices cannot be read: {why}", read.watch),
                    None => format!(
                        "{}: {} of {} watched, {} changed, {} no longer listed{}{}",
                        read.watch,
                        found.watched,
                        devices(found.listed),
                        found.changed,
                        found.gone,
                        alerts_of(found),
                        watch.map(|watch| left_out(found, watch)).unwrap_or_default()
                    ),
                })?;
            }
        }
        Ok(if blind { ExitCode::from(exit::code_of(Class::PersonMustAct)) } else { ExitCode::SUCCESS })
    }
}

/// How many devices a watch leaves out, and which those may be.
fn left_out(found: &Swept, watch: &WatchView) -> String {
    match found.listed.saturating_sub(found.watched) {
        0 => String::new(),
        count => format!(", {count} left out: {}", watch_add::left_out(watch)),
    }
}

/// The alerts that a reading raised or ended.
fn alerts_of(found: &Swept) -> String {
    match (found.raised, found.ended) {
        (0, 0) => String::new(),
        (raised, ended) => format!(", alerts: {raised} raised, {ended} ended"),
    }
}

/// A number of devices, in words.
fn devices(count: usize) -> String {
    format!("{count} device{}", if count == 1 { "" } else { "s" })
}

pub(super) const EXAMPLES: &[Examples] = &[
    ("devices manifest", &["lanyard devices manifest --email rooms@acme.example > manifest.json"]),
    (
        "devices watch add",
        &[
            "lanyard devices watch add lobby",
            "lanyard devices watch add lobby --interval 5m --phones",
            "lanyard devices watch add --each-labelled customer",
            "lanyard devices watch add lobby --against admin --location 'Zurich HQ'",
        ],
    ),
    ("devices watch list", &["lanyard devices watch list", "lanyard devices watch list --customer acme"]),
    ("devices watch show", &["lanyard devices watch show lobby"]),
    (
        "devices watch set",
        &[
            "lanyard devices watch set lobby --interval 5m",
            "lanyard devices watch set lobby --no-phones --label floor=2",
        ],
    ),
    ("devices watch pause", &["lanyard devices watch pause lobby"]),
    ("devices watch resume", &["lanyard devices watch resume lobby"]),
    ("devices watch remove", &["lanyard devices watch remove lobby"]),
    (
        "devices list",
        &[
            "lanyard devices list",
            "lanyard devices list --customer acme --state down,degraded",
            "lanyard devices list --all --columns room,device,serial,software",
        ],
    ),
    ("devices show", &["lanyard devices show '1.04 Boardroom'", "lanyard devices show 70:18:A7:2C:11:0E"]),
    ("devices alerts list", &["lanyard devices alerts list", "lanyard devices alerts list --all --customer acme"]),
    ("devices alerts show", &["lanyard devices alerts show A-1042"]),
    ("devices alerts ack", &["lanyard devices alerts ack A-1042 --note 'site called'"]),
    (
        "devices alerts silence",
        &[
            "lanyard devices alerts silence '1.04 Boardroom' --for 2h",
            "lanyard devices alerts silence --watch lobby --for 1d --note 'network works'",
            "lanyard devices alerts silence A-1042 --end",
        ],
    ),
    ("devices rules list", &["lanyard devices rules list"]),
    (
        "devices rules set",
        &[
            "lanyard devices rules set down --for 10m",
            "lanyard devices rules set boards --when down --tag board --for 1m --hours 'Mon-Fri 8-18'",
            "lanyard devices rules set flapping --off",
        ],
    ),
    ("devices rules remove", &["lanyard devices rules remove boards"]),
    (
        "devices history",
        &[
            "lanyard devices history '1.04 Boardroom' --since 30d",
            "lanyard devices history '1.04 Boardroom' --of temperature",
            "lanyard devices history '1.04 Boardroom' --of people --since 90d --csv > people.csv",
        ],
    ),
    (
        "devices report",
        &[
            "lanyard devices report --month 2026-11",
            "lanyard devices report --month 2026-11 --by device --csv > november.csv",
            "lanyard devices report --month 2026-11 --by location --html > november.html",
        ],
    ),
    (
        "devices coverage",
        &[
            "lanyard devices coverage",
            "lanyard devices coverage lobby --against admin",
            "lanyard devices coverage lobby --against devices-export.csv --csv missing.csv",
            "lanyard devices coverage lobby --letter > letter.txt",
        ],
    ),
    ("devices approve", &["lanyard devices approve", "lanyard devices approve '1.04 Boardroom' --watch lobby"]),
    (
        "devices xapi get",
        &[
            "lanyard devices xapi '1.04 Boardroom' get Audio.Volume Standby.State",
            "lanyard devices xapi FOC2744H0QX get Network",
        ],
    ),
    (
        "devices xapi run",
        &[
            "lanyard devices xapi '1.04 Boardroom' run Audio.Volume.Set Level=50",
            "lanyard devices xapi '1.04 Boardroom' run Dial Number=reception@acme.example --dry-run",
        ],
    ),
    (
        "devices restart",
        &[
            "lanyard devices restart '1.04 Boardroom'",
            "lanyard devices restart '1.04 Boardroom' --window 02:00-04:00 --time-zone Europe/Zurich",
            "lanyard devices restart --list",
        ],
    ),
    (
        "devices sweep",
        &["lanyard devices sweep", "lanyard devices sweep lobby", "lanyard devices sweep --customer acme"],
    ),
];
