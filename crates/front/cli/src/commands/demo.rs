//! `lanyard demo`: the whole story against a local Webex, in a home of its own.

use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use lanyard_broker::{AddApp, BeginSignIn, Broker, Clear, FinishSignIn, HandOut, List, RevocationOutcome};
use lanyard_client::Transport;
use lanyard_credential::{AppKind, CredentialName, Subject};
use lanyard_protocol::oauth::Callback;
use lanyard_protocol::{AppClientId, Environment};
use lanyard_secret::{ClientSecret, SafeUrl};
use lanyard_simulator::{Description, Next, Options, Person, RefreshBehaviour, Simulator};
use lanyard_store::{Home, Store};
use url::Url;

use crate::exit::Failure;
use crate::{context, output};

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Tell it once and end, as it does without this too
    #[arg(long)]
    once: bool,
}

/// How long an access token of the demo lasts.
const LIFE: Duration = Duration::from_secs(3);

/// The longest page that the played browser reads, in bytes.
const LONGEST_PAGE: usize = 1024 * 1024;

impl Demo {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let directory = tempfile::Builder::new()
            .prefix("lanyard-demo-")
            .tempdir()
            .map_err(Failure::io("cannot make a home for the demo"))?;
        let parts = context::parts();
        let options = Options { access_token_ttl: LIFE, refresh: RefreshBehaviour::RotateStrict, ..Options::default() };
        let simulator = Simulator::start(options, Arc::clone(&parts.clock), Arc::clone(&parts.entropy))
            .await
            .map_err(|error| failed(format!("the local Webex does not start: {error}")))?;
        let home = Home::new(directory.path().join("home"));
        let (store, _) =
            Store::open_or_create(&home.directory, context::store_parts(&parts), lanyard_store::Options::default())
                .await?;
        let demo = Story { broker: Broker::new(&store, parts, "demo"), home, webex: simulator.description().clone() };
        let told = demo.tell().await;
        simulator.stop().await;
        told?;
        say("");
        say("Every step held. Now with a Webex of your own: lanyard app add, lanyard login (see the README),");
        say("or go on trying: lanyard simulator");
        Ok(ExitCode::SUCCESS)
    }
}

struct Story {
    broker: Broker,
    home: Home,
    webex: Description,
}

impl Story {
    async fn tell(&self) -> Result<(), Failure> {
        let environment = Environment::at(&self.webex.base_url)
            .map_err(|error| failed(format!("the local Webex has no address: {error}")))?;
        step(&format!("A local Webex listens at {}", self.webex.base_url));
        say(&format!(
            "  organisation {}, its refresh tokens rotate strictly, access tokens last {} s",
            self.webex.organisation.name,
            LIFE.as_secs()
        ));

        step("An app is registered, and somebody signs in");
        let name: CredentialName = "acme".parse().map_err(|error| failed(format!("{error}")))?;
        let missing = self.sign_in(&environment, &name).await?;
        check(missing, "every scope asked for was granted")?;
        self.table().await?;

        step("A program asks for a token");
        let first = self.hand_out(&name).await?;
        check(first.credential.generation.number() == 1, "it gets the one from the sign-in, generation 1")?;

        step(&format!("{} s later that token has ended, and the program asks again", LIFE.as_secs()));
        context::parts().sleep.sleep(LIFE + Duration::from_millis(200)).await;
        self.table().await?;
        let second = self.hand_out(&name).await?;
        check(second.credential.generation.number() == 2, "it was renewed on the way: generation 2")?;
        check(second.token.expose_secret() != first.token.expose_secret(), "it is another token")?;
        let transport = transport();
        let me = transport.me(&environment, &second.token).await;
        check(me.is_ok(), "and Webex accepts it")?;

        step("A program runs with the token in its environment, and sees nothing else of Lanyard");
        self.child(&name)?;

        step("The credential is cleared");
        let last = self.hand_out(&name).await?;
        let cleared = self.broker.call(Clear { name: name.clone(), expected: None }).await?;
        let revoked = |outcome: &RevocationOutcome| *outcome == RevocationOutcome::Revoked;
        let all = !cleared.revocations.is_empty() && cleared.revocations.iter().all(|one| revoked(&one.outcome));
        check(all, "Webex confirmed that its tokens are revoked")?;
        let refused = transport.me(&environment, &last.token).await;
        check(refused.is_err_and(|error| error.is_unauthorized()), "the last token is refused from now on")?;
        check(self.broker.call(List).await?.is_empty(), "and nothing is left in the home")
    }

    /// OAuth's whole code exchange with PKCE; only the person at the browser is played.
    async fn sign_in(&self, environment: &Environment, name: &CredentialName) -> Result<bool, Failure> {
        let app = &self.webex.integration;
        let redirect_uri: Url = app
            .redirect_uris
            .first()
            .and_then(|uri| uri.parse().ok())
            .ok_or_else(|| failed("the local Webex names no redirect URI"))?;
        let app_name = "desk".parse().map_err(|error| failed(format!("{error}")))?;
        self.broker
            .call(AddApp {
                name: app_name,
                kind: AppKind::Integration,
                environment: environment.clone(),
                client_id: AppClientId::new(app.client_id.as_str()),
                client_secret: ClientSecret::new(app.client_secret.as_str()),
                redirect_uris: vec![redirect_uri.clone()],
                scopes: ["spark:people_read", "spark-admin:people_read", "spark-admin:organizations_read"]
                    .iter()
                    .filter_map(|scope| scope.parse().ok())
                    .collect(),
                application_id: None,
            })
            .await?;
        let begin = BeginSignIn {
            name: name.clone(),
            app: Some("desk".parse().map_err(|error| failed(format!("{error}")))?),
            scopes: lanyard_protocol::ScopeSet::default(),
            replace: false,
            expected: None,
        };
        let sign_in = Arc::new(self.broker.call(begin).await?);
        let callback = self.person_signs_in(environment, sign_in.url(&redirect_uri)).await?;
        let finish = FinishSignIn { sign_in, callback, redirect_uri, pasted: false };
        let signed_in = self.broker.call(finish).await?;
        if let Subject::Known(subject) = &signed_in.credential.subject {
            say(&format!("  signed in as {}", output::credential::subject(subject)));
        }
        Ok(signed_in.missing.is_empty())
    }

    /// Fills in the local Webex's own pages, as a browser would: sign-in, then consent.
    async fn person_signs_in(&self, environment: &Environment, url: SafeUrl) -> Result<Callback, Failure> {
        let transport = transport();
        let admin = self.webex.admin.clone();
        let person = Person { email: admin.email, password: admin.password, accepts: true };
        let mut request = person.open(url);
        loop {
            let page = transport.send(environment, request, LONGEST_PAGE).await;
            let page = page.map_err(|error| failed(error.to_string()))?.response;
            match person.follow(environment, &page).map_err(|error| failed(error.to_string()))? {
                Next::Send(next) => request = next,
                Next::Arrive(url) => {
                    return Callback::from_query(url.query().unwrap_or_default())
                        .map_err(|error| failed(format!("the browser came back with nothing: {error}")));
                }
            }
        }
    }

    async fn hand_out(&self, name: &CredentialName) -> Result<lanyard_broker::HandedOut, Failure> {
        let call = HandOut { name: name.clone(), min_validity: Duration::ZERO, expected: None };
        Ok(self.broker.call(call).await?)
    }

    async fn table(&self) -> Result<(), Failure> {
        let all = self.broker.call(List).await?;
        let table = output::credential::list(&all, &context::parts().clock.now());
        for line in table.lines() {
            say(&format!("  {line}"));
        }
        Ok(())
    }

    /// Runs this very binary as `lanyard exec`.
    fn child(&self, name: &CredentialName) -> Result<(), Failure> {
        let binary = std::env::current_exe().map_err(Failure::io("cannot find this program"))?;
        let mut command = Command::new(binary);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("LANYARD_") {
                command.env_remove(variable);
            }
        }
        let script = "test -n \"$WEBEX_ACCESS_TOKEN\" && echo \"  a shell holds a token of ${#WEBEX_ACCESS_TOKEN} \
                      characters\" && ! env | grep -q ^LANYARD_";
        let output = command
            .args(["--home".as_ref(), self.home.directory.as_os_str(), "exec".as_ref(), name.as_str().as_ref()])
            .args(["--", "sh", "-c", script])
            .stderr(Stdio::inherit())
            .output()
            .map_err(Failure::io("cannot run lanyard exec"))?;
        // Said here, not by the shell: a reader that went away would end it.
        say(String::from_utf8_lossy(&output.stdout).trim_end());
        check(output.status.success(), "lanyard exec acme -- sh -c … ended well")
    }
}

fn transport() -> Transport {
    let parts = context::parts();
    Transport::new(parts.clock, parts.entropy)
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::Other {
        message: message.into(),
        hint: Some("this is a fault of the demo; nothing of yours was touched".to_owned()),
    }
}

fn check(holds: bool, what: &str) -> Result<(), Failure> {
    if holds {
        say(&format!("  ok: {what}"));
        Ok(())
    } else {
        Err(failed(format!("this did not hold: {what}")))
    }
}

fn step(text: &str) {
    say("");
    say(text);
}

/// A reader that went away does not end the story: the exit code still tells whether it held.
fn say(text: &str) {
    let _ = output::line(text);
}
