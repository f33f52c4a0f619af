//! `lanyard show`.

use std::process::ExitCode;

use clap::Args;
use lanyard_credential::CredentialName;

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Show one credential
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is]
    name: Option<CredentialName>,
}

impl Show {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        context::warn_if_paused(&broker).await;
        let name = context::credential(&broker, self.name).await?;
        let credential = broker.perform(lanyard_broker::Show { name }).await?.credential;
        let now = context::parts().clock.now();
        let all = if credential.mint.is_some() { context::all(&broker).await? } else { Vec::new() };
        if common.json {
            output::json::print(&output::json::credential_among(&credential, &all, &now))?;
        } else {
            let whose = context::troubled(&broker, &credential).await?;
            output::block(&output::credential::show(&credential, &whose, &all, &now))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) const EXAMPLES: &[Examples] = &[("show", &["lanyard show acme", "lanyard show acme --json | jq -r .state"])];
