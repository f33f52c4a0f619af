//! A workspace integration at a local Webex, whose queue loses every third message and repeats those of the poll before.

use lanyard_protocol::oauth::{ClientAuth, refresh_as_json};
use lanyard_protocol::workspace_integration::{ActivationCode, KeySet, PolledQueue, Push, complete_activation, poll};
use lanyard_protocol::{AppClientId, Method, Request};
use lanyard_secret::{AccessToken, ClientSecret, SafeUrl};
use serde_json::{Value, json};

use crate::organisation::Organisation;

pub(crate) struct Pushes {
    queue: SafeUrl,
    token: AccessToken,
}

impl Pushes {
    /// An administrator activates the integration, and it asks for a queue. What changes after that is pushed.
    pub(crate) async fn new(webex: &Organisation) -> Self {
        webex.behave(json!({ "queue_drops_every": 3, "queue_repeats": true })).await;
        let manifest = json!({ "scopes": ["spark-admin:devices_read", "spark:xapi_statuses"] });
        let made = webex.control(Method::POST, "/workspace-integrations", Some(manifest)).await;
        let text = |field: &str| made[field].as_str().unwrap();
        let (code, environment) = (ActivationCode::new(text("activation_code")), webex.environment());
        let keys = webex.send(Request::new(Method::GET, code.keys_of(&environment).unwrap())).await;
        let keys: KeySet = serde_json::from_value(keys).unwrap();
        let activation = code.verify(&keys, &environment, webex.now()).unwrap();
        let auth = ClientAuth {
            client_id: AppClientId::new(text("client_id")),
            client_secret: ClientSecret::new(text("client_secret")),
        };
        let tokens = webex.send(refresh_as_json(&environment, &auth, &activation.refresh_token)).await;
        let token = AccessToken::new(tokens["access_token"].as_str().unwrap());
        let state = webex.send(complete_activation(&activation.app_url).bearer(&token)).await;
        let state: PolledQueue = serde_json::from_value(state).unwrap();
        Self { queue: state.poll_url().unwrap(), token }
    }

    /// Waits until something is pushed, for 20 seconds at most. Returns how many messages there are.
    pub(crate) async fn wait(&self, webex: &Organisation) -> usize {
        let answer: Value = webex.send(poll(&self.queue).bearer(&self.token)).await;
        let pushed = Push::of(&answer);
        assert!(pushed.iter().all(|push| matches!(push, Push::Device(_))), "{pushed:?}");
        pushed.len()
    }
}
