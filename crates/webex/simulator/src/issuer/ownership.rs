//! The owners of apps and bots in the developer portal.

use lanyard_protocol::AppClientId;
use uuid::Uuid;

use super::{App, Issuer};

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
