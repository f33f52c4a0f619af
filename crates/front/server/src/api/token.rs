//! `GET /api/v1/credentials/{name}/token`: the hot path.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use jiff::Timestamp;
use lanyard_broker::{Asked, Error, HandOut, Ready, Shortfall, Taken};
use lanyard_credential::{Capability, CredentialName, Generation};
use lanyard_operation::Context as _;
use lanyard_secret::AccessToken;
use lanyard_time::Moment;

use super::reply::TokenReply;
use crate::body::{self, Body};
use crate::caller::{Caller, MEANS, Peer, authenticate};
use crate::extract::{Anyone, Authenticated, Serving};
use crate::problem::{self, Code, Problem};
use crate::record::{self, About};
use crate::shared::Shared;

/// The name in a path that asks for a token; `None` for any other path.
pub(crate) fn asked(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/api/v1/credentials/")?.strip_suffix("/token")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// A request that has to wait: for a renewal, or for what is to be said.
pub(crate) struct Later {
    name: CredentialName,
    min_validity: Duration,
    means: Arc<str>,
}

/// Why no token is given at once.
enum NotNow {
    Refused(Problem),
    Later(Later),
}

impl From<Problem> for NotNow {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

/// Gives the token that is in memory. What cannot be given at once comes back, to be answered where one may wait.
pub(crate) fn answer(
    shared: &Shared,
    caller: &Caller,
    name: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response<Body>, Later> {
    let means = means(shared, caller, headers);
    let now = shared.hand_outs.now();
    match at_once(shared, caller, (name, query), &means, &now) {
        Ok(ready) => {
            let response = hand_over(shared, caller, means, &ready, None, now.wall);
            shared.requests.end_token(now.boot.elapsed);
            Ok(response)
        }
        Err(NotNow::Later(later)) => Err(later),
        Err(NotNow::Refused(problem)) => {
            Ok(record::refused(shared, caller, record::about(shared, name), means, &problem))
        }
    }
}

fn at_once(
    shared: &Shared,
    caller: &Caller,
    (name, query): (&str, Option<&str>),
    means: &Arc<str>,
    now: &Moment,
) -> Result<Ready, NotNow> {
    if let Caller::Client { .. } = caller {
        caller.may(Capability::Token, shared.hand_outs.find(name).map(|held| held.id), now)?;
    }
    let min_validity = min_validity(query)?;
    // An error is a damaged row, or a home that is paused.
    match shared.hand_outs.take(name, min_validity, now).map_err(|error| Problem::from(Error::from(error)))? {
        Taken::Good(ready) => {
            // The name may have been given to another credential since it was looked up.
            caller.may(Capability::Token, Some(ready.held.id), now)?;
            Ok(ready)
        }
        Taken::Stale(unseen) => Err(problem::stale(unseen).into()),
        Taken::Short(_) | Taken::None | Taken::Unknown => {
            let name = name.parse().map_err(|_| Problem::new(Code::NoSuchName, "no credential has such a name"))?;
            Err(NotNow::Later(Later { name, min_validity, means: Arc::clone(means) }))
        }
    }
}

/// Returns a token, and waits for its renewal if necessary.
pub(super) async fn wait(
    Serving(shared): Serving,
    Anyone(peer): Anyone,
    Authenticated(caller): Authenticated,
    sent: axum::extract::Request,
) -> axum::response::Response {
    let (head, _) = sent.into_parts();
    let name = asked(head.uri.path()).unwrap_or_default();
    crate::extract::passed_on(match answer(&shared, &caller, name, head.uri.query(), &head.headers) {
        Ok(response) => response,
        Err(later) => later.answer(shared, caller, &peer, &head.headers).await,
    })
}

impl Later {
    async fn answer(self, shared: Arc<Shared>, caller: Caller, peer: &Peer, headers: &HeaderMap) -> Response<Body> {
        let about = record::about(&shared, self.name.as_str());
        let permitted = caller.may(Capability::Token, about.as_ref().map(|(id, _)| *id), &shared.hand_outs.now());
        if let Err(problem) = permitted {
            return record::refused(&shared, &caller, about, self.means, &problem);
        }
        let authorized = about.as_ref().map(|(id, name)| (name.clone(), *id));
        let broker = shared.broker().acting_for(&caller, authorized.as_slice());
        let call = HandOut { name: self.name.clone(), min_validity: self.min_validity, expected: None };
        let outcome = broker.hand_out_soon(call).await;
        // A token that was renewed on the way is in memory before a caller hears of it.
        shared.hand_outs.catch_up_soon().await;
        // The client may have been removed, or its policy changed, while it waited.
        let id = about.as_ref().map(|(id, _)| *id);
        let permitted = authenticate(&shared, peer, headers)
            .and_then(|caller| caller.may(Capability::Token, id, &shared.hand_outs.now()));
        if let Err(problem) = permitted {
            return record::refused(&shared, &caller, about, self.means, &problem);
        }
        let error = match outcome {
            Ok(handed) => {
                let credential = &handed.credential;
                let about = Some((credential.id, credential.name.clone()));
                let scopes = credential.scopes.as_ref().map(ToString::to_string);
                let now = shared.hand_outs.now().wall;
                if let Some(problem) = note(&shared, &caller, about, self.means, credential.generation, now) {
                    return problem::response(&problem);
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
            && (caller.is_owner() || id == Some(ready.held.id))
        {
            return hand_over(&shared, &caller, self.means, &ready, Some(&error.to_string()), now.wall);
        }
        record::refused(&shared, &caller, about, self.means, &Problem::from(&error))
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
    if let Some(problem) = note(shared, caller, about, means, held.generation, now) {
        return problem::response(&problem);
    }
    reply(&ready.token, ready.left, held.scopes.as_deref(), warning, now)
}

/// Has it written down; the problem where that is impossible, since nothing is handed out that nobody will know of.
fn note(
    shared: &Shared,
    caller: &Caller,
    credential: About,
    means: Arc<str>,
    generation: Generation,
    now: Timestamp,
) -> Option<Problem> {
    let asked = Asked { credential, actor: caller.actor().clone(), means, end: Ok(generation) };
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
        Err(error) => return problem::response(&Problem::new(Code::Internal, error.to_string())),
    };
    let mut response = Response::new(body::secret(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The reason for a shortfall, in words.
fn because(shortfall: &Shortfall) -> &str {
    match shortfall {
        Shortfall::NeverReached => "Webex gives no token that lasts longer",
        Shortfall::CannotRenew => "it cannot be renewed",
        Shortfall::RenewalFailed(why) => why,
        Shortfall::RenewalSlow => "its renewal is taking too long",
    }
}

fn min_validity(query: Option<&str>) -> Result<Duration, Problem> {
    let Some(query) = query else { return Ok(Duration::ZERO) };
    let mut asked = Duration::ZERO;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name != "min_validity" {
            return Err(Problem::new(Code::BadRequest, format!("unknown parameter {name:?}"))
                .hint("the only parameter is min_validity, in seconds"));
        }
        asked = value.parse().map(Duration::from_secs).map_err(|_| {
            Problem::new(Code::BadRequest, "min_validity is not a number of seconds").hint("such as min_validity=300")
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
