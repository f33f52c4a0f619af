//! `lanyard events`: what people are told of.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use lanyard_broker::ListEvents;
use lanyard_channel::Notice;

use super::Examples;
use super::audit::Since;
use crate::access::Access;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::output::table;
use crate::{numbers, output};

/// List events: expiries, failures, recoveries
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Wait for further events, and print each when it happens; Ctrl-C stops
    #[arg(long, short)]
    follow: bool,
    /// Only events of the last 300 (seconds), 5m, 12h or 2d, or since a moment (2027-01-31T18:00:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Show only the latest COUNT events [default: 50; with --since all]
    #[arg(long, value_name = "COUNT", value_parser = numbers::between(1, u32::MAX))]
    limit: Option<u32>,
    /// Print the JSON Schema of an event, and nothing else
    #[arg(long, conflicts_with_all = ["follow", "since", "limit"])]
    schema: bool,
}

/// How often the broker is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How many events one request lists.
const PAGE: u32 = 500;

impl Events {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        if self.schema {
            output::json::print(&Notice::schema())?;
            return Ok(ExitCode::SUCCESS);
        }
        let broker = common.broker_with_channels().await?;
        let since = self.since.map(|since| since.moment(context::parts().clock.now().wall));
        let limit = if since.is_some() { Some(PAGE) } else { self.limit };
        let mut page = broker.perform(ListEvents { after: None, since, limit }).await?;
        if page.events.is_empty() && !self.follow {
            output::note(if since.is_some() { "there are no events since then" } else { "there are no events yet" });
        }
        // All since then, a page at a time, or the latest of them.
        let most = self.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut latest = VecDeque::new();
        loop {
            let is_last = since.is_none() || page.events.is_empty();
            if self.limit.is_none() || since.is_none() {
                print(&page.events, common)?;
            } else {
                latest.extend(page.events.drain(..));
                latest.drain(..latest.len().saturating_sub(most));
            }
            if is_last {
                break;
            }
            page = broker.perform(ListEvents { after: Some(page.next), since, limit: Some(PAGE) }).await?;
        }
        print(latest.make_contiguous(), common)?;
        if self.follow && matches!(broker, Access::Local(_)) {
            output::note("no broker runs, and events are recorded while one does: lanyard serve");
        }
        let sleep = context::parts().sleep;
        while self.follow && !output::reader_gone() {
            sleep.sleep(EVERY).await;
            page = broker.perform(ListEvents { after: Some(page.next), since: None, limit: Some(PAGE) }).await?;
            print(&page.events, common)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// One line for each event; with `--json` one object per line.
fn print(events: &[Notice], common: &Common) -> Result<(), Failure> {
    for event in events {
        if common.json {
            output::json::print_line(event)?;
        } else {
            output::line(&line(event))?;
        }
    }
    Ok(())
}

fn line(event: &Notice) -> String {
    let at = moment(event.time);
    format!("{at}  {:8}  {:24}  {}", event.data.severity.as_str(), event.kind.short(), event.data.summary)
}

fn moment(at: Timestamp) -> String {
    table::moment(at, table::room())
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "events",
    &["lanyard events", "lanyard events --since 1d --json | jq -r .data.summary", "lanyard events --follow"],
)];
