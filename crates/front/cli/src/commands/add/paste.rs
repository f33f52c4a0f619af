//! `lanyard add bot`, `lanyard add personal`: tokens that a person pastes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{AddToken, AddedToken, Precheck};
use lanyard_credential::{Credential, CredentialName, Kind, Subject};
use lanyard_protocol::PersonType;
use lanyard_secret::AccessToken;

use super::whose;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output, prompt};

#[derive(Debug, Args)]
pub(crate) struct Paste {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: CredentialName,
    /// A file with the token, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Allow the credential to change to a different account
    #[arg(long)]
    replace: bool,
}

/// The command that makes a credential that can be renewed, for the account of a personal token.
fn lasting(credential: &Credential) -> &'static str {
    match &credential.subject {
        Subject::Known(subject) if subject.account == PersonType::AppUser => "lanyard add service-app NAME --app APP",
        _ => "lanyard login NAME --app APP",
    }
}

impl Paste {
    pub(super) async fn run(self, kind: Kind, common: &Common) -> Result<ExitCode, Failure> {
        let environment = common.environment()?;
        let (name, of) = (self.name.clone(), environment.clone());
        let opened = common.checked(Precheck::AddToken { name, kind, environment: of }).await?;
        let text = prompt::secret("access token", "--token-file", self.token_file.as_deref())?;
        let broker = common.or_new(opened).await?;
        let token = AccessToken::new(text.as_str());
        let call = AddToken { name: self.name, kind, environment, token, replace: self.replace };
        let added = broker.perform(call).await?;
        let credential = added.credential();
        let now = context::parts().clock.now();
        if common.json {
            output::json::print(&output::json::credential(credential, &now))?;
            return Ok(ExitCode::SUCCESS);
        }
        let done = match &added {
            AddedToken::Added(_) => "added",
            AddedToken::Replaced(_) => "gave a new token to",
        };
        output::note(&format!("{done} {}; {}", credential.name, whose(credential)));
        output::note(&output::credential::validity(credential, &now));
        match kind {
            Kind::Bot => output::note(&format!(
                "see which devices it was granted: lanyard test {} --for devices",
                credential.name
            )),
            _ => output::note(&format!("it cannot be renewed; for lasting access: {}", lasting(credential))),
        }
        Ok(ExitCode::SUCCESS)
    }
}
