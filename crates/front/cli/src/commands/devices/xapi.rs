//! `lanyard devices xapi`: statuses of a device, and commands to it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_devices::{WatchName, XapiGet, XapiRun};
use lanyard_protocol::XapiName;
use serde_json::{Map, Value};

use crate::context::Common;
use crate::exit::Failure;
use crate::output;
use crate::output::table;

#[derive(Debug, Args)]
pub(crate) struct Xapi {
    /// The device: its name, serial number, MAC address in any form, or id
    device: String,
    /// The watch, for a device that several watches see
    #[arg(long)]
    watch: Option<WatchName>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read statuses that the device reports
    Get(Get),
    /// Send the device a command, once
    Run(Command),
}

#[derive(Debug, Args)]
struct Get {
    /// The statuses, for example Audio.Volume: 10 at most
    #[arg(required = true, value_name = "NAME")]
    names: Vec<XapiName>,
}

#[derive(Debug, Args)]
struct Command {
    /// The command, for example Audio.Volume.Set
    #[arg(value_name = "NAME")]
    name: XapiName,
    /// The arguments of the command; a key that is repeated has several values
    #[arg(value_name = "KEY=VALUE", value_parser = argument)]
    arguments: Vec<(String, Value)>,
    /// Send nothing, and show what would be sent
    #[arg(long)]
    dry_run: bool,
}

/// `Level=50`. A whole number is one, anything else is a text, and so is what has quotation marks around it.
fn argument(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or("expected KEY=VALUE")?;
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    // With zeros in front it is a telephone number or a code.
    let number = value.parse::<i64>().ok().filter(|number| number.to_string() == value);
    let value = quoted.map(Value::from).or_else(|| number.map(Value::from)).unwrap_or_else(|| Value::from(value));
    Ok((key.to_owned(), value))
}

/// The arguments as an object.
fn object(arguments: Vec<(String, Value)>) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, value) in arguments {
        match object.get_mut(&key) {
            None => drop(object.insert(key, value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    object
}

impl Xapi {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let Self { device, watch, action } = self;
        match action {
            Action::Get(Get { names }) => {
                let view = common.broker().await?.perform(XapiGet { device, watch, names }).await?;
                if common.json {
                    output::json::print(&view)?;
                    return Ok(ExitCode::SUCCESS);
                }
                let mut rows = Vec::new();
                flatten("", &view.result, &mut rows);
                if !rows.is_empty() {
                    output::block(&table::render(&["STATUS", "VALUE"], rows))?;
                }
                if !view.missing.is_empty() {
                    for name in &view.missing {
                        output::note(&format!("the device has no status {name}"));
                    }
                }
                Ok(ExitCode::SUCCESS)
            }
            Action::Run(Command { name, arguments, dry_run }) => {
                let arguments = object(arguments);
                send(common, XapiRun { device, watch, command: name, arguments, dry_run }).await
            }
        }
    }
}

pub(super) async fn send(common: &Common, run: XapiRun) -> Result<ExitCode, Failure> {
    let view = common.broker().await?.perform(run).await?;
    if common.json {
        output::json::print(&view)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (room, command) = (view.device.room(), &view.command);
    let arguments: Vec<String> = view.arguments.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    let what = std::iter::once(command.clone()).chain(arguments).collect::<Vec<_>>().join(" ");
    if !view.sent {
        output::line(&format!("Would send {room}: {what}"))?;
        output::note("nothing was sent");
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("Sent {room}: {what}"))?;
    let mut rows = Vec::new();
    flatten("", view.result.as_ref().unwrap_or(&Value::Null), &mut rows);
    if !rows.is_empty() {
        output::block(&table::render(&["RESULT", "VALUE"], rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The leaves of a tree, each under its whole name.
fn flatten(name: &str, tree: &Value, rows: &mut Vec<Vec<String>>) {
    let under = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match tree {
        Value::Object(fields) => {
            for (field, value) in fields {
                flatten(&under(field), value, rows);
            }
        }
        Value::Array(items) => {
            for (number, item) in (1..).zip(items) {
                let id = item.get("id").and_then(Value::as_u64).unwrap_or(number);
                flatten(&format!("{name}[{id}]"), item, rows);
            }
        }
        Value::Null => {}
        leaf => rows.push(vec![name.to_owned(), plain(leaf)]),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_numbers_or_texts_and_a_repeated_one_is_a_list() {
        let read = |texts: &[&str]| Value::Object(object(texts.iter().map(|text| argument(text).unwrap()).collect()));
        assert_eq!(read(&["Level=50", "Text=a=b"]), json!({ "Level": 50, "Text": "a=b" }));
        assert_eq!(read(&["To=a", "To=b", "To=3"]), json!({ "To": ["a", "b", 3] }));
        assert_eq!(read(&["Number=0041", "Code=\"12\""]), json!({ "Number": "0041", "Code": "12" }));
        for bad in ["Level", "=5", ""] {
            assert!(argument(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn each_leaf_has_its_whole_name() {
        let mut rows = Vec::new();
        flatten(
            "",
            &json!({ "Audio": { "Volume": 50 }, "Network": [{ "id": 2, "Up": "Yes" }], "Call": [] }),
            &mut rows,
        );
        let rows: Vec<_> = rows.iter().map(|row| row.join(" ")).collect();
        assert_eq!(rows, ["Audio.Volume 50", "Network[2].Up Yes", "Network[2].id 2"]);
    }
}
