//! The one entry point of all renewals.

use std::pin::Pin;
use std::time::Duration;

use lanyard_credential::{Credential, Renewal, TroubleKind};

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
                match self.renewals.turn(seen.id, seen.generation, wanted) {
                    Turn::Shared(shared) => {
                        if let Some(ended) = shared.ended().await {
                            return ended;
                        }
                    }
                    Turn::Mine(reserved) => {
                        let (broker, seen) = (self.clone(), seen.clone());
                        let work = async move {
                            let end = broker.renew_reserved(&seen, wanted).await;
                            reserved.end(end)
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
        let admitted = self.admitted();
        let mut leave = Leaving { broker: &admitted, leave: None, health: Health::Unknown };
        if self.admitted.is_none() {
            let lane = self.renewals.gate().lane(&seen.environment, seen.app);
            leave.leave = match self.pass_gate(lane, wanted).await {
                Some(Ok(leave)) => Some(leave),
                Some(Err(closed)) => {
                    let end = Ok(RenewalEnd::NotBegun(closed.trouble(self.clock.now())));
                    self.renewals.count(&end, Duration::ZERO);
                    return end;
                }
                // The process is about to end.
                None => return Ok(RenewalEnd::Busy),
            };
        }
        let begun = self.clock.elapsed();
        let end = admitted.renew_admitted(seen, wanted).await;
        self.renewals.count(&end, self.clock.elapsed().saturating_sub(begun));
        leave.heard(seen, wanted, &end);
        end
    }

    async fn renew_admitted(&self, seen: &Credential, wanted: Wanted) -> Result<RenewalEnd, Error> {
        let end = match (seen.renewal(), &seen.mint) {
            (Renewal::Rotate, _) => self.rotate(seen.id, seen.generation, wanted).await?,
            (Renewal::Mint, Some(mint)) => self.mint(seen, mint, wanted).await?,
            (Renewal::Mint | Renewal::None, _) => RenewalEnd::NotRenewable,
        };
        match (&end, &seen.mint) {
            // If another credential can obtain the grant again, it does so before a person is asked.
            (RenewalEnd::Failed { trouble, .. }, Some(mint)) if trouble.kind == TroubleKind::DeadGrant => {
                self.mint(seen, mint, wanted).await
            }
            _ => Ok(end),
        }
    }

    /// Waits until the renewal may begin. `None` if the process is about to end.
    async fn pass_gate(&self, lane: LaneId, wanted: Wanted) -> Option<Result<Leave, Closed>> {
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
struct Leaving<'a> {
    broker: &'a Broker,
    leave: Option<Leave>,
    health: Health,
}

impl Leaving<'_> {
    /// Reports the end of the renewal to the gate. The refresher reports its own renewals.
    fn heard(&mut self, seen: &Credential, wanted: Wanted, end: &Result<RenewalEnd, Error>) {
        let renewals = &self.broker.renewals;
        self.health = end.as_ref().map_or(Health::Unknown, RenewalEnd::health);
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

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            let now = self.broker.clock.now();
            let mut gate = self.broker.renewals.gate();
            if self.broker.admitted.as_ref().is_some_and(|admitted| admitted.has_sent()) {
                gate.end(leave, self.health, &now);
            } else {
                gate.give_back(leave, &now);
            }
        }
    }
}

/// How long to wait before checking again whether another process's renewal is done.
pub(crate) fn look_again(looks: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_millis(250);
    FIRST.saturating_mul(1 << looks.min(8)).min(LONGEST)
}
