//! Events, as people are told of them.

use jiff::Timestamp;
use lanyard_channel::Notice;
use lanyard_credential::Capability;
use lanyard_operation::{About, Code, Declaration, Operation, Problem};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events::Notices;
use crate::{Broker, Error};

operations![ListEvents];

/// Lists events, oldest first.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// Only those after `next` of an earlier reply; without it and `since`, the latest.
    pub after: Option<u64>,
    /// Only those since this moment.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub since: Option<Timestamp>,
    /// How many at most: 50 if it is omitted, 1000 at most.
    pub limit: Option<u32>,
}

/// Some events.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Notice>,
    /// The number to ask after for those that follow.
    pub next: u64,
}

/// How many events are listed if the caller does not say.
const LIMIT: u32 = 50;
/// How many at most.
const MOST: u32 = 1000;

/// A client sees the events of the credentials that it may read; those of the home only if it may read all.
impl Operation for ListEvents {
    const DECLARED: Declaration = Declaration::read("event.list").needs(Capability::Read);

    type Context = Broker;
    type Reply = EventPage;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Any
    }

    async fn run(self, broker: &Broker) -> Result<EventPage, Error> {
        let (store, now) = (&broker.store, broker.clock.now());
        if self.after.is_some_and(|after| i64::try_from(after).is_err()) {
            let problem = Problem::new(Code::BadRequest, "no event has so high a number");
            return Err(problem.hint("ask after the number in next of an earlier reply").into());
        }
        let limit = self.limit.unwrap_or(LIMIT).clamp(1, MOST);
        // Read before the entries, so that none that comes in between is skipped.
        let end = store.journal_end().await?.number;
        let entries = match (self.after, self.since) {
            (None, None) => store.told_last(limit).await?,
            (after, since) => store.told_after(after.unwrap_or(0), since, limit).await?,
        };
        let next = match entries.last() {
            Some(last) if entries.len() >= limit as usize => last.number,
            Some(last) => last.number.max(end),
            None => end.max(self.after.unwrap_or(0)),
        };
        let mut notices = Notices::new(store, broker.channels.link.as_deref()).await?;
        let mut events = Vec::with_capacity(entries.len());
        for entry in &entries {
            let about = entry.record.about.as_credential().map(|(id, _)| *id);
            let may_see = broker.caller.may(Capability::Read, about, &now).is_ok();
            if let (true, Some(notice)) = (may_see, notices.of(entry).await?) {
                events.push(notice);
            }
        }
        Ok(EventPage { events, next })
    }
}
