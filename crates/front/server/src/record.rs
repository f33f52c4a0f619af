//! Records requests in the audit.

use std::sync::Arc;

use http::Response;
use lanyard_broker::Asked;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_operation::Actor;

use crate::body::Body;
use crate::caller::{Caller, Peer};
use crate::problem::{self, Problem};
use crate::shared::Shared;

/// The credential that a record is about.
pub(crate) type About = Option<(CredentialId, CredentialName)>;

/// The credential of that name, where there is one.
pub(crate) fn about(shared: &Shared, name: &str) -> About {
    shared.hand_outs.find(name).map(|held| (held.id, held.name.clone()))
}

/// Records a refusal under the caller's own name, and gives the reply that tells the caller. A client that may use certain
/// credentials only is not told which others there are.
pub(crate) fn refused(
    shared: &Shared,
    caller: &Caller,
    about: About,
    means: Arc<str>,
    problem: &Problem,
) -> Response<Body> {
    let discreet = caller.without_names(problem);
    let problem = discreet.as_ref().unwrap_or(problem);
    let asked = Asked { credential: about, actor: caller.actor().clone(), means, end: Err(problem.in_audit()) };
    if let Err(full) = shared.hand_outs.note(asked, shared.hand_outs.now().wall) {
        tracing::error!(error = %full, "a refusal is missing from the audit");
    }
    problem::response(problem)
}

/// Records and answers a request whose caller is unknown.
pub(crate) fn unknown(shared: &Shared, peer: &Peer, problem: &Problem) -> Response<Body> {
    let actor = match peer {
        &Peer::Owner { uid, pid } => Actor::User { uid, pid },
        &Peer::Local { uid } => Actor::User { uid, pid: None },
        Peer::Remote { .. } => Actor::Named(Arc::clone(&shared.words.remote)),
    };
    let end = Err(problem.in_audit());
    let asked = Asked { credential: None, actor, means: Arc::clone(&shared.words.request), end };
    shared.strangers.note(&shared.hand_outs, asked);
    problem::response(problem)
}
