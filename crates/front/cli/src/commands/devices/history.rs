//! `lanyard devices history`: the states that a device has had, and what it reported.

use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use lanyard_devices::{
    DeviceHistory, DeviceNumbers, DeviceState, DeviceView, HistoryView, NumbersView, Quantity, QuantityRange, Slot,
    SummaryView, Tenths, WatchName,
};

use super::list::ago;
use crate::commands::audit::Since;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::output::table;
use crate::{csv, numbers, output};

#[derive(Debug, Args)]
pub(crate) struct History {
    /// The device: its name, serial number, MAC address in any form, or id
    device: String,
    /// The watch, for a device that several watches see
    #[arg(long)]
    watch: Option<WatchName>,
    /// List what the device reported, by hour, or by day for more than three days
    #[arg(long, value_name = "QUANTITY", value_parser = quantity(), conflicts_with = "limit")]
    of: Option<Quantity>,
    /// Only the last 12h or 30d, or since a moment (2027-01-31T18:00:00Z) [default: all periods; 1d with --of]
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Show only the latest COUNT periods
    #[arg(long, value_name = "COUNT", value_parser = numbers::count, default_value_t = 100)]
    limit: u32,
    /// Print CSV, for a spreadsheet
    #[arg(long)]
    csv: bool,
}

/// The quantities, as words on the command line.
fn quantity() -> impl TypedValueParser<Value = Quantity> {
    PossibleValuesParser::new(Quantity::ALL.map(Quantity::as_str)).try_map(|word| word.parse::<Quantity>())
}

impl History {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let now = context::parts().clock.now().wall;
        let Self { device, watch, of, since, limit, csv } = self;
        let (broker, since) = (common.broker().await?, since.map(|since| since.moment(now)));
        if let Some(of) = of {
            let view = broker.perform(DeviceNumbers { device, watch, of, since }).await?;
            match (common.json, csv) {
                (true, _) => output::json::print(&view)?,
                (_, true) => numbers_as_csv(&view)?,
                _ => show_numbers(&view)?,
            }
        } else {
            let view = broker.perform(DeviceHistory { device, watch, since, limit }).await?;
            match (common.json, csv) {
                (true, _) => output::json::print(&view)?,
                (_, true) => periods_as_csv(&view, now)?,
                _ => show_periods(&view, now)?,
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show_periods(view: &HistoryView, now: Timestamp) -> Result<(), Failure> {
    let room = table::room();
    let rows = view.periods.iter().map(|period| {
        let ended = period.ended.map_or_else(|| "-".to_owned(), |at| table::moment(at, room));
        let lasted = ago(period.began, period.ended.unwrap_or(now));
        let cause = period.cause.clone().unwrap_or_else(|| "-".to_owned());
        vec![period.state.to_string(), table::moment(period.began, room), ended, lasted, cause]
    });
    output::block(&table::render(&["STATE", "FROM", "TO", "FOR", "CAUSE"], rows.collect()))?;
    note_device(&view.device);
    note_more(view);
    Ok(())
}

fn periods_as_csv(view: &HistoryView, now: Timestamp) -> Result<(), Failure> {
    output::line("state,from,to,seconds,cause")?;
    for period in &view.periods {
        let seconds = period.ended.unwrap_or(now).duration_since(period.began).as_secs();
        let ended = period.ended.map_or_else(String::new, |at| format!("{at:.0}"));
        let cause = period.cause.as_deref().unwrap_or_default();
        let fields = [period.state.as_str(), &format!("{:.0}", period.began), &ended, &seconds.to_string(), cause];
        output::line(&csv::line(&fields))?;
    }
    note_more(view);
    Ok(())
}

fn show_numbers(view: &NumbersView) -> Result<(), Failure> {
    let NumbersView { device, quantity, each, rows } = view;
    if rows.is_empty() {
        output::note(&format!("{} reported no {quantity} in this time", device.facts.name));
        return Ok(());
    }
    let (heading, room) = (if *each == Slot::Hour { "HOUR" } else { "DAY" }, table::room());
    let lines = rows.iter().map(|row| {
        let from = match each {
            Slot::Hour => table::moment(row.from, room),
            Slot::Day => day(row.from),
        };
        let QuantityRange { readings, lowest, mean, highest } = row.range;
        let mean = match quantity {
            Quantity::People | Quantity::Calls => mean.to_string(),
            _ => quantity.show(mean),
        };
        vec![from, quantity.show(lowest), mean, quantity.show(highest), readings.to_string()]
    });
    output::block(&table::render(&[heading, "LOWEST", "MEAN", "HIGHEST", "READINGS"], lines.collect()))?;
    note_device(device);
    if *each == Slot::Day {
        output::note("days are in UTC");
    }
    Ok(())
}

fn numbers_as_csv(view: &NumbersView) -> Result<(), Failure> {
    output::line(if view.each == Slot::Hour {
        "hour,lowest,mean,highest,readings"
    } else {
        "day,lowest,mean,highest,readings"
    })?;
    for row in &view.rows {
        let from = match view.each {
            Slot::Hour => format!("{:.0}", row.from),
            Slot::Day => day(row.from),
        };
        let QuantityRange { readings, lowest, mean, highest } = row.range;
        // They are numbers, also below zero, and never formulas.
        output::line(&format!("{from},{lowest},{mean},{highest},{readings}"))?;
    }
    Ok(())
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn note_device(device: &DeviceView) {
    output::note(&format!("{}, watch {}", device.facts.name, device.watch));
}

fn note_more(view: &HistoryView) {
    if view.more {
        output::note("there are more: --limit COUNT");
    }
}

/// The name of a quantity in a description of a device.
pub(super) const fn title(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::AirQuality => "air quality",
        other => other.as_str(),
    }
}

/// What a device reports now, today and within 30 days. The unit follows the first number.
pub(super) fn summary(device: &DeviceView, summary: &SummaryView) -> String {
    let SummaryView { quantity, today, month } = summary;
    let is_online = matches!(device.state, DeviceState::Up | DeviceState::Degraded);
    let view = device.statuses.as_ref().filter(|_| is_online);
    let mut parts = Vec::new();
    if let Some(now) = view.and_then(|view| quantity.of(&view.statuses)) {
        parts.push(format!("now {}", quantity.show(now)));
    }
    let mut is_counted = false;
    for (range, when) in [(today.as_ref(), "today"), (Some(month), "within 30 days")] {
        let Some(QuantityRange { lowest, highest, .. }) = range else { continue };
        let most = if parts.is_empty() { quantity.show(*highest) } else { plain(*quantity, *highest) };
        let words = match quantity {
            Quantity::People | Quantity::Calls if is_counted => most,
            Quantity::People | Quantity::Calls => format!("at most {most}"),
            _ if lowest == highest => most,
            _ => format!("{lowest} to {most}"),
        };
        is_counted = true;
        parts.push(format!("{words} {when}"));
    }
    parts.join(", ")
}

/// A number without its unit.
fn plain(quantity: Quantity, number: Tenths) -> String {
    let shown = quantity.show(number);
    shown.split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(state: &str, statuses: &serde_json::Value, reported: &serde_json::Value) -> String {
        let device = serde_json::json!({
            "id": "1", "watch": "lobby", "state": state, "since": "2026-12-01T00:00:00Z", "statuses": statuses,
            "name": "Boardroom",
        });
        summary(&serde_json::from_value(device).unwrap(), &serde_json::from_value(reported.clone()).unwrap())
    }

    fn range(lowest: f64, highest: f64) -> serde_json::Value {
        serde_json::json!({ "readings": 9, "lowest": lowest, "mean": lowest, "highest": highest })
    }

    #[test]
    fn what_was_reported_is_said_in_one_line() {
        let statuses = serde_json::json!({ "people": 5, "temperature": 23.4, "tried_at": "2026-12-01T00:00:00Z" });
        let people = |today| serde_json::json!({ "quantity": "people", "today": today, "month": range(0.0, 14.0) });
        assert_eq!(said("up", &statuses, &people(range(0.0, 12.0))), "now 5, at most 12 today, 14 within 30 days");
        assert_eq!(said("down", &statuses, &people(serde_json::Value::Null)), "at most 14 within 30 days");
        let warm =
            serde_json::json!({ "quantity": "temperature", "today": range(21.0, 24.8), "month": range(-1.2, 25.0) });
        assert_eq!(said("degraded", &statuses, &warm), "now 23.4 C, 21.0 to 24.8 today, -1.2 to 25.0 within 30 days");
        assert_eq!(said("down", &statuses, &warm), "21.0 to 24.8 C today, -1.2 to 25.0 within 30 days");
    }
}
