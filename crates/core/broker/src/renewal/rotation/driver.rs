//! Drives the rotation protocol: performs each action and reports what came of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_client::{Obtained, Transport};
use lanyard_credential::rotation::{
    Action, Answer, Attempt, Decision, Event, Failure, Found, IntentEnd, Outcome, Snapshot, State, Writer, decide,
};
use lanyard_credential::{
    AppId, CredentialId, Generation, Intent, Kind, RefreshRight, Spend, Standing, Trouble, TroubleKind, Validity,
};
use lanyard_protocol::oauth::ClientAuth;
use lanyard_secret::{ClientSecret, RefreshToken};
use lanyard_store::{
    Begun, Commit, Declared, EXCHANGE, Failure as StoredFailure, MARGIN, RotatedTokens, RotationView, StoreError,
    UnderWay, fail_point,
};
use lanyard_time::Moment;

use super::trouble::{Fault, judge};
use crate::renewals::{Closed, Means, MustFinish, RenewalEnd, Wanted};
use crate::{Broker, Error};

// One exchange lies between an intent and its answer, and none goes on when its process is presumed gone.
const _: () =
    assert!(EXCHANGE.as_secs() > Transport::LONGEST.as_secs() && MARGIN.as_secs() > Transport::LONGEST.as_secs());

/// How long a write that must not be given up waits before it is tried again, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Broker {
    /// Replaces generation `target` of a credential by the next, with the rotation protocol. Only [`renew`](Self::renew) calls
    /// this, because a future that is dropped early would lose Webex's reply.
    pub(in crate::renewal) async fn rotate(
        &self,
        id: CredentialId,
        target: Generation,
        wanted: Wanted,
    ) -> Result<RenewalEnd, Error> {
        let mut driver = Driver::new(self, id, target, wanted);
        let (mut state, mut action) = State::begin();
        let mut store_error = None;
        loop {
            let performed = driver.perform(&state, action).await;
            match performed {
                Err(error @ (StoreError::Replaced(_) | StoreError::Upgraded { .. })) => {
                    // No retry would find that database, so this process gives up.
                    if state.reply().is_some() {
                        tracing::error!(credential = %id, %error, "a new token is lost, because this process can no longer write to the database");
                    }
                    return Err(error.into());
                }
                Err(
                    error @ (StoreError::Sealed(_)
                    | StoreError::Altered { table: "credentials", .. }
                    | StoreError::Impossible { table: "credentials", .. }),
                ) if state.reply().is_some() => {
                    // A row that cannot be decrypted now cannot be decrypted later. Nothing is revoked, because the grant is valid,
                    // and the row's tokens may be valid too.
                    tracing::error!(credential = %id, %error, "a new token cannot be stored: the credential's row is damaged");
                    return Err(error.into());
                }
                _ => {}
            }
            let event = performed.unwrap_or_else(|error| {
                driver.failures += 1;
                if matches!(action, Action::Begin | Action::Declare { .. }) {
                    // Nothing was sent. The caller gets the error and reports it.
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
                        // The row may also have refused the intent because another process took over. Then nothing was renewed.
                        if outcome == Outcome::RotatedElsewhere
                            && let Ok(Some(present)) = self.store.credential_by_id(id).await
                            && present.generation == target
                        {
                            outcome = Outcome::Busy;
                        }
                        Ok(driver.end(outcome))
                    }
                };
            }
        }
    }
}

pub(super) struct Driver<'a> {
    broker: &'a Broker,
    id: CredentialId,
    target: Generation,
    wanted: Wanted,
    /// How long Webex still limits the renewal, if it did not begin because of that.
    limited: Option<Duration>,
    /// Keeps the process from ending, from the first intent on.
    unfinished: Option<Arc<MustFinish>>,
    view: Option<RotationView>,
    intent: Option<Intent>,
    /// The refresh token that belongs to the intent; opened for the exchange alone.
    token: Option<RefreshToken>,
    /// When the intent was written.
    declared: Option<Moment>,
    /// The secret that Webex was shown.
    shown: Option<(AppId, ClientSecret)>,
    fault: Option<Fault>,
    trouble: Option<Trouble>,
    failures: u32,
}

impl<'a> Driver<'a> {
    pub(super) fn new(broker: &'a Broker, id: CredentialId, target: Generation, wanted: Wanted) -> Self {
        Self {
            broker,
            id,
            target,
            wanted,
            limited: None,
            unfinished: None,
            view: None,
            intent: None,
            token: None,
            declared: None,
            shown: None,
            fault: None,
            trouble: None,
            failures: 0,
        }
    }

    pub(super) async fn perform(
        &mut self,
        state: &State<Obtained>,
        action: Action,
    ) -> Result<Event<Obtained>, StoreError> {
        match action {
            Action::Begin => self.begin().await,
            Action::Declare { .. } => self.declare(state).await,
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
            Action::Record { failure, intent } => self.record(failure, intent).await,
            Action::Nothing => Ok(Event::Done),
        }
    }

    /// How the rotation ended.
    fn end(self, outcome: Outcome) -> RenewalEnd {
        if let Some(left) = self.limited {
            return RenewalEnd::NotBegun(Closed::Limited(left).trouble(self.broker.clock.now()));
        }
        let asked = self.fault.as_ref().map(Fault::asked).unwrap_or_default();
        let by_spare = self.intent.is_some_and(|intent| intent.spend == Spend::Spare);
        match (outcome, self.trouble) {
            (Outcome::Rotated, _) if by_spare => RenewalEnd::Renewed(Means::Spare),
            (Outcome::Rotated, _) => RenewalEnd::Renewed(Means::Rotation),
            (Outcome::RotatedElsewhere, _) => RenewalEnd::Elsewhere,
            (Outcome::Erased, _) => RenewalEnd::Erased,
            (Outcome::DoesNotRotate, _) => RenewalEnd::NotRenewable,
            (Outcome::Failed(_), Some(trouble)) => RenewalEnd::Failed { trouble, asked },
            (Outcome::Busy | Outcome::StoreUnavailable | Outcome::Failed(_), _) => RenewalEnd::Busy,
        }
    }

    async fn begin(&mut self) -> Result<Event<Obtained>, StoreError> {
        let (broker, target, wanted) = (self.broker, self.target, self.wanted);
        let takes_over = wanted == Wanted::TakingOver;
        let held_by = |view: &RotationView| view.limited.filter(|_| !wanted.is_by_hand());
        fail_point("rotation.beginning");
        let unfinished = Mutex::new(None);
        let now = broker.clock.now();
        let begun = broker
            .store
            .begin_rotation(self.id, |view| match decide(target, &snapshot(view), takes_over) {
                Decision::Exchange(_) if held_by(view).is_some() => None,
                Decision::Exchange(attempt) => {
                    let mut unfinished = unfinished.lock().unwrap_or_else(PoisonError::into_inner);
                    *unfinished = unfinished.take().or_else(|| broker.enter());
                    // Where the process is about to end nothing may be sent any more.
                    unfinished.is_some().then_some(attempt)
                }
                Decision::Stall | Decision::End(_) => None,
            })
            .await?;
        let decision = match begun {
            Begun::Erased => return Ok(Event::Erased),
            Begun::Seen(view) => {
                let decision = decide(target, &snapshot(&view), takes_over);
                if let Decision::Exchange(_) = decision {
                    self.limited = held_by(&view);
                }
                self.intent = under_way(&view).cloned();
                self.view = Some(*view);
                match decision {
                    Decision::Exchange(_) => Decision::End(Outcome::Busy),
                    decision => decision,
                }
            }
            Begun::Declared(view, declared) => {
                self.unfinished = unfinished.into_inner().unwrap_or_else(PoisonError::into_inner);
                self.view = Some(*view);
                Decision::Exchange(self.declared(declared, now))
            }
        };
        if matches!(decision, Decision::Exchange(_)) {
            fail_point("rotation.declared");
        }
        Ok(Event::Decided(decision))
    }

    async fn declare(&mut self, state: &State<Obtained>) -> Result<Event<Obtained>, StoreError> {
        let credential = &self.view().credential;
        let at = (credential.generation, credential.grant);
        let (Some(intent), State::Declaring(attempt)) = (&self.intent, state) else { return Ok(Event::Superseded) };
        let now = self.broker.clock.now();
        let Some(declared) = self.broker.store.declare_again(self.id, at, intent, *attempt).await? else {
            return Ok(Event::Superseded);
        };
        self.declared(declared, now);
        fail_point("rotation.declared");
        Ok(Event::Declared)
    }

    fn declared(&mut self, Declared { intent, attempt, token }: Declared, now: Moment) -> Attempt {
        self.intent = Some(intent);
        self.token = Some(token);
        self.declared = Some(now);
        attempt
    }

    /// Sends the refresh token, once. A process that stood still past its intent's deadline sends nothing: somebody else may be
    /// at it by now.
    async fn exchange(&mut self) -> Answer<Obtained> {
        let credential = &self.view().credential;
        let Some(app) = credential.app else { return Answer::Refused };
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
        let now = self.broker.clock.now();
        let overdue = self.declared.as_ref().is_none_or(|declared| now.oldest_since(declared) >= EXCHANGE);
        let Some(token) = self.token.take().filter(|_| !overdue) else {
            self.fault = Some(Fault::overslept());
            return Answer::Refused;
        };
        self.shown = Some((app, auth.client_secret.clone()));
        fail_point("rotation.sending");
        self.broker.sends();
        let outcome = match self.view().credential.kind {
            Kind::WorkspaceIntegration => self.broker.transport.refresh_as_json(&environment, &auth, &token).await,
            _ => self.broker.transport.refresh(&environment, &auth, &token).await,
        };
        drop(token);
        fail_point("rotation.answered");
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
        fail_point("rotation.committed");
        if let (Commit::Committed(_), Some(_)) = (&commit, self.view().limited)
            && let Err(error) = self.broker.store.lift_limit(self.id).await
        {
            tracing::debug!(credential = %self.id, %error, "a limit is kept although it has ended");
        }
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

    /// Revokes tokens that must not be used: the credential was erased or signed in again while its tokens were on their way.
    async fn discard(&self, obtained: &Obtained) {
        let credential = &self.view().credential;
        let Some(app) = credential.app else { return };
        let Ok(auth) = self.auth(app).await else { return };
        let reply = &obtained.reply;
        self.broker
            .give_back(&credential.environment, &auth, Some(&reply.access_token), reply.refresh_token.as_ref())
            .await;
    }

    async fn record(&mut self, failure: Failure, end: IntentEnd) -> Result<Event<Obtained>, StoreError> {
        let Some(intent) = &self.intent else { return Ok(Event::Superseded) };
        let fault = match failure {
            Failure::Overdue => Fault::unfinished(&intent.writer),
            Failure::Doubted => Fault::doubted(),
            _ => self.fault.clone().unwrap_or_else(Fault::unexplained),
        };
        let earlier = self.view().credential.standing.trouble();
        let trouble = fault.after(earlier, self.broker.clock.now(), &*self.broker.entropy);
        self.trouble = Some(trouble.clone());
        let standing = match failure {
            Failure::DeadGrant => Standing::NeedsLogin(trouble),
            _ => Standing::Stalled(trouble),
        };
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
        self.view.as_ref().expect("nothing is asked for before the row was read")
    }
}

fn held(state: &State<Obtained>) -> &Obtained {
    state.reply().expect("the protocol asks to write an answer only while it holds one")
}

fn under_way(view: &RotationView) -> Option<&Intent> {
    match &view.under_way {
        UnderWay::Exchange(intent, _) => Some(intent),
        UnderWay::Nothing | UnderWay::Held(_) => None,
    }
}

fn snapshot(view: &RotationView) -> Snapshot {
    let credential = &view.credential;
    let refreshes = credential.validity.as_ref().is_some_and(|validity| validity.refresh != RefreshRight::None);
    let intent = match &view.under_way {
        UnderWay::Nothing => None,
        UnderWay::Exchange(intent, writer) => {
            let (spend, attempt, presumed) = (intent.spend, intent.attempt, intent.presumed);
            Some(Found { spend, attempt, writer: *writer, presumed })
        }
        // It sends no refresh token, and is soon done.
        UnderWay::Held(_) => Some(Found { spend: Spend::Stored, attempt: 0, writer: Writer::Present, presumed: false }),
    };
    Snapshot {
        generation: credential.generation,
        intent,
        spare: view.has_spare,
        rotates: refreshes && credential.app.is_some() && credential.standing.hands_out(),
    }
}
