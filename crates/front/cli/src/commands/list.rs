//! `lanyard list`.

use std::process::ExitCode;

use clap::Args;

use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let credentials = match common.broker_if_any().await? {
            Some(broker) => broker.call(lanyard_broker::List).await?,
            None => Vec::new(),
        };
        let now = context::parts().clock.now();
        if common.json {
            let all: Vec<_> = credentials.iter().map(|credential| output::json::credential(credential, &now)).collect();
            output::json::print(&all)?;
        } else if credentials.is_empty() {
            output::note("there is no credential yet; make one: lanyard login NAME --app APP, or lanyard add bot NAME");
        } else {
            output::line(&output::credential::list(&credentials, &now))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
