//! A credential's token, for a call.

use std::sync::Arc;

use lanyard_broker::{HandedOut, Ready, whose_limit};
use lanyard_client::SubjectKey;
use lanyard_credential::{CredentialId, CredentialName};
use lanyard_protocol::{Environment, OrgId};
use lanyard_secret::AccessToken;

/// A credential's token, and what has to be known of the credential to use it.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) id: CredentialId,
    pub(super) name: CredentialName,
    pub(super) environment: Arc<Environment>,
    /// Whose limit its calls count against.
    pub(super) subject: SubjectKey,
    /// The organisation that the token belongs to, if it is known.
    pub(super) organisation: Option<Arc<OrgId>>,
    pub(super) token: AccessToken,
}

/// As the store has it.
impl From<HandedOut> for Pass {
    fn from(handed: HandedOut) -> Self {
        let credential = handed.credential;
        let subject = credential.subject.known().map(|subject| &subject.id);
        Self {
            subject: whose_limit(&credential.environment, subject, credential.id),
            id: credential.id,
            name: credential.name,
            organisation: credential.organisation.map(|organisation| Arc::new(organisation.id)),
            environment: Arc::new(credential.environment),
            token: handed.token,
        }
    }
}

/// As it is in memory.
impl From<Ready> for Pass {
    fn from(ready: Ready) -> Self {
        let held = &ready.held;
        Self {
            subject: whose_limit(&held.environment, held.subject.as_ref(), held.id),
            id: held.id,
            name: held.name.clone(),
            organisation: held.organisation.clone(),
            environment: Arc::clone(&held.environment),
            token: ready.token,
        }
    }
}
