//! `/api/v1/credentials`: listing, showing, adding, testing, renewing, clearing.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use lanyard_broker::{AddToken, Clear, List, Refresh, Refreshed, Revocation, RevocationOutcome, Show, Test};
use lanyard_credential::{Capability, CredentialName, Job, Kind};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{json as reply, nothing_there, read};
use crate::body::Body;
use crate::caller::Caller;
use crate::json;
use crate::problem::{Code, Problem};
use crate::serve::Shared;

type Answer = Result<Response<Body>, Problem>;

/// Answers a path below `/api/v1/credentials`; `rest` is what follows that.
pub(super) async fn answer(shared: &Arc<Shared>, caller: &Caller, rest: &str, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    let segments: Vec<&str> = rest.trim_start_matches('/').split('/').filter(|segment| !segment.is_empty()).collect();
    match segments[..] {
        [] => match method {
            Method::GET => list(shared, caller).await,
            Method::POST => add(shared, caller, request).await,
            _ => Err(wrong_method(&path, "GET, POST")),
        },
        [name] => match method {
            Method::GET => show(shared, caller, named(name)?).await,
            Method::DELETE => clear(shared, caller, named(name)?).await,
            _ => Err(wrong_method(&path, "GET, DELETE")),
        },
        [name, what @ ("refresh" | "test")] => match (method, what) {
            (Method::POST, "refresh") => refresh(shared, caller, named(name)?, request.uri().query()).await,
            (Method::POST, _) => test(shared, caller, named(name)?, request).await,
            _ => Err(wrong_method(&path, "POST")),
        },
        _ => Err(nothing_there(&path)),
    }
}

async fn list(shared: &Shared, caller: &Caller) -> Answer {
    let now = shared.hand_outs.now();
    caller.may_at_all(Capability::Read, &now)?;
    let all = shared.broker.call(List).await?;
    let shown: Vec<_> = all
        .iter()
        .filter(|credential| caller.may(Capability::Read, Some(credential.id), &now).is_ok())
        .map(|credential| json::credential(credential, &now))
        .collect();
    Ok(reply(StatusCode::OK, &shown))
}

async fn show(shared: &Shared, caller: &Caller, name: CredentialName) -> Answer {
    allowed(shared, caller, Capability::Read, &name)?;
    let credential = shared.broker.call(Show { name }).await?;
    Ok(reply(StatusCode::OK, &json::credential(&credential, &shared.hand_outs.now())))
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
    caller.may(Capability::Manage, None, &shared.hand_outs.now())?;
    let body = read(request.into_body(), caller, &*shared.sleep).await?;
    let added: Added = serde_json::from_slice(&body).map_err(|error| {
        // The text of the error may repeat what was sent.
        Problem::new(Code::BadRequest, format!("the body is not as it should be (line {})", error.line()))
            .hint("a JSON object with name, kind (bot or personal) and access_token")
    })?;
    let kind = match added.kind.as_str() {
        "bot" => Kind::Bot,
        "personal" => Kind::Personal,
        other => {
            return Err(Problem::new(
                Code::BadRequest,
                format!("a token of the kind {other:?} is not added by itself"),
            )
            .hint("bot or personal; integrations sign in: lanyard login"));
        }
    };
    let environment = match &added.webex_url {
        None => Environment::commercial(),
        Some(url) => Environment::at(url).map_err(|error| Problem::new(Code::BadRequest, error.to_string()))?,
    };
    let token = AccessToken::new(Zeroizing::new(added.access_token).as_str());
    let call = AddToken { name: named(&added.name)?, kind, environment, token, replace: false };
    let added = shared.broker.call(call).await?;
    let _ = shared.hand_outs.catch_up().await;
    Ok(reply(StatusCode::CREATED, &json::credential(added.credential(), &shared.hand_outs.now())))
}

async fn clear(shared: &Shared, caller: &Caller, name: CredentialName) -> Answer {
    allowed(shared, caller, Capability::Manage, &name)?;
    let cleared = shared.broker.call(Clear { name, expected: None }).await;
    // Hand-out has stopped even where the rest failed.
    let _ = shared.hand_outs.catch_up().await;
    shared.forget();
    let cleared = cleared?;
    let tokens: Vec<_> = cleared.revocations.iter().map(revocation).collect();
    Ok(reply(
        StatusCode::OK,
        &json!({ "name": cleared.name.as_str(), "kind": cleared.kind.as_str(), "tokens": tokens }),
    ))
}

fn revocation(revocation: &Revocation) -> Value {
    let (outcome, why) = match &revocation.outcome {
        RevocationOutcome::Revoked => ("revoked", None),
        RevocationOutcome::RevokedByListing { guess: false } => ("revoked-by-listing", None),
        RevocationOutcome::RevokedByListing { guess: true } => ("revoked-by-guess", None),
        RevocationOutcome::Queued { reason } => ("queued", Some(reason.clone())),
        RevocationOutcome::NotRevoked { reason } => ("not-revoked", Some(reason.clone())),
    };
    json!({ "token": format!("{:?}", revocation.token).to_lowercase(), "outcome": outcome, "reason": why })
}

async fn refresh(shared: &Shared, caller: &Caller, name: CredentialName, query: Option<&str>) -> Answer {
    allowed(shared, caller, Capability::Refresh, &name)?;
    let force = matches!(query, Some("force=true" | "force=1" | "force"));
    let refreshed = shared.broker.call(Refresh { name, force, expected: None }).await;
    let _ = shared.hand_outs.catch_up().await;
    let (credential, done) = match &refreshed? {
        Refreshed::Rotated(credential) => (json::credential(credential, &shared.hand_outs.now()), "renewed"),
        Refreshed::RotatedElsewhere(credential) => {
            (json::credential(credential, &shared.hand_outs.now()), "renewed-elsewhere")
        }
        Refreshed::NotDue(credential) => (json::credential(credential, &shared.hand_outs.now()), "not-due"),
    };
    Ok(reply(StatusCode::OK, &json!({ "outcome": done, "credential": credential })))
}

/// What a test is to find out.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    #[serde(rename = "for")]
    jobs: Vec<String>,
    against: Option<String>,
}

async fn test(shared: &Shared, caller: &Caller, name: CredentialName, request: Request<Incoming>) -> Answer {
    allowed(shared, caller, Capability::Read, &name)?;
    let body = read(request.into_body(), caller, &*shared.sleep).await?;
    let wanted: Wanted = match &body[..] {
        [] => Wanted::default(),
        body => serde_json::from_slice(body).map_err(|error| {
            Problem::new(Code::BadRequest, format!("the body is not as it should be: {error}"))
                .hint("a JSON object, such as {\"for\": [\"devices\"], \"against\": \"admin\"}, or nothing")
        })?,
    };
    let against = wanted.against.as_deref().map(named).transpose()?;
    if let Some(against) = &against {
        allowed(shared, caller, Capability::Read, against)?;
    }
    let job = |word: &String| {
        Job::ALL.iter().copied().find(|job| job.as_str() == word).ok_or_else(|| {
            Problem::new(Code::BadRequest, format!("there is no job {word:?}"))
                .hint("devices, calling, phones, meetings or guests")
        })
    };
    let jobs = wanted.jobs.iter().map(job).collect::<Result<_, _>>()?;
    let report = shared.broker.call(Test { name, jobs, against, expected: None }).await?;
    let _ = shared.hand_outs.catch_up().await;
    Ok(reply(StatusCode::OK, &json::test(&report, &shared.hand_outs.now())))
}

/// Whether the caller may do this with the credential of that name. A client that may not is not told whether there is one.
fn allowed(shared: &Shared, caller: &Caller, what: Capability, name: &CredentialName) -> Result<(), Problem> {
    let id = shared.hand_outs.find(name.as_str()).map(|held| held.id);
    caller.may(what, id, &shared.hand_outs.now())
}

fn named(name: &str) -> Result<CredentialName, Problem> {
    name.parse().map_err(|error: lanyard_credential::NameError| {
        Problem::new(Code::NoSuchName, format!("{name:?} is no name of a credential: {error}"))
    })
}

fn wrong_method(path: &str, allowed: &str) -> Problem {
    Problem::new(Code::Method, format!("{path} takes {allowed}"))
}
