//! `GET /api/v1/credentials/{name}/token`: the hot path.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use jiff::Timestamp;
use lanyard_broker::{Asked, HandOut, Ready, Shortfall, Taken};
use lanyard_credential::{Capability, CredentialName, Generation};
use lanyard_secret::AccessToken;

use super::reply::TokenReply;
use crate::body::{self, Body};
use crate::caller::Caller;
use crate::problem::{Code, Problem};
use crate::serve::Shared;

/// What a command of the owner's says a token is for: the audit keeps it. Heard on the owner's socket alone.
pub(crate) const MEANS: HeaderName = HeaderName::from_static("lanyard-means");

/// The name in a path that asks for a token; `None` for any other path.
pub(crate) fn asked(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/api/v1/credentials/")?.strip_suffix("/token")?;
    (!name.contains('/')).then_some(name)
}

/// A request that has to wait: for a renewal, or for what is to be said.
pub(crate) struct Later {
    name: CredentialName,
    min_validity: Duration,
    means: Arc<str>,
}

/// Gives the token that is in memory. What cannot be given at once comes back, to be answered where one may wait.
pub(crate) fn answer(
    shared: &Shared,
    caller: &Caller,
    name: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response<Body>, Later> {
    let min_validity = match min_validity(query) {
        Ok(min_validity) => min_validity,
        Err(problem) => return Ok(problem.response()),
    };
    let now = shared.hand_outs.now();
    let means = means(shared, caller, headers);
    if let Caller::Client { .. } = caller {
        let held = shared.hand_outs.find(name);
        if let Err(problem) = caller.may(Capability::Token, held.as_ref().map(|held| held.id), &now) {
            let about = held.map(|held| (held.id, held.name.clone()));
            let end = Err(problem.in_audit());
            return Ok(note(shared, caller, about, means, end, now.wall).unwrap_or(problem).response());
        }
    }
    let ready = match shared.hand_outs.take(name, min_validity, &now) {
        Ok(Taken::Good(ready)) => ready,
        Ok(Taken::Stale(unseen)) => return Ok(Problem::stale(unseen).response()),
        Ok(Taken::Short(_) | Taken::None | Taken::Unknown) => {
            if let Some(held) = shared.hand_outs.find(name) {
                shared.refresher.wanted(held.id);
            }
            return match name.parse() {
                Ok(name) => Err(Later { name, min_validity, means }),
                Err(_) => Ok(Problem::new(Code::NoSuchName, "no credential has such a name").response()),
            };
        }
        // A damaged row, a home that keeps still.
        Err(error) => return Ok(Problem::from(lanyard_broker::Error::from(error)).response()),
    };
    Ok(hand_over(shared, caller, means, &ready, None, now.wall))
}

impl Later {
    pub(crate) async fn answer(self, shared: Arc<Shared>, caller: Caller) -> Response<Body> {
        let call = HandOut { name: self.name.clone(), min_validity: self.min_validity, expected: None };
        let outcome = shared.broker.call(call).await;
        // What was renewed on the way is in memory before anybody is told.
        let _ = shared.hand_outs.catch_up().await;
        let error = match outcome {
            Ok(handed) => {
                let credential = &handed.credential;
                let about = Some((credential.id, credential.name.clone()));
                let scopes = credential.scopes.as_ref().map(ToString::to_string);
                let now = shared.hand_outs.now().wall;
                if let Some(problem) = note(&shared, &caller, about, self.means, Ok(credential.generation), now) {
                    return problem.response();
                }
                let warning = handed.shortfall.as_ref().map(because);
                return reply(&handed.token, handed.left, scopes.as_deref(), warning, now);
            }
            Err(error) => error,
        };
        // A store that fails keeps nobody from a token that is good.
        let now = shared.hand_outs.now();
        if let Ok(Taken::Short(ready) | Taken::Good(ready)) =
            shared.hand_outs.take(self.name.as_str(), self.min_validity, &now)
        {
            return hand_over(&shared, &caller, self.means, &ready, Some(&error.to_string()), now.wall);
        }
        let problem = Problem::from(&error);
        let about = shared.hand_outs.find(self.name.as_str()).map(|held| (held.id, held.name.clone()));
        let end = Err(problem.in_audit());
        note(&shared, &caller, about, self.means, end, now.wall).unwrap_or(problem).response()
    }
}

fn hand_over(
    shared: &Shared,
    caller: &Caller,
    means: Arc<str>,
    ready: &Ready,
    warning: Option<&str>,
    now: Timestamp,
) -> Response<Body> {
    let held = &ready.held;
    let about = Some((held.id, held.name.clone()));
    if let Some(problem) = note(shared, caller, about, means, Ok(held.generation), now) {
        return problem.response();
    }
    reply(&ready.token, ready.left, held.scopes.as_deref(), warning, now)
}

/// Has it written down; the problem where that is impossible, since nothing is handed out that nobody will know of.
fn note(
    shared: &Shared,
    caller: &Caller,
    credential: Option<(lanyard_credential::CredentialId, CredentialName)>,
    means: Arc<str>,
    end: Result<Generation, Arc<str>>,
    now: Timestamp,
) -> Option<Problem> {
    let asked = Asked { credential, actor: caller.actor().clone(), means, end };
    shared.hand_outs.note(asked, now).err().map(|full| {
        Problem::new(Code::Store, full.to_string()).hint("see the broker's log for why the store cannot be written")
    })
}

fn reply(
    token: &AccessToken,
    left: Option<Duration>,
    scopes: Option<&str>,
    warning: Option<&str>,
    now: Timestamp,
) -> Response<Body> {
    let reply = TokenReply::new(token, left, scopes, warning, now);
    let bytes = match reply.written() {
        Ok(bytes) => bytes,
        Err(error) => return Problem::new(Code::Internal, error.to_string()).response(),
    };
    let mut response = Response::new(body::secret(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a shortfall is to whoever asked.
fn because(shortfall: &Shortfall) -> &str {
    match shortfall {
        Shortfall::NeverReached => "Webex gives no token that lasts longer",
        Shortfall::CannotRenew => "it cannot be renewed",
        Shortfall::RenewalFailed(why) => why,
        Shortfall::RenewalSlow => "it is being renewed, and that takes long",
    }
}

fn min_validity(query: Option<&str>) -> Result<Duration, Problem> {
    let Some(query) = query else { return Ok(Duration::ZERO) };
    let mut asked = Duration::ZERO;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "min_validity" {
            return Err(Problem::new(Code::BadRequest, format!("a token is not asked for with {name:?}"))
                .hint("the only parameter is min_validity, in seconds"));
        }
        asked = value.parse().map(Duration::from_secs).map_err(|_| {
            Problem::new(Code::BadRequest, "min_validity is no number of seconds").hint("such as min_validity=300")
        })?;
    }
    Ok(asked)
}

fn means(shared: &Shared, caller: &Caller, headers: &HeaderMap) -> Arc<str> {
    let said = headers.get(MEANS).and_then(|value| value.to_str().ok());
    match (caller, said) {
        (Caller::Owner { .. }, Some(means)) => means.chars().take(200).collect::<String>().into(),
        _ => Arc::clone(&shared.words.token),
    }
}
