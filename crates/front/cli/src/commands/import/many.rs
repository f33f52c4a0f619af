//! `lanyard import --csv`.

use std::path::Path;
use std::process::ExitCode;

use futures_util::StreamExt as _;
use lanyard_broker::{Keep, LookUp, LookedUp, Origin};
use lanyard_credential::{AppKind, AppName, Credential, CredentialName, Kind};
use lanyard_operation::{Code, Problem};
use lanyard_protocol::Environment;
use serde_json::{Value, json};

use super::table::{self, Line, Row};
use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// The longest file: some ten thousand lines.
const LONGEST: usize = 16 * 1024 * 1024;

/// So many lines ask Webex at once. Writing is done line by line.
const AT_ONCE: usize = 8;

/// The outcome of a line.
struct Done {
    number: u64,
    name: Option<CredentialName>,
    outcome: Outcome,
}

enum Outcome {
    Imported(Box<Credential>),
    AlreadyThere,
    Refused { why: String, hint: Option<String> },
}

pub(super) async fn run(file: &Path, app: Option<&AppName>, common: &Common) -> Result<ExitCode, Failure> {
    let text = super::read::whole(file, LONGEST)?;
    let lines = table::read(&text, app)?;
    drop(text);
    let environment = common.environment()?;
    let expected = common.expected()?;
    let broker = common.broker_or_new().await?;
    let mut looked_up = std::pin::pin!(
        futures_util::stream::iter(lines)
            .map(|line| look_up(&broker, line, &environment, expected.as_ref()))
            .buffered(AT_ONCE)
    );
    let mut all = Vec::new();
    while let Some((number, name, looked_up)) = looked_up.next().await {
        let done = Done { number, name, outcome: keep(&broker, looked_up).await };
        if !common.json {
            output::line(&sentence(&done))?;
        }
        all.push(done);
    }
    if common.json {
        output::json::print(&all.iter().map(json_of).collect::<Vec<_>>())?;
    }
    let refused = all.iter().filter(|done| matches!(done.outcome, Outcome::Refused { .. })).count();
    let imported = all.iter().filter(|done| matches!(done.outcome, Outcome::Imported(_))).count();
    output::note(&format!("{imported} imported, {} already there, {refused} refused", all.len() - imported - refused));
    if imported > 0 {
        super::warn(file);
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why a line is not kept: its own words, or a failed call.
enum No {
    Line(String),
    Call(Box<Problem>),
}

async fn look_up(
    broker: &Access,
    line: Line,
    environment: &Environment,
    expected: Option<&Environment>,
) -> (u64, Option<CredentialName>, Result<LookedUp, No>) {
    let row = match line.row {
        Ok(row) => row,
        Err((name, why)) => return (line.number, name, Err(No::Line(why))),
    };
    let name = row.name.clone();
    let call = call(row, environment, expected);
    let looked_up = broker.perform(call).await.map_err(|error| No::Call(Box::new(error)));
    (line.number, Some(name), looked_up)
}

fn call(row: Row, environment: &Environment, expected: Option<&Environment>) -> LookUp {
    let kind = if row.kind == Kind::ServiceApp { AppKind::ServiceApp } else { AppKind::Integration };
    let origin = match row.app {
        Some(name) => Origin::App { name, kind: Some(kind) },
        None => Origin::Portal { kind: row.kind, environment: environment.clone() },
    };
    LookUp { name: row.name, origin, tokens: row.tokens, labels: row.labels, expected: expected.cloned() }
}

async fn keep(broker: &Access, looked_up: Result<LookedUp, No>) -> Outcome {
    let kept = match looked_up {
        Err(No::Line(why)) => return Outcome::Refused { why, hint: None },
        Err(No::Call(error)) => Err(*error),
        Ok(looked_up) => broker.perform(Keep(looked_up)).await,
    };
    match kept {
        Ok(credential) => Outcome::Imported(Box::new(credential)),
        Err(problem) if problem.code() == Code::NameTaken => Outcome::AlreadyThere,
        Err(problem) => Outcome::Refused { why: problem.to_string(), hint: problem.next_step().map(str::to_owned) },
    }
}

fn sentence(done: &Done) -> String {
    let said = match &done.outcome {
        Outcome::Imported(_) => "imported".to_owned(),
        Outcome::AlreadyThere => "already there".to_owned(),
        Outcome::Refused { why, hint: None } => format!("refused: {why}"),
        Outcome::Refused { why, hint: Some(hint) } => format!("refused: {why} (hint: {hint})"),
    };
    match &done.name {
        Some(name) => format!("line {}: {name}: {said}", done.number),
        None => format!("line {}: {said}", done.number),
    }
}

fn json_of(done: &Done) -> Value {
    let (outcome, credential, message, hint) = match &done.outcome {
        Outcome::Imported(credential) => {
            ("imported", Some(output::json::credential(credential, &context::parts().clock.now())), None, None)
        }
        Outcome::AlreadyThere => ("already-there", None, None, None),
        Outcome::Refused { why, hint } => ("refused", None, Some(why), hint.as_ref()),
    };
    json!({
        "line": done.number,
        "name": done.name.as_ref().map(CredentialName::as_str),
        "outcome": outcome,
        "message": message,
        "hint": hint.map(|hint| crate::output::pasted::for_this_home(hint)),
        "credential": credential,
    })
}
