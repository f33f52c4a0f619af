//! Delivery of events to one channel.
//!
//! Each channel has a unit of work, and one broker of the store has its claim. The unit's progress is the place in the journal up to which
//! events were delivered. It is made durable after each delivery, so an event is delivered at least once, and again with the same id if a
//! broker ends in between.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_channel::{DeliveryError, Notice, NoticeData, NoticeType, Severity};
use lanyard_store::{Event, JournalEntry, Position, StoreError};
use lanyard_time::Moment;
use lanyard_vault::Mac;
use lanyard_work::{Claim, Halt, Next};
use serde::{Deserialize, Serialize};

use super::tokens::SpaceTokens;
use crate::Broker;
use crate::background::{Backlog, Outcome};
use crate::channels::{Channel, IN_FILE};
use crate::events::{Notices, source};

/// The kind of the units.
pub(crate) const DELIVER: &str = "channel.deliver";

/// How often a channel looks at the journal, if nothing wakes it.
const LOOK: Duration = Duration::from_secs(10);
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
/// The beginning of the ids of tests of a channel that failed.
const PROBE: &str = "probe-";
/// How long one event is tried, before the next one is.
const GIVEN_UP: Duration = Duration::from_hours(72);
/// The reason why a channel fails whose place is not in the journal.
const LOST: &str = "the journal does not continue where deliveries stopped, because entries were pruned or the database was replaced; \
                    events may be missing";
/// How many waiting events are counted at most.
const MOST_WAITING: u32 = 1000;

/// How far the deliveries to a channel have come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The place in the journal: a number, and the mac of that entry.
    pub(super) number: u64,
    mac: String,
    /// When the last event was delivered.
    pub(crate) delivered_at: Option<Timestamp>,
    /// When the last heartbeat was sent.
    #[serde(default)]
    heartbeat: Option<Moment>,
    /// When a broker last had this channel. Without one for some days, the place of a channel of the settings file is forgotten.
    #[serde(default)]
    served: Option<Moment>,
    /// When the alerts that last were repeated.
    #[serde(default)]
    pub(super) repeated: Option<Moment>,
    /// The failure that lasts.
    pub(crate) failing: Option<Failing>,
}

/// A failure to deliver.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failing {
    /// Since when.
    pub(crate) since: Timestamp,
    /// The channel's name.
    #[serde(default)]
    name: String,
    /// How many attempts have failed.
    pub(crate) attempts: u32,
    /// The reason of the last failure.
    pub(crate) why: String,
    /// Whether people were told.
    told: bool,
    /// The event that is tried, and since when.
    event: String,
    #[serde(default)]
    tried_since: Option<Moment>,
    /// When a test was sent last, because nothing waited.
    #[serde(default)]
    probed: Option<Moment>,
    /// The recipients of that event's mail who have it.
    #[serde(default)]
    accepted: Vec<String>,
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
    let loops = &broker.loops;
    let _kept = (loops.delivery.begin(), Forgotten { broker, key });
    let mut progress = match claim.earlier::<Progress>().filter(|earlier| earlier.position().is_some()) {
        Some(earlier) => earlier,
        None => Progress::at(broker.store.journal_end().await?),
    };
    let mut saved = None;
    loop {
        let seen = broker.journal.end();
        let Some(channel) = channel(broker, key).await? else {
            if key.starts_with(IN_FILE) {
                // It is in the settings of another broker, or was removed from them.
                let is_gone = progress.served.as_ref().is_some_and(|at| broker.clock.now().since(at) >= GIVEN_UP);
                if !is_gone {
                    return Ok(Next::Again(ELSEWHERE));
                }
            }
            // What people were told of it ends with it.
            if let Some(failing) = progress.failing.take().filter(|failing| failing.told && !failing.name.is_empty()) {
                let event = Event::ChannelRecovered { name: failing.name };
                claim.progress_with(&progress, Some(&event)).await?;
            }
            broker.queue.remove(DELIVER, key).await?;
            return Err(Halt::Lost);
        };
        if channel.paused_at.is_some() {
            loops.delivery.beat(broker.clock.now().wall);
            broker.rest(claim, seen, LOOK).await?;
            continue;
        }
        let now = broker.clock.now();
        if saved.as_ref().is_none_or(|at| now.oldest_since(at) >= SAVE) {
            progress.served = Some(now.clone());
            claim.progress(&progress).await?;
            saved = Some(now);
        }
        let delivery = Delivery { broker, claim, channel: &channel };
        let is_behind = delivery.next_page(&mut progress).await?;
        delivery.heartbeat(&mut progress).await?;
        delivery.repeat(&mut progress).await?;
        delivery.probe(&mut progress).await?;
        let now = broker.clock.now();
        loops.delivery.beat(now.wall);
        if !is_behind {
            let wait = delivery.heartbeat_in(&progress, &now).map_or(LOOK, |wait| wait.min(LOOK));
            broker.rest(claim, seen, wait).await?;
        }
    }
}

/// Forgets what waits for a channel when this process no longer delivers to it.
struct Forgotten<'a> {
    broker: &'a Broker,
    key: &'a str,
}

impl Drop for Forgotten<'_> {
    fn drop(&mut self) {
        self.broker.loops.deliveries.set(self.key, None);
    }
}

async fn channel(broker: &Broker, key: &str) -> Result<Option<Channel>, StoreError> {
    if let Some(name) = key.strip_prefix(IN_FILE) {
        return Ok(broker.channels.in_file.iter().find(|channel| channel.name.as_str() == name).cloned());
    }
    broker.store.channel(key).await?.as_ref().map(Channel::read).transpose()
}

pub(super) struct Delivery<'a> {
    pub(super) broker: &'a Broker,
    pub(super) claim: &'a Claim,
    pub(super) channel: &'a Channel,
}

impl Delivery<'_> {
    /// Delivers the events of the next page of the journal. Whether there may be more.
    async fn next_page(&self, progress: &mut Progress) -> Result<bool, Halt> {
        let store = &self.broker.store;
        let position = progress.position().unwrap_or_default();
        let page = store.journal_after(position, PAGE).await?;
        if !page.follows {
            progress.move_to(store.journal_end().await?);
            self.lost(progress).await?;
            return Ok(false);
        }
        if page.entries.is_empty() {
            return Ok(false);
        }
        let mut notices = Notices::new(store, self.broker.channels.link.as_deref()).await?;
        for entry in &page.entries {
            let Some(notice) = self.notice_of(entry, &mut notices).await? else { continue };
            self.until_delivered(progress, &notice).await?;
            let mac = entry.mac.parse().unwrap_or(Mac::BEGINNING);
            progress.move_to(Position { number: entry.number, mac });
            self.claim.progress(progress).await?;
        }
        progress.move_to(page.position);
        Ok(page.entries.len() == PAGE as usize)
    }

    /// The notice of an entry, if this channel gets it. Its own failure is no news to a channel that delivers it.
    pub(super) async fn notice_of(
        &self,
        entry: &JournalEntry,
        notices: &mut Notices<'_>,
    ) -> Result<Option<Notice>, StoreError> {
        let is_own = matches!(
            &entry.record.event,
            Event::ChannelFailing { name, .. } | Event::ChannelRecovered { name } if name == self.channel.name.as_str()
        );
        if is_own { Ok(None) } else { Ok(notices.of(entry).await?.filter(|notice| self.channel.wants(notice))) }
    }

    /// When the events happened that wait for this channel; of many, the first.
    async fn waiting(&self, progress: &Progress) -> Result<Vec<Timestamp>, StoreError> {
        let store = &self.broker.store;
        let mut notices = Notices::new(store, None).await?;
        let mut waiting = Vec::new();
        for entry in store.told_after(progress.number, None, MOST_WAITING).await? {
            waiting.extend(self.notice_of(&entry, &mut notices).await?.map(|notice| notice.time));
        }
        Ok(waiting)
    }

    /// Tells people that events may be missing. The channel counts as failing until the next delivery.
    async fn lost(&self, progress: &mut Progress) -> Result<(), Halt> {
        tracing::error!(channel = %self.channel.name, "{LOST}");
        let earlier = progress.failing.take();
        progress.failing = Some(Failing {
            since: earlier.as_ref().map_or_else(|| self.broker.clock.now().wall, |failing| failing.since),
            name: self.channel.name.to_string(),
            attempts: earlier.map_or(0, |failing| failing.attempts),
            why: LOST.to_owned(),
            told: true,
            event: String::new(),
            tried_since: None,
            probed: None,
            accepted: Vec::new(),
        });
        let backlog = Backlog { kind: self.channel.target.kind(), waiting: 0, oldest: self.broker.clock.now().wall };
        self.broker.loops.deliveries.set(&self.claim.document().key, Some(backlog));
        let event = Event::ChannelFailing { name: self.channel.name.to_string(), why: LOST.to_owned() };
        self.claim.progress_with(progress, Some(&event)).await
    }

    /// Delivers an event, however long that takes, or gives it up after some days.
    pub(super) async fn until_delivered(&self, progress: &mut Progress, notice: &Notice) -> Result<(), Halt> {
        loop {
            self.claim.check()?;
            // The owner may have changed, paused or removed the channel in the meantime.
            self.is_unchanged().await?;
            let have_it = progress.failing.as_ref().filter(|failing| failing.event == notice.id.as_str());
            let have_it = have_it.map(|failing| failing.accepted.clone()).unwrap_or_default();
            let Err(error) = attempt(self.broker, self.channel, notice, &have_it).await else {
                self.count(Outcome::Delivered);
                self.broker.loops.delivery.beat(self.broker.clock.now().wall);
                return self.succeeded(progress).await;
            };
            let wait = self.failed(progress, notice, &error).await?;
            let tried_since = progress.failing.as_ref().and_then(|failing| failing.tried_since.as_ref());
            // A clock that is set does not bring the end nearer.
            if tried_since.is_some_and(|since| self.broker.clock.now().since(since) >= GIVEN_UP) {
                self.count(Outcome::GivenUp);
                tracing::error!(channel = %self.channel.name, event = %notice.id, "an event was not delivered for three days and was given up");
                if let Some(failing) = &mut progress.failing {
                    failing.event.clear();
                }
                self.broker.loops.deliveries.set(&self.claim.document().key, None);
                return Ok(());
            }
            self.count(Outcome::Failed);
            self.wait(wait).await?;
        }
    }

    /// Waits before another try, unless the owner changes the channel. A channel that waits is not a loop that stands still.
    async fn wait(&self, mut left: Duration) -> Result<(), Halt> {
        while !left.is_zero() {
            self.is_unchanged().await?;
            let wait = left.min(LOOK);
            self.broker.loops.delivery.beat(self.broker.clock.now().wall);
            tokio::select! {
                halt = self.claim.halted() => return Err(halt),
                () = self.broker.sleep.sleep(wait) => {}
            }
            left -= wait;
        }
        Ok(())
    }

    /// Fails if the channel is not as it was when this began.
    async fn is_unchanged(&self) -> Result<(), Halt> {
        let now = channel(self.broker, &self.claim.document().key).await?;
        let own = self.channel;
        let is_same = now
            .is_some_and(|now| now.paused_at == own.paused_at && now.skipped == own.skipped && now.rules == own.rules);
        if is_same { Ok(()) } else { Err(Halt::Restart) }
    }

    fn count(&self, outcome: Outcome) {
        self.broker.loops.deliveries.count(self.channel.target.kind(), outcome);
    }

    async fn succeeded(&self, progress: &mut Progress) -> Result<(), Halt> {
        progress.delivered_at = Some(self.broker.clock.now().wall);
        let Some(failing) = progress.failing.take() else { return Ok(()) };
        self.broker.loops.deliveries.set(&self.claim.document().key, None);
        let event = Event::ChannelRecovered { name: self.channel.name.to_string() };
        // Not durable without the other: neither is an end told twice, nor is it missing.
        self.claim.progress_with(progress, Some(&event).filter(|_| failing.told)).await
    }

    /// Notes a failure, tells people of one that lasts, and returns how long to wait.
    async fn failed(&self, progress: &mut Progress, notice: &Notice, error: &DeliveryError) -> Result<Duration, Halt> {
        let now = self.broker.clock.now();
        let waiting = self.waiting(progress).await?;
        let failing = progress.failing.get_or_insert_with(|| Failing {
            since: now.wall,
            name: self.channel.name.to_string(),
            attempts: 0,
            why: String::new(),
            told: false,
            event: String::new(),
            tried_since: None,
            probed: None,
            accepted: Vec::new(),
        });
        if failing.event != notice.id.as_str() || failing.tried_since.is_none() {
            (failing.event, failing.tried_since) = (notice.id.to_string(), Some(now.clone()));
            failing.accepted.clear();
        }
        if let DeliveryError::Partly { accepted, .. } = error {
            failing.accepted.extend(accepted.iter().cloned());
        }
        failing.attempts = failing.attempts.saturating_add(1);
        failing.why = error.to_string();
        let backlog = Backlog {
            kind: self.channel.target.kind(),
            waiting: u64::try_from(waiting.len()).unwrap_or(u64::MAX),
            // An alert that is repeated, or a heartbeat, may fail while nothing waits.
            oldest: waiting.first().copied().unwrap_or(now.wall),
        };
        self.broker.loops.deliveries.set(&self.claim.document().key, Some(backlog));
        tracing::warn!(channel = %self.channel.name, event = %notice.id, attempts = failing.attempts, %error, "an event was not delivered");
        let is_due = failing.attempts >= TOLD_AFTER || !error.may_retry();
        let news = (is_due && !failing.told)
            .then(|| Event::ChannelFailing { name: self.channel.name.to_string(), why: failing.why.clone() });
        failing.told |= news.is_some();
        let attempts = failing.attempts;
        self.claim.progress_with(progress, news.as_ref()).await?;
        let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_WAIT);
        Ok(error.retry_after().map_or(doubled, |asked| asked.min(LONGEST_ASKED).max(doubled)))
    }

    /// How long until a heartbeat is due; `None` if the channel gets none.
    fn heartbeat_in(&self, progress: &Progress, now: &Moment) -> Option<Duration> {
        self.channel.heartbeat.map(|every| due_in(progress.heartbeat.as_ref(), every, now))
    }

    /// Tries a channel that failed although nothing waits for it: its event was given up, or its place was lost.
    async fn probe(&self, progress: &mut Progress) -> Result<(), Halt> {
        let now = self.broker.clock.now();
        let Some(failing) = &mut progress.failing else { return Ok(()) };
        let is_idle = failing.event.is_empty() || failing.event.starts_with(PROBE);
        if !is_idle || !due_in(failing.probed.as_ref(), LONGEST_WAIT, &now).is_zero() {
            return Ok(());
        }
        failing.probed = Some(now.clone());
        self.is_unchanged().await?;
        let what = format!("Deliveries through the channel {} failed before. This event is a test.", self.channel.name);
        let Ok(id) = format!("{PROBE}{}", now.wall.as_millisecond()).parse() else { return Ok(()) };
        let data = NoticeData::new(what, Severity::Info);
        let notice = Notice::new(id, source(&self.broker.store).await?, NoticeType::TEST, now.wall, data);
        match attempt(self.broker, self.channel, &notice, &[]).await {
            Ok(()) => self.succeeded(progress).await,
            Err(error) => self.failed(progress, &notice, &error).await.map(drop),
        }
    }

    /// Sends a heartbeat if one is due. A failure of it is one of the channel.
    async fn heartbeat(&self, progress: &mut Progress) -> Result<(), Halt> {
        let now = self.broker.clock.now();
        if self.heartbeat_in(progress, &now).is_none_or(|wait| !wait.is_zero()) {
            return Ok(());
        }
        self.is_unchanged().await?;
        let source = source(&self.broker.store).await?;
        let home = source.rsplit(':').next().unwrap_or_default();
        let home: String = home.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let data = NoticeData::new("Lanyard is running, and its events arrive.", Severity::Info);
        let Ok(id) = format!("heartbeat-{home}-{}", now.wall.as_millisecond()).parse() else { return Ok(()) };
        let notice = Notice::new(id, source, NoticeType::HEARTBEAT, now.wall, data);
        match attempt(self.broker, self.channel, &notice, &[]).await {
            Ok(()) => {
                self.count(Outcome::Delivered);
                self.succeeded(progress).await?;
            }
            Err(error) => {
                self.count(Outcome::Failed);
                self.failed(progress, &notice, &error).await?;
            }
        }
        // The next one is sent at its own time, whether this one arrived or not.
        progress.heartbeat = Some(now);
        self.claim.progress(progress).await
    }
}

/// How long until the next one is due. The clock that shows more time counts, so that one that was set back does not stop heartbeats.
pub(super) fn due_in(last: Option<&Moment>, every: Duration, now: &Moment) -> Duration {
    let Some(last) = last else { return Duration::ZERO };
    let is_of_the_future = now.boot.since(&last.boot).is_none() && now.wall < last.wall;
    if is_of_the_future { Duration::ZERO } else { every.saturating_sub(now.oldest_since(last)) }
}

/// Delivers one event to a channel, once.
pub(crate) async fn attempt(
    broker: &Broker,
    channel: &Channel,
    notice: &Notice,
    have_it: &[String],
) -> Result<(), DeliveryError> {
    let now = broker.clock.now();
    let tokens = |id| SpaceTokens::new(broker, id);
    let sent =
        broker.channels.outbound(|| broker.connections()).deliver(&channel.target, notice, &now, have_it, tokens);
    Box::pin(sent).await
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn heartbeats_go_on_whichever_way_a_clock_is_set() {
        let clock = ManualClock::at("2026-11-30T12:00:00Z".parse().unwrap());
        let last = clock.now();
        assert_eq!(due_in(None, HOUR, &last), Duration::ZERO);
        clock.advance(HOUR / 4);
        assert_eq!(due_in(Some(&last), HOUR, &clock.now()), HOUR * 3 / 4);
        clock.jump_wall(SignedDuration::from_hours(-24 * 365));
        assert_eq!(due_in(Some(&last), HOUR, &clock.now()), HOUR * 3 / 4);
        clock.advance(HOUR * 3 / 4);
        assert_eq!(due_in(Some(&last), HOUR, &clock.now()), Duration::ZERO);
        // After a restart of the machine only the wall clock is left.
        clock.reboot("the-next");
        assert_eq!(due_in(Some(&last), HOUR, &clock.now()), Duration::ZERO);
    }
}
