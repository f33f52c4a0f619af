//! Delivery of events to one channel.
//!
//! Each channel has a unit of work, and one broker of the store has its claim. The unit's progress is the place in the journal up to which
//! events were delivered. It is made durable after each delivery, so an event is delivered at least once, and again with the same id if a
//! broker ends in between.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_channel::{DeliveryError, Notice, NoticeData, NoticeType, Severity};
use lanyard_store::{About, Event, Position, StoreError};
use lanyard_vault::Mac;
use lanyard_work::{Claim, Halt, Next};
use serde::{Deserialize, Serialize};

use super::tokens::SpaceTokens;
use crate::Broker;
use crate::channels::{Channel, IN_FILE};
use crate::events::{Notices, source};

/// The kind of the units.
pub(crate) const DELIVER: &str = "channel.deliver";

/// How often a channel looks at the journal.
const LOOK: Duration = Duration::from_secs(1);
/// How many entries are read at once.
const PAGE: u32 = 500;
/// How long a broker leaves a channel alone that is not in its settings.
const ELSEWHERE: Duration = Duration::from_mins(1);
/// How often the place is made durable while there is nothing to deliver.
const SAVE: Duration = Duration::from_mins(1);
/// The wait after the first failure, which doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait, if the receiver does not ask for more.
const LONGEST_WAIT: Duration = Duration::from_mins(10);
/// The longest wait that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_hours(1);
/// How many attempts fail before people are told.
const TOLD_AFTER: u32 = 4;
/// How long one event is tried, before the next one is.
const GIVEN_UP: Duration = Duration::from_hours(72);

/// How far the deliveries to a channel have come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The place in the journal: a number, and the mac of that entry.
    number: u64,
    mac: String,
    /// When the last event was delivered.
    pub(crate) delivered_at: Option<Timestamp>,
    /// When the last heartbeat was sent.
    heartbeat_at: Option<Timestamp>,
    /// The failure that lasts.
    pub(crate) failing: Option<Failing>,
}

/// A failure to deliver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failing {
    /// Since when.
    pub(crate) since: Timestamp,
    /// How many attempts have failed.
    pub(crate) attempts: u32,
    /// The reason of the last failure.
    pub(crate) why: String,
    /// Whether people were told.
    told: bool,
    /// The event that is tried, and since when.
    event: String,
    event_since: Timestamp,
}

impl Progress {
    pub(crate) fn at(position: Position) -> Self {
        Self { number: position.number, mac: position.mac.to_string(), ..Self::default() }
    }

    fn position(&self) -> Option<Position> {
        let mac: Mac = self.mac.parse().ok()?;
        Some(Position { number: self.number, mac })
    }

    fn move_to(&mut self, position: Position) {
        (self.number, self.mac) = (position.number, position.mac.to_string());
    }
}

/// Delivers events to a channel until the claim is lost or the broker stops.
pub(crate) async fn deliver(broker: &Broker, claim: &Claim) -> Result<Next, Halt> {
    let key = &*claim.document().key;
    let mut progress = match claim.earlier::<Progress>().filter(|earlier| earlier.position().is_some()) {
        Some(earlier) => earlier,
        None => Progress::at(broker.store.journal_end().await?),
    };
    claim.progress(&progress).await?;
    let mut saved = broker.clock.now().wall;
    loop {
        let Some(channel) = channel(broker, key).await? else {
            if key.starts_with(IN_FILE) {
                // It is in the settings of another broker, or was removed from them.
                return Ok(Next::Again(ELSEWHERE));
            }
            broker.queue.remove(DELIVER, key).await?;
            return Err(Halt::Lost);
        };
        if channel.paused_at.is_some() {
            rest(broker, claim, LOOK).await?;
            continue;
        }
        let delivery = Delivery { broker, claim, channel: &channel };
        let is_behind = delivery.next_page(&mut progress).await?;
        delivery.heartbeat(&mut progress).await?;
        let now = broker.clock.now().wall;
        if since(saved, now) >= SAVE {
            claim.progress(&progress).await?;
            saved = now;
        }
        if !is_behind {
            rest(broker, claim, LOOK).await?;
        }
    }
}

async fn channel(broker: &Broker, key: &str) -> Result<Option<Channel>, StoreError> {
    if let Some(name) = key.strip_prefix(IN_FILE) {
        return Ok(broker.channels.in_file.iter().find(|channel| channel.name.as_str() == name).cloned());
    }
    broker.store.channel(key).await?.as_ref().map(Channel::read).transpose()
}

struct Delivery<'a> {
    broker: &'a Broker,
    claim: &'a Claim,
    channel: &'a Channel,
}

impl Delivery<'_> {
    /// Delivers the events of the next page of the journal. Whether there may be more.
    async fn next_page(&self, progress: &mut Progress) -> Result<bool, Halt> {
        let store = &self.broker.store;
        let position = progress.position().unwrap_or_default();
        let page = store.journal_after(position, PAGE).await?;
        if !page.follows {
            tracing::error!(
                channel = %self.channel.name,
                "the journal does not continue where deliveries stopped: entries were pruned, or the database was replaced; events may be \
                 missing"
            );
            progress.move_to(store.journal_end().await?);
            return Ok(false);
        }
        if page.entries.is_empty() {
            return Ok(false);
        }
        let mut notices = Notices::new(store, self.broker.channels.link.as_deref()).await?;
        for entry in &page.entries {
            // Its own failure is no news to a channel that delivers it.
            let is_own = matches!(
                &entry.record.event,
                Event::ChannelFailing { name, .. } | Event::ChannelRecovered { name } if name == self.channel.name.as_str()
            );
            if is_own || self.channel.skips(entry.record.at) {
                continue;
            }
            let Some(notice) = notices.of(entry).await?.filter(|notice| self.channel.rules.wants(notice)) else {
                continue;
            };
            self.until_delivered(progress, &notice).await?;
            let mac = entry.mac.parse().unwrap_or(Mac::BEGINNING);
            progress.move_to(Position { number: entry.number, mac });
            self.claim.progress(progress).await?;
        }
        progress.move_to(page.position);
        Ok(page.entries.len() == PAGE as usize)
    }

    /// Delivers an event, however long that takes, or gives it up after some days.
    async fn until_delivered(&self, progress: &mut Progress, notice: &Notice) -> Result<(), Halt> {
        loop {
            let now = self.broker.clock.now().wall;
            match self.attempt(notice).await {
                Ok(()) => return self.succeeded(progress).await,
                Err(error) => {
                    let wait = self.failed(progress, notice, &error).await?;
                    let failing = progress.failing.as_ref();
                    let tried = failing.map_or(Duration::ZERO, |failing| since(failing.event_since, now));
                    if tried >= GIVEN_UP {
                        tracing::error!(channel = %self.channel.name, event = %notice.id, "an event was given up");
                        if let Some(failing) = &mut progress.failing {
                            failing.event.clear();
                        }
                        return Ok(());
                    }
                    self.claim.progress(progress).await?;
                    rest(self.broker, self.claim, wait).await?;
                    // The owner may have changed, paused or removed the channel in the meantime.
                    if self.is_changed().await? {
                        return Err(Halt::Restart);
                    }
                }
            }
        }
    }

    async fn is_changed(&self) -> Result<bool, StoreError> {
        let key = &*self.claim.document().key;
        let now = channel(self.broker, key).await?;
        Ok(now.is_none_or(|now| now.paused_at != self.channel.paused_at || now.rules != self.channel.rules))
    }

    async fn attempt(&self, notice: &Notice) -> Result<(), DeliveryError> {
        attempt(self.broker, self.channel, notice).await
    }

    async fn succeeded(&self, progress: &mut Progress) -> Result<(), Halt> {
        progress.delivered_at = Some(self.broker.clock.now().wall);
        if progress.failing.take().is_some_and(|failing| failing.told) {
            self.record(Event::ChannelRecovered { name: self.channel.name.to_string() }).await?;
        }
        Ok(())
    }

    /// Notes a failure, tells people of one that lasts, and returns how long to wait.
    async fn failed(&self, progress: &mut Progress, notice: &Notice, error: &DeliveryError) -> Result<Duration, Halt> {
        let now = self.broker.clock.now().wall;
        let failing = progress.failing.get_or_insert_with(|| Failing {
            since: now,
            attempts: 0,
            why: String::new(),
            told: false,
            event: notice.id.to_string(),
            event_since: now,
        });
        if failing.event != notice.id.as_str() {
            (failing.event, failing.event_since) = (notice.id.to_string(), now);
        }
        failing.attempts = failing.attempts.saturating_add(1);
        failing.why = error.to_string();
        tracing::warn!(channel = %self.channel.name, event = %notice.id, attempts = failing.attempts, %error, "an event was not delivered");
        let is_due = failing.attempts >= TOLD_AFTER || !error.may_retry();
        if is_due && !failing.told {
            failing.told = true;
            let event = Event::ChannelFailing { name: self.channel.name.to_string(), why: failing.why.clone() };
            self.record(event).await?;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << failing.attempts.saturating_sub(1).min(10)).min(LONGEST_WAIT);
        Ok(error.retry_after().map_or(doubled, |asked| asked.min(LONGEST_ASKED).max(doubled)))
    }

    async fn record(&self, event: Event) -> Result<(), StoreError> {
        self.broker
            .store
            .write_rows(|mut tx| {
                let event = event.clone();
                async move {
                    tx.record(About::Home, event);
                    tx.commit(()).await
                }
            })
            .await
    }

    /// Sends a heartbeat if one is due. A failure of it is one of the channel.
    async fn heartbeat(&self, progress: &mut Progress) -> Result<(), Halt> {
        let Some(every) = self.channel.heartbeat.filter(|_| self.channel.paused_at.is_none()) else { return Ok(()) };
        let now = self.broker.clock.now().wall;
        if progress.heartbeat_at.is_some_and(|last| since(last, now) < every) {
            return Ok(());
        }
        let slot = now.as_second() / i64::try_from(every.as_secs().max(1)).unwrap_or(i64::MAX);
        let source = source(&self.broker.store).await?;
        let home = source.rsplit(':').next().unwrap_or_default();
        let home: String = home.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let data = NoticeData::new("Lanyard runs, and its events arrive.", Severity::Info);
        let Ok(id) = format!("heartbeat-{home}-{slot}").parse() else { return Ok(()) };
        let notice = Notice::new(id, source, NoticeType::HEARTBEAT, now, data);
        match self.attempt(&notice).await {
            Ok(()) => self.succeeded(progress).await?,
            Err(error) => {
                self.failed(progress, &notice, &error).await?;
            }
        }
        // Whatever came of it: the next one is sent in its own time.
        progress.heartbeat_at = Some(now);
        self.claim.progress(progress).await
    }
}

/// Delivers one event to a channel, once.
pub(crate) async fn attempt(broker: &Broker, channel: &Channel, notice: &Notice) -> Result<(), DeliveryError> {
    let now = broker.clock.now();
    let tokens = |id| SpaceTokens::new(broker, id);
    let sent = broker.channels.outbound(|| broker.connections()).deliver(&channel.target, notice, &now, tokens);
    Box::pin(sent).await
}

async fn rest(broker: &Broker, claim: &Claim, wait: Duration) -> Result<(), Halt> {
    tokio::select! {
        halt = claim.halted() => Err(halt),
        () = broker.sleep.sleep(wait) => Ok(()),
    }
}

fn since(from: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(from)).unwrap_or_default()
}
