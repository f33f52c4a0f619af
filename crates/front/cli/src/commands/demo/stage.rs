//! The setting that the demo's steps share: a home, a local Webex, and a voice.

use std::process::Command;
use std::time::Duration;

use lanyard_broker::{Broker, HandOut, HandedOut, List, Show};
use lanyard_client::Transport;
use lanyard_credential::Credential;
use lanyard_home::Home;
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{AccessToken, SecretBytes};
use lanyard_simulator::Description;
use lanyard_store::Store;
use serde_json::Value;

use crate::exit::Failure;
use crate::output::table::{self, Block};
use crate::{context, output};

pub(super) struct Stage {
    pub(super) broker: Broker,
    pub(super) webex: Description,
    pub(super) environment: Environment,
    pub(super) transport: Transport,
    /// How long an access token lasts.
    pub(super) life: Duration,
    home: Home,
}

/// The indentation of a table.
const INDENT: usize = 2;

/// The longest page or answer that is read, in bytes.
pub(super) const LONGEST: usize = 1024 * 1024;

impl Stage {
    pub(super) fn new(store: &Store, home: Home, webex: Description, life: Duration) -> Result<Self, Failure> {
        let environment = Environment::at(&webex.base_url)
            .map_err(|error| failed(format!("the local Webex has no address: {error}")))?;
        let parts = context::parts();
        let transport = Transport::new(parts.clock, parts.entropy);
        Ok(Self { broker: Broker::new(store, context::parts(), "demo"), webex, environment, transport, life, home })
    }

    pub(super) async fn hand_out(&self, name: &str) -> Result<HandedOut, Failure> {
        let call = HandOut { name: named(name)?, min_validity: Duration::ZERO, expected: None };
        Ok(self.broker.perform(call).await?)
    }

    pub(super) async fn show(&self, name: &str) -> Result<Credential, Failure> {
        Ok(self.broker.perform(Show { name: named(name)? }).await?.credential)
    }

    /// Whether Webex accepts a token.
    pub(super) async fn accepted(&self, token: &AccessToken) -> bool {
        self.transport.me(&self.environment, token).await.is_ok()
    }

    /// All credentials, as `lanyard list` shows them.
    pub(super) async fn table(&self) -> Result<Block, Failure> {
        let all = self.broker.perform(List).await?;
        let room = table::room().map(|room| room.saturating_sub(INDENT));
        let all: Vec<_> = all.into_iter().map(|listed| listed.credential).collect();
        let shown: Vec<_> = all.iter().collect();
        Ok(output::credential::list_within(&shown, &all, &context::parts().clock.now(), room).indented(INDENT))
    }

    pub(super) async fn say_table(&self) -> Result<(), Failure> {
        // As in `say`.
        let _ = output::block(&self.table().await?);
        Ok(())
    }

    /// A call of the local Webex's control plane.
    pub(super) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.webex.control_url).parse();
        let url = url.map_err(|_| failed("the control plane has no address"))?;
        let key = AccessToken::new(self.webex.control_key.as_str());
        let mut request = Request::new(method, url).bearer(&key);
        if let Some(body) = body {
            request = request.body("application/json", SecretBytes::new(body.to_string().into_bytes()));
        }
        let sent = self.transport.send(&self.environment, request, LONGEST).await;
        let response = sent.map_err(|error| failed(error.to_string()))?.response;
        if !response.status.is_success() {
            return Err(failed(format!("the local Webex refuses {path}: {}", response.status)));
        }
        Ok(serde_json::from_slice(response.body.expose_secret()).unwrap_or(Value::Null))
    }

    /// This very binary, over the home of the demo; of the environment's `LANYARD_*` it sees nothing.
    pub(super) fn lanyard(&self, arguments: &[&str]) -> Result<Command, Failure> {
        let binary = std::env::current_exe().map_err(Failure::io("cannot find this program"))?;
        let mut command = Command::new(binary);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("LANYARD_") {
                command.env_remove(variable);
            }
        }
        command.arg("--home").arg(&self.home.directory).args(arguments);
        Ok(command)
    }
}

/// A name of the demo's own.
pub(super) fn named<N: std::str::FromStr>(name: &str) -> Result<N, Failure>
where
    N::Err: std::fmt::Display,
{
    name.parse().map_err(|error: N::Err| failed(format!("{name}: {error}")))
}

pub(super) fn failed(message: impl Into<String>) -> Failure {
    Failure::Other {
        message: message.into(),
        hint: Some("this is a fault of the demo; nothing of yours was touched".to_owned()),
    }
}

/// Goes on only where it holds.
pub(super) fn check(holds: bool, what: &str) -> Result<(), Failure> {
    if holds {
        say(&format!("  ok: {what}"));
        Ok(())
    } else {
        Err(failed(format!("this did not hold: {what}")))
    }
}

pub(super) fn step(text: &str) {
    say("");
    say(text);
}

/// A reader that went away does not end the story: the exit code still tells whether it held.
pub(super) fn say(text: &str) {
    let _ = output::story(text);
}
