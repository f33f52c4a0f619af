//! `lanyard add`: credentials that no browser is needed for.

mod guest;
mod paste;
mod service_app;
mod workspace_integration;

use std::process::ExitCode;

use clap::Subcommand;
use lanyard_broker::AddedGrant;
use lanyard_credential::{Credential, Kind, Subject};

use super::Examples;
use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Add a credential for which nobody signs in, such as a bot or a service app
#[derive(Debug, Subcommand)]
pub(crate) enum Add {
    /// Add a bot's token, or replace it
    Bot(paste::Paste),
    /// Add a personal access token, which expires after at most 12 hours and cannot be renewed
    Personal(paste::Paste),
    /// Add a service app's access to one organisation
    ServiceApp(service_app::ServiceApp),
    /// Add a guest, whose tokens a service app mints again whenever they expire
    Guest(guest::Guest),
    /// Add a workspace integration that was activated in Control Hub, or activated again
    WorkspaceIntegration(workspace_integration::WorkspaceIntegration),
}

impl Add {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Bot(paste) => paste.run(Kind::Bot, common).await,
            Self::Personal(paste) => paste.run(Kind::Personal, common).await,
            Self::ServiceApp(service_app) => service_app.run(common).await,
            Self::Guest(guest) => guest.run(common).await,
            Self::WorkspaceIntegration(integration) => Box::pin(integration.run(common)).await,
        }
    }
}

/// "it acts as Ada Admin <admin@acme.example>".
pub(super) fn whose(credential: &Credential) -> String {
    match &credential.subject {
        Subject::Known(subject) => format!("it acts as {}", output::credential::subject(subject)),
        Subject::Unknown(reason) => format!("who it acts as is unknown: {reason}"),
    }
}

/// Reports a credential whose tokens were requested at once. One that waits for a person ends with exit code 4.
async fn report(broker: &Access, added: &AddedGrant, common: &Common) -> Result<ExitCode, Failure> {
    let credential = &added.credential;
    let now = context::parts().clock.now();
    if common.json {
        output::json::print(&context::shown(broker, credential).await)?;
    }
    let Some(trouble) = &added.trouble else {
        if !common.json {
            output::note(&format!("added {}; {}", credential.name, whose(credential)));
            output::note(&output::credential::validity(credential, &now));
        }
        return Ok(ExitCode::SUCCESS);
    };
    output::note(&format!("added {}, which has no token yet: {}", credential.name, trouble.message));
    let whose = context::troubled(broker, credential).await?;
    output::note(&format!("hint: {}", lanyard_broker::advice(&whose, trouble, &now)));
    Ok(ExitCode::from(crate::exit::code_of(lanyard_broker::class_of(trouble.kind))))
}

pub(super) const EXAMPLES: &[Examples] = &[
    ("add bot", &["lanyard add bot lobby", "lanyard add bot lobby --token-file token.txt"]),
    ("add personal", &["lanyard add personal me"]),
    (
        "add service-app",
        &[
            "lanyard add service-app fleet --app fleet",
            "lanyard add service-app fleet --app fleet --via admin --target-org Y2lz",
        ],
    ),
    ("add guest", &["lanyard add guest visitor --via fleet --subject foyer-17 --display-name Visitor"]),
    (
        "add workspace-integration",
        &["lanyard add workspace-integration rooms --client-id C0123 --activation-file code.txt"],
    ),
];
