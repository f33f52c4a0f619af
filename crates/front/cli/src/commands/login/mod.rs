//! `lanyard login`: sign in, or sign in again.

mod browser;
mod device;
mod paste;

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{BeginSignIn, SignIn, SignedIn};
use lanyard_credential::{AppName, CredentialName, Subject};
use lanyard_protocol::ScopeHolder;

use super::Examples;
use super::app;
use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Sign in to Webex through an app, or sign in again
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Name of the new or existing credential
    name: CredentialName,
    /// The app to sign in through [default: the credential's own app, if the credential exists]
    #[arg(long)]
    app: Option<AppName>,
    /// Paste the address from the browser's address bar, for a browser on another machine
    #[arg(long, conflicts_with = "device")]
    paste: bool,
    /// Show a code to type, or to scan, on another device; the app needs no redirect URI
    #[arg(long)]
    device: bool,
    /// A scope to ask for; may be repeated [default: those of the app]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Allow the credential to change to a different person or organisation
    #[arg(long)]
    replace: bool,
}

impl Login {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let scopes = app::scopes(&self.scopes)?;
        app::warn_of_scopes(&scopes, ScopeHolder::Integration, None);
        let begin = BeginSignIn {
            name: self.name,
            app: self.app,
            scopes: scopes.into_iter().collect(),
            replace: self.replace,
            expected: common.expected()?,
        };
        let sign_in = broker.perform(begin).await?;
        let signed_in = How::chosen(self.paste, self.device).sign_in(&broker, sign_in).await?;
        report(&signed_in, common)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Where a person signs in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// In a browser on this machine.
    Browser,
    /// In a browser on another machine, whose address is pasted.
    Paste,
    /// On another device, with a code.
    Device,
}

impl How {
    /// Chooses by the options.
    pub(crate) fn chosen(paste: bool, device: bool) -> Self {
        match (paste, device) {
            (true, _) => Self::Paste,
            (_, true) => Self::Device,
            _ => Self::Browser,
        }
    }

    /// Lets a person sign in.
    pub(crate) async fn sign_in(self, broker: &Access, sign_in: SignIn) -> Result<SignedIn, Failure> {
        match self {
            Self::Browser => browser::sign_in(broker, sign_in).await,
            Self::Paste => paste::sign_in(broker, sign_in).await,
            Self::Device => device::sign_in(broker, sign_in).await,
        }
    }
}

fn who(signed_in: &SignedIn) -> String {
    let credential = &signed_in.credential;
    match &credential.subject {
        Subject::Known(subject) => format!("{} acts as {}", credential.name, output::credential::subject(subject)),
        Subject::Unknown(reason) => format!("who {} acts as is unknown: {reason}", credential.name),
    }
}

fn report(signed_in: &SignedIn, common: &Common) -> Result<(), Failure> {
    let now = context::parts().clock.now();
    if common.json {
        return output::json::print(&output::json::credential(&signed_in.credential, &now));
    }
    output::note(&who(signed_in));
    output::note(&output::credential::validity(&signed_in.credential, &now));
    if !signed_in.missing.is_empty() {
        output::note(&format!("warning: requested but not granted: {}", signed_in.missing));
    }
    output::note(&format!("use it: lanyard exec {} -- COMMAND", signed_in.credential.name));
    Ok(())
}

pub(super) const EXAMPLES: &[Examples] =
    &[("login", &["lanyard login acme --app desk", "lanyard login acme --app desk --device", "lanyard login acme"])];
