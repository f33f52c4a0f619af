//! The renewals that are due at one environment, and how many of them may begin.

use std::collections::BTreeSet;
use std::time::Duration;

use lanyard_credential::CredentialId;
use lanyard_protocol::Environment;

use super::RefresherOptions;
use super::breaker::{Breaker, Health, Leave, Limits, State};
use super::bucket::Bucket;
use super::report::{BreakerState, EnvironmentReport};

/// One environment's queue.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) environment: Environment,
    ready: BTreeSet<(u32, u64, CredentialId)>,
    under_way: usize,
    at_once: usize,
    bucket: Bucket,
    breaker: Breaker,
}

impl Lane {
    pub(super) fn new(environment: Environment, options: &RefresherOptions) -> Self {
        let limits =
            Limits { failures: options.failures.max(1), first: options.first_pause, longest: options.longest_pause };
        Self {
            environment,
            ready: BTreeSet::new(),
            under_way: 0,
            at_once: options.at_once.max(1),
            bucket: Bucket::new(options.rate, options.burst),
            breaker: Breaker::new(limits),
        }
    }

    /// A credential is due, so urgent, since then.
    pub(super) fn stand(&mut self, urgency: u32, due: u64, id: CredentialId) {
        self.ready.insert((urgency, due, id));
    }

    /// It is not, after all.
    pub(super) fn withdraw(&mut self, urgency: u32, due: u64, id: CredentialId) {
        self.ready.remove(&(urgency, due, id));
    }

    /// The next that may begin.
    pub(super) fn begin(&mut self, now: Duration) -> Option<(CredentialId, Leave)> {
        let (_, _, id) = *self.ready.first()?;
        if self.under_way >= self.at_once || !self.bucket.ready_in(now).is_zero() {
            return None;
        }
        let leave = self.breaker.enter(now)?;
        self.bucket.take(now);
        self.ready.pop_first();
        self.under_way += 1;
        Some((id, leave))
    }

    /// Ends a call that was begun.
    pub(super) fn end(&mut self, leave: Leave, health: Health, now: Duration) {
        self.under_way = self.under_way.saturating_sub(1);
        if self.breaker.leave(leave, health, now) {
            self.tell(now);
        }
    }

    /// Another caller has called it.
    pub(super) fn hear(&mut self, health: Health, now: Duration) {
        if self.breaker.hear(health, now) {
            self.tell(now);
        }
    }

    fn tell(&self, now: Duration) {
        let environment = self.environment.id();
        if let State::Open { until, .. } = self.breaker.state() {
            let pause = until.saturating_sub(now).as_secs();
            tracing::warn!(
                environment,
                pause_s = pause,
                due = self.ready.len(),
                "Webex is out of order: it is left in peace"
            );
        } else {
            tracing::info!(environment, due = self.ready.len(), "Webex answers again");
        }
    }

    /// How long until the next may begin; `None` where nothing is due, or where the end of something is waited for.
    pub(super) fn ready_in(&self, now: Duration) -> Option<Duration> {
        if self.ready.is_empty() || self.under_way >= self.at_once {
            return None;
        }
        Some(self.breaker.ready_in(now)?.max(self.bucket.ready_in(now)))
    }

    pub(super) fn report(&self, now: Duration) -> EnvironmentReport {
        let breaker = match self.breaker.state() {
            State::Closed { failures } => BreakerState::Closed { failures },
            State::Open { until, .. } => BreakerState::Open { left: until.saturating_sub(now) },
            State::Probing { .. } => BreakerState::Probing,
        };
        EnvironmentReport {
            environment: self.environment.clone(),
            due: self.ready.len(),
            under_way: self.under_way,
            breaker,
            next: self.ready_in(now),
        }
    }
}
