//! The one entry point of all renewals.

use std::pin::Pin;
use std::time::Duration;

use lanyard_credential::{Credential, Renewal, TroubleKind};

use crate::broker::subject_of;
use crate::renewals::{Closed, Entry, Health, LaneId, Leave, RenewalEnd, Renewals, Turn, Wanted};
use crate::{Broker, Error};

impl Broker {
    /// Replaces the generation of a credential that the caller has seen by the next: by rotation, or through another credential.
    /// Callers that want the same generation replaced share one renewal. If the store fails before anything was sent, that is an
    /// error; every later failure is a [`RenewalEnd`].
    ///
    /// The renewal continues if the returned future is dropped. The process exits only after [`drain`](Self::drain).
    pub(crate) fn renew<'a>(
        &'a self,
        seen: &'a Credential,
        wanted: Wanted,
    ) -> Pin<Box<dyn Future<Output = Result<RenewalEnd, Error>> + Send + 'a>> {
        // Boxed, because a renewal may have to renew another credential first.
        Box::pin(async move {
            loop {
                match self.renewals.turn(seen.id, seen.generation) {
                    Turn::Shared(shared) => {
                        if let Some(ended) = shared.ended().await {
                            return ended;
                        }
                    }
                    Turn::Mine(reserved) => {
                        let (broker, seen) = (self.clone(), seen.clone());
                        let work = async move {
                            let end = broker.renew_reserved(&seen, wanted).await;
                            reserved.end(&end);
                            end
                        };
                        return self.renewals.run(work).await;
                    }
                }
            }
        })
    }

    /// Calls [`renew`](Self::renew) with a time limit; returns `None` if the renewal takes longer.
    pub(crate) async fn renew_within(
        &self,
        seen: &Credential,
        wanted: Wanted,
        patience: Duration,
    ) -> Option<Result<RenewalEnd, Error>> {
        tokio::select! {
            end = self.renew(seen, wanted) => Some(end),
            () = self.sleep.sleep(patience) => None,
        }
    }

    /// Calls [`renew`](Self::renew), and waits while another process renews the credential.
    pub(crate) async fn renew_patiently(
        &self,
        seen: &Credential,
        wanted: Wanted,
        patience: Duration,
    ) -> Result<RenewalEnd, Error> {
        let began = self.clock.now();
        let mut looks = 0;
        loop {
            let end = self.renew(seen, wanted).await?;
            if !matches!(end, RenewalEnd::Busy) || self.clock.now().since(&began) >= patience {
                return Ok(end);
            }
            self.sleep.sleep(look_again(looks)).await;
            looks += 1;
        }
    }

    async fn renew_reserved(&self, seen: &Credential, wanted: Wanted) -> Result<RenewalEnd, Error> {
        let lane = self.renewals.gate().lane(&seen.environment, seen.app);
        let mut admitted = Admitted { broker: self, lane, leave: None, health: Health::Unknown };
        if !self.is_admitted {
            admitted.leave = match self.pass_gate(seen, lane, wanted).await {
                Some(Ok(leave)) => Some(leave),
                Some(Err(closed)) => {
                    let trouble = closed.trouble(self.clock.now());
                    return Ok(RenewalEnd::Failed { trouble, asked: Duration::ZERO });
                }
                // The process is about to end.
                None => return Ok(RenewalEnd::Busy),
            };
        }
        let end = self.admitted().renew_admitted(seen, wanted).await;
        admitted.heard(seen, wanted, &end);
        end
    }

    async fn renew_admitted(&self, seen: &Credential, wanted: Wanted) -> Result<RenewalEnd, Error> {
        let end = match (seen.renewal(), &seen.mint) {
            (Renewal::Rotate, _) => self.rotate(seen.id, seen.generation, wanted == Wanted::TakingOver).await?,
            (Renewal::Mint, Some(mint)) => self.mint(seen, mint).await?,
            (Renewal::Mint | Renewal::None, _) => RenewalEnd::NotRenewable,
        };
        match (&end, &seen.mint) {
            // If another credential can obtain the grant again, it does so before a person is asked.
            (RenewalEnd::Failed { trouble, .. }, Some(mint)) if trouble.kind == TroubleKind::DeadGrant => {
                self.mint(seen, mint).await
            }
            _ => Ok(end),
        }
    }

    /// Waits until the renewal may begin. `None` if the process is about to end.
    async fn pass_gate(&self, seen: &Credential, lane: LaneId, wanted: Wanted) -> Option<Result<Leave, Closed>> {
        let is_limited = self.limited(seen).filter(|_| wanted == Wanted::OnDemand);
        if let Some(left) = is_limited {
            return Some(Err(Closed::Limited(left)));
        }
        let queued = Queued { renewals: &self.renewals, entry: self.renewals.gate().queue(lane) };
        loop {
            let now = self.clock.now();
            let admitted = self.renewals.gate().admit(queued.entry, wanted, &now);
            let wait = match admitted {
                Ok(Ok(leave)) => return Some(Ok(leave)),
                Ok(Err(wait)) => wait,
                Err(closed) => return Some(Err(closed)),
            };
            tokio::select! {
                () = self.sleep.sleep(wait) => {}
                () = self.renewals.closed() => return None,
            }
        }
    }

    /// How long Webex still limits the calls of a credential's subject through its app.
    pub(crate) fn limited(&self, credential: &Credential) -> Option<Duration> {
        let mut gate = self.renewals.gate();
        let lane = gate.lane(&credential.environment, credential.app);
        gate.limited(lane, &subject_of(credential), &self.clock.now())
    }
}

/// A caller in the queue of a lane, until dropped.
struct Queued<'a> {
    renewals: &'a Renewals,
    entry: Entry,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.renewals.gate().leave_queue(self.entry);
    }
}

/// A renewal that has passed the gate, or belongs to work that has. It returns its leave on drop.
struct Admitted<'a> {
    broker: &'a Broker,
    lane: LaneId,
    leave: Option<Leave>,
    health: Health,
}

impl Admitted<'_> {
    /// Reports the end of the renewal to the gate. The refresher reports its own renewals.
    fn heard(&mut self, seen: &Credential, wanted: Wanted, end: &Result<RenewalEnd, Error>) {
        let renewals = &self.broker.renewals;
        self.health = end.as_ref().map_or(Health::Unknown, RenewalEnd::health);
        if let Ok(RenewalEnd::Failed { trouble, .. }) = end
            && trouble.kind == TroubleKind::Limited
        {
            let now = self.broker.clock.now();
            let left = trouble.pause.saturating_sub(now.since(&trouble.at));
            renewals.gate().limit(self.lane, subject_of(seen), left, &now);
        }
        if let Ok(RenewalEnd::Renewed(_)) = end {
            renewals.gate().lift(self.lane, &subject_of(seen));
        }
        if self.leave.is_some() {
            match end {
                Ok(RenewalEnd::Renewed(_) | RenewalEnd::Failed { .. }) => renewals.store_took_it(),
                Err(Error::Store(error)) => renewals.count_refusal(error),
                Ok(_) | Err(_) => {}
            }
        }
        renewals.log(seen, wanted, end);
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            let now = self.broker.clock.now();
            self.broker.renewals.gate().end(leave, self.health, &now);
        }
    }
}

/// How long to wait before checking again whether another process's renewal is done.
pub(crate) fn look_again(looks: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_millis(250);
    FIRST.saturating_mul(1 << looks.min(8)).min(LONGEST)
}
