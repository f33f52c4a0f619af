//! `lanyard rename`.

use std::process::ExitCode;

use clap::Args;
use lanyard_credential::CredentialName;

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Rename a credential
#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// The credential
    name: CredentialName,
    /// The new name
    new_name: CredentialName,
}

impl Rename {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let call = lanyard_broker::Rename { from: self.name.clone(), to: self.new_name };
        let credential = broker.perform(call).await?;
        if common.json {
            output::json::print(&context::shown(&broker, &credential).await)?;
        } else {
            output::note(&format!("renamed {} to {}", self.name, credential.name));
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) const EXAMPLES: &[Examples] = &[("rename", &["lanyard rename lobby foyer"])];
