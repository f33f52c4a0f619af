//! `lanyard app add`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use lanyard_broker::views::ReplacedSecretView;
use lanyard_broker::{AddApp, Precheck, SecretVerdict, TrySecret};
use lanyard_credential::{App, AppKind, AppName, Job};
use lanyard_protocol::oauth::RedirectUri;
use lanyard_protocol::{AppClientId, Environment, Scope};
use lanyard_secret::ClientSecret;

use super::plan::{Plan, job, usual_redirect_uri};
use super::{holder, scopes, warn_of_scopes};
use crate::context::Common;
use crate::exit::Failure;
use crate::{output, prompt};

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: AppName,
    /// The kind of the registration
    #[arg(long, value_enum)]
    kind: KindArgument,
    /// The client id that the developer portal shows [default: Lanyard prompts for it]
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with the client secret, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A job of the app: prints the page to open, the redirect URI to enter and the scopes to tick; may be repeated
    #[arg(long = "for", value_name = "JOB", value_parser = job())]
    jobs: Vec<Job>,
    // Not a doc comment, in which the address would have to be a link.
    #[arg(
        long = "redirect-uri",
        value_name = "URL",
        help = "A redirect URI, exactly as registered; may be repeated [with --for: http://localhost:7418/callback]"
    )]
    redirect_uris: Vec<RedirectUri>,
    /// A scope that a sign-in asks for; may be repeated, or hold several separated by spaces [with --for: the scopes of the jobs]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// People sign in with a code on another device: no redirect URI is needed
    #[arg(long)]
    device: bool,
    /// A service app's application id [default: derived from the client id]
    #[arg(long, value_name = "ID")]
    application_id: Option<String>,
    /// Store the client secret without asking Webex whether it accepts it
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArgument {
    /// People sign in through it, each for themselves
    Integration,
    /// An administrator authorises it for a whole organisation
    ServiceApp,
}

impl Add {
    pub(super) async fn run(mut self, common: &Common) -> Result<(), Failure> {
        let environment = common.environment()?;
        let mut scopes = scopes(&self.scopes)?;
        self.check()?;
        let opened = common.checked(Precheck::AddApp { name: self.name.clone() }).await?;
        if let Some(plan) = self.plan(&scopes)? {
            plan.print(&environment);
            if plan.kind == AppKind::Integration {
                scopes = plan.scopes.iter().cloned().collect();
            }
            self.redirect_uris = plan.redirect_uris;
        }
        warn_of_scopes(&scopes, holder(self.kind()), Some(&format!("lanyard app set {}", self.name)));
        let client_id = self.client_id(&scopes)?;
        let secret = prompt::secret("client secret", "--client-secret-file", self.client_secret_file.as_deref())?;
        let broker = common.or_new(opened).await?;
        let client_secret = ClientSecret::new(secret.as_str());
        let verdict = if self.force {
            SecretVerdict::Unknown("it was not tried".to_owned())
        } else {
            let attempt = TrySecret {
                name: self.name.clone(),
                environment: environment.clone(),
                client_id: client_id.clone(),
                client_secret: client_secret.clone(),
            };
            broker.perform(attempt).await?
        };
        let app = broker.perform(self.into_call(environment, client_id, client_secret, scopes)).await?;
        if common.json {
            return output::json::view(&ReplacedSecretView::of(&app, &verdict));
        }
        tell(&app, &verdict);
        Ok(())
    }

    /// Refuses options that would fail only at the sign-in.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let wrong =
            |message: &str, hint: &str| Err(Failure::Usage { message: message.to_owned(), hint: hint.to_owned() });
        if let Some(id) = &self.client_id {
            is_client_id(id)?;
        }
        let lacks_uri = self.kind() == AppKind::Integration && self.redirect_uris.is_empty();
        if lacks_uri && !self.device && self.jobs.is_empty() {
            return wrong(
                "an integration requires at least one redirect URI",
                "add the registered one: --redirect-uri http://localhost:7418/callback; for sign-in by code: --device",
            );
        }
        if lacks_uri && self.device {
            output::note("no redirect URI was given, so only `lanyard login --device` will work");
        }
        Ok(())
    }

    fn kind(&self) -> AppKind {
        match self.kind {
            KindArgument::Integration => AppKind::Integration,
            KindArgument::ServiceApp => AppKind::ServiceApp,
        }
    }

    /// Plans the registration at Webex, if `--for` requests it or no client id is given.
    fn plan(&self, scopes: &[Scope]) -> Result<Option<Plan>, Failure> {
        if self.jobs.is_empty() && self.client_id.is_some() {
            return Ok(None);
        }
        let redirect_uris = match self.kind() {
            AppKind::Integration if self.redirect_uris.is_empty() && !self.device => vec![usual_redirect_uri()],
            _ => self.redirect_uris.clone(),
        };
        Plan::new(self.kind(), &self.jobs, scopes, redirect_uris).map(Some)
    }

    /// Returns the client id from the command line, or prompts for it.
    fn client_id(&self, scopes: &[Scope]) -> Result<AppClientId, Failure> {
        let id = match &self.client_id {
            Some(id) => id.clone(),
            None if std::io::stdin().is_terminal() => prompt::line("client id", None)?,
            None => {
                let options = self.plan(scopes)?.map(|plan| plan.options(&self.jobs)).unwrap_or_default();
                return Err(Failure::Usage {
                    message: "there is no terminal to ask for the client id".to_owned(),
                    hint: format!(
                        "once the app is registered: lanyard app add {} {options} --client-id ID --client-secret-file FILE",
                        self.name
                    ),
                });
            }
        };
        is_client_id(&id)?;
        Ok(AppClientId::new(id.trim()))
    }

    fn into_call(
        self,
        environment: Environment,
        client_id: AppClientId,
        client_secret: ClientSecret,
        scopes: Vec<Scope>,
    ) -> AddApp {
        AddApp {
            kind: self.kind(),
            name: self.name,
            environment,
            client_id,
            client_secret,
            redirect_uris: self.redirect_uris,
            scopes: scopes.into_iter().collect(),
            application_id: self.application_id,
        }
    }
}

fn is_client_id(id: &str) -> Result<(), Failure> {
    let id = id.trim();
    if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Failure::Usage {
            message: "the client id is empty or contains white space".to_owned(),
            hint: "copy it from the app's page in the developer portal".to_owned(),
        });
    }
    Ok(())
}

fn tell(app: &App, verdict: &SecretVerdict) {
    output::note(&format!("added the app {} at {}", app.name, app.environment.id()));
    if let SecretVerdict::Unknown(why) = verdict {
        output::note(&format!("it is not known whether Webex accepts the client secret: {why}"));
    }
    match app.kind {
        AppKind::Integration => {
            let device = if app.redirect_uris.is_empty() { " --device" } else { "" };
            output::note(&format!("sign in: lanyard login NAME --app {}{device}", app.name));
        }
        AppKind::ServiceApp => {
            output::note(&format!("add its credential: lanyard add service-app NAME --app {}", app.name));
        }
        // It is added with its credential.
        AppKind::WorkspaceIntegration => {}
    }
}
