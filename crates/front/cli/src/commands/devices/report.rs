//! `lanyard devices report`: how available devices were in a month.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use lanyard_devices::{BusinessHours, Month, Report, ReportBy, ReportRow, ReportView};

use super::chosen::Chosen;
use super::{devices, report_page, zone};
use crate::context::Common;
use crate::exit::Failure;
use crate::output::{duration, table};
use crate::{csv, output};

#[derive(Debug, Args)]
pub(crate) struct Monthly {
    /// The month, for example 2026-11
    #[arg(long)]
    month: Month,
    /// What the rows are
    #[arg(long, value_enum, default_value_t = By::Customer)]
    by: By,
    /// The business hours
    #[arg(long, value_name = "HOURS", default_value = "Mon-Fri 8-18")]
    hours: BusinessHours,
    /// The time zone of the month and the hours, for example Europe/Zurich [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    #[command(flatten)]
    chosen: Chosen,
    /// Print CSV, for a spreadsheet
    #[arg(long, conflicts_with = "html")]
    csv: bool,
    /// Print one page of HTML, for a customer
    #[arg(long)]
    html: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Customer,
    Watch,
    Location,
    Workspace,
    Device,
}

impl Monthly {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { month, by, hours, time_zone, chosen, csv, html } = self;
        let by = match by {
            By::Customer => ReportBy::Customer,
            By::Watch => ReportBy::Watch,
            By::Location => ReportBy::Location,
            By::Workspace => ReportBy::Workspace,
            By::Device => ReportBy::Device,
        };
        let (month, hours, time_zone) = (month.to_string(), hours.to_string(), zone::or_utc(time_zone));
        let report = Report { month, by, hours, time_zone, labels: chosen.labels() };
        let view = common.broker().await?.perform(report).await?;
        if common.json {
            output::json::print(&view)?;
        } else if csv {
            print_csv(&view)?;
        } else if html {
            output::exactly(&report_page::page(&view))?;
            output::note(&format!("wrote {}", counted(&view)));
        } else {
            show(&view)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How many rows and devices a report has.
fn counted(view: &ReportView) -> String {
    let (one, several) = match view.by {
        ReportBy::Customer => ("customer", "customers"),
        ReportBy::Watch => ("watch", "watches"),
        ReportBy::Location => ("location", "locations"),
        ReportBy::Workspace => ("workspace", "workspaces"),
        ReportBy::Device => ("row", "rows"),
    };
    let (rows, all) = (view.rows.len(), view.rows.iter().map(|row| row.devices).sum());
    format!("{rows} {}, {}", if rows == 1 { one } else { several }, devices(all))
}

fn show(view: &ReportView) -> Result<(), Failure> {
    if view.rows.is_empty() {
        output::note(&format!("nothing is known of {}", view.month));
        return Ok(());
    }
    let percent = |part: Option<f64>| part.map_or_else(|| "?".to_owned(), |part| format!("{:.2} %", part * 100.0));
    let rows = view.rows.iter().map(|row| {
        let down = match row.down_seconds {
            0 => "-".to_owned(),
            seconds => duration::words(Duration::from_secs(seconds)),
        };
        vec![
            row.name.clone(),
            row.devices.to_string(),
            percent(row.availability),
            percent(row.in_hours),
            row.outages.to_string(),
            down,
        ]
    });
    let first = match view.by {
        ReportBy::Customer => "CUSTOMER",
        ReportBy::Watch => "WATCH",
        ReportBy::Location => "LOCATION",
        ReportBy::Workspace => "WORKSPACE",
        ReportBy::Device => "DEVICE",
    };
    let headings = [first, "DEVICES", "ALL HOURS", "IN HOURS", "OUTAGES", "DOWN"];
    output::block(&table::render(&headings, rows.collect()))?;
    let all = view.rows.iter().map(|row| row.devices).sum();
    output::note(&format!("{} in {}; business hours {}, {}", devices(all), view.month, view.hours, view.time_zone));
    output::note("availability counts the time in which the state was known");
    if matches!(view.by, ReportBy::Location | ReportBy::Workspace) {
        if let Some(watch) = view.unplaced.first() {
            output::note(&format!(
                "hint: a bot cannot read workspaces and locations; name a credential that can: lanyard devices watch set {watch} --against CREDENTIAL",
            ));
        } else if let Some(watch) = view.unread.first() {
            output::note(&format!("hint: some locations are not known; see why: lanyard devices watch show {watch}"));
        }
    }
    Ok(())
}

fn print_csv(view: &ReportView) -> Result<(), Failure> {
    output::line("name,customer,watch,serial,devices,availability,in_hours,outages,down_seconds,room,location")?;
    for row in &view.rows {
        let ReportRow { name, customer, watch, serial, room, location, .. } = row;
        let ReportRow { devices, availability, in_hours, down_seconds, outages, .. } = row;
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let ratio = |part: &Option<f64>| part.map_or_else(String::new, |part| format!("{part:.6}"));
        let fields = [
            name.clone(),
            or_empty(customer),
            or_empty(watch),
            or_empty(serial),
            devices.to_string(),
            ratio(availability),
            ratio(in_hours),
            outages.to_string(),
            down_seconds.to_string(),
            or_empty(room),
            or_empty(location),
        ];
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        output::line(&csv::line(&fields))?;
    }
    Ok(())
}
