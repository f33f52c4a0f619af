//! `lanyard audit`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use lanyard_broker::{Handed, ReadAudit, VerifyAudit};
use lanyard_credential::CredentialName;
use lanyard_store::{AuditAction, AuditEntry, AuditVerdict, Fault, Head};
use serde_json::{Value, json};

use crate::context::{self, Common};
use crate::exit::Failure;
use crate::{numbers, output};

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only records of this credential, also under earlier names and after it was cleared [default: all records]
    #[arg(conflicts_with = "verify")]
    name: Option<CredentialName>,
    /// Only records of the last 300 (seconds), 5m, 12h or 2d, or since a moment (2027-01-31T18:00:00Z)
    #[arg(long, value_name = "TIME", conflicts_with = "verify", value_parser = Since::from_str)]
    since: Option<Since>,
    /// Show only the latest COUNT records [default: 50; with --since all]
    #[arg(long, value_name = "COUNT", value_parser = numbers::count)]
    limit: Option<u32>,
    /// Cut nothing off to fit the terminal
    #[arg(long, conflicts_with = "verify")]
    wide: bool,
    /// Check every record against its chain, and print the chains' heads
    #[arg(long)]
    verify: bool,
    /// With --verify: heads that an earlier --verify printed, to detect a log that was cut off at the end
    #[arg(long, value_name = "FILE", requires = "verify")]
    heads: Option<PathBuf>,
}

/// The number of records that are shown by default.
const LATEST: u32 = 50;

/// The beginning of a time that ends now.
#[derive(Clone, Copy, Debug)]
enum Since {
    Ago(SignedDuration),
    At(Timestamp),
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(seconds) = numbers::seconds(text) {
            return Ok(Self::Ago(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))));
        }
        text.parse().map(Self::At).map_err(|_| "expected 300, 5m, 12h or 2d, or a moment such as 2027-01-31T18:00:00Z")
    }
}

impl Since {
    fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(time) => now.checked_sub(time).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

/// A record for a program: `detail` as it is written, and the parts of it and of `actor` that programs look for.
fn json_of(entry: &AuditEntry) -> Value {
    let record = &entry.record;
    let handed = Handed::read(&record.detail).filter(|_| record.action == AuditAction::HandedOut);
    json!({
        "writer": entry.writer,
        "sequence": entry.sequence,
        "at": output::json::time(Some(record.at)),
        "action": record.action.as_str(),
        "credential": record.credential.as_ref().map(|(_, name)| name.as_str()),
        "credential_id": record.credential.as_ref().map(|(id, _)| id.to_string()),
        "actor": record.actor,
        "client": record.actor.strip_prefix("client "),
        "detail": record.detail,
        "means": handed.map(|handed| handed.means),
        "generation": handed.map(|handed| handed.generation.number()),
        "times": handed.map(|handed| handed.times),
    })
}

impl Audit {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        if self.verify {
            return self.verify(common).await;
        }
        let limit = self.limit.unwrap_or(if self.since.is_some() { u32::MAX } else { LATEST });
        let since = self.since.map(|since| since.moment(context::parts().clock.now().wall));
        let entries = common.broker().await?.call(ReadAudit { name: self.name, since, limit }).await?;
        if common.json {
            output::json::print(&entries.iter().map(json_of).collect::<Vec<_>>())?;
        } else if entries.is_empty() {
            output::note("no record matches");
        } else {
            let room = if self.wide { None } else { output::table::room() };
            output::block(&table(&entries, room))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn verify(self, common: &Common) -> Result<ExitCode, Failure> {
        let heads = match &self.heads {
            None => Vec::new(),
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).map_err(Failure::io(format!("cannot read {}", path.display())))?;
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(|line| {
                        line.trim().parse::<Head>().map_err(|error| Failure::Usage {
                            message: format!("{}: {error}", path.display()),
                            hint: "give it the output of an earlier lanyard audit --verify".to_owned(),
                        })
                    })
                    .collect::<Result<Vec<_>, _>>()?
            }
        };
        if let Some(path) = self.heads.as_ref().filter(|_| heads.is_empty()) {
            return Err(Failure::Usage {
                message: format!("{} holds no head to compare with", path.display()),
                hint: "give it the output of an earlier lanyard audit --verify".to_owned(),
            });
        }
        let compared = heads.len();
        let broker = common.broker().await?;
        match broker.call(VerifyAudit { heads }).await? {
            AuditVerdict::Intact(heads) if common.json => {
                let records: u64 = heads.iter().map(|head| head.sequence).sum();
                let ends: Vec<String> = heads.iter().map(ToString::to_string).collect();
                output::json::print(&json!({
                    "intact": true, "records": records, "compared_heads": compared, "heads": ends, "broken": null,
                }))?;
                Ok(ExitCode::SUCCESS)
            }
            AuditVerdict::Intact(heads) => {
                for head in &heads {
                    output::line(&head.to_string())?;
                }
                let records: u64 = heads.iter().map(|head| head.sequence).sum();
                output::note(&format!("{records} records, all intact"));
                if compared == 0 {
                    output::note(
                        "--verify cannot detect a log that was cut off at the end: store these heads elsewhere, and pass them with --heads next time",
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
            AuditVerdict::Broken { writer, sequence, fault } => {
                if common.json {
                    let place = json!({ "writer": writer, "sequence": sequence, "fault": word(fault) });
                    output::json::print(&json!({
                        "intact": false, "records": null, "compared_heads": compared, "heads": [], "broken": place,
                    }))?;
                }
                Err(Failure::Other {
                    message: format!("the audit was tampered with: record {sequence} of {writer} {}", said(fault)),
                    hint: Some(
                        "the database was written without the home's key; keep a copy, and find out who did it"
                            .to_owned(),
                    ),
                })
            }
        }
    }
}

/// Lays out the records. On a narrow terminal moments and actors are shortened, so that there is room for the detail.
fn table(entries: &[AuditEntry], room: Option<usize>) -> output::table::Block {
    let rows = entries.iter().map(|entry| {
        let record = &entry.record;
        vec![
            output::table::moment(record.at, room),
            record.action.as_str().to_owned(),
            record.credential.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default(),
            by(&record.actor, room).to_owned(),
            record.detail.clone(),
        ]
    });
    output::table::within(&["WHEN", "WHAT", "CREDENTIAL", "BY", "DETAIL"], rows.collect(), room)
}

/// The actor, without the process if there is little room.
fn by(actor: &str, room: Option<usize>) -> &str {
    match room {
        Some(..output::table::WIDE) => actor.split(" (").next().unwrap_or(actor),
        _ => actor,
    }
}

fn word(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "missing",
        Fault::Altered => "altered",
        Fault::Cut => "cut",
    }
}

fn said(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "is missing",
        Fault::Altered => "was altered, or stands in another's place",
        Fault::Cut => "was cut off, with all that followed it",
    }
}

#[cfg(test)]
mod tests {
    use lanyard_store::AuditRecord;

    use super::*;

    #[test]
    fn a_narrow_terminal_shows_what_happened_before_who_did_it() {
        let record = AuditRecord {
            at: "2026-11-29T21:05:57Z".parse().unwrap(),
            action: AuditAction::HandedOut,
            credential: None,
            actor: "uid 1000 (lanyard, pid 4242)".to_owned(),
            detail: "api GET people/me, generation 4".to_owned(),
        };
        let entries = [AuditEntry { writer: "w".to_owned(), sequence: 1, record }];
        let row = |room| {
            table(&entries, room).lines().nth(1).map(|line| anstream::adapter::strip_str(line).to_string()).unwrap()
        };
        let whole = "2026-11-29T21:05:57Z  handed-out              uid 1000 (lanyard, pid 4242)  api GET people/me, generation 4";
        assert_eq!(row(None), whole);
        assert_eq!(row(Some(120)), whole);
        assert_eq!(row(Some(80)), "2026-11-29 21:05  handed-out              uid 1000  api GET people/me, generati…");
        assert_eq!(row(Some(60)), "11-29 21:05  handed-out              uid 1000  api GET peop…");
        assert!(row(Some(52)).contains("api GET"), "{}", row(Some(52)));
    }
}
