//! `lanyard app`: registrations at Webex.

mod add;
mod plan;
mod scopes;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_broker::views::{AppView, RemovedView, ReplacedSecretView};
use lanyard_broker::{
    ChangeApp, List, ListApps, ListUnreadableApps, Listed, Precheck, RemoveApp, ReplaceSecret, ReplacedSecret,
    SecretVerdict, ShowApp,
};
use lanyard_credential::{App as Registration, AppKind, AppName};
use lanyard_protocol::ScopeHolder;
use lanyard_protocol::oauth::RedirectUri;
use lanyard_secret::ClientSecret;

pub(crate) use self::add::Add;
pub(crate) use self::plan::job;
pub(crate) use self::scopes::{of as scopes, warn as warn_of_scopes};
use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::prompt::Sure;
use crate::{output, prompt};

/// Manage the apps that you registered at Webex
#[derive(Debug, Subcommand)]
pub(crate) enum App {
    /// Add an app that you registered at Webex; with --for, first print how to register it
    Add(Add),
    /// Show all apps
    List(Wide),
    /// Show one app
    Show(Name),
    /// Change an app's scopes, redirect URIs or application id, to match its registration at Webex
    Set(Set),
    /// Forget an app that no credential uses
    Remove(Remove),
    /// Replace an app's client secret, unless Webex refuses the new one
    Secret(Secret),
}

#[derive(Debug, Args)]
pub(crate) struct Wide {
    /// Cut nothing off to fit the terminal
    #[arg(long)]
    wide: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The app
    name: AppName,
}

#[derive(Debug, Args)]
#[command(override_usage = "lanyard app set [OPTIONS] <NAME>")]
pub(crate) struct Set {
    /// The app
    name: AppName,
    #[command(flatten)]
    parts: Parts,
}

/// The changes: at least one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Parts {
    /// A scope for the next sign-in to request, instead of the current ones; may be repeated, or hold several separated by spaces
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A redirect URI, exactly as registered, in place of those it had; may be repeated
    #[arg(long = "redirect-uri", value_name = "URL")]
    redirect_uris: Vec<RedirectUri>,
    /// A service app's application id
    #[arg(long, value_name = "ID")]
    application_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The app
    name: AppName,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, Args)]
pub(crate) struct Secret {
    /// The app
    name: AppName,
    /// A file with the new client secret, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Store it without asking Webex first whether it accepts it
    #[arg(long)]
    force: bool,
}

impl App {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(command) => command.run(common).await?,
            Self::List(Wide { wide }) => list(wide, common).await?,
            Self::Show(Name { name }) => {
                let app = common.broker().await?.perform(ShowApp { name }).await?;
                show(&app, common)?;
            }
            Self::Set(command) => set(command, common).await?,
            Self::Remove(Remove { name, sure }) => {
                let broker = common.broker().await?;
                if sure.asks() {
                    broker.perform(Precheck::RemoveApp { name: name.clone() }).await?;
                    sure.confirm(&format!(
                        "Remove the app {name} and its client secret? Webex does not show the secret again"
                    ))?;
                }
                broker.perform(RemoveApp { name: name.clone() }).await?;
                if common.json {
                    output::json::view(&RemovedView::of(name.as_str()))?;
                } else {
                    output::note(&format!("removed the app {name}; it is still registered at Webex"));
                }
            }
            Self::Secret(command) => secret(command, common).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn set(Set { name, parts }: Set, common: &Common) -> Result<(), Failure> {
    let scopes = scopes(&parts.scopes)?;
    let broker = common.broker().await?;
    let app = broker
        .perform(ChangeApp {
            name,
            scopes: (!scopes.is_empty()).then(|| scopes.iter().cloned().collect()),
            redirect_uris: (!parts.redirect_uris.is_empty()).then_some(parts.redirect_uris),
            application_id: parts.application_id,
        })
        .await?;
    if common.json {
        warn_of_scopes(&scopes, holder(app.kind), Some(&format!("lanyard app set {}", app.name)));
        return output::json::view(&AppView::of(&app));
    }
    output::note(&format!("changed the app {}", app.name));
    warn_of_scopes(&scopes, holder(app.kind), Some(&format!("lanyard app set {}", app.name)));
    if app.kind == AppKind::Integration && !parts.scopes.is_empty() {
        let through = |listed: &Listed| listed.credential.app == Some(app.id);
        for Listed { credential, .. } in broker.perform(List).await?.into_iter().filter(through) {
            output::note(&format!(
                "{0} keeps the scopes that it was granted; to ask for the new ones: lanyard login {0}",
                credential.name
            ));
        }
    }
    Ok(())
}

async fn secret(command: Secret, common: &Common) -> Result<(), Failure> {
    let Secret { name, client_secret_file, force } = command;
    let expected = common.expected()?;
    let broker = common.broker().await?;
    broker.perform(Precheck::ReplaceSecret { name: name.clone(), expected: expected.clone() }).await?;
    let secret = prompt::secret("client secret", "--client-secret-file", client_secret_file.as_deref())?;
    let client_secret = ClientSecret::new(secret.as_str());
    let ReplacedSecret { app, verdict, users } =
        broker.perform(ReplaceSecret { name, client_secret, force, expected }).await?;
    if common.json {
        return output::json::view(&ReplacedSecretView::of(&app, &verdict));
    }
    output::note(&format!("replaced the client secret of {}; its credentials now use the new one", app.name));
    match &verdict {
        SecretVerdict::NotRefused => {
            output::note("Webex accepted the new secret; the next renewal will confirm it");
        }
        SecretVerdict::Unknown(why) => output::note(&format!("whether Webex accepts it is not known: {why}")),
    }
    if let Some(user) = users.first() {
        output::note(&format!("try it: lanyard refresh {user} --force"));
    }
    Ok(())
}

/// The kind of holder that an app's scopes have.
fn holder(kind: AppKind) -> ScopeHolder {
    match kind {
        AppKind::Integration => ScopeHolder::Integration,
        AppKind::ServiceApp | AppKind::WorkspaceIntegration => ScopeHolder::ServiceApp,
    }
}

async fn list(wide: bool, common: &Common) -> Result<(), Failure> {
    let (apps, unreadable) = match common.broker_if_any().await? {
        Some(broker) => (broker.perform(ListApps).await?, broker.perform(ListUnreadableApps).await?),
        None => (Vec::new(), Vec::new()),
    };
    output::unreadable(&unreadable);
    if common.json {
        return output::json::view(&apps.iter().map(AppView::of).collect::<Vec<_>>());
    }
    if apps.is_empty() {
        if unreadable.is_empty() {
            output::note("there is no app yet; add one: lanyard app add NAME --kind integration --client-id ID");
        }
        return Ok(());
    }
    let rows = apps
        .iter()
        .map(|app| {
            vec![
                app.name.to_string(),
                app.kind.to_string(),
                app.client_id.to_string(),
                // Those of other kinds are chosen at Webex.
                if app.kind != AppKind::Integration && app.scopes.is_empty() {
                    "-".to_owned()
                } else {
                    app.scopes.len().to_string()
                },
                app.environment.id().to_owned(),
            ]
        })
        .collect();
    let room = if wide { None } else { output::table::room() };
    output::block(&output::table::within(&["NAME", "KIND", "CLIENT ID", "SCOPES", "WEBEX"], rows, room))
}

fn show(app: &Registration, common: &Common) -> Result<(), Failure> {
    if common.json {
        return output::json::view(&AppView::of(app));
    }
    let mut rows = vec![
        ("name", app.name.to_string()),
        ("kind", app.kind.to_string()),
        ("Webex", app.environment.id().to_owned()),
        ("client id", app.client_id.to_string()),
    ];
    if let Some(id) = &app.application_id {
        let what = if app.kind == AppKind::WorkspaceIntegration { "address" } else { "application id" };
        rows.push((what, id.clone()));
    }
    rows.extend(app.redirect_uris.iter().map(|uri| ("redirect URI", uri.to_string())));
    rows.extend(app.scopes.iter().map(|scope| ("scope", scope.to_string())));
    output::block(&output::table::facts(&rows))
}

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "app add",
        &[
            "lanyard app add desk --kind integration --for devices",
            "lanyard app add desk --kind integration --client-id C0123 \\\n      --redirect-uri http://localhost:7418/callback \
             --scope spark:people_read",
            "lanyard app add fleet --kind service-app --client-id C0123 --application-id Y2lz",
        ],
    ),
    ("app list", &["lanyard app list", "lanyard app list --json | jq -r '.[].name'"]),
    ("app show", &["lanyard app show desk"]),
    ("app set", &["lanyard app set desk --scope 'spark:people_read spark:rooms_read'"]),
    ("app remove", &["lanyard app remove desk --yes"]),
    ("app secret", &["lanyard app secret desk", "lanyard app secret desk --client-secret-file secret.txt"]),
];
