//! The description of a simulator, for the programs that use it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a simulator listens and whom it knows. `lanyard simulator` prints it as one line of JSON.
///
/// The secrets in it are plain texts: they are made up for one run, guard nothing but made-up data, and telling them is what
/// this type is for. Its `Debug` leaves them out all the same, so that no log teaches the habit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The base of the REST API; ends in `/v1`.
    pub base_url: String,
    /// The developer portal, to be opened in a browser.
    pub portal_url: String,
    /// Control Hub, to be opened in a browser.
    pub hub_url: String,
    /// The base of the control plane; ends in `/_sim`.
    pub control_url: String,
    /// The Bearer key of the control plane.
    pub control_key: String,
    /// The organisation.
    pub organisation: OrganisationName,
    /// The full administrator; the password is every person's.
    pub admin: SignIn,
    /// A registered integration.
    pub integration: IntegrationApp,
    /// A registered and authorised service app.
    pub service_app: ServiceApp,
    /// A bot.
    pub bot: BotAccount,
    /// The administrator's personal access token.
    pub personal: PersonalAccount,
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("base_url", &self.base_url)
            .field("organisation", &self.organisation)
            .finish_non_exhaustive()
    }
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationName {
    /// Its Webex id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A person's credentials.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
}

/// A registered integration.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrationApp {
    /// `C` and hexadecimal digits.
    pub client_id: String,
    /// The client secret.
    pub client_secret: String,
    /// The registered redirect URIs; a request must name one of them exactly.
    pub redirect_uris: Vec<String>,
    /// The scopes that may be asked for.
    pub scopes: Vec<String>,
}

/// A registered service app, authorised in the organisation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceApp {
    /// Its application id.
    pub application_id: String,
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
    /// The refresh token that its authorisation gave.
    pub refresh_token: String,
    /// The Webex id of the organisation that authorised it.
    pub organisation_id: String,
}

/// A bot.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotAccount {
    /// The bot's address.
    pub email: String,
    /// Its access token, good for a hundred years.
    pub access_token: String,
}

/// A person with a personal access token, as the developer portal shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalAccount {
    /// The person's address.
    pub email: String,
    /// The access token, good for twelve hours.
    pub access_token: String,
}
