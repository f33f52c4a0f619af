//! `lanyard runs`: work that the broker does, and that outlives the command that started it.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use lanyard_broker::TestProgress;
use lanyard_operation::{Class, Code, Problem};
use lanyard_work::{CancelRun, ListRuns, RunView, ShowRun, State, UnitId};
use serde_json::Value;

use super::Examples;
use crate::access::Access;
use crate::context::{self, Common};
use crate::exit::{self, Failure};
use crate::output::table;
use crate::{numbers, output};

/// List, follow and cancel background runs
#[derive(Debug, Subcommand)]
pub(crate) enum Runs {
    /// List the runs of the last 30 days, the latest first
    List(List),
    /// Show a run: its progress, and its result once it is done
    Show(Named),
    /// Follow a run until it ends; Ctrl-C stops following, not the run
    Follow(Named),
    /// Cancel a run; the step that is under way is completed first
    Cancel(Named),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Show only the latest COUNT runs
    #[arg(long, value_name = "COUNT", default_value_t = ListRuns::LIMIT, value_parser = numbers::between(1, ListRuns::MOST))]
    limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The run, by the id that its start printed
    id: UnitId,
}

/// How often a run that is followed is read.
const EVERY: Duration = Duration::from_millis(500);

impl Runs {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        match self {
            Self::List(List { limit }) => list(&broker, limit, common).await,
            Self::Show(Named { id }) => {
                let run = broker.perform(ShowRun { id }).await?;
                show(&run, common)?;
                Ok(code(&run))
            }
            Self::Follow(Named { id }) => follow(&broker, id, common).await,
            Self::Cancel(Named { id }) => {
                let run = broker.perform(CancelRun { id }).await?;
                if common.json {
                    output::json::print(&run)?;
                } else if run.state == State::Cancelled {
                    output::note(&format!("cancelled the run {}", run.id));
                } else {
                    output::note(&format!("the run {} stops after its present step", run.id));
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn list(broker: &Access, limit: u32, common: &Common) -> Result<ExitCode, Failure> {
    let runs = broker.perform(ListRuns { limit: Some(limit) }).await?;
    if common.json {
        output::json::print(&runs)?;
    } else if runs.is_empty() {
        output::note("there are no runs; a run is started by: lanyard test --detach");
    } else {
        let room = table::room();
        let rows = runs
            .iter()
            .map(|run| {
                vec![
                    run.operation.clone(),
                    run.state.to_string(),
                    progress(&run.progress),
                    table::moment(run.started_at, room),
                    run.started_by.clone(),
                    run.id.clone(),
                ]
            })
            .collect();
        output::block(&table::render(&["OPERATION", "STATE", "PROGRESS", "STARTED", "BY", table::ID], rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports the progress on standard error until the run ends, and then shows it.
pub(super) async fn follow(broker: &Access, id: UnitId, common: &Common) -> Result<ExitCode, Failure> {
    let sleep = context::parts().sleep;
    let mut said = None;
    let run = loop {
        let run = broker.perform(ShowRun { id: id.clone() }).await?;
        if run.state.is_end() {
            break run;
        }
        let now = (run.state, run.progress.clone());
        if said.as_ref() != Some(&now) {
            output::note(&format!("{}: {}", run.state, progress(&run.progress)));
            said = Some(now);
        }
        sleep.sleep(EVERY).await;
    };
    show(&run, common)?;
    Ok(code(&run))
}

fn show(run: &RunView, common: &Common) -> Result<(), Failure> {
    if common.json {
        return output::json::print(run);
    }
    let mut facts = vec![
        ("operation", run.operation.clone()),
        ("state", run.state.to_string()),
        ("progress", progress(&run.progress)),
        ("started", format!("{:.0} by {}", run.started_at, run.started_by)),
        ("changed", format!("{:.0}", run.changed_at)),
    ];
    if let Some(error) = &run.error {
        facts.push(("reason", error.detail.clone()));
    }
    output::block(&table::facts(&facts))?;
    if let Some(hint) = run.error.as_ref().and_then(|error| error.hint.as_ref()) {
        output::note(&format!("hint: {hint}"));
    }
    if let Some(result) = &run.result {
        for line in result.as_array().into_iter().flatten().filter_map(tested) {
            output::finding(&line)?;
        }
    }
    Ok(())
}

/// A credential of a test's result, in a line.
fn tested(row: &Value) -> Option<String> {
    let (name, ok) = (row["name"].as_str()?, row["ok"].as_bool()?);
    let why = row["error"].as_str().or_else(|| row["report"]["token"]["reason"].as_str());
    let said = match (ok, why) {
        (true, _) => "Webex accepts it",
        (false, Some(why)) => why,
        (false, None) => "something is missing",
    };
    Some(format!("{}  {name}  {said}", if ok { "ok" } else { "!!" }))
}

/// The progress in words.
fn progress(progress: &Value) -> String {
    if let Ok(TestProgress { tested, of, failing }) = serde_json::from_value(progress.clone()) {
        return format!("tested {tested} of {of}, {failing} failing");
    }
    match progress {
        Value::Null => "-".to_owned(),
        // Of an operation of a later version: its members, as they are.
        Value::Object(members) => {
            members.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// The exit code of a command that reports a run.
fn code(run: &RunView) -> ExitCode {
    match (run.state, &run.error) {
        (State::Failed, Some(error)) => {
            let class = Code::of(&error.code).map_or(Class::Failed, Code::class);
            ExitCode::from(exit::code_of(class))
        }
        (State::Done, _) if has_failures(run) => ExitCode::from(exit::code_of(Class::PersonMustAct)),
        (State::Failed | State::Cancelled, _) => ExitCode::from(exit::code_of(Class::Failed)),
        _ => ExitCode::SUCCESS,
    }
}

/// Whether a test of all credentials found one that does not work, or lacks something.
fn has_failures(run: &RunView) -> bool {
    run.result.as_ref().and_then(Value::as_array).into_iter().flatten().any(|row| row["ok"] == Value::Bool(false))
}

/// The reason why work cannot be left to a broker.
pub(super) fn needs_broker() -> Problem {
    Problem::new(Code::Failed, "no broker runs in this home").hint("lanyard serve")
}

pub(super) const EXAMPLES: &[Examples] = &[
    ("runs list", &["lanyard runs list", "lanyard runs list --json | jq -r '.[0].id'"]),
    ("runs show", &["lanyard runs show 0123456789abcdef0123456789abcdef"]),
    ("runs follow", &["lanyard runs follow 0123456789abcdef0123456789abcdef"]),
    ("runs cancel", &["lanyard runs cancel 0123456789abcdef0123456789abcdef"]),
];
