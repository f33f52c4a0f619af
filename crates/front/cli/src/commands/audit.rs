//! `lanyard audit`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{ReadAudit, VerifyAudit};
use lanyard_store::{AuditVerdict, Fault, Head};
use serde_json::json;

use crate::context::Common;
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// How many records, the latest ones
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    /// Check every record against its chain, and print the chains' heads
    #[arg(long)]
    verify: bool,
    /// With --verify: heads that an earlier --verify printed, to detect a log that was cut off at the end
    #[arg(long, value_name = "FILE", requires = "verify")]
    heads: Option<PathBuf>,
}

impl Audit {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        if self.verify {
            return self.verify(common).await;
        }
        let entries = common.broker().await?.call(ReadAudit { limit: self.limit }).await?;
        if common.json {
            let all: Vec<_> = entries
                .iter()
                .map(|entry| {
                    json!({
                        "writer": entry.writer,
                        "sequence": entry.sequence,
                        "at": output::json::time(Some(entry.record.at)),
                        "action": entry.record.action.as_str(),
                        "credential": entry.record.credential.as_ref().map(|(_, name)| name.as_str()),
                        "actor": entry.record.actor,
                        "detail": entry.record.detail,
                    })
                })
                .collect();
            output::json::print(&all)?;
        } else {
            let rows = entries
                .iter()
                .map(|entry| {
                    vec![
                        format!("{:.0}", entry.record.at),
                        entry.record.action.as_str().to_owned(),
                        entry.record.credential.as_ref().map(|(_, name)| name.to_string()).unwrap_or_default(),
                        entry.record.actor.clone(),
                        entry.record.detail.clone(),
                    ]
                })
                .collect();
            output::block(&output::table::render(&["WHEN", "WHAT", "CREDENTIAL", "BY", "DETAIL"], rows))?;
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
