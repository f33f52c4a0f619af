//! Doing what is due: through the same means as the use cases.

use std::time::Duration;

use lanyard_client::CallError;
use lanyard_credential::{Credential, Renewal, Standing, Trouble, TroubleKind};
use lanyard_store::StoreError;

use super::plan::Start;
use super::schedule::{self, Task};
use crate::broker::Broker;
use crate::error::Error;
use crate::identity::{Identity, passes};
use crate::renewal::TokenVerdict;
use crate::renewals::{Health, Means, RenewalEnd, Wanted};

/// The outcome of a task.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) what: What,
    pub(super) health: Health,
    /// Not again before so long, whatever the credential says.
    pub(super) rest: Duration,
}

/// The work that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The next token set is stored.
    Rotated,
    /// Another process had stored it.
    Elsewhere,
    /// A new grant was had.
    Minted,
    /// Webex accepts the token.
    Accepted,
    /// It went wrong.
    Failed(TroubleKind),
    /// The store did not take it.
    StoreFailed,
    /// Nothing had to be done.
    Nothing,
}

/// The least time between two tasks of one credential.
const REST: Duration = Duration::from_secs(10);
/// That time after the store failed.
const STORE_REST: Duration = Duration::from_secs(30);
/// That time while the home is paused.
const PAUSED_REST: Duration = Duration::from_mins(1);
/// That time after a check without an answer.
const CHECK_REST: Duration = Duration::from_mins(10);
/// That time if a credential cannot do what its row promises.
const LONG_REST: Duration = Duration::from_hours(1);

impl Broker {
    /// Does what is due, where it still is.
    pub(super) async fn do_due(&self, start: &Start, cycle: Duration) -> Done {
        let done = match self.store.credential_by_id(start.id).await {
            Ok(None) => Ok(Done::nothing(Duration::ZERO)),
            Ok(Some(credential)) => {
                let next = schedule::next(&credential, start.stuck, &self.clock.now(), cycle);
                match next {
                    Some(_) if start.abandoned && credential.renewal() == Renewal::Rotate => {
                        self.renew_due(&credential).await
                    }
                    // A task on the slow cycle has no moment of its own that could have moved.
                    Some(next) if next.task == start.task && (next.wait.is_zero() || next.slow) => {
                        self.do_now(&credential, start.task).await
                    }
                    _ => Ok(Done::nothing(Duration::ZERO)),
                }
            }
            Err(error) => Err(error.into()),
        };
        done.unwrap_or_else(|error: Error| {
            let rest = match error.cause() {
                // A person restored this home and has not said yet that it may go on: that was told at the start.
                Error::Store(StoreError::Paused(_)) => return Done::nothing(PAUSED_REST),
                // The follower of the store says so, and ends the process.
                Error::Store(StoreError::Replaced(_)) => return Done::nothing(STORE_REST),
                // Everything that is due fails alike, so it is reported together.
                Error::Store(error) => {
                    self.renewals.count_refusal(error);
                    STORE_REST
                }
                error => {
                    tracing::warn!(credential = %start.id, task = ?start.task, %error, "a due task failed");
                    STORE_REST
                }
            };
            Done { what: What::StoreFailed, health: Health::Unknown, rest }
        })
    }

    async fn do_now(&self, credential: &Credential, task: Task) -> Result<Done, Error> {
        match task {
            Task::Rotate | Task::Mint => self.renew_due(credential).await,
            Task::Check => self.check_due(credential).await,
        }
    }

    async fn renew_due(&self, credential: &Credential) -> Result<Done, Error> {
        Ok(match self.renew(credential, Wanted::Due).await? {
            RenewalEnd::Renewed(Means::Mint) => Done::well(What::Minted),
            RenewalEnd::Renewed(Means::Rotation | Means::Spare) => Done::well(What::Rotated),
            RenewalEnd::Elsewhere => Done { what: What::Elsewhere, ..Done::nothing(REST) },
            RenewalEnd::Failed { trouble, asked } => Done::failed(&trouble, asked),
            RenewalEnd::NotBegun(trouble) => Done::nothing(trouble.pause.max(REST)),
            RenewalEnd::NotRenewable => {
                let generation = credential.generation.number();
                tracing::warn!(credential = %credential.name, generation, "the credential is due, but cannot be renewed");
                Done::nothing(LONG_REST)
            }
            RenewalEnd::Busy | RenewalEnd::Erased => Done::nothing(REST),
        })
    }

    /// Asks whether Webex still accepts the token, and writes down what is new.
    async fn check_due(&self, credential: &Credential) -> Result<Done, Error> {
        let doubted = credential.validity.as_ref().is_some_and(|it| it.ended_by_wall_clock_alone(&self.clock.now()));
        let mut done = self.check(credential).await?;
        if done.what == What::Accepted {
            self.trust_boot_clock(credential).await;
        }
        if doubted && !matches!(done.what, What::Rotated | What::Minted) {
            // However it stands with the clocks, Webex is not asked about it all the time.
            done.rest = done.rest.max(CHECK_REST);
        }
        Ok(done)
    }

    async fn check(&self, credential: &Credential) -> Result<Done, Error> {
        let Some(row) = self.store.hand_out_by_id(credential.id).await? else { return Ok(Done::nothing(REST)) };
        let credential = &row.credential;
        let Some(token) = self.store.open_access(&row)? else {
            return match credential.renewal() {
                Renewal::Rotate => self.renew_due(credential).await,
                Renewal::Mint | Renewal::None => Ok(Done::nothing(REST)),
            };
        };
        let environment = &credential.environment;
        let is_dead = credential.standing.trouble().is_some_and(|trouble| trouble.kind == TroubleKind::DeadToken);
        let seen = if credential.subject.known().is_some() {
            self.transport.me(environment, &token).await.map(|_| None)
        } else {
            self.identify(environment, &token).await.map(Some)
        };
        match seen {
            Ok(identity) => {
                let identity = identity.filter(|identity| identity.subject != credential.subject);
                if identity.is_some() || is_dead {
                    let identity = identity.unwrap_or_else(|| Identity::of(credential));
                    let standing = if is_dead { Standing::Active } else { credential.standing.clone() };
                    self.learn(credential, identity, standing).await?;
                }
                if is_dead {
                    tracing::info!(credential = %credential.name, "Webex accepts the token again");
                }
                tracing::debug!(credential = %credential.name, "Webex accepts the token");
                Ok(Done::well(What::Accepted))
            }
            // That was said when it was found.
            Err(error) if error.is_unauthorized() && is_dead => Ok(Done::nothing(REST)),
            Err(error) if error.is_unauthorized() => self.refused_at_check(credential).await,
            Err(error) => Ok(unanswered(credential, &error)),
        }
    }

    async fn refused_at_check(&self, credential: &Credential) -> Result<Done, Error> {
        match self.replace_refused(credential).await {
            Ok(TokenVerdict::Refused(trouble)) => Ok(Done::failed(&trouble, Duration::ZERO)),
            Ok(TokenVerdict::Renewed) => Ok(Done::well(What::Rotated)),
            Ok(TokenVerdict::Accepted) => Ok(Done::well(What::Accepted)),
            Err(error) if matches!(error.cause(), Error::Busy { .. }) => Ok(Done::nothing(REST)),
            Err(error) => Err(error),
        }
    }
}

/// A check that brought nothing about the token.
fn unanswered(credential: &Credential, error: &CallError) -> Done {
    if !passes(error) {
        // Any other failure says nothing against the token.
        return Done::well(What::Accepted);
    }
    tracing::warn!(credential = %credential.name, %error, "the token could not be checked");
    let kind = if error.is_limited() { TroubleKind::Limited } else { TroubleKind::Unreachable };
    let asked = error.retry_after().unwrap_or_default();
    Done { what: What::Failed(kind), health: Health::after(kind, asked), rest: CHECK_REST.max(asked) }
}

impl Done {
    fn well(what: What) -> Self {
        Self { what, health: Health::Well, rest: REST }
    }

    fn nothing(rest: Duration) -> Self {
        Self { what: What::Nothing, health: Health::Unknown, rest }
    }

    fn failed(trouble: &Trouble, asked: Duration) -> Self {
        Self { what: What::Failed(trouble.kind), health: Health::after(trouble.kind, asked), rest: REST }
    }
}
