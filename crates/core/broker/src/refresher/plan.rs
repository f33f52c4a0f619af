//! The next task of every credential and its time: compact, and without any I/O.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use lanyard_credential::{Credential, CredentialId, Generation};
use lanyard_protocol::Environment;
use lanyard_time::Moment;

use super::report::{BreakerState, EnvironmentReport};
use super::schedule::{self, Ends, Next, Stuck, Task, part, share};
use crate::renewals::{Breaker, Gate, Health, LaneId, Leave, RefresherOptions};

/// The plan. Its clock runs from the moment at which it was made, by the boot-time clock.
#[derive(Debug)]
pub(super) struct Plan {
    options: RefresherOptions,
    origin: Moment,
    entries: HashMap<CredentialId, Entry>,
    /// Those whose moment has not come, by moment.
    waiting: Waiting,
    /// The due credentials of each lane of the gate, in the order in which they begin.
    ready: Vec<Ready>,
}

/// By the millisecond of the plan's clock at which it is their turn.
type Waiting = BTreeSet<(u64, CredentialId)>;

/// The most urgent first, then the earliest due.
type Ready = BTreeSet<(u32, u64, CredentialId)>;

/// A credential, as the plan keeps it. There may be 100,000.
#[derive(Clone, Debug)]
struct Entry {
    /// Milliseconds on the plan's clock.
    due: u64,
    ends: Ends,
    generation: Generation,
    place: Place,
    lane: LaneId,
    task: Option<Task>,
    stuck: Stuck,
    /// Its moment was put off because too many came together.
    spread: bool,
    /// It changed while it was worked on.
    changed: bool,
    /// A process that is gone may have spent the refresh token, so the credential does not wait its turn.
    abandoned: bool,
}

/// Where a credential stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing is to be done for it.
    Idle,
    Waiting,
    /// It is due; the number orders those that are.
    Ready(u32),
    UnderWay,
}

/// Something that begins now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) id: CredentialId,
    pub(super) task: Task,
    pub(super) stuck: Stuck,
    /// It is done whether its moment has come or not.
    pub(super) abandoned: bool,
    leave: Leave,
}

/// How something that was begun has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End<'a> {
    /// The health of the environment, as it showed.
    pub(super) health: Health,
    /// How the credential stands now; `None` where it is gone.
    pub(super) credential: Option<&'a Credential>,
    /// Not again before so long.
    pub(super) rest: Duration,
}

const NEVER: u64 = u64::MAX;

impl Plan {
    pub(super) fn new(options: RefresherOptions, origin: Moment) -> Self {
        Self { options, origin, entries: HashMap::new(), waiting: BTreeSet::new(), ready: Vec::new() }
    }

    /// How many credentials it knows.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes in all credentials that there are; returns those that it knows and that are not among them.
    pub(super) fn load(&mut self, credentials: &[Credential], gate: &mut Gate, now: &Moment) -> Vec<CredentialId> {
        let mut missing: HashSet<_> = self.entries.keys().copied().collect();
        self.entries.reserve(credentials.len().saturating_sub(self.entries.len()));
        for credential in credentials {
            missing.remove(&credential.id);
            self.see(credential, gate, now);
        }
        missing.into_iter().collect()
    }

    /// The credentials that are known.
    pub(super) fn known(&self) -> HashSet<CredentialId> {
        self.entries.keys().copied().collect()
    }

    /// Takes in how a credential stands.
    pub(super) fn see(&mut self, credential: &Credential, gate: &mut Gate, now: &Moment) {
        self.place(credential, Duration::ZERO, gate, now);
    }

    /// There is no such credential any more.
    pub(super) fn forget(&mut self, id: CredentialId) {
        if let Some(mut entry) = self.entries.remove(&id) {
            entry.leave(id, &mut self.waiting, &mut self.ready);
        }
    }

    /// A process that is gone may have spent its refresh token: that is found out at once, while a server may still repeat its answer.
    pub(super) fn recover(&mut self, id: CredentialId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if entry.place == Place::UnderWay || entry.task.is_none() || entry.abandoned {
            return;
        }
        entry.abandoned = true;
        entry.leave(id, &mut self.waiting, &mut self.ready);
        entry.wait(id, 0, &mut self.waiting);
    }

    /// The tasks that begin now, the most urgent of each lane first.
    pub(super) fn starts(&mut self, gate: &mut Gate, now: &Moment) -> Vec<Start> {
        self.promote(self.since(now));
        let mut starts = Vec::new();
        for (index, ready) in self.ready.iter_mut().enumerate() {
            while let Some((_, _, id)) = ready.first().copied() {
                let Some(entry) = self.entries.get_mut(&id) else {
                    ready.pop_first();
                    continue;
                };
                debug_assert_eq!(entry.lane.index(), index);
                let Some(leave) = gate.begin(entry.lane, now) else { break };
                ready.pop_first();
                entry.place = Place::UnderWay;
                entry.changed = false;
                let task = entry.task.unwrap_or(Task::Check);
                let (stuck, abandoned) = (entry.stuck, entry.abandoned);
                starts.push(Start { id, task, stuck, abandoned, leave });
            }
        }
        starts
    }

    /// Takes in how something has ended. `false` where the credential has changed since it was read: it must be read again.
    pub(super) fn settle(&mut self, start: &Start, end: &End<'_>, gate: &mut Gate, now: &Moment) -> bool {
        if let Some(entry) = self.entries.get_mut(&start.id) {
            if std::mem::take(&mut entry.changed) {
                return false;
            }
            entry.place = Place::Idle;
            entry.abandoned = false;
        }
        match end.credential {
            Some(credential) if self.entries.contains_key(&start.id) => self.place(credential, end.rest, gate, now),
            _ => self.forget(start.id),
        }
        gate.end(start.leave, end.health, now);
        true
    }

    /// Ends a task whose outcome is unknown; it is tried again after `rest`.
    pub(super) fn abandon(&mut self, start: &Start, health: Health, rest: Duration, gate: &mut Gate, now: &Moment) {
        let since = self.since(now);
        if let Some(entry) = self.entries.get_mut(&start.id) {
            (entry.changed, entry.abandoned) = (false, false);
            entry.place = Place::Idle;
            entry.wait(start.id, milliseconds(since + rest), &mut self.waiting);
        }
        gate.end(start.leave, health, now);
    }

    /// How long until something is to be done, as far as it is known now; `None` where the end of something is waited for.
    pub(super) fn idle_for(&self, gate: &Gate, now: &Moment) -> Option<Duration> {
        let since = self.since(now);
        let first = self.waiting.first().map(|(at, _)| Duration::from_millis(*at).saturating_sub(since));
        first.into_iter().chain(self.lanes().filter_map(|lane| gate.ready_in(lane, now))).min()
    }

    /// Returns the lanes that have due credentials.
    fn lanes(&self) -> impl Iterator<Item = LaneId> {
        let first = self.ready.iter().filter_map(|ready| ready.first());
        first.filter_map(|(_, _, id)| self.entries.get(id)).map(|entry| entry.lane)
    }

    /// How it stands with each environment.
    pub(super) fn environments(&mut self, gate: &Gate, now: &Moment) -> Vec<EnvironmentReport> {
        self.promote(self.since(now));
        let report = |(environment, breaker, since, lanes): (&Environment, _, Duration, Vec<(LaneId, usize)>)| {
            let ready = |lane: &LaneId| self.ready.get(lane.index()).map_or(0, BTreeSet::len);
            let waiting = lanes.iter().map(|(lane, _)| *lane).filter(|lane| ready(lane) > 0);
            EnvironmentReport {
                environment: environment.clone(),
                due: lanes.iter().map(|(lane, _)| ready(lane)).sum(),
                under_way: lanes.iter().map(|(_, under_way)| under_way).sum(),
                breaker: match breaker {
                    Breaker::Closed { failures } => BreakerState::Closed { failures },
                    Breaker::Open { until, .. } => BreakerState::Open { left: until.saturating_sub(since) },
                    Breaker::Probing { .. } => BreakerState::Probing,
                },
                starts_left: lanes.iter().map(|(lane, _)| gate.starts_left(*lane, now)).min().unwrap_or(u32::MAX),
                next: waiting.filter_map(|lane| gate.ready_in(lane, now)).min(),
            }
        };
        gate.environments(now).map(report).collect()
    }

    fn since(&self, now: &Moment) -> Duration {
        now.since(&self.origin)
    }

    /// Finds a credential's place.
    fn place(&mut self, credential: &Credential, rest: Duration, gate: &mut Gate, now: &Moment) {
        let (id, since) = (credential.id, self.since(now));
        let lane = gate.lane(&credential.environment, credential.app);
        if self.ready.len() <= lane.index() {
            self.ready.resize_with(lane.index() + 1, Ready::new);
        }
        let ends = Ends::of(credential.validity.as_ref(), now, since);
        let entry = self.entries.entry(id).or_insert_with(|| Entry::new(credential, lane, ends));
        if entry.place == Place::UnderWay {
            // The running task reads it again at its end.
            entry.changed = true;
            return;
        }
        if entry.generation > credential.generation {
            // It was read before what is known already.
            return;
        }
        if entry.generation != credential.generation {
            entry.stuck = schedule::stuck(&entry.ends, &ends);
            (entry.generation, entry.spread) = (credential.generation, false);
        }
        entry.ends = ends;
        let next = schedule::next(credential, entry.stuck, now, self.options.cycle);
        let task = next.map(|next| next.task);
        let is_queued = matches!(entry.place, Place::Waiting | Place::Ready(_)) && entry.task == task;
        entry.task = task;
        match next {
            // A task that waits for its slow moment does so until it has come; so does a task that was put off.
            Some(Next { slow: true, .. }) if is_queued => {}
            Some(next) if is_queued && entry.spread && next.wait.is_zero() => {}
            Some(_) if is_queued && entry.abandoned => {}
            Some(next) => {
                entry.spread = false;
                entry.leave(id, &mut self.waiting, &mut self.ready);
                entry.wait(id, milliseconds(since + next.wait.max(rest)), &mut self.waiting);
            }
            None => entry.leave(id, &mut self.waiting, &mut self.ready),
        }
    }

    /// Lets those whose moment has come stand in their environment's queue. Where too many come at once, those that have time take
    /// theirs: the rate allows no more, and whoever has ended meanwhile should not stand behind them.
    fn promote(&mut self, since: Duration) {
        let now = milliseconds(since);
        let mut due = Vec::new();
        let mut patient = vec![0_usize; self.ready.len()];
        while let Some((at, id)) = self.waiting.first().copied().filter(|(at, _)| *at <= now) {
            self.waiting.remove(&(at, id));
            let Some(entry) = self.entries.get(&id) else { continue };
            if entry.slack(since).is_some() {
                patient[entry.lane.index()] += 1;
            }
            due.push(id);
        }
        for id in due {
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            let many = patient[entry.lane.index()];
            if let Some(slack) = entry.slack(since).filter(|_| many > self.options.backlog) {
                let count = u32::try_from(many).unwrap_or(u32::MAX);
                let needed = Duration::from_secs_f64(f64::from(count) / self.options.rate.max(0.001));
                let window = match entry.task {
                    Some(Task::Check) => self.options.cycle,
                    _ => (needed * SPREAD).min(slack / 2),
                };
                entry.spread = true;
                let put_off = part(window, share(id, entry.generation));
                entry.wait(id, milliseconds(since + put_off).max(now + 1), &mut self.waiting);
                continue;
            }
            let urgency = entry.urgency(since);
            entry.place = Place::Ready(urgency);
            self.ready[entry.lane.index()].insert((urgency, entry.due, id));
        }
    }
}

/// A backlog is spread over so many times the time that it needs.
const SPREAD: u32 = 4;

impl Entry {
    fn new(credential: &Credential, lane: LaneId, ends: Ends) -> Self {
        Self {
            due: 0,
            ends,
            generation: credential.generation,
            place: Place::Idle,
            lane,
            task: None,
            stuck: Stuck::default(),
            spread: false,
            changed: false,
            abandoned: false,
        }
    }

    /// Leaves whatever queue it stands in.
    fn leave(&mut self, id: CredentialId, waiting: &mut Waiting, ready: &mut [Ready]) {
        match self.place {
            Place::Waiting => {
                waiting.remove(&(self.due, id));
            }
            Place::Ready(urgency) => {
                ready[self.lane.index()].remove(&(urgency, self.due, id));
            }
            Place::Idle | Place::UnderWay => {}
        }
        self.place = Place::Idle;
    }

    fn wait(&mut self, id: CredentialId, due: u64, waiting: &mut Waiting) {
        (self.due, self.place) = (due, Place::Waiting);
        waiting.insert((due, id));
    }

    /// How much time it has; `None` where it has ended or must not wait, and where it was put off before.
    fn slack(&self, since: Duration) -> Option<Duration> {
        let left = self.ends.access_left(since).unwrap_or(Duration::MAX);
        let may_wait = !self.spread && !self.abandoned;
        (may_wait && !left.is_zero()).then_some(left)
    }

    /// The lowest comes first: abandoned, then expired, then the least of its life left, then only checked.
    fn urgency(&self, since: Duration) -> u32 {
        const LOOK: u32 = 1 << 20;
        let left = u32::from(self.ends.left_of_life(since));
        match self.task {
            _ if self.abandoned => 0,
            Some(Task::Check) | None => LOOK,
            _ => 1 + left,
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests;
