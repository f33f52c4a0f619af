//! Service apps, and the administrators who authorise and withdraw them.

use lanyard_protocol::{AppClientId, ScopeSet};
use serde_json::json;
use uuid::Uuid;

use super::announce;
use crate::random;
use crate::webex::{State, Webex};
use crate::world::{Event, date, organisation_id};

/// An administrator's authorisation of a service app.
#[derive(Debug)]
pub(crate) struct Authorised {
    pub(crate) client: AppClientId,
    /// The account that the app acts as in that organisation.
    pub(crate) machine: Uuid,
    pub(crate) scopes: ScopeSet,
}

impl Webex {
    /// Asks the administrators of an organisation to authorise a service app; `false` when there is no such app.
    pub(crate) fn request_authorisation(&self, id: &str, organisation: Uuid) -> bool {
        self.state().issuer.note_request(id, organisation)
    }

    /// Authorises a service app, as a full administrator does in Control Hub. An app that was authorised before gets its previous account
    /// again.
    pub(crate) fn authorise_service_app(&self, id: &str, organisation: Uuid) -> Option<Authorised> {
        let now = self.now();
        let mut state = self.state();
        let State { directory, issuer, .. } = &mut *state;
        let application = issuer.applications().get(id)?;
        let (client, known) = (application.client.clone(), application.machines.get(&organisation).copied());
        let app = issuer.app(&client)?;
        let (name, scopes) = (app.name.clone(), app.scopes.clone());
        let entropy = &*self.setting().entropy;
        let machine = known.unwrap_or_else(|| directory.add_machine(random::uuid(entropy), organisation, &name, now));
        issuer.note_authorisation(id, organisation, machine);
        self.tell_owner(&state, id, organisation, "authorized");
        Some(Authorised { client, machine, scopes })
    }

    /// Ends all tokens of the app in that organisation, and says how many grants; `None` when it was not authorised there.
    pub(crate) fn withdraw_service_app(&self, id: &str, organisation: Uuid) -> Option<usize> {
        let mut state = self.state();
        let ended = state.issuer.withdraw(id, organisation)?;
        self.tell_owner(&state, id, organisation, "deauthorized");
        Some(ended)
    }

    /// Tells the webhooks of whoever created the app. Whose they are that were there from the start is the first administrator.
    fn tell_owner(&self, state: &State, id: &str, organisation: Uuid, deed: &'static str) {
        let app = state.issuer.applications().get(id).and_then(|application| state.issuer.app(&application.client));
        let owner = app.and_then(|app| app.owner).unwrap_or_else(|| state.directory.administrator().id);
        let by = state.directory.all().find(|(id, ..)| *id == organisation).map_or(owner, |(_, _, admin)| admin.id);
        let data = json!({
            "id": id,
            "authorizerOrgId": organisation_id(organisation),
            "authorizationDate": date(self.now()),
        });
        announce(self, state, &Event { resource: "serviceApp", deed, actor: by, audience: &[owner], data });
    }
}
