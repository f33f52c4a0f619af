//! `lanyard add service-app`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{AddServiceApp, Precheck, ServiceAppSource};
use lanyard_credential::{AppName, CredentialName};
use lanyard_protocol::{OrgId, WebexId};
use lanyard_secret::RefreshToken;

use crate::context::Common;
use crate::exit::Failure;
use crate::prompt;

#[derive(Debug, Args)]
pub(crate) struct ServiceApp {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: CredentialName,
    /// The service app, as lanyard app list names it
    #[arg(long)]
    app: AppName,
    /// A file with the refresh token that the developer portal shows, `-` for standard input [default: a hidden prompt]
    #[arg(long, value_name = "FILE", conflicts_with = "target_org")]
    refresh_token_file: Option<PathBuf>,
    /// The id of the organisation that authorises the app; Lanyard obtains its tokens through --via
    #[arg(long, value_name = "ORG", requires = "via")]
    target_org: Option<String>,
    /// The credential that asks: an integration's with `spark:applications_token`
    #[arg(long, value_name = "NAME", requires = "target_org")]
    via: Option<CredentialName>,
    /// Allow the credential to change to a different organisation
    #[arg(long, conflicts_with = "target_org")]
    replace: bool,
}

impl ServiceApp {
    pub(super) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let expected = common.expected()?;
        let via = match (self.target_org, self.via) {
            (Some(organisation), Some(name)) => Some((organisation_id(&organisation)?, name)),
            _ => None,
        };
        let broker = common.broker().await?;
        let source = if let Some((organisation, name)) = via {
            ServiceAppSource::Via { name, organisation }
        } else {
            let (name, app) = (self.name.clone(), self.app.clone());
            broker.perform(Precheck::AddServiceApp { name, app, expected: expected.clone() }).await?;
            let text = prompt::secret("refresh token", "--refresh-token-file", self.refresh_token_file.as_deref())?;
            ServiceAppSource::RefreshToken(RefreshToken::new(text.as_str()))
        };
        let call = AddServiceApp { name: self.name, app: self.app, source, replace: self.replace, expected };
        let added = broker.perform(call).await?;
        super::report(&broker, &added, common).await
    }
}

/// Webex's own id, or the UUID inside it, as Control Hub shows it.
fn organisation_id(text: &str) -> Result<OrgId, Failure> {
    let is_uuid = text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_uuid {
        let id =
            WebexId { cluster: "us".to_owned(), kind: "ORGANIZATION".to_owned(), value: text.to_ascii_lowercase() };
        return Ok(OrgId::new(id.encode()));
    }
    match WebexId::decode(text) {
        Ok(id) if id.kind == "ORGANIZATION" => Ok(OrgId::new(text)),
        Ok(id) => Err(Failure::Usage {
            message: format!("this is an id of the kind {}, not an organisation's", id.kind),
            hint: HINT.to_owned(),
        }),
        Err(_) => {
            Err(Failure::Usage { message: "this is not the id of an organisation".to_owned(), hint: HINT.to_owned() })
        }
    }
}

const HINT: &str = "Control Hub shows it under Management, Account; GET /organizations lists it";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_is_named_by_either_id() {
        let uuid = "0a1b2c3d-0000-4000-8000-00000000000A";
        let webex = organisation_id(uuid).expect("a UUID");
        assert_eq!(organisation_id(webex.as_str()).expect("an id"), webex);
        assert!(WebexId::decode(webex.as_str()).is_ok_and(|id| id.value == uuid.to_ascii_lowercase()));
    }

    #[test]
    fn another_id_is_told_from_an_organisations() {
        let person = WebexId { cluster: "us".into(), kind: "PEOPLE".into(), value: "x".into() }.encode();
        assert!(organisation_id(&person).is_err_and(|error| error.to_string().contains("of the kind PEOPLE")));
        assert!(organisation_id("acme").is_err());
    }
}
