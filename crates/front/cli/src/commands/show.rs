//! `lanyard show`.

use std::process::ExitCode;

use clap::Args;
use lanyard_credential::CredentialName;

use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is]
    name: Option<CredentialName>,
}

impl Show {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let credential =
            broker.call(lanyard_broker::Show { name: context::credential(&broker, self.name).await? }).await?;
        let now = context::parts().clock.now();
        if common.json {
            output::json::print(&output::json::credential(&credential, &now))?;
        } else {
            let whose = context::troubled(&broker, &credential).await?;
            let via = match &credential.mint {
                Some(mint) => {
                    let all = broker.call(lanyard_broker::List).await?;
                    let via = all.into_iter().find(|other| other.id == mint.via);
                    Some(via.map_or_else(|| "a credential that is gone".to_owned(), |via| via.name.to_string()))
                }
                None => None,
            };
            output::block(&output::credential::show(&credential, &whose, via.as_deref(), &now))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
