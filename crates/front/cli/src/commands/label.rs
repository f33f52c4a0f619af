//! `lanyard label`.

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{ChangeLabels, Show};
use lanyard_credential::{CredentialName, Label as KeyAndValue, LabelKey};

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Add labels to a credential, for lanyard list to filter by
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// The credential
    name: CredentialName,
    /// A label to add; replaces a label with the same key
    #[arg(value_name = "KEY=VALUE", required_unless_present = "remove")]
    labels: Vec<KeyAndValue>,
    /// The key of a label to remove; may be repeated
    #[arg(long, value_name = "KEY")]
    remove: Vec<LabelKey>,
}

impl Label {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        if !self.remove.is_empty() {
            let before = broker.perform(Show { name: self.name.clone() }).await?.credential;
            for key in self.remove.iter().filter(|key| !before.labels.contains_key(key.as_str())) {
                output::note(&format!("warning: {} has no label {key}", self.name));
            }
        }
        let call = ChangeLabels { name: self.name, remove: self.remove, set: self.labels };
        let credential = broker.perform(call).await?;
        if common.json {
            output::json::print(&context::shown(&broker, &credential).await)?;
            return Ok(ExitCode::SUCCESS);
        }
        let labels: Vec<_> = credential.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        output::note(&if labels.is_empty() {
            format!("{} has no labels", credential.name)
        } else {
            format!("the labels of {}: {}", credential.name, labels.join(", "))
        });
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) const EXAMPLES: &[Examples] =
    &[("label", &["lanyard label lobby site=bern", "lanyard label lobby --remove site"])];
