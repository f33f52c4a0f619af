//! Workspace integrations, and the administrators who activate and remove them.

use std::time::Duration;

use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::ClientSecret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::issuer::{App, Selection, Terms, signed};
use crate::random;
use crate::webex::{State, Webex};
use crate::world::{Provisioning, WorkspaceIntegration, date, organisation_id};

/// An activated workspace integration, as Control Hub shows it.
#[derive(Debug)]
pub(crate) struct Activated {
    pub(crate) id: Uuid,
    pub(crate) client: AppClientId,
    pub(crate) secret: ClientSecret,
    /// A signed JSON Web Token.
    pub(crate) code: String,
}

/// What is put into the queue of a workspace integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Deed {
    /// Webex asks whether the integration works.
    HealthCheck,
    /// An administrator has approved a new version of the manifest.
    UpdateApproved,
    /// An administrator has removed the integration: its tokens end.
    Removed,
}

/// The region of the simulator's workspace integrations.
const REGION: &str = "us-east-2_a";

/// How long an activation code can be used.
const CODE_LIFE: Duration = Duration::from_mins(15);

impl Webex {
    /// Uploads a manifest and activates it: the integration acts as a machine account of the organisation.
    pub(crate) fn add_workspace_integration(&self, name: String, organisation: Uuid, scopes: ScopeSet) -> Activated {
        let now = self.now();
        let entropy = &*self.setting().entropy;
        let id = random::uuid(entropy);
        let (client, secret) = (App::new_client_id(entropy), App::new_secret(entropy));
        {
            let mut state = self.state();
            let State { directory, issuer, integrations, .. } = &mut *state;
            let machine = directory.add_machine(random::uuid(entropy), organisation, &name, now);
            if organisation != directory.id {
                issuer.note_elsewhere([(machine, organisation)]);
            }
            let app = App { name, owner: None, secret: secret.clone(), redirect_uris: Vec::new(), scopes };
            issuer.register(client.clone(), app);
            integrations.insert(id, WorkspaceIntegration::new(organisation, client.clone(), machine));
        }
        let code = self.activation_code(id).unwrap_or_default();
        Activated { id, client, secret, code }
    }

    /// Activates a workspace integration, again if it was activated before; its earlier grants end. `None` if there is none.
    pub(crate) fn activation_code(&self, id: Uuid) -> Option<String> {
        let now = self.now();
        let mut state = self.state();
        let State { issuer, integrations, behaviour, .. } = &mut *state;
        let entropy = &*self.setting().entropy;
        let integration = integrations.get_mut(&id)?;
        integration.activate();
        let (client, machine) = (integration.client.clone(), integration.machine);
        let scopes = issuer.app(&client)?.scopes.clone();
        issuer.end_grants(&Selection { client: Some(client.clone()), account: None, refresh_token_fingerprint: None });
        let refresh = issuer.authorise_service_app(client, machine, scopes, Terms { now, behaviour, entropy });
        let (base_url, app_url) = (&self.setting().base_url, self.app_url(id));
        Some(signed(&json!({
            "iss": "simulator",
            "sub": id.to_string(),
            "jti": random::uuid(entropy).to_string(),
            "iat": now.as_second(),
            "expiryTime": date(now.checked_add(CODE_LIFE).unwrap_or(now)),
            "orgId": organisation_id(integration.organisation),
            "region": REGION,
            "action": "provision",
            "oauthUrl": format!("{base_url}/access_token"),
            "webexapisBaseUrl": base_url,
            "appUrl": app_url,
            "refreshToken": refresh.expose_secret(),
        })))
    }

    /// Puts a message into the queue; `false` if there is no such integration.
    pub(crate) fn tell_workspace_integration(&self, id: Uuid, deed: Deed) -> bool {
        let now = self.now();
        let mut state = self.state();
        let State { issuer, integrations, .. } = &mut *state;
        let Some(integration) = integrations.get_mut(&id) else { return false };
        let organisation = organisation_id(integration.organisation);
        let action = |action: &str| {
            let jwt = signed(&json!({
                "iss": "simulator", "sub": id.to_string(), "jti": random::uuid(&*self.setting().entropy).to_string(), "iat": now.as_second(),
                "orgId": organisation, "region": REGION, "action": action,
            }));
            json!({ "type": "action", "appId": id.to_string(), "timestamp": date(now), "jwt": jwt })
        };
        let message = match deed {
            Deed::HealthCheck => {
                json!({ "type": "healthCheck", "appId": id.to_string(), "orgId": organisation, "timestamp": date(now) })
            }
            Deed::UpdateApproved => action("updateApproved"),
            Deed::Removed => {
                integration.state = Provisioning::Removed;
                let client = Some(integration.client.clone());
                issuer.end_grants(&Selection { client, account: None, refresh_token_fingerprint: None });
                action("removed")
            }
        };
        integration.tell(message);
        true
    }

    /// The address of a workspace integration.
    pub(crate) fn app_url(&self, id: Uuid) -> String {
        format!("{}/xapi-a/api/apps/{id}", self.setting().origin())
    }
}
