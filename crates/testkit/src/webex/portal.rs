//! Actions in the developer portal and in Control Hub that Webex's API does not have.

use std::fmt;

use lanyard_protocol::Method;
use serde_json::{Value, json};

use super::Webex;

/// A service app that was just registered. Nobody has authorised it yet.
#[derive(Clone)]
pub struct RegisteredApp {
    /// Its application id.
    pub application_id: String,
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
}

impl fmt::Debug for RegisteredApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredApp").field("application_id", &self.application_id).finish_non_exhaustive()
    }
}

/// A bot that was just created.
#[derive(Clone)]
pub struct Bot {
    /// Its Webex id.
    pub id: String,
    /// Its address.
    pub email: String,
    /// Its access token, shown once.
    pub access_token: String,
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot").field("email", &self.email).finish_non_exhaustive()
    }
}

impl Webex {
    /// All organisations, the first one first: `{id, name, admin: {email}}`.
    #[track_caller]
    pub fn organisations(&self) -> Vec<Value> {
        self.control(Method::GET, "/organisations", None).as_array().expect("a list").clone()
    }

    /// Registers a service app that may be authorised for these scopes.
    #[track_caller]
    pub fn service_app_in(&self, scopes: &[&str]) -> RegisteredApp {
        let app = self.control(Method::POST, "/service-apps", Some(&json!({ "scopes": scopes })));
        RegisteredApp {
            application_id: text(&app, "application_id"),
            client_id: text(&app, "client_id"),
            client_secret: text(&app, "client_secret"),
        }
    }

    /// Plays the administrator who authorises a service app, in the first organisation where none is named. Gives a refresh token.
    #[track_caller]
    pub fn authorise(&self, application_id: &str, organisation_id: Option<&str>) -> String {
        text(&self.service_app(application_id, "authorise", organisation_id), "refresh_token")
    }

    /// Plays the administrator who withdraws that again; all tokens of the authorisation end.
    #[track_caller]
    pub fn withdraw(&self, application_id: &str, organisation_id: Option<&str>) {
        self.service_app(application_id, "withdraw", organisation_id);
    }

    /// Creates a bot.
    #[track_caller]
    pub fn new_bot(&self, name: &str) -> Bot {
        let bot = self.control(Method::POST, "/bots", Some(&json!({ "name": name })));
        Bot { id: text(&bot, "id"), email: text(&bot, "email"), access_token: text(&bot, "access_token") }
    }

    /// Gives a bot a new access token; the old one is dead at once.
    #[track_caller]
    pub fn regenerate_bot(&self, email: &str) -> String {
        text(&self.control(Method::POST, &format!("/bots/{email}/regenerate"), None), "access_token")
    }

    /// Changes a person's password, which ends what they consented to and their personal tokens. They go on signing in with the
    /// password that everyone has.
    #[track_caller]
    pub fn change_password(&self, email: &str) {
        self.control(Method::POST, &format!("/people/{email}/change-password"), None);
    }

    #[track_caller]
    fn service_app(&self, application_id: &str, word: &str, organisation_id: Option<&str>) -> Value {
        let body = organisation_id.map(|id| json!({ "organisation_id": id }));
        self.control(Method::POST, &format!("/service-apps/{application_id}/{word}"), body.as_ref())
    }
}

#[track_caller]
fn text(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("{field} is missing")).to_owned()
}

#[cfg(test)]
mod tests {
    use lanyard_simulator::Options;

    use super::*;

    #[test]
    fn what_the_portal_and_control_hub_do_is_done_in_one_line_each() {
        let webex = Webex::with(Options { organisations: 2, ..Options::default() });
        let organisations: Vec<_> = webex.organisations().iter().map(|found| text(found, "id")).collect();
        assert_eq!(organisations.len(), 2);
        let app = webex.service_app_in(&["spark:people_read"]);
        let authorised = || {
            let apps = webex.control(Method::GET, "/service-apps", None);
            let found = apps.as_array().unwrap().iter().find(|found| found["application_id"] == app.application_id);
            found.unwrap()["authorised_in"].clone()
        };
        let first = webex.authorise(&app.application_id, None);
        assert_ne!(first, webex.authorise(&app.application_id, Some(&organisations[1])));
        assert_eq!(authorised().as_array().unwrap().len(), 2);
        webex.withdraw(&app.application_id, None);
        assert_eq!(authorised(), json!([organisations[1]]));

        let bot = webex.new_bot("Door Bell");
        assert!(webex.accepts(&bot.access_token));
        let fresh = webex.regenerate_bot(&bot.email);
        assert!(webex.accepts(&fresh) && !webex.accepts(&bot.access_token));

        let personal = webex.description().personal.clone();
        assert!(webex.accepts(&personal.access_token));
        webex.change_password(&personal.email);
        assert!(!webex.accepts(&personal.access_token) && webex.accepts(&fresh));

        for (shown, secret) in [(format!("{app:?}"), &app.client_secret), (format!("{bot:?}"), &bot.access_token)] {
            assert!(!shown.contains(secret.as_str()), "{shown}");
        }
    }
}
