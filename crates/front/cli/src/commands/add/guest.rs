//! `lanyard add guest`.

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::AddGuest;
use lanyard_credential::{CredentialName, GuestSubject};

use crate::context::Common;
use crate::exit::Failure;

#[derive(Debug, Args)]
pub(crate) struct Guest {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: CredentialName,
    /// The service app's credential that issues the guest; it needs guest-issuer:write
    #[arg(long, value_name = "NAME")]
    via: CredentialName,
    /// Your own id for the guest; reusing it gives the same guest
    #[arg(long)]
    subject: GuestSubject,
    /// The name that others see
    #[arg(long, value_name = "NAME")]
    display_name: String,
}

impl Guest {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let call = AddGuest {
            name: self.name,
            via: self.via,
            subject: self.subject,
            display_name: self.display_name,
            expected: common.expected()?,
        };
        let added = broker.perform(call).await?;
        super::report(&broker, &added, common).await
    }
}
