//! `/api/v1/credentials`: listing, showing, adding, testing, renewing, clearing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use lanyard_broker::{AddToken, Broker, Clear, Error, List, ListApps, Refresh, Refreshed, Revocation, Show, Test};
use lanyard_credential::{Capability, CredentialId, CredentialName, Job, Kind};
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, OddLetter};
use lanyard_time::Moment;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::operation::{Forcing, Operation, named};
use super::{json as reply, read};
use crate::body::Body;
use crate::caller::Caller;
use crate::json;
use crate::problem::{Code, Problem};
use crate::serve::{Scope, Shared};

/// An operation that was done.
pub(super) enum Done {
    /// It changed something, which the store has recorded.
    Changed(Response<Body>),
    /// It only read.
    Unchanged(Response<Body>),
}

type Answer = Result<Done, Problem>;

/// Does an operation, if the caller may.
pub(super) async fn perform(
    shared: &Arc<Shared>,
    caller: &Caller,
    operation: Operation,
    request: Request<Incoming>,
) -> Answer {
    match operation {
        Operation::List => list(shared, caller).await,
        Operation::Add => add(shared, caller, request).await,
        Operation::Show(name) => show(shared, caller, name).await,
        Operation::Clear(name) => clear(shared, caller, name).await,
        Operation::Refresh { name, how } => refresh(shared, caller, name, how).await,
        Operation::Test(name) => test(shared, caller, name, request).await,
    }
}

async fn list(shared: &Shared, caller: &Caller) -> Answer {
    let broker = shared.broker_for(caller, Capability::Read, Scope::Any)?;
    broker.await_store().await?;
    let all = broker.unless_silent(broker.call(List)).await??;
    let now = shared.hand_outs.now();
    let shown: Vec<_> = all
        .iter()
        .filter(|credential| caller.may(Capability::Read, Some(credential.id), &now).is_ok())
        .map(|credential| json::credential_among(credential, &all, &now))
        .collect();
    Ok(Done::Unchanged(reply(StatusCode::OK, &shown)))
}

async fn show(shared: &Shared, caller: &Caller, name: CredentialName) -> Answer {
    let broker = shared.broker_for(caller, Capability::Read, Scope::Named(&[&name]))?;
    broker.await_store().await?;
    let read = async {
        let credential = broker.call(Show { name }).await?;
        let all = if credential.mint.is_some() { broker.call(List).await? } else { Vec::new() };
        Ok::<_, Error>((credential, all))
    };
    let (credential, all) = broker.unless_silent(read).await??;
    let shown = json::credential_among(&credential, &all, &shared.hand_outs.now());
    Ok(Done::Unchanged(reply(StatusCode::OK, &shown)))
}

/// A token to be kept: a bot's or a person's own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Added {
    name: String,
    kind: String,
    access_token: String,
    #[serde(default)]
    webex_url: Option<String>,
}

async fn add(shared: &Shared, caller: &Caller, request: Request<Incoming>) -> Answer {
    let broker = shared.broker_for(caller, Capability::Manage, Scope::All)?;
    let body = read(request.into_body(), caller, &*shared.sleep).await?;
    let added: Added = serde_json::from_slice(&body).map_err(|error| {
        // The text of the error may repeat what was sent.
        Problem::new(Code::BadRequest, format!("the body is invalid (line {})", error.line()))
            .hint("send a JSON object with name, kind (bot or personal) and access_token")
    })?;
    let kind = match added.kind.as_str() {
        "bot" => Kind::Bot,
        "personal" => Kind::Personal,
        other => {
            return Err(Problem::new(
                Code::BadRequest,
                format!("a credential of the kind {other:?} cannot be added with a token alone"),
            )
            .hint("use bot or personal; to add an integration: lanyard login"));
        }
    };
    let environment = match &added.webex_url {
        None => Environment::commercial(),
        Some(url) => Environment::at(url).map_err(|error| Problem::new(Code::BadRequest, error.to_string()))?,
    };
    let text = Zeroizing::new(added.access_token);
    if let Some(odd) = OddLetter::find(text.trim()) {
        let message = format!("the access token contains an invalid character: {odd}");
        return Err(Problem::new(Code::BadRequest, message));
    }
    let token = AccessToken::new(text.trim());
    let call = AddToken { name: named(&added.name)?, kind, environment, token, replace: false };
    if let Caller::Client { .. } = caller {
        known(shared, &broker, &call.environment).await?;
    }
    broker.await_store().await?;
    let added = broker.call(call).await?;
    broker.catch_up_unless_silent().await;
    Ok(Done::Changed(reply(StatusCode::CREATED, &json::credential(added.credential(), &shared.hand_outs.now()))))
}

/// Refuses an environment that a client may not name: otherwise it could have the broker call any address that its machine reaches.
async fn known(shared: &Shared, broker: &Broker, environment: &Environment) -> Result<(), Problem> {
    let cisco = [Environment::commercial(), Environment::fedramp()];
    if cisco.iter().chain(&shared.options.environments).any(|known| known == environment) {
        return Ok(());
    }
    // A Webex of this machine is the owner's own affair, even if the home has it.
    if !environment.id().starts_with("http://") {
        let credentials = broker.call(List).await?;
        if credentials.iter().any(|credential| credential.environment == *environment) {
            return Ok(());
        }
        let apps = broker.call(ListApps).await?;
        if apps.iter().any(|app| app.environment == *environment) {
            return Ok(());
        }
    }
    let detail = format!("clients may not add credentials for the Webex at {}", environment.id());
    Err(Problem::new(Code::Refused, detail)
        .why("clients may not add credentials for that Webex")
        .hint(format!("ask the owner to run lanyard serve --allow-environment {}", environment.id())))
}

async fn clear(shared: &Shared, caller: &Caller, name: CredentialName) -> Answer {
    let broker = shared.broker_for(caller, Capability::Manage, Scope::Named(&[&name]))?;
    broker.await_store().await?;
    let cleared = broker.call(Clear { name, expected: None }).await;
    // Hand-out has stopped even if the rest failed.
    broker.catch_up_unless_silent().await;
    shared.forget();
    let cleared = cleared?;
    let tokens: Vec<_> = cleared.revocations.iter().map(revocation).collect();
    Ok(Done::Changed(reply(
        StatusCode::OK,
        &json!({ "name": cleared.name.as_str(), "kind": cleared.kind.as_str(), "tokens": tokens }),
    )))
}

fn revocation(revocation: &Revocation) -> Value {
    let (token, outcome, reason) = revocation.words();
    json!({ "token": token, "outcome": outcome, "reason": reason })
}

async fn refresh(shared: &Shared, caller: &Caller, name: CredentialName, how: Forcing) -> Answer {
    let broker = shared.broker_for(caller, Capability::Refresh, Scope::Named(&[&name]))?;
    if let (true, Caller::Client { .. }) = (how.take_over, caller) {
        return Err(Problem::new(Code::Refused, "a person takes over from a process that is stuck, not a program")
            .hint(format!("on the broker's machine: lanyard refresh {name} --take-over")));
    }
    if let (true, Caller::Client { .. }, Some(held)) = (how.is_early(), caller, shared.hand_outs.find(name.as_str())) {
        shared.forced.permit(held.id, &shared.hand_outs.now()).map_err(|wait| {
            Problem::new(Code::TooOften, format!("{name} was renewed at a client's request less than a minute ago"))
                .hint("try again later, or omit force and take_over")
                .retry_after(wait)
        })?;
    }
    let Forcing { force, take_over } = how;
    broker.await_store().await?;
    let refreshed = broker.call(Refresh { name, force, take_over, expected: None }).await;
    broker.catch_up_unless_silent().await;
    let (credential, outcome) = match refreshed? {
        Refreshed::Rotated(credential) => (credential, "renewed"),
        Refreshed::RotatedElsewhere(credential) => (credential, "renewed-elsewhere"),
        Refreshed::NotDue(credential) => (credential, "not-due"),
    };
    let shown = json::credential(&credential, &shared.hand_outs.now());
    let response = reply(StatusCode::OK, &json!({ "outcome": outcome, "credential": shown }));
    Ok(if outcome == "renewed" { Done::Changed(response) } else { Done::Unchanged(response) })
}

/// When clients last had a credential renewed before it was due: once a minute is allowed for each credential.
#[derive(Debug, Default)]
pub(crate) struct Forced(Mutex<HashMap<CredentialId, Moment>>);

/// How long a client waits before the same credential is renewed early again.
const EARLY: Duration = Duration::from_mins(1);

impl Forced {
    /// Permits an early renewal, or says how long the caller has to wait for the next.
    fn permit(&self, credential: CredentialId, now: &Moment) -> Result<(), Duration> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.retain(|_, at| now.since(at) < EARLY);
        if let Some(at) = last.get(&credential) {
            return Err(EARLY.saturating_sub(now.since(at)));
        }
        last.insert(credential, now.clone());
        Ok(())
    }
}

/// The request to test a credential.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    #[serde(rename = "for")]
    jobs: Vec<String>,
    against: Option<String>,
}

/// A test uses the token, and may have it renewed: it takes the capability `refresh`.
async fn test(shared: &Shared, caller: &Caller, name: CredentialName, request: Request<Incoming>) -> Answer {
    shared.broker_for(caller, Capability::Refresh, Scope::Named(&[&name]))?;
    let body = read(request.into_body(), caller, &*shared.sleep).await?;
    let wanted: Wanted = match &body[..] {
        [] => Wanted::default(),
        body => serde_json::from_slice(body).map_err(|error| {
            Problem::new(Code::BadRequest, format!("the body is invalid: {error}"))
                .hint("send a JSON object, such as {\"for\": [\"devices\"], \"against\": \"admin\"}, or nothing")
        })?,
    };
    let against = wanted.against.as_deref().map(named).transpose()?;
    let names: Vec<_> = [&name].into_iter().chain(&against).collect();
    let broker = shared.broker_for(caller, Capability::Refresh, Scope::Named(&names))?;
    let job = |word: &String| {
        Job::ALL.iter().copied().find(|job| job.as_str() == word).ok_or_else(|| {
            Problem::new(Code::BadRequest, format!("there is no job {word:?}"))
                .hint("devices, calling, phones, meetings or guests")
        })
    };
    let jobs = wanted.jobs.iter().map(job).collect::<Result<_, _>>()?;
    broker.await_store().await?;
    let report = broker.call(Test { name, jobs, against, expected: None }).await?;
    broker.catch_up_unless_silent().await;
    Ok(Done::Unchanged(reply(StatusCode::OK, &json::test(&report, &shared.hand_outs.now()))))
}

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock, SystemEntropy};

    use super::*;

    #[test]
    fn a_client_has_a_credential_renewed_early_once_a_minute() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let forced = Forced::default();
        let [one, other] = [(); 2].map(|()| CredentialId::random(&SystemEntropy));
        assert_eq!(forced.permit(one, &clock.now()), Ok(()));
        assert_eq!(forced.permit(other, &clock.now()), Ok(()));
        clock.advance(Duration::from_secs(20));
        assert_eq!(forced.permit(one, &clock.now()), Err(Duration::from_secs(40)));
        clock.advance(Duration::from_secs(40));
        assert_eq!(forced.permit(one, &clock.now()), Ok(()));
    }
}
