//! `lanyard refresh`.

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::Refreshed;
use lanyard_credential::CredentialName;

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Renew a credential now
#[derive(Debug, Args)]
pub(crate) struct Refresh {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is]
    name: Option<CredentialName>,
    /// Renew even if it is not due, or if Lanyard is waiting after a failure
    #[arg(long)]
    force: bool,
    /// Renew without waiting for a process that began a renewal and is stuck, or cannot be seen; implies --force
    #[arg(long)]
    take_over: bool,
}

impl Refresh {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let name = context::credential(&broker, self.name).await?;
        let (force, take_over, expected) = (self.force, self.take_over, common.expected()?);
        let call = lanyard_broker::Refresh { name, force, take_over, expected };
        let refreshed = broker.perform(call).await?;
        let now = context::parts().clock.now();
        let (credential, what) = match &refreshed {
            Refreshed::Rotated(credential) => (credential, "renewed"),
            Refreshed::RotatedElsewhere(credential) => (credential, "was just renewed by another process"),
            Refreshed::NotDue(credential) => (credential, "needs no renewal yet (--force renews it anyway)"),
        };
        if common.json {
            output::json::print(&context::shown(&broker, credential).await)?;
        } else {
            let validity = output::credential::validity(credential, &now);
            output::note(&format!("{} {what}; {validity}", credential.name));
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) const EXAMPLES: &[Examples] =
    &[("refresh", &["lanyard refresh acme", "lanyard refresh acme --force", "lanyard refresh acme --take-over"])];
