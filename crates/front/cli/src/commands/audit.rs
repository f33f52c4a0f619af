//! `lanyard audit`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use lanyard_broker::views::{AuditEntryView, AuditVerdictView, RetentionView};
use lanyard_broker::{KeepAudit, ReadAudit, ShowAuditRetention, VerifyAudit};
use lanyard_credential::CredentialName;
use lanyard_store::{AuditVerdict, Fault, Head, JournalEntry, Retention, SHORTEST_RETENTION, Verified};

use super::Examples;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::{numbers, output};

/// Show the audit log: sign-ins, renewals, hand-outs
#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Only entries about this credential, also under earlier names and after it was cleared [default: all entries]
    #[arg(conflicts_with = "verify")]
    name: Option<CredentialName>,
    /// Only entries of the last 300 (seconds), 5m, 12h or 2d, or since a moment (2027-01-31T18:00:00Z)
    #[arg(long, value_name = "TIME", conflicts_with = "verify", value_parser = Since::from_str)]
    since: Option<Since>,
    /// Show only the latest COUNT entries [default: 50; with --since all]
    #[arg(long, value_name = "COUNT", value_parser = numbers::count)]
    limit: Option<u32>,
    /// Cut nothing off to fit the terminal
    #[arg(long, conflicts_with = "verify")]
    wide: bool,
    /// Check every entry against the chain, and print its head
    #[arg(long)]
    verify: bool,
    /// With --verify: what an earlier --verify printed, to detect a journal that was cut off at the end
    #[arg(long, value_name = "FILE", requires = "verify")]
    heads: Option<PathBuf>,
    /// Keep entries for TIME (30d, 400d) or `forever`; without TIME, show for how long they are kept
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        default_missing_value = "show",
        hide_default_value = true,
        value_parser = Keep::from_str,
        conflicts_with_all = ["name", "since", "limit", "wide", "verify"]
    )]
    keep: Option<Keep>,
}

/// How long entries are to be kept.
#[derive(Clone, Copy, Debug)]
enum Keep {
    /// As they are; to be shown.
    Show,
    For(Duration),
    Forever,
}

impl FromStr for Keep {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "show" => return Ok(Self::Show),
            "forever" => return Ok(Self::Forever),
            _ => {}
        }
        let time = numbers::seconds(text).map(Duration::from_secs);
        time.ok()
            .filter(|time| *time >= SHORTEST_RETENTION)
            .map(Self::For)
            .ok_or("expected a time of at least a day, such as 30d or 400d, or forever")
    }
}

/// The number of entries that are shown by default.
const LATEST: u32 = 50;

/// The beginning of a time that ends now.
#[derive(Clone, Copy, Debug)]
pub(super) enum Since {
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
    pub(super) fn moment(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(time) => now.checked_sub(time).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

impl Audit {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        if self.verify {
            return self.verify(common).await;
        }
        if let Some(keep) = self.keep {
            return retention(common, keep).await;
        }
        let limit = self.limit.unwrap_or(if self.since.is_some() { u32::MAX } else { LATEST });
        let since = self.since.map(|since| since.moment(context::parts().clock.now().wall));
        let entries = common.broker().await?.perform(ReadAudit { name: self.name, since, limit }).await?;
        if common.json {
            output::json::view(&entries.iter().map(AuditEntryView::of).collect::<Vec<_>>())?;
        } else if entries.is_empty() {
            output::note("no entry matches");
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
        let verdict = broker.perform(VerifyAudit { heads }).await?;
        if common.json {
            output::json::view(&AuditVerdictView::of(&verdict, compared))?;
        }
        match verdict {
            AuditVerdict::Intact(_) if common.json => {
                // What decides when entries are removed is no entry.
                broker.perform(ShowAuditRetention).await?;
                Ok(ExitCode::SUCCESS)
            }
            AuditVerdict::Intact(verified) => {
                for head in &verified.heads {
                    output::line(&head.to_string())?;
                }
                output::note(&format!("{}, all intact", covered(&verified)));
                if let Some(pruned) = &verified.pruned {
                    output::note(&format!(
                        "entries up to {} were removed, most recently at {:.0} by {} (entry {})",
                        pruned.up_to, pruned.at, pruned.actor, pruned.entry
                    ));
                }
                if verified.older_heads > 0 {
                    output::note("a head is older than the entries that are kept, and was not compared");
                }
                if compared == verified.older_heads {
                    output::note(
                        "--verify cannot detect a journal that was cut off at the end: store this output elsewhere, and pass it with --heads next time",
                    );
                }
                broker.perform(ShowAuditRetention).await?;
                Ok(ExitCode::SUCCESS)
            }
            AuditVerdict::Broken { writer, number, fault } => {
                let of = writer.map(|writer| format!(" of {writer}")).unwrap_or_default();
                Err(Failure::Other {
                    message: format!("the audit was tampered with: entry {number}{of} {}", said(fault)),
                    hint: Some(
                        "the database was written without the home's key; keep a copy, and find out who did it"
                            .to_owned(),
                    ),
                })
            }
        }
    }
}

/// Changes how long entries are kept, if that is asked for, and shows it.
async fn retention(common: &Common, keep: Keep) -> Result<ExitCode, Failure> {
    let broker = common.broker().await?;
    let found = match keep {
        Keep::Show => broker.perform(ShowAuditRetention).await?,
        Keep::Forever => broker.perform(KeepAudit { keep: None }).await?,
        Keep::For(time) => broker.perform(KeepAudit { keep: Some(time) }).await?,
    };
    let Retention { keep, .. } = found;
    let now = context::parts().clock.now().wall;
    let in_force = found.in_force(now);
    if common.json {
        output::json::view(&RetentionView::of(&found, now))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&kept(keep))?;
    if in_force != keep {
        let from = found.takes_effect();
        output::note(&format!("a shorter time takes effect after a day, at {from:.0}; until then: {}", kept(in_force)));
    }
    Ok(ExitCode::SUCCESS)
}

fn kept(time: Option<Duration>) -> String {
    time.map_or_else(|| "forever".to_owned(), output::duration::words)
}

/// "entries 1 to 53, from 2026-… to 2026-…".
fn covered(verified: &Verified) -> String {
    match (verified.first, verified.last) {
        (Some((first, from)), Some((last, to))) => format!("entries {first} to {last}, from {from:.0} to {to:.0}"),
        _ => "0 entries".to_owned(),
    }
}

/// Lays out the entries. On a narrow terminal moments and actors are shortened, so that there is room for the detail.
fn table(entries: &[JournalEntry], room: Option<usize>) -> output::table::Block {
    let rows = entries.iter().map(|entry| {
        let record = &entry.record;
        vec![
            output::table::moment(record.at, room),
            record.event.kind().as_str().to_owned(),
            record.about.as_credential().map(|(_, name)| name.to_string()).unwrap_or_default(),
            by(&record.actor, room).to_owned(),
            record.event.to_string(),
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

fn said(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "is missing",
        Fault::Altered => "was altered, or stands in another's place",
        Fault::Cut => "was cut off, with all that followed it",
    }
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "audit",
    &[
        "lanyard audit",
        "lanyard audit acme --since 2d",
        "lanyard audit --verify > heads.txt",
        "lanyard audit --verify --heads heads.txt",
        "lanyard audit --keep 400d",
    ],
)];

#[cfg(test)]
mod tests {
    use lanyard_credential::Generation;
    use lanyard_store::{About, Event, JournalRecord};

    use super::*;

    #[test]
    fn a_narrow_terminal_shows_what_happened_before_who_did_it() {
        let record = JournalRecord {
            at: "2026-11-29T21:05:57Z".parse().unwrap(),
            about: About::Home,
            actor: "uid 1000 (lanyard, pid 4242)".to_owned(),
            event: Event::HandedOut { means: "api GET people/me".to_owned(), generation: Generation::new(4), times: 1 },
        };
        let entries = [JournalEntry { number: 1, writer: "w".to_owned(), record, mac: String::new() }];
        let row = |room| {
            table(&entries, room).lines().nth(1).map(|line| anstream::adapter::strip_str(line).to_string()).unwrap()
        };
        let whole = "2026-11-29T21:05:57Z  handed-out              uid 1000 (lanyard, pid 4242)  api GET people/me, generation 4";
        assert_eq!(row(None), whole);
        assert_eq!(row(Some(120)), whole);
        assert_eq!(row(Some(80)), "2026-11-29 21:05Z  handed-out              uid 1000  api GET people/me, generat…");
        assert_eq!(row(Some(60)), "11-29 21:05Z  handed-out              uid 1000  api GET peo…");
        assert!(row(Some(52)).contains("api GET"), "{}", row(Some(52)));
    }
}
