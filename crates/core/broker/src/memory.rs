//! Work with the tokens in a broker's memory: what goes on while the store fails or does not answer.

use std::fmt::Display;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lanyard_client::IssuedToken;
use lanyard_credential::{CredentialId, CredentialName, Generation};
use lanyard_operation::{Class, Code, Problem};
use lanyard_protocol::{Environment, OrgId, PersonId};

use crate::broker::{Broker, whose_limit};
use crate::environment::expect;
use crate::error::Error;
use crate::handouts::{Asked, HandOuts, Ready, Taken};
use crate::renewal::{HandOut, HandedOut, RecordHandOut};

/// A credential's token, and everything that a call to Webex needs of the credential.
#[derive(Debug)]
pub struct Pass {
    /// The credential's id.
    pub id: CredentialId,
    /// Its name.
    pub name: CredentialName,
    /// The person, bot or machine account that it acts as, if that is known.
    pub subject: Option<PersonId>,
    /// The organisation that the token belongs to, if it is known.
    pub organisation: Option<Arc<OrgId>>,
    /// The token's generation.
    pub generation: Generation,
    /// The token, with its Webex and the subject whose limits its calls count against.
    pub issued: IssuedToken,
}

/// From the store.
impl From<HandedOut> for Pass {
    fn from(handed: HandedOut) -> Self {
        let credential = handed.credential;
        let subject = credential.subject.known().map(|subject| subject.id.clone());
        let issued = IssuedToken {
            subject: whose_limit(&credential.environment, subject.as_ref(), credential.id),
            generation: credential.generation.number(),
            environment: Arc::new(credential.environment),
            token: handed.token,
        };
        Self {
            id: credential.id,
            name: credential.name,
            subject,
            organisation: credential.organisation.map(|organisation| Arc::new(organisation.id)),
            generation: credential.generation,
            issued,
        }
    }
}

/// From memory.
impl From<Ready> for Pass {
    fn from(ready: Ready) -> Self {
        let held = &ready.held;
        let issued = IssuedToken {
            subject: whose_limit(&held.environment, held.subject.as_ref(), held.id),
            generation: held.generation.number(),
            environment: Arc::clone(&held.environment),
            token: ready.token,
        };
        Self {
            id: held.id,
            name: held.name.clone(),
            subject: held.subject.clone(),
            organisation: held.organisation.clone(),
            generation: held.generation,
            issued,
        }
    }
}

/// How long a caller waits for a store that does not answer, and for a renewal while a valid token is in memory: longer than a renewal
/// is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// A store that has not answered for so long is silent.
const SILENT: Duration = Duration::from_secs(5);
/// How long a silent store may take for one more look at it: the machine, or the broker, may only have been stopped.
const ONE_LOOK: Duration = Duration::from_millis(500);
/// How long it may take before a call that is under way is given up.
const LAST_LOOK: Duration = Duration::from_secs(2);
/// How often a call that lasts looks whether the store has become silent.
const NEXT_LOOK: Duration = Duration::from_secs(1);

impl Broker {
    /// A broker that uses the tokens in `memory` first, and waits for the store only if there is none.
    #[must_use]
    pub fn remembering(self, memory: HandOuts) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// The tokens in memory, if this process keeps any.
    pub fn memory(&self) -> Option<&HandOuts> {
        self.memory.as_ref()
    }

    /// Whether the store has stopped answering: then a valid token is used as it is.
    pub fn store_is_silent(&self) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.unanswered(&memory.now()) > SILENT)
    }

    /// Waits for a store that is silent, and fails if it stays silent: before a call that needs it, so that nothing is begun.
    pub async fn await_store(&self) -> Result<(), Error> {
        let Some(memory) = self.memory.as_ref().filter(|_| self.store_is_silent()) else { return Ok(()) };
        let waited = memory.unanswered(&memory.now());
        let left = (SILENT + PATIENCE).saturating_sub(waited).max(ONE_LOOK);
        tokio::select! {
            biased;
            // A store that fails is not silent: the call itself fails, in words of its own.
            _ = memory.catch_up() => Ok(()),
            () = self.sleep.sleep(left) => Err(unanswered(memory, "nothing was changed")),
        }
    }

    /// Waits for `asked`, and gives up when the store has become silent.
    pub async fn unless_silent<T>(&self, asked: impl Future<Output = T>) -> Result<T, Error> {
        let Some(memory) = &self.memory else { return Ok(asked.await) };
        let silence = async {
            self.sleep.sleep(PATIENCE).await;
            loop {
                self.sleep.sleep(NEXT_LOOK).await;
                // This process may only have had too much to do itself.
                if self.store_is_silent() && self.look_again(memory).await {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            done = asked => Ok(done),
            () = silence => Err(unanswered(memory, "the request may still be carried out")),
        }
    }

    /// Whether the store does not answer now either.
    async fn look_again(&self, memory: &HandOuts) -> bool {
        tokio::select! {
            biased;
            _ = Box::pin(memory.catch_up()) => false,
            () = self.sleep.sleep(LAST_LOOK) => true,
        }
    }

    /// Reads all changes, so that they are in memory before a caller hears of the outcome of its operation. A store that looks silent gets
    /// one more chance: it may have answered the operation after this process was stopped.
    pub async fn catch_up_unless_silent(&self) {
        let Some(memory) = &self.memory else { return };
        if self.store_is_silent() {
            self.look_again(memory).await;
        } else {
            let _ = self.unless_silent(memory.catch_up()).await;
        }
    }

    /// Fails if the store has not been read for too long to hand out tokens from memory.
    pub(crate) async fn refuse_if_stale(&self) -> Result<(), Error> {
        let Some(memory) = self.memory.as_ref().filter(|memory| memory.stale(&memory.now()).is_some()) else {
            return Ok(());
        };
        let looked = tokio::select! {
            biased;
            looked = memory.catch_up() => looked.map(drop),
            () = self.sleep.sleep(ONE_LOOK) => Ok(()),
        };
        match memory.stale(&memory.now()) {
            None => Ok(()),
            Some(unseen) => Err(looked.err().map_or_else(|| stale(unseen), Error::from)),
        }
    }

    /// A credential's valid token, from memory; `None` if there is none, or it may not be handed out.
    pub(crate) fn held(&self, name: &CredentialName) -> Result<Option<Ready>, Error> {
        let Some(memory) = &self.memory else { return Ok(None) };
        match memory.take(name.as_str(), Duration::ZERO, &memory.now())? {
            Taken::Good(ready) | Taken::Short(ready) if self.is_authorized(name, ready.held.id) => Ok(Some(ready)),
            Taken::Good(_) | Taken::Short(_) | Taken::None | Taken::Unknown | Taken::Stale(_) => Ok(None),
        }
    }

    /// A credential's token for a call to Webex: from memory, or else from the store, renewed if it has expired. A credential of another
    /// Webex than `expected` is refused.
    pub async fn pass(&self, name: &CredentialName, expected: Option<&Environment>) -> Result<Pass, Error> {
        if let Some(ready) = self.held(name)? {
            expect(name, &ready.held.environment, expected)?;
            return Ok(ready.into());
        }
        self.refuse_if_stale().await?;
        let call = HandOut { name: name.clone(), min_validity: Duration::ZERO, expected: expected.cloned() };
        Ok(self.unless_silent(self.run(call)).await??.into())
    }

    /// Hands out a token as [`HandOut`] does. While a valid one is in memory, it waits neither for a store that does not answer nor
    /// for a slow renewal, and fails with [`Error::Busy`]. A store that has not been read for too long is not waited for at all.
    pub async fn hand_out_soon(&self, call: HandOut) -> Result<HandedOut, Error> {
        self.refuse_if_stale().await?;
        let name = call.name.clone();
        let is_held = matches!(self.held(&name), Ok(Some(_)));
        let asked = self.run(call);
        if !is_held {
            return self.unless_silent(asked).await?;
        }
        tokio::select! {
            biased;
            handed = asked => handed,
            () = self.sleep.sleep(PATIENCE) => Err(Error::Busy { name }),
        }
    }

    /// The valid token in memory that is handed out although `error` kept the store from being asked.
    pub(crate) fn held_despite(
        &self,
        error: &Error,
        name: &CredentialName,
        expected: Option<&Environment>,
    ) -> Option<Ready> {
        if !matches!(error, Error::Busy { .. }) && error.class() != Class::Store {
            return None;
        }
        let ready = self.held(name).ok().flatten()?;
        expect(name, &ready.held.environment, expected).is_ok().then_some(ready)
    }

    /// Records a hand-out: in memory, to be stored with others, or else in the store. Gives the reason if it cannot be recorded.
    pub(crate) async fn record(&self, handed: RecordHandOut) -> Result<(), String> {
        let said = |error: &dyn Display| error.to_string();
        let Some(memory) = &self.memory else { return self.run(handed).await.map_err(|error| said(&error)) };
        let RecordHandOut { id, name, generation, means } = handed;
        let actor = self.caller.actor().clone();
        let asked = Asked { credential: Some((id, name)), actor, means: means.into(), end: Ok(generation) };
        memory.note(asked, memory.now().wall).map_err(|full| said(&full))
    }
}

/// The error of a call for which the store was waited for in vain.
fn unanswered(memory: &HandOuts, outcome: &str) -> Error {
    let seconds = memory.unanswered(&memory.now()).as_secs();
    let hint = "check that the database server, or the disk that holds the database, responds: lanyard doctor";
    Problem::new(Code::Store, format!("the store has not answered for {seconds} s; {outcome}")).hint(hint).into()
}

/// The error of a request for a token that may no longer be handed out from memory.
fn stale(unseen: Duration) -> Error {
    let hint = "tokens are handed out again when the store can be read; see what is wrong: lanyard doctor";
    Problem::new(Code::Store, format!("the store has not been read for {} s", unseen.as_secs())).hint(hint).into()
}
