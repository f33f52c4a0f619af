//! The next task of a credential and its time: decided from values.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use lanyard_credential::{
    Credential, CredentialId, Generation, Kind, RefreshRight, Renewal, Standing, Trouble, TroubleKind, Validity,
};
use lanyard_time::Moment;

/// A task for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Task {
    /// Its refresh token is spent.
    Rotate,
    /// A new grant is had through another credential.
    Mint,
    /// Webex is asked whether it still accepts the token.
    Check,
}

/// The next task of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// The task.
    pub(super) task: Task,
    /// How long until then.
    pub(super) wait: Duration,
    /// Whether that is the slow cycle's moment, which no other would bring nearer.
    pub(super) slow: bool,
}

/// Which of a token set's ends its rotation did not move. Webex is said to change nothing for about a day after a refresh: whoever
/// asked again at a fifth of what is left, and at a fifth of that, would ask ever faster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stuck {
    pub(super) access: bool,
    pub(super) refresh: bool,
}

/// After a rotation that moved nothing, the next one waits half of what is left, within these bounds.
const STUCK: (Duration, Duration) = (Duration::from_hours(1), Duration::from_hours(24));

/// The next task of a credential; `None` if there is nothing to do unless it changes. `cycle` is the slow one, of checks.
pub(super) fn next(credential: &Credential, stuck: Stuck, now: &Moment, cycle: Duration) -> Option<Next> {
    let renewal = credential.renewal();
    // A guest is minted when somebody wants it.
    if credential.kind == Kind::Guest {
        return None;
    }
    let doubted = doubted(credential, now);
    let slowly = |task| Some(Next { task, wait: slow(credential, now, cycle), slow: true });
    match (&credential.standing, renewal) {
        // A grant that can be had again is, before a person is asked.
        (Standing::NeedsLogin(trouble), Renewal::Mint) if trouble.kind == TroubleKind::DeadGrant => {
            Some(Next { task: Task::Mint, wait: pause(trouble, now), slow: false })
        }
        // An administrator may have authorised it meanwhile. Asking spends nothing.
        (Standing::Pending | Standing::NeedsLogin(_), Renewal::Mint) => slowly(Task::Mint),
        // Webex may have been mistaken about a token that should last: whoever has it cannot have another.
        (Standing::NeedsLogin(trouble), Renewal::None)
            if trouble.kind == TroubleKind::DeadToken && !ended(credential, now) =>
        {
            slowly(Task::Check)
        }
        (Standing::Disabled | Standing::Clearing | Standing::Pending | Standing::NeedsLogin(_), _) => None,
        (Standing::Stalled(trouble), renewal) => {
            Some(Next { task: task_of(renewal), wait: pause(trouble, now), slow: false })
        }
        (Standing::Active, Renewal::None) => sooner(slowly(Task::Check), doubted),
        (Standing::Active, Renewal::Rotate | Renewal::Mint) => {
            let wait = credential.validity.as_ref().map(|validity| {
                let jitter = jitter(credential.id, credential.generation);
                // A wall clock that is ahead brings nothing forward but the question whether it is right.
                let steady = validity.by_boot_clock(now);
                if renewal == Renewal::Rotate {
                    rotation_in(validity, stuck, &steady, jitter)
                } else {
                    validity.access_due_in(&steady, jitter)
                }
            });
            let planned = match wait {
                // An end that nobody knows is looked for.
                Some(None) => slowly(Task::Check),
                Some(Some(wait)) => Some(Next { task: task_of(renewal), wait, slow: false }),
                None => slowly(task_of(renewal)),
            };
            sooner(planned, doubted)
        }
    }
}

/// Where the wall clock alone says that the token ends, Webex is asked then, before anything is spent.
fn doubted(credential: &Credential, now: &Moment) -> Option<Next> {
    let wait = credential.validity.as_ref()?.ends_by_wall_clock_in(now)?;
    Some(Next { task: Task::Check, wait, slow: false })
}

fn sooner(planned: Option<Next>, doubted: Option<Next>) -> Option<Next> {
    planned.into_iter().chain(doubted).min_by_key(|next| next.wait)
}

/// Which ends a rotation left where they were.
pub(super) fn stuck(before: &Ends, after: &Ends) -> Stuck {
    Stuck { access: !after.access.is_beyond(before.access), refresh: !after.refresh.is_beyond(before.refresh) }
}

/// Until when a token set is good, in whole seconds on the plan's clock: what is kept of a [`Validity`] for 100,000 of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) access: Span,
    pub(super) refresh: Span,
}

/// One token's end and how long it lasts altogether; an end that is unknown never comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    end: u32,
    life: u32,
}

impl Default for Span {
    fn default() -> Self {
        Self { end: u32::MAX, life: 0 }
    }
}

impl Ends {
    /// Those of `validity`, where `since` is how long the plan's clock runs.
    pub(super) fn of(validity: Option<&Validity>, now: &Moment, since: Duration) -> Self {
        let Some(validity) = validity else { return Self::default() };
        let refresh = match validity.refresh {
            RefreshRight::Lasting(lifetime) => lifetime,
            RefreshRight::None => None,
        };
        Self {
            access: Span::of(validity.access_left(now), validity.access, since),
            refresh: Span::of(validity.refresh_left(now), refresh, since),
        }
    }

    /// How little is left of the shorter-lived token: 0 when it has ended, `u16::MAX` for all of its life, or where no end is known.
    pub(super) fn left_of_life(&self, since: Duration) -> u16 {
        self.access.left_of_life(since).min(self.refresh.left_of_life(since))
    }

    /// How long the access token is still good; `None` where that is unknown.
    pub(super) fn access_left(&self, since: Duration) -> Option<Duration> {
        (self.access.end != u32::MAX).then(|| Duration::from_secs(u64::from(self.access.end)).saturating_sub(since))
    }
}

impl Span {
    fn of(left: Option<Duration>, lifetime: Option<Duration>, since: Duration) -> Self {
        let (Some(left), Some(lifetime)) = (left, lifetime) else { return Self::default() };
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX - 1);
        Self { end: seconds(since + left), life: seconds(lifetime) }
    }

    /// Whether this end lies surely after an earlier one: requests take seconds, and replies count in whole ones.
    fn is_beyond(self, earlier: Self) -> bool {
        const NOISE: u32 = 5;
        earlier.end == u32::MAX || self.end > earlier.end.saturating_add(NOISE.min(earlier.life / 10))
    }

    fn left_of_life(self, since: Duration) -> u16 {
        if self.end == u32::MAX {
            return u16::MAX;
        }
        let left = u64::from(self.end).saturating_sub(since.as_secs());
        let part = left * u64::from(u16::MAX) / u64::from(self.life.max(1));
        u16::try_from(part).unwrap_or(u16::MAX)
    }
}

/// A number that belongs to a credential's token set: the same in every process, another for each, so that thousands spread.
pub(super) fn share(id: CredentialId, generation: Generation) -> u32 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    id.hash(&mut hash);
    hash.write(&generation.number().to_be_bytes());
    // The low bits of such a hash are poor: the high ones are folded in.
    let mixed = (hash.0 ^ (hash.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    u32::try_from(mixed >> 32).expect("32 bits are left")
}

/// The part of `whole` that is a credential's `share` of it.
pub(super) fn part(whole: Duration, share: u32) -> Duration {
    let nanoseconds = whole.as_nanos().saturating_mul(u128::from(share)) >> 32;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

fn jitter(id: CredentialId, generation: Generation) -> u8 {
    share(id, generation).to_be_bytes()[0]
}

fn task_of(renewal: Renewal) -> Task {
    match renewal {
        Renewal::Rotate => Task::Rotate,
        Renewal::Mint => Task::Mint,
        Renewal::None => Task::Check,
    }
}

fn ended(credential: &Credential, now: &Moment) -> bool {
    credential.validity.as_ref().is_some_and(|validity| validity.access_has_ended(now))
}

fn pause(trouble: &Trouble, now: &Moment) -> Duration {
    trouble.pause.saturating_sub(now.since(&trouble.at))
}

fn rotation_in(validity: &Validity, stuck: Stuck, now: &Moment, jitter: u8) -> Option<Duration> {
    // A refresh token that ends first must not wait longer than the access token that it should replace.
    let most = validity.access.unwrap_or(Duration::MAX);
    let rest = |due: Option<Duration>, is_stuck: bool, left: Option<Duration>| {
        let (due, left) = (due?, left?);
        if !is_stuck {
            return Some(due);
        }
        let age = now.since(&validity.obtained);
        let wait = ((left + age) / 2).clamp(STUCK.0, STUCK.1).min(most);
        Some(due.max(wait.saturating_sub(age)))
    };
    if validity.refresh == RefreshRight::None {
        return None;
    }
    let access = rest(validity.access_due_in(now, jitter), stuck.access, validity.access_left(now));
    let refresh = rest(validity.refresh_due_in(now, jitter), stuck.refresh, validity.refresh_left(now));
    access.into_iter().chain(refresh).min()
}

/// The slow cycle's moments stand fixed on the wall clock, each credential's own: a process that is started again and again
/// still comes to all of them.
fn slow(credential: &Credential, now: &Moment, cycle: Duration) -> Duration {
    let cycle = cycle.max(Duration::from_secs(1));
    let own = part(cycle, share(credential.id, Generation::default()));
    let wall = Duration::try_from(now.wall.as_duration()).unwrap_or_default();
    let into = (wall + own).as_nanos() % cycle.as_nanos();
    cycle.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0)))
}

/// FNV-1a: no secret to keep, and the same everywhere.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The length of an id says nothing, and its bytes differ from machine to machine.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
pub(super) mod tests;
