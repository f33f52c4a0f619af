//! `lanyard show`.

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::ListApps;
use lanyard_credential::CredentialName;

use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The credential
    name: CredentialName,
}

impl Show {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let credential = broker.call(lanyard_broker::Show { name: self.name }).await?;
        let now = context::parts().clock.now();
        if common.json {
            output::json::print(&output::json::credential(&credential, &now))?;
        } else {
            let apps = broker.call(ListApps).await?;
            let app = apps.iter().find(|app| Some(app.id) == credential.app).map(|app| app.name.as_str());
            output::line(&output::credential::show(&credential, app, &now))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
