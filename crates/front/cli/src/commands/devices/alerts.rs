//! `lanyard devices alerts`: what people were told of devices, and who handles it.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use lanyard_devices::{
    AcknowledgeAlert, AlertDetail, AlertNumber, AlertView, AlertsView, ListAlerts, ShowAlert, SilenceAlerts,
    SilenceTarget, WatchName,
};

use super::chosen::Chosen;
use super::columns::{self, Shown};
use super::list::ago;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::output::{duration, table};
use crate::{numbers, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Alerts {
    /// List the open alerts, and what is silenced
    List(List),
    /// Show an alert, and the devices that belong to it
    Show(Numbered),
    /// Record that you are handling an alert
    Ack(Ack),
    /// Withhold new alerts of a device or a watch for a while
    Silence(Quiet),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// List the latest alerts, ended ones included
    #[arg(long, short)]
    all: bool,
    /// Only the alerts of this watch
    #[arg(long)]
    watch: Option<WatchName>,
    #[command(flatten)]
    chosen: Chosen,
    /// With --all, show only the latest COUNT alerts [default: 100]
    #[arg(long, value_name = "COUNT", value_parser = numbers::count, requires = "all")]
    limit: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Numbered {
    /// The alert, for example A-1042
    alert: AlertNumber,
}

#[derive(Debug, Args)]
pub(crate) struct Ack {
    /// The alert, for example A-1042
    alert: AlertNumber,
    /// A note, for others who see the alert
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Quiet {
    /// A device (its name, serial number, MAC address or id), or an alert such as A-1042; omit it to silence all of --watch
    #[arg(required_unless_present = "watch")]
    target: Option<String>,
    /// The watch, for all its devices or for a device that several watches see
    #[arg(long)]
    watch: Option<WatchName>,
    /// For how long (7200, 2h, 3d)
    #[arg(long = "for", value_name = "TIME", value_parser = numbers::some_seconds, required_unless_present = "end")]
    lasts: Option<u64>,
    /// End the silence now
    #[arg(long, conflicts_with_all = ["lasts", "note"])]
    end: bool,
    /// A note, for others who see the silence
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// How many alerts `--all` lists.
const LATEST: u32 = 100;

impl Alerts {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List(command) => command.run(common).await?,
            Self::Show(Numbered { alert }) => {
                let detail = common.broker().await?.perform(ShowAlert { alert }).await?;
                if common.json { output::json::print(&detail)? } else { show(&detail)? }
            }
            Self::Ack(Ack { alert, note }) => {
                let view = common.broker().await?.perform(AcknowledgeAlert { alert, note }).await?;
                if common.json {
                    output::json::print(&view)?;
                } else {
                    output::note(&format!("acknowledged {alert}; you will still be told when it ends"));
                }
            }
            Self::Silence(command) => command.run(common).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    async fn run(self, common: &Common) -> Result<(), Failure> {
        let Self { all, watch, chosen, limit } = self;
        let latest = all.then(|| limit.unwrap_or(LATEST));
        let view = common.broker().await?.perform(ListAlerts { watch, labels: chosen.labels(), latest }).await?;
        if common.json {
            return output::json::print(&view);
        }
        let now = context::parts().clock.now().wall;
        if !view.alerts.is_empty() {
            let mut headings = vec!["ALERT", "SEVERITY", "FOR", "CUSTOMER", "WHAT", "ACKNOWLEDGED"];
            if all {
                headings.push("ENDED");
            }
            let rows = view.alerts.iter().map(|alert| row(alert, all, now)).collect();
            output::block(&table::render(&headings, rows))?;
        }
        if !view.silences.is_empty() {
            if !view.alerts.is_empty() {
                output::line("")?;
            }
            let rows = view.silences.iter().map(|silence| {
                vec![
                    silence.device.clone().unwrap_or_else(|| "all devices".to_owned()),
                    silence.watch.clone(),
                    table::moment(silence.until, table::room()),
                    silence.note.clone().unwrap_or_else(|| "-".to_owned()),
                ]
            });
            output::block(&table::render(&["SILENCED", "WATCH", "UNTIL", "NOTE"], rows.collect()))?;
        }
        for line in footer(&view, all) {
            output::note(&line);
        }
        Ok(())
    }
}

/// The number of alerts in a sentence, and the next command.
fn footer(view: &AlertsView, all: bool) -> Vec<String> {
    if view.watches == 0 && view.alerts.is_empty() {
        return vec!["there is no watch; add one: lanyard devices watch add CREDENTIAL".to_owned()];
    }
    let open = view.alerts.iter().filter(|alert| alert.ended_at.is_none());
    let unseen = open.clone().find(|alert| alert.acknowledged_at.is_none());
    let count = open.count();
    let mut lines = vec![match (count, all) {
        (0, _) => "there is no open alert".to_owned(),
        (1, _) => "1 open alert".to_owned(),
        (count, _) => format!("{count} open alerts"),
    }];
    lines.extend(unseen.map(|alert| format!("Next: lanyard devices alerts ack {}", alert.alert)));
    lines
}

fn row(alert: &AlertView, all: bool, now: Timestamp) -> Vec<String> {
    let mut cells = vec![
        alert.alert.to_string(),
        alert.severity.as_str().to_owned(),
        ago(alert.since, alert.ended_at.unwrap_or(now)),
        alert.customer.clone().unwrap_or_else(|| "-".to_owned()),
        what(alert),
        alert.acknowledged_by.clone().unwrap_or_else(|| "-".to_owned()),
    ];
    if all {
        cells.push(alert.ended_at.map_or_else(|| "-".to_owned(), |at| table::moment(at, table::room())));
    }
    cells
}

/// An alert in a few words.
fn what(alert: &AlertView) -> String {
    let names = || {
        let more = alert.devices.saturating_sub(alert.names.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", alert.names.join(", "))
    };
    match alert.rule.as_str() {
        "blind" => format!("watch {} cannot read its devices", alert.watch),
        "coverage" => format!("{} no longer sees {}", alert.watch, names()),
        rule => format!("{} {rule}", names()),
    }
}

fn show(detail: &AlertDetail) -> Result<(), Failure> {
    let AlertDetail { alert, members } = detail;
    let (now, room) = (context::parts().clock.now().wall, table::room());
    let state = match alert.ended_at {
        Some(at) => format!("ended {}, after {}", table::moment(at, room), ago(alert.since, at)),
        None => format!("open for {}", ago(alert.since, now)),
    };
    let acknowledged = match (&alert.acknowledged_by, alert.acknowledged_at) {
        (Some(by), Some(at)) => {
            let note = alert.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            format!("by {by}, {}{note}", table::moment(at, room))
        }
        _ => "no".to_owned(),
    };
    let rows = [
        ("alert", format!("{}, {}", alert.alert, alert.severity.as_str())),
        ("rule", alert.rule_name.clone()),
        ("state", state),
        ("what", alert.summary.clone()),
        ("since", table::moment(alert.since, room)),
        ("raised", table::moment(alert.raised_at, room)),
        ("watch", alert.watch.clone()),
        ("customer", alert.customer.clone().unwrap_or_else(|| "-".to_owned())),
        ("acknowledged", acknowledged),
    ];
    output::block(&table::facts(&rows))?;
    if !members.is_empty() {
        output::line("")?;
        let columns = columns::named(&["state", "for", "location", "room", "device", "serial", "why"]);
        let headings: Vec<String> = columns.iter().map(|column| column.heading()).collect();
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        let rows = members.iter().map(|device| {
            let shown = Shown { device, availability: None, now };
            columns.iter().map(|column| column.of(&shown)).collect()
        });
        output::block(&table::render(&headings, rows.collect()))?;
    }
    if alert.ended_at.is_none() && alert.acknowledged_at.is_none() {
        output::note(&format!("Next: lanyard devices alerts ack {}", alert.alert));
    }
    Ok(())
}

impl Quiet {
    async fn run(self, common: &Common) -> Result<(), Failure> {
        let Self { target, watch, lasts, end: _, note } = self;
        let (target, watch) = match (target, watch) {
            (None, Some(watch)) => (SilenceTarget::Watch(watch), None),
            (Some(text), watch) => match text.parse() {
                // A number alone could be a serial number.
                Ok(number) if text.starts_with(['A', 'a']) => (SilenceTarget::Alert(number), watch),
                _ => (SilenceTarget::Device(text), watch),
            },
            (None, None) => return Ok(()),
        };
        let lasts = lasts.map(Duration::from_secs);
        let view = common.broker().await?.perform(SilenceAlerts { target, watch, lasts, note }).await?;
        if common.json {
            return output::json::print(&view);
        }
        match (view.until, lasts) {
            (Some(until), Some(lasts)) => {
                let (lasts, until) = (duration::words(lasts), table::moment(until, table::room()));
                output::note(&format!("silenced {} for {lasts}, until {until}", view.what));
                output::note("Open alerts stay open. A problem that remains when the silence ends is reported then.");
            }
            _ => output::note(&format!("ended the silence of {}", view.what)),
        }
        Ok(())
    }
}
