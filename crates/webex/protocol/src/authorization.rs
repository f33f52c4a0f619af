//! `/authorizations`: which tokens apps hold for a person. For administrators.

use jiff::Timestamp;
use lanyard_secret::SafeUrl;
use serde::{Deserialize, Serialize};

use crate::lenient::{or_default, timestamp};
use crate::{AppClientId, AuthorizationId, Environment, Method, PersonId, Request};

/// One token or refresh token that an app holds for a person. It does not say which token: an entry is matched to one's own by
/// client id and time, and that is a guess.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// The id.
    pub id: AuthorizationId,
    /// The app's id at Webex; not its client id.
    #[serde(default)]
    pub application_id: Option<String>,
    /// The app's name.
    #[serde(default, deserialize_with = "or_default")]
    pub application_name: String,
    /// The person.
    #[serde(default)]
    pub person_id: Option<PersonId>,
    /// The app's client id.
    #[serde(default)]
    pub client_id: Option<AppClientId>,
    /// When it was made.
    #[serde(default, deserialize_with = "timestamp")]
    pub created: Option<Timestamp>,
    /// The kind of token that the authorisation stands for.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub kind: AuthorizationKind,
}

/// The kind of token that an authorisation stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationKind {
    /// A refresh token; deleting it revokes its access tokens too, if not at once.
    Refresh,
    /// An access token.
    Access,
    /// Not said, or a word that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Authorization {
    /// `GET /authorizations?personId=`: all of a person's, in one page. Needs `identity:tokens_read`.
    pub fn list(environment: &Environment, person: &PersonId) -> Request {
        Request::new(Method::GET, query(environment, &[("personId", person.as_str())]))
    }

    /// `DELETE /authorizations/{id}`: ends one. Needs `identity:tokens_write`.
    pub fn delete(environment: &Environment, id: &AuthorizationId) -> Request {
        Request::new(Method::DELETE, environment.resource(&["authorizations", id.as_str()]))
    }
}

fn query(environment: &Environment, pairs: &[(&str, &str)]) -> SafeUrl {
    let mut url = environment.resource(&["authorizations"]).into_inner();
    url.query_pairs_mut().extend_pairs(pairs);
    SafeUrl::new(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_with_and_without_its_fields() {
        let entry: Authorization = serde_json::from_str(
            r#"{"id":"a","applicationId":"b","applicationName":"Portal","personId":"p","clientId":"C1",
                "created":"2015-10-18T14:26:16+00:00","type":"refresh"}"#,
        )
        .unwrap();
        assert_eq!(entry.kind, AuthorizationKind::Refresh);
        assert_eq!(entry.client_id, Some(AppClientId::new("C1")));
        assert_eq!(entry.created, Some("2015-10-18T14:26:16Z".parse().unwrap()));
        for json in [r#"{"id":"a"}"#, r#"{"id":"a","type":null,"created":null,"applicationName":null,"clientId":null}"#]
        {
            let entry: Authorization = serde_json::from_str(json).unwrap();
            assert_eq!((entry.kind, entry.created), (AuthorizationKind::Unknown, None), "{json}");
        }
        let entry: Authorization = serde_json::from_str(r#"{"id":"a","type":"session"}"#).unwrap();
        assert_eq!(entry.kind, AuthorizationKind::Unknown);
    }

    #[test]
    fn a_deletion_names_exactly_what_it_deletes() {
        let environment = Environment::commercial();
        let one = Authorization::delete(&environment, &AuthorizationId::new("a/b"));
        assert_eq!(one.url.expose().as_str(), "https://webexapis.com/v1/authorizations/a%2Fb");
        assert_eq!(one.method, Method::DELETE);
    }
}
