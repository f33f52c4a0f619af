//! Decides from values how many renewals may begin.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use lanyard_credential::{AppId, Trouble, TroubleKind};
use lanyard_protocol::Environment;
use lanyard_time::Moment;

use super::RefresherOptions;
use super::breaker::{self, Breaker, Health, Limits};
use super::bucket::Bucket;

/// Decides how many renewals may begin: has a [`Lane`] for each app of an environment, and a breaker for each environment. Its
/// times are on the boot clock, since it was created.
#[derive(Debug)]
pub(crate) struct Gate {
    options: RefresherOptions,
    origin: Moment,
    /// How many brokers share the store, and with it the rate.
    brokers: u32,
    environments: Vec<(Environment, Breaker)>,
    lanes: Vec<Lane>,
    numbers: HashMap<(u32, Option<AppId>), LaneId>,
    next: u64,
}

/// The number of a lane: those of an environment's apps, and one for the credentials without an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LaneId(u32);

/// The limits of one app at one environment.
#[derive(Debug)]
struct Lane {
    environment: u32,
    bucket: Bucket,
    /// How many of the refresher's tasks are under way.
    under_way: usize,
    /// The callers that wait. They come before the refresher's tasks, in this order.
    waiting: VecDeque<Entry>,
}

/// The right to one renewal or check, to be returned with its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leave {
    lane: LaneId,
    breaker: Option<breaker::Leave>,
    /// Whether it counts as one of the refresher's tasks.
    is_task: bool,
}

/// A caller that waits in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    lane: LaneId,
    number: u64,
}

/// The origin of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The refresher, which has passed the gate.
    Due,
    /// A caller that needs a token.
    OnDemand,
    /// A person, who may have fixed the failure; only the rate delays the renewal.
    ByHand,
    /// A person who takes over from a process that is late or cannot be seen.
    TakingOver,
}

impl Wanted {
    pub(crate) fn is_by_hand(self) -> bool {
        matches!(self, Self::ByHand | Self::TakingOver)
    }

    /// Whether this caller may go on where the other one gives up.
    pub(crate) fn goes_further_than(self, other: Self) -> bool {
        let reach = |wanted| match wanted {
            Self::Due | Self::OnDemand => 0,
            Self::ByHand => 1,
            Self::TakingOver => 2,
        };
        reach(self) > reach(other)
    }
}

/// The reason why a renewal may not begin yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The environment is out of order.
    OutOfOrder(Duration),
    /// Webex limits the subject's calls through the app.
    Limited(Duration),
}

impl Closed {
    /// Returns the failure of a renewal that did not begin. It is not stored.
    pub(crate) fn trouble(self, now: Moment) -> Trouble {
        let (kind, message, pause) = match self {
            Self::OutOfOrder(left) => (
                TroubleKind::Unreachable,
                format!("the last renewals at this Webex failed, so the next one waits {} s", left.as_secs().max(1)),
                left,
            ),
            Self::Limited(left) => {
                (TroubleKind::Limited, "Webex limits the calls of this app or person".to_owned(), left)
            }
        };
        Trouble { at: now, kind, message, failures: 0, pause }
    }
}

impl Gate {
    pub(crate) fn new(options: RefresherOptions, origin: Moment) -> Self {
        let (environments, lanes, numbers) = (Vec::new(), Vec::new(), HashMap::new());
        Self { options, origin, brokers: 1, environments, lanes, numbers, next: 0 }
    }

    /// Changes the options. Leaves that were given stay valid.
    pub(crate) fn work_as(&mut self, options: RefresherOptions) {
        self.options = options;
        for (_, breaker) in &mut self.environments {
            *breaker = self.options.breaker();
        }
        for lane in &mut self.lanes {
            lane.bucket = self.options.bucket(self.brokers);
        }
    }

    /// The lane of an environment's app.
    pub(crate) fn lane(&mut self, environment: &Environment, app: Option<AppId>) -> LaneId {
        let found = self.environments.iter().position(|(known, _)| known.id() == environment.id());
        let place = number(found.unwrap_or_else(|| {
            self.environments.push((environment.clone(), self.options.breaker()));
            self.environments.len() - 1
        }));
        *self.numbers.entry((place, app)).or_insert_with(|| {
            self.lanes.push(Lane {
                environment: place,
                bucket: self.options.bucket(self.brokers),
                under_way: 0,
                waiting: VecDeque::new(),
            });
            LaneId(number(self.lanes.len() - 1))
        })
    }

    /// Divides the rate among this many brokers.
    pub(crate) fn share_among(&mut self, brokers: u32, now: &Moment) {
        let (brokers, now) = (brokers.max(1), self.since(now));
        if brokers != self.brokers {
            self.brokers = brokers;
            for lane in &mut self.lanes {
                lane.bucket.set_rate(self.options.rate / f64::from(brokers), now);
            }
        }
    }

    /// Begins a task of the refresher, if one may begin. Waiting callers come first.
    pub(crate) fn begin(&mut self, id: LaneId, now: &Moment) -> Option<Leave> {
        let now = self.since(now);
        let lane = &mut self.lanes[id.index()];
        let is_full = lane.under_way >= self.options.at_once.max(1);
        if is_full || !lane.waiting.is_empty() || !lane.bucket.ready_in(now).is_zero() {
            return None;
        }
        let breaker = self.environments[lane.environment as usize].1.enter(now)?;
        lane.bucket.take(now);
        lane.under_way += 1;
        Some(Leave { lane: id, breaker: Some(breaker), is_task: true })
    }

    /// Returns how long until a task may begin; `None` if it must wait until another one ends.
    pub(crate) fn ready_in(&self, id: LaneId, now: &Moment) -> Option<Duration> {
        let (now, lane) = (self.since(now), &self.lanes[id.index()]);
        if lane.under_way >= self.options.at_once.max(1) {
            return None;
        }
        let breaker = self.environments[lane.environment as usize].1.ready_in(now)?;
        Some(breaker.max(lane.bucket.ready_in(now) + lane.bucket.cost() * number(lane.waiting.len())))
    }

    /// How many tasks of a lane may begin at once by its rate.
    pub(crate) fn starts_left(&self, id: LaneId, now: &Moment) -> u32 {
        self.lanes[id.index()].bucket.starts_left(self.since(now))
    }

    /// Puts a caller into a lane's queue.
    pub(crate) fn queue(&mut self, lane: LaneId) -> Entry {
        self.next += 1;
        let entry = Entry { lane, number: self.next };
        self.lanes[lane.index()].waiting.push_back(entry);
        entry
    }

    /// Lets a caller begin, or returns how long it must wait. The caller stays in the queue until it [leaves](Self::leave_queue).
    pub(crate) fn admit(
        &mut self,
        entry: Entry,
        wanted: Wanted,
        now: &Moment,
    ) -> Result<Result<Leave, Duration>, Closed> {
        let now = self.since(now);
        let lane = &mut self.lanes[entry.lane.index()];
        let breaker = &mut self.environments[lane.environment as usize].1;
        let before = lane.waiting.iter().position(|other| *other == entry).unwrap_or_default();
        let wait = lane.bucket.ready_in(now) + lane.bucket.cost() * number(before);
        let closed_for = breaker.closed_for(now).filter(|_| !wanted.is_by_hand());
        if let Some(left) = closed_for {
            return Err(Closed::OutOfOrder(left));
        }
        if before > 0 || !wait.is_zero() {
            return Ok(Err(wait.max(lane.bucket.cost())));
        }
        lane.bucket.take(now);
        Ok(Ok(Leave { lane: entry.lane, breaker: breaker.enter(now), is_task: false }))
    }

    /// Takes a caller out of its queue.
    pub(crate) fn leave_queue(&mut self, entry: Entry) {
        self.lanes[entry.lane.index()].waiting.retain(|other| *other != entry);
    }

    /// Returns the leave of a renewal that was not begun: it does not count towards the rate.
    pub(crate) fn give_back(&mut self, leave: Leave, now: &Moment) {
        if let Some(lane) = self.lanes.get_mut(leave.lane.index()) {
            lane.bucket.give_back();
        }
        self.end(leave, Health::Unknown, now);
    }

    /// Ends a renewal or check, for which Webex may have been asked.
    pub(crate) fn end(&mut self, leave: Leave, health: Health, now: &Moment) {
        let now = self.since(now);
        let Some(lane) = self.lanes.get_mut(leave.lane.index()) else { return };
        lane.under_way = lane.under_way.saturating_sub(usize::from(leave.is_task));
        let (environment, breaker) = &mut self.environments[lane.environment as usize];
        let has_turned = match leave.breaker {
            Some(leave) => breaker.leave(leave, health, now),
            None => breaker.hear(health, now),
        };
        if !has_turned {
            return;
        }
        let environment = environment.id();
        if let breaker::State::Open { until, .. } = breaker.state() {
            let pause = until.saturating_sub(now).as_secs();
            tracing::warn!(environment, pause_s = pause, "Webex is out of order: renewals pause");
        } else {
            tracing::info!(environment, "Webex answers again");
        }
    }

    /// Lists the environments, each with the state of its breaker, and its lanes with the number of the refresher's tasks under
    /// way.
    pub(crate) fn environments(
        &self,
        now: &Moment,
    ) -> impl Iterator<Item = (&Environment, breaker::State, Duration, Vec<(LaneId, usize)>)> {
        let now = self.since(now);
        (0..).zip(&self.environments).map(move |(place, (environment, breaker))| {
            let lanes = (0..).map(LaneId).zip(&self.lanes).filter(|(_, lane)| lane.environment == place);
            (environment, breaker.state(), now, lanes.map(|(id, lane)| (id, lane.under_way)).collect())
        })
    }

    fn since(&self, now: &Moment) -> Duration {
        now.since(&self.origin)
    }
}

impl LaneId {
    /// Its place in a list of all lanes.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl RefresherOptions {
    fn bucket(&self, brokers: u32) -> Bucket {
        Bucket::new(self.rate / f64::from(brokers), self.burst)
    }

    fn breaker(&self) -> Breaker {
        let (failures, first, longest) = (self.failures.max(1), self.first_pause, self.longest_pause);
        Breaker::new(Limits { failures, first, longest })
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).expect("there are fewer than four billion apps")
}
