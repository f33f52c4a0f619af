//! `/webex/{name}/…`: who may call, what is written down, and under which address the client finds it again.
//!
//! If the token is in memory, the thread that has the client's connection makes the call, the hand-out thread included, over
//! connections to Webex that belong to its runtime. Only work that needs the store moves to the broker's runtime.

use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, Method, Request, Response};
use hyper::body::Incoming;
use lanyard_broker::{Asked, AuditBufferFull};
use lanyard_credential::{Capability, CredentialName};
use lanyard_protocol::{OrgId, ProxyPath, ProxyPathError, yields_credential};

use crate::body::Body;
use crate::caller::{Caller, MEANS, Peer, authenticate, may_call};
use crate::counts::PROXY;
use crate::problem::{self, Code, Problem};
use crate::proxy::{Address, Forward, Means};
use crate::record;
use crate::shared::Shared;

/// Under which address a command of the owner's passes the proxy on. Heard on the owner's socket alone.
pub(crate) const BASE: HeaderName = HeaderName::from_static("lanyard-base");

/// Makes the call, where the caller may, and measures it.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    peer: Peer,
    caller: Caller,
    request: Request<Incoming>,
) -> Response<Body> {
    let begun = shared.requests.begin();
    let response = answered(&shared, peer, caller, request).await;
    shared.requests.end(Some(PROXY.into()), response.status(), begun);
    response
}

async fn answered(shared: &Arc<Shared>, peer: Peer, caller: Caller, request: Request<Incoming>) -> Response<Body> {
    let target = request.uri().path().to_owned();
    let address = Address::of(&target).unwrap_or(Address { name: "", below: "" });
    let Address { name, below } = address;
    let named = match address.credential() {
        Ok(named) => named,
        Err(problem) => return record::refused(shared, &caller, None, "proxy".into(), &problem),
    };
    // Nothing is called that nobody would know of.
    if !shared.hand_outs.has_room() {
        return problem::response(&Problem::new(Code::Store, AuditBufferFull.to_string()));
    }
    let held = shared.hand_outs.find(name);
    let path = ProxyPath::parse(below);
    let (means, further) = means(&caller, &request, path.as_ref().ok());
    let base = base(&peer, request.headers(), name);
    let again = Again { shared: Arc::clone(shared), peer, key: key(request.headers()) };
    let judged = judge(again, &caller, held.as_ref().map(|held| held.id), request, named, path, base);
    let (response, refused) = match judged {
        Ok(call) => {
            let response = shared.proxy.forward(call).await;
            // The outcome is known now, and the body may take its time.
            let refused = problem::code_of(&response).map(Code::in_audit);
            (response, refused)
        }
        Err(problem) => (problem::response(&problem), Some(problem.in_audit())),
    };
    // How deep the path goes is said where something was refused: else each would be a line of its own for nothing.
    let means = if refused.is_some() { format!("{means}{further}").into() } else { means };
    let end = match (refused, &held) {
        (Some(refused), _) => Some(Err(refused)),
        (None, Some(held)) => Some(Ok(held.generation)),
        (None, None) => None,
    };
    if let Some(end) = end {
        let credential = held.map(|held| (held.id, held.name.clone()));
        let asked = Asked { credential, actor: caller.actor().clone(), means, end };
        if let Err(full) = shared.hand_outs.note(asked, shared.hand_outs.now().wall) {
            tracing::error!(error = %full, "a call is missing from the audit");
        }
    }
    response
}

/// The call as the audit names it, and the rest of its path.
fn means(caller: &Caller, request: &Request<Incoming>, path: Option<&ProxyPath>) -> (Arc<str>, String) {
    let said = request.headers().get(MEANS).and_then(|value| value.to_str().ok());
    let by = said.filter(|_| matches!(caller, Caller::Owner { .. })).map(|said| format!("{said}, "));
    let Means { call, further } = Means::of(request.method(), path);
    let means = match by {
        Some(by) => format!("{by}{call}").into(),
        None => call.into(),
    };
    (means, further)
}

/// What is needed to authenticate a caller once more, after it waited.
struct Again {
    shared: Arc<Shared>,
    peer: Peer,
    key: HeaderMap,
}

/// The part of the headers that authenticates a client.
fn key(headers: &HeaderMap) -> HeaderMap {
    headers.get(AUTHORIZATION).map(|key| (AUTHORIZATION, key.clone())).into_iter().collect()
}

fn judge(
    again: Again,
    caller: &Caller,
    credential: Option<lanyard_credential::CredentialId>,
    request: Request<Incoming>,
    name: CredentialName,
    path: Result<ProxyPath, ProxyPathError>,
    base: String,
) -> Result<Forward<Incoming>, Problem> {
    let Again { shared, peer, key } = again;
    let now = shared.hand_outs.now();
    caller.may(Capability::Proxy, credential, &now)?;
    let unseen = shared.hand_outs.unseen(&now);
    if unseen > shared.options.hand_outs.max_stale {
        return Err(problem::stale(unseen));
    }
    let call = Forward::of(request, name, path, base)?;
    may_make(caller, call.method(), call.path())?;
    let org = held_to(caller);
    let (method, path, held) = (call.method().clone(), call.path().clone(), org.clone());
    let permit = Arc::new(move || {
        let caller = authenticate(&shared, &peer, &key)?;
        caller.may(Capability::Proxy, credential, &shared.hand_outs.now())?;
        may_make(&caller, &method, &path)?;
        if held_to(&caller) == held { Ok(()) } else { Err(changed()) }
    });
    let call = call.held_to(org).bound_to(credential);
    Ok(if caller.is_owner() { call } else { call.permitted_by(permit) })
}

fn may_make(caller: &Caller, method: &Method, path: &ProxyPath) -> Result<(), Problem> {
    let segments = path.segments();
    may_call(caller, method, &segments, yields_credential(method, &segments))
}

/// The organisation that a client is limited to.
fn held_to(caller: &Caller) -> Option<OrgId> {
    match caller {
        Caller::Owner { .. } => None,
        Caller::Client { client, .. } => client.org.clone(),
    }
}

fn changed() -> Problem {
    Problem::new(Code::Refused, "this client was limited to another organisation during the call")
        .hint("make the call again")
}

/// Under which address the client finds the proxy: that which it used.
fn base(peer: &Peer, headers: &HeaderMap, name: &str) -> String {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match peer {
        Peer::Owner { .. } if headers.contains_key(BASE) => text(&BASE).unwrap_or_default().to_owned(),
        Peer::Remote { tls, .. } => {
            let scheme = if *tls { "https" } else { "http" };
            format!("{scheme}://{}/webex/{name}", text(&HOST).unwrap_or_default())
        }
        Peer::Owner { .. } | Peer::Local { .. } => match text(&HOST) {
            Some(host) => format!("http://{host}/webex/{name}"),
            None => format!("/webex/{name}"),
        },
    }
}
