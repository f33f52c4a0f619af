//! Drives the rotation protocol: performs each action and reports what came of it.

use std::time::Duration;

use lanyard_client::{Obtained, Transport};
use lanyard_credential::rotation::{Action, Answer, Event, Failure, Found, Outcome, Snapshot, State, Writer as Seen};
use lanyard_credential::{
    AppId, Credential, CredentialId, Generation, Intent, RefreshRight, Spend, Standing, Trouble, TroubleKind, Validity,
};
use lanyard_protocol::oauth::ClientAuth;
use lanyard_secret::{ClientSecret, RefreshToken};
use lanyard_store::{
    Claim, Commit, Failure as StoredFailure, IntentEnd, RotatedTokens, RotationView, StoreError, Writer,
};

use super::trouble::{Fault, judge};
use crate::renewals::detached;
use crate::{Broker, Error, failpoint};

/// How a rotation ended, and why.
#[derive(Debug)]
pub(crate) struct RotationEnd {
    pub(crate) outcome: Outcome,
    /// The failure that was written down.
    pub(crate) trouble: Option<Trouble>,
    /// How long Webex asked to wait.
    pub(crate) asked: Duration,
    /// Whether the spare was spent, because the stored refresh token is dead.
    pub(crate) by_spare: bool,
    /// The credential as it was when it was claimed; `None` where it never was.
    pub(crate) claimed: Option<Box<Credential>>,
}

impl RotationEnd {
    /// Another process is renewing it.
    fn busy() -> Self {
        Self { outcome: Outcome::Busy, trouble: None, asked: Duration::ZERO, by_spare: false, claimed: None }
    }
}

/// A lease is good for longer than everything that is done under it.
pub(crate) const LEASE: Duration = Duration::from_mins(5);

/// Between intent and answer lies one exchange at most.
const INTENT: Duration = Duration::from_mins(1);

const _: () = assert!(INTENT.as_secs() > Transport::LONGEST.as_secs() && LEASE.as_secs() > 2 * INTENT.as_secs());

/// How long a write that must not be given up waits before it is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Broker {
    /// Replaces generation `target` of a credential by the next, by the protocol. Only a store that fails before anything was
    /// sent is an error; whatever happens later is an outcome. The refresher is told of it.
    ///
    /// It runs to its end even if the returned future is dropped. The process ends only after [`drain`](Self::drain).
    pub(crate) async fn rotate(&self, id: CredentialId, target: Generation) -> Result<RotationEnd, Error> {
        let broker = self.clone();
        detached(async move {
            let end = drive(&broker, id, target).await;
            broker.ears.hear_rotation(&end);
            end
        })
        .await
    }

    /// [`rotate`](Self::rotate) for a caller whose patience may end first: `None` then.
    pub(crate) async fn rotate_within(
        &self,
        id: CredentialId,
        target: Generation,
        patience: Duration,
    ) -> Option<Result<RotationEnd, Error>> {
        tokio::select! {
            end = self.rotate(id, target) => Some(end),
            () = self.sleep.sleep(patience) => None,
        }
    }

    /// [`rotate`](Self::rotate) for a caller that waits while another process renews the credential.
    pub(crate) async fn rotate_patiently(
        &self,
        id: CredentialId,
        target: Generation,
        patience: Duration,
    ) -> Result<RotationEnd, Error> {
        let began = self.clock.now();
        let mut looks = 0;
        loop {
            let end = self.rotate(id, target).await?;
            if end.outcome != Outcome::Busy || self.clock.now().since(&began) >= patience {
                return Ok(end);
            }
            self.sleep.sleep(look_again(looks)).await;
            looks += 1;
        }
    }
}

/// Performs one rotation. Only the task that [`Broker::rotate`] spawns calls it: dropped halfway, it would lose the answer.
async fn drive(broker: &Broker, id: CredentialId, target: Generation) -> Result<RotationEnd, Error> {
    let mut driver = Driver {
        broker,
        id,
        view: None,
        intent: None,
        token: None,
        shown: None,
        fault: None,
        trouble: None,
        failures: 0,
    };
    let (mut state, mut action) = State::begin(target);
    let Some(_turn) = broker.renewals.turn(id) else {
        return Ok(RotationEnd::busy());
    };
    let mut store_error = None;
    let mut unfinished = None;
    loop {
        match action {
            Action::Declare { .. } if unfinished.is_none() => {
                unfinished = broker.enter();
                if unfinished.is_none() {
                    // The process is about to end: nothing may be sent any more.
                    broker.store.release(id).await?;
                    return Ok(RotationEnd::busy());
                }
            }
            Action::Release | Action::Nothing => unfinished = None,
            _ => {}
        }
        let performed = driver.perform(&state, action).await;
        match performed {
            Err(error @ StoreError::Replaced(_)) => {
                // Nothing that is tried again would find that database: this process can do no more for it.
                if state.reply().is_some() {
                    tracing::error!(credential = %id, %error, "a new token is lost: there is no database to write it to");
                }
                return Err(error.into());
            }
            Err(
                error @ (StoreError::Sealed(_)
                | StoreError::Altered { table: "credentials", .. }
                | StoreError::Impossible { table: "credentials", .. }),
            ) if state.reply().is_some() => {
                // A row that does not open will not open later. The grant itself is sound, and what the row holds may still be: nothing
                // is revoked.
                tracing::error!(credential = %id, %error, "a new token cannot be stored: the credential's row is damaged");
                let _ = broker.store.release(id).await;
                return Err(error.into());
            }
            _ => {}
        }
        let event = performed.unwrap_or_else(|error| {
            driver.failures += 1;
            if matches!(action, Action::Claim | Action::Declare { .. } | Action::Release) {
                // Nothing was sent: whoever asked for the rotation is told, and says so.
                tracing::debug!(credential = %id, ?action, %error, "the store did not accept a step of a rotation");
            } else if !matches!(error, StoreError::Paused(_)) {
                tracing::warn!(credential = %id, ?action, %error, "the store did not accept a step of a rotation");
            }
            store_error = Some(error);
            Event::StoreFailed
        });
        (state, action) = state.step(event);
        if let State::Finished(outcome) = state {
            return match (outcome, store_error) {
                (Outcome::StoreUnavailable, Some(error)) => Err(error.into()),
                (mut outcome, _) => {
                    // The row may also have refused the intent because the lease ran out: then nothing was renewed.
                    if outcome == Outcome::RotatedElsewhere
                        && let Ok(Some(present)) = broker.store.credential_by_id(id).await
                        && present.generation == target
                    {
                        outcome = Outcome::Busy;
                    }
                    let asked = driver.fault.as_ref().map(Fault::asked).unwrap_or_default();
                    let claimed = driver.view.map(|view| Box::new(view.credential));
                    let by_spare = driver.intent.is_some_and(|intent| intent.spend == Spend::Spare);
                    Ok(RotationEnd { outcome, trouble: driver.trouble, asked, by_spare, claimed })
                }
            };
        }
    }
}

/// How long to wait before looking again whether another process's rotation is done.
pub(crate) fn look_again(looks: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_millis(250);
    FIRST.saturating_mul(1 << looks.min(8)).min(LONGEST)
}

struct Driver<'a> {
    broker: &'a Broker,
    id: CredentialId,
    view: Option<RotationView>,
    intent: Option<Intent>,
    /// The refresh token that belongs to the intent; opened for the exchange alone.
    token: Option<RefreshToken>,
    /// The secret that Webex was shown.
    shown: Option<(AppId, ClientSecret)>,
    fault: Option<Fault>,
    trouble: Option<Trouble>,
    failures: u32,
}

impl Driver<'_> {
    async fn perform(&mut self, state: &State<Obtained>, action: Action) -> Result<Event<Obtained>, StoreError> {
        match action {
            Action::Claim => self.claim().await,
            Action::Declare { spend, attempt } => self.declare(spend, attempt).await,
            Action::Exchange { .. } => Ok(Event::Answered(self.exchange().await)),
            Action::Commit => self.commit(held(state)).await,
            Action::CommitAgain => {
                self.pause().await;
                self.commit(held(state)).await
            }
            Action::KeepSpare => self.keep_spare(held(state)).await,
            Action::KeepSpareAgain => {
                self.pause().await;
                self.keep_spare(held(state)).await
            }
            Action::Discard => {
                self.discard(held(state)).await;
                Ok(Event::Done)
            }
            Action::Record { failure, settled } => self.record(failure, settled).await,
            Action::Release => {
                self.broker.store.release(self.id).await?;
                Ok(Event::Done)
            }
            Action::Nothing => Ok(Event::Done),
        }
    }

    async fn claim(&mut self) -> Result<Event<Obtained>, StoreError> {
        let view = match self.broker.store.claim(self.id, LEASE).await? {
            Claim::Claimed(view) => *view,
            Claim::Held { .. } => return Ok(Event::Held),
            Claim::Erased => return Ok(Event::Erased),
        };
        failpoint!("rotation.claimed");
        let credential = &view.credential;
        let refreshes = credential.validity.as_ref().is_some_and(|validity| validity.refresh != RefreshRight::None);
        let snapshot = Snapshot {
            generation: credential.generation,
            grant: credential.grant,
            intent: view.intent.as_ref().map(|(intent, writer)| Found {
                spend: intent.spend,
                attempt: intent.attempt,
                // An intent of this very process is of an earlier run: a process rotates a credential once at a time.
                writer: match writer {
                    Writer::Present => Seen::Present,
                    Writer::Me | Writer::Gone => Seen::Gone,
                },
            }),
            spare: view.has_spare,
            rotates: refreshes && credential.app.is_some() && credential.standing.hands_out(),
        };
        self.intent = view.intent.as_ref().map(|(intent, _)| intent.clone());
        self.view = Some(view);
        Ok(Event::Claimed(snapshot))
    }

    async fn declare(&mut self, spend: Spend, attempt: u32) -> Result<Event<Obtained>, StoreError> {
        let credential = &self.view().credential;
        let declared = self
            .broker
            .store
            .write_intent(
                self.id,
                credential.generation,
                credential.grant,
                self.intent.as_ref(),
                spend,
                attempt,
                INTENT,
            )
            .await?;
        let Some(intent) = declared else { return Ok(Event::Superseded) };
        let Some(token) = self.broker.store.spend(self.id, &intent).await? else { return Ok(Event::Superseded) };
        self.intent = Some(intent);
        self.token = Some(token);
        failpoint!("rotation.declared");
        Ok(Event::Declared)
    }

    /// Sends the refresh token, once. A process that stood still past its intent's deadline sends nothing: somebody else may be
    /// at it by now.
    async fn exchange(&mut self) -> Answer<Obtained> {
        let credential = &self.view().credential;
        let (Some(app), Some(intent)) = (credential.app, &self.intent) else { return Answer::Refused };
        let environment = credential.environment.clone();
        let auth = match self.auth(app).await {
            Ok(auth) => auth,
            Err(
                error @ (Error::AppOfAnotherEnvironment { .. }
                | Error::AppDamaged { .. }
                | Error::Store(StoreError::Altered { .. })),
            ) => {
                self.fault = Some(Fault::new(TroubleKind::WrongClient, error.to_string()));
                return Answer::WrongClient;
            }
            Err(error) => {
                self.fault = Some(Fault::local(&error));
                return Answer::Refused;
            }
        };
        // Where the system does not tell one boot from another, there is nothing to compare with.
        let late = self.broker.clock.now().boot.since(&intent.deadline);
        let overdue = late.is_some_and(|late| !late.is_zero());
        let Some(token) = self.token.take().filter(|_| !overdue) else {
            self.fault = Some(Fault::overslept());
            return Answer::Refused;
        };
        self.shown = Some((app, auth.client_secret.clone()));
        failpoint!("rotation.sending");
        let outcome = self.broker.transport.refresh(&environment, &auth, &token).await;
        drop(token);
        failpoint!("rotation.answered");
        let (answer, fault) = judge(outcome);
        self.fault = fault;
        answer
    }

    async fn commit(&mut self, obtained: &Obtained) -> Result<Event<Obtained>, StoreError> {
        let credential = &self.view().credential;
        let reply = &obtained.reply;
        // A reply without a refresh token keeps the old one, and what was known of its end.
        let refresh = match (&reply.refresh_token, &credential.validity) {
            (None, Some(validity)) => {
                // One that was accepted past its known end lasts for a time that nobody knows.
                let known = validity.refresh_left(&obtained.sent).filter(|left| !left.is_zero());
                RefreshRight::Lasting(reply.refresh_token_expires_in.or(known))
            }
            _ => RefreshRight::Lasting(reply.refresh_token_expires_in),
        };
        let tokens = RotatedTokens {
            access: reply.access_token.clone(),
            refresh: reply.refresh_token.clone(),
            validity: Validity { obtained: obtained.sent.clone(), access: reply.expires_in, refresh },
            scopes: reply.scopes.clone(),
        };
        let Some(intent) = &self.intent else { return Ok(Event::Erased) };
        let commit = self.broker.store.commit(self.id, credential.grant, intent, &tokens).await?;
        failpoint!("rotation.committed");
        Ok(match commit {
            Commit::Committed(_) => Event::Committed,
            Commit::Overtaken { same_grant, .. } => Event::Overtaken { same_grant },
            Commit::Erased => Event::Erased,
        })
    }

    async fn keep_spare(&self, obtained: &Obtained) -> Result<Event<Obtained>, StoreError> {
        let Some(token) = &obtained.reply.refresh_token else { return Ok(Event::Done) };
        let kept = self.broker.store.keep_spare(self.id, self.view().credential.grant, token).await?;
        Ok(if kept { Event::Done } else { Event::Superseded })
    }

    /// Revokes tokens that must not be used: the credential was erased or signed in anew while its tokens were on their way.
    async fn discard(&self, obtained: &Obtained) {
        let credential = &self.view().credential;
        let Some(app) = credential.app else { return };
        let Ok(auth) = self.auth(app).await else { return };
        let reply = &obtained.reply;
        self.broker
            .give_back(&credential.environment, &auth, Some(&reply.access_token), reply.refresh_token.as_ref())
            .await;
    }

    async fn record(&mut self, failure: Failure, settled: bool) -> Result<Event<Obtained>, StoreError> {
        let fault = self.fault.clone().unwrap_or_else(Fault::unexplained);
        let earlier = self.view().credential.standing.trouble();
        let trouble = fault.after(earlier, self.broker.clock.now(), &*self.broker.entropy);
        self.trouble = Some(trouble.clone());
        let Some(intent) = &self.intent else { return Ok(Event::Superseded) };
        let standing = match failure {
            Failure::DeadGrant => Standing::NeedsLogin(trouble),
            Failure::WrongClient | Failure::Refused | Failure::Unknown => Standing::Stalled(trouble),
        };
        let end = if settled { IntentEnd::Close } else { IntentEnd::Unanswered };
        let stored = StoredFailure { standing, intent: end };
        let written = self.broker.store.record_failure(self.id, intent, &stored).await?;
        if failure == Failure::WrongClient
            && let Some((app, shown)) = &self.shown
            && self.broker.store.app_secret(*app).await?.is_some_and(|present| !present.matches(shown))
        {
            // Another process replaced the secret while this one was tried: there is nothing to wait for.
            self.broker.store.lift_wrong_client(self.id).await?;
        }
        Ok(if written { Event::Done } else { Event::Superseded })
    }

    async fn auth(&self, app: AppId) -> Result<ClientAuth, Error> {
        self.broker.auth(app, &self.view().credential.environment).await
    }

    /// Waits before a write is tried again that must not be given up.
    async fn pause(&self) {
        let wait = AGAIN.0.saturating_mul(1 << self.failures.min(10)).min(AGAIN.1);
        tracing::warn!(credential = %self.id, "a new token is held in memory only, until the store takes it");
        self.broker.sleep.sleep(wait).await;
    }

    fn view(&self) -> &RotationView {
        self.view.as_ref().expect("nothing is asked for before the claim has brought the row")
    }
}

fn held(state: &State<Obtained>) -> &Obtained {
    state.reply().expect("the protocol asks to write an answer only while it holds one")
}
