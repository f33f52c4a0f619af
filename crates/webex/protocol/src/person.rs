//! `/people`.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::lenient::or_default;
use crate::{Environment, Method, OrgId, PersonId, Request};

/// A person, a bot or a machine account, as `GET /people/{id}` shows it. Fields that Lanyard does not use are left out;
/// unknown ones are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The id.
    pub id: PersonId,
    /// Addresses; the first is the one to show. A machine account may have none.
    #[serde(default, deserialize_with = "or_default")]
    pub emails: Vec<String>,
    /// The name to show.
    #[serde(default, deserialize_with = "or_default")]
    pub display_name: String,
    /// The organisation that the account belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// The kind of account.
    #[serde(rename = "type", default)]
    pub person_type: PersonType,
}

/// The kind of account that a token acts as.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonType {
    /// A human being, or a service app's machine account where Webex says so.
    Person,
    /// A bot.
    Bot,
    /// A machine account.
    AppUser,
    /// Not said, or a word that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

impl PersonType {
    /// The word that Webex uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
            Self::AppUser => "appuser",
            Self::Unknown => "unknown",
        }
    }
}

impl Person {
    /// `GET /people/me`: who the token acts as.
    pub fn me(environment: &Environment) -> Request {
        Request::new(Method::GET, environment.resource(&["people", "me"]))
    }
}

/// `GET /people`: a page of an organisation's people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPeople {
    /// The address to look for; administrators may list without one.
    pub email: Option<String>,
    /// The page's size: default 100, clamped by Webex in silence to 1000.
    pub max: Option<u32>,
}

impl ListPeople {
    /// The first page's request; later pages are named by the `Link` header.
    pub fn request(&self, environment: &Environment) -> Request {
        let mut url: Url = environment.resource(&["people"]).into_inner();
        if self.email.is_some() || self.max.is_some() {
            let mut query = url.query_pairs_mut();
            if let Some(email) = &self.email {
                query.append_pair("email", email);
            }
            if let Some(max) = self.max {
                query.append_pair("max", &max.to_string());
            }
        }
        Request::new(Method::GET, lanyard_secret::SafeUrl::new(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_null_and_unknown_fields_decode() {
        let person: Person =
            serde_json::from_str(r#"{"id":"x","emails":null,"type":"hologram","lasers":true}"#).unwrap();
        assert_eq!(person.person_type, PersonType::Unknown);
        assert!(person.emails.is_empty());
        assert_eq!(person.org_id, None);
    }

    #[test]
    fn a_list_asks_only_for_what_was_said() {
        let environment = Environment::commercial();
        let plain = ListPeople::default().request(&environment);
        assert_eq!(plain.url.expose().as_str(), "https://webexapis.com/v1/people");
        let query = ListPeople { email: Some("a+b@c.example".into()), max: Some(3) }.request(&environment);
        assert_eq!(query.url.expose().query(), Some("email=a%2Bb%40c.example&max=3"));
    }
}
