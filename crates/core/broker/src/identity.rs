//! The account that a token acts as. A request that depends on nothing else goes on without it.

use lanyard_client::CallError;
use lanyard_credential::{Credential, Organisation, Standing, Subject, SubjectIdentity};
use lanyard_protocol::{Environment, OrgId};
use lanyard_secret::AccessToken;
use lanyard_store::Check;

use crate::{Broker, Error};

/// The account and organisation that Webex names for a token.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) subject: Subject,
    pub(crate) organisation: Option<Organisation>,
}

impl Identity {
    /// The identity that is stored.
    pub(crate) fn of(credential: &Credential) -> Self {
        Self { subject: credential.subject.clone(), organisation: credential.organisation.clone() }
    }
}

impl Broker {
    /// Like [`identify`](Self::identify), for a token that is valid even if `/people/me` fails: its account can be asked for again.
    pub(crate) async fn identify_or_unknown(&self, environment: &Environment, token: &AccessToken) -> Identity {
        let unknown = |error: CallError| Identity { subject: Subject::Unknown(error.to_string()), organisation: None };
        self.identify(environment, token).await.unwrap_or_else(unknown)
    }

    /// Asks `/people/me` and, where that names an organisation, for its name. Where the first is refused the subject is
    /// unknown and the reason is kept; an answer that says something about the token itself is an error, and so is one that asks
    /// to come again, or a 404, which no Webex gives there.
    pub(crate) async fn identify(&self, environment: &Environment, token: &AccessToken) -> Result<Identity, CallError> {
        let person = match self.transport.me(environment, token).await {
            Ok(person) => person,
            Err(error @ CallError::Resource(_))
                if !error.is_unauthorized() && !passes(&error) && !is_elsewhere(&error) =>
            {
                return Ok(Identity { subject: Subject::Unknown(reason(&error)), organisation: None });
            }
            Err(error) => return Err(error),
        };
        let organisation = match &person.org_id {
            None => None,
            Some(id) => {
                let name = self.transport.organization(environment, token, id).await.ok();
                Some(Organisation { id: id.clone(), name: name.map(|organization| organization.display_name) })
            }
        };
        let subject = Subject::Known(SubjectIdentity {
            id: person.id,
            account: person.person_type,
            display_name: person.display_name,
            email: person.emails.into_iter().next(),
        });
        Ok(Identity { subject, organisation })
    }

    /// Writes down what was seen of a token: an unknown subject may be known now.
    pub(crate) async fn learn(
        &self,
        credential: &Credential,
        identity: Identity,
        standing: Standing,
    ) -> Result<(), Error> {
        let organisation = identity.organisation.or(credential.organisation.clone());
        let seen = credential.standing.clone();
        let check = Check { subject: identity.subject, organisation, seen, standing };
        self.store.record_check(credential.id, credential.generation, &check).await?;
        Ok(())
    }
}

/// Whether the same call may be answered otherwise a little later: Webex is not well, or something else answered in its place.
pub(crate) fn passes(error: &CallError) -> bool {
    let CallError::Resource(error) = error else { return true };
    error.status().is_none_or(|status| {
        status.is_server_error()
            || status.is_redirection()
            || matches!(status, http::StatusCode::TOO_MANY_REQUESTS | http::StatusCode::LOCKED)
    })
}

/// Whether something that is not Webex answered: every Webex has `/people/me`.
fn is_elsewhere(error: &CallError) -> bool {
    matches!(error, CallError::Resource(error) if error.status() == Some(http::StatusCode::NOT_FOUND))
}

fn reason(error: &CallError) -> String {
    match error {
        CallError::Resource(error) if error.status() == Some(http::StatusCode::FORBIDDEN) => {
            "the token may not read /people/me (it needs spark:people_read)".to_owned()
        }
        error => error.to_string(),
    }
}

/// Two subjects that are known and are not the same.
pub(crate) fn differs(earlier: &Credential, identity: &Identity) -> Option<(String, String)> {
    let (before, now) = (earlier.subject.known()?, identity.subject.known()?);
    let shown = |subject: &SubjectIdentity| subject.email.clone().unwrap_or_else(|| subject.display_name.clone());
    let organisation = |organisation: Option<&Organisation>| organisation.map(|found| found.id.clone());
    let (before_org, now_org) =
        (organisation(earlier.organisation.as_ref()), organisation(identity.organisation.as_ref()));
    if before.id == now.id && before_org.is_some() && now_org.is_some() && before_org != now_org {
        let of =
            |subject, id: Option<OrgId>| format!("{} of {}", shown(subject), id.as_ref().map_or("", OrgId::as_str));
        return Some((of(before, before_org), of(now, now_org)));
    }
    (before.id != now.id).then(|| (shown(before), shown(now)))
}
