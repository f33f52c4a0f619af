//! Registered apps, and who owns them and bots in the developer portal.

use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::ClientSecret;
use lanyard_time::Entropy;
use uuid::Uuid;

use super::Issuer;
use crate::random;

/// A registration: an integration's or a service app's.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) name: String,
    /// The account that created the app in the developer portal; `None` for an app that was there from the start.
    pub(crate) owner: Option<Uuid>,
    pub(crate) secret: ClientSecret,
    /// Compared as texts: Webex wants an exact match, port included. A service app has none.
    pub(crate) redirect_uris: Vec<String>,
    /// The scopes that the app may ask for.
    pub(crate) scopes: ScopeSet,
}

impl App {
    /// A secret as the developer portal makes them: 64 hexadecimal digits.
    pub(crate) fn new_secret(entropy: &dyn Entropy) -> ClientSecret {
        ClientSecret::new(random::hexadecimal(&random::bytes::<32>(entropy)))
    }

    /// `C` and 64 hexadecimal digits.
    pub(crate) fn new_client_id(entropy: &dyn Entropy) -> AppClientId {
        AppClientId::new(format!("C{}", random::hexadecimal(&random::bytes::<32>(entropy))))
    }
}

impl Issuer {
    /// Registers an app; `false`, and nothing done, when the id is taken.
    pub(crate) fn register(&mut self, id: AppClientId, app: App) -> bool {
        match self.apps.entry(id) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(app);
                true
            }
            std::collections::btree_map::Entry::Occupied(_) => false,
        }
    }

    pub(crate) fn app(&self, id: &AppClientId) -> Option<&App> {
        self.apps.get(id)
    }

    /// Changes what an app is called, where people come back to, and what it may ask for; `false` when there is no such app.
    /// What was granted stays granted.
    pub(crate) fn change(&mut self, id: &AppClientId, name: &str, redirect_uris: &[String], scopes: &ScopeSet) -> bool {
        let Some(app) = self.apps.get_mut(id) else { return false };
        name.clone_into(&mut app.name);
        redirect_uris.clone_into(&mut app.redirect_uris);
        app.scopes.clone_from(scopes);
        true
    }

    /// Replaces a client secret; `false` when there is no such app.
    pub(crate) fn replace_secret(&mut self, id: &AppClientId, secret: ClientSecret) -> bool {
        self.apps.get_mut(id).map(|app| app.secret = secret).is_some()
    }
}

impl Issuer {
    /// Says who made a bot.
    pub(crate) fn note_owner(&mut self, bot: Uuid, owner: Uuid) {
        self.owners.insert(bot, owner);
    }

    /// The account that created a bot; `None` for a bot that was there from the start.
    pub(crate) fn owner_of(&self, bot: Uuid) -> Option<Uuid> {
        self.owners.get(&bot).copied()
    }

    /// All apps that fit, by name: integrations, or service apps with their application ids.
    pub(crate) fn apps_where(&self, fits: impl Fn(&App) -> bool) -> Vec<(&AppClientId, Option<&str>, &App)> {
        let mut found: Vec<_> = self
            .apps
            .iter()
            .filter(|(_, app)| fits(app))
            .map(|(client, app)| (client, self.application_of(client), app))
            .collect();
        found.sort_by(|(.., one), (.., other)| one.name.cmp(&other.name));
        found
    }

    /// The application id of a service app; an integration has none.
    pub(crate) fn application_of(&self, client: &AppClientId) -> Option<&str> {
        let found = self.applications.iter().find(|(_, application)| application.client == *client);
        found.map(|(id, _)| id.as_str())
    }
}
