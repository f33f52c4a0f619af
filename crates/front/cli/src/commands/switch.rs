//! `lanyard disable`, `lanyard enable`.

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{Found, advice};
use lanyard_credential::CredentialName;
use serde_json::{Value, json};

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

/// Stop handing out and renewing a credential, without revoking it
#[derive(Debug, Args)]
pub(crate) struct Disable {
    /// The credential
    name: CredentialName,
}

/// Hand out and renew a credential again
#[derive(Debug, Args)]
pub(crate) struct Enable {
    /// The credential
    name: CredentialName,
}

impl Disable {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let disabled = broker.perform(lanyard_broker::Disable { name: self.name }).await?;
        let credential = &disabled.credential;
        if common.json {
            let mut shown = context::shown(&broker, credential).await;
            shown["holders"] = output::holders::json(&disabled.holders);
            shown["minted_through"] = output::holders::names(&disabled.minted);
            output::json::print(&shown)?;
            return Ok(ExitCode::SUCCESS);
        }
        let done = if disabled.already { "was disabled already" } else { "is disabled" };
        output::note(&format!("{} {done}: it is neither handed out nor renewed", credential.name));
        output::holders::note(&disabled.holders);
        output::holders::minted(&disabled.minted);
        output::note(&format!("nothing was revoked; to enable it again: lanyard enable {}", credential.name));
        Ok(ExitCode::SUCCESS)
    }
}

impl Enable {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let call = lanyard_broker::Enable { name: self.name, expected: common.expected()? };
        let enabled = broker.perform(call).await?;
        let (name, now) = (&enabled.credential.name, context::parts().clock.now());
        if common.json {
            let mut shown = context::shown(&broker, &enabled.credential).await;
            shown["found"] = enabled.found.as_ref().map_or(Value::Null, |found| json!(word(found)));
            output::json::print(&shown)?;
            return Ok(ExitCode::SUCCESS);
        }
        let Some(found) = &enabled.found else {
            output::note(&format!("{name} is not disabled; nothing was done"));
            return Ok(ExitCode::SUCCESS);
        };
        output::note(&format!("{name} is enabled"));
        match found {
            Found::NoToken => {
                output::note("it never had a token");
                output::note(&format!("hint: see what it waits for: lanyard show {name}"));
            }
            Found::Accepted => output::note(&format!(
                "Webex accepts its token; {}",
                output::credential::validity(&enabled.credential, &now)
            )),
            Found::Dead(trouble) => {
                output::note("Webex does not accept its token any more");
                let whose = context::troubled(&broker, &enabled.credential).await?;
                output::note(&format!("hint: {}", advice(&whose, trouble, &now)));
            }
            Found::Renewable => {
                output::note("Webex rejected the current token; the next renewal replaces it");
                output::note(&format!("hint: renew it now: lanyard refresh {name} --force"));
            }
            Found::Unknown(why) => {
                output::note(&format!("whether Webex still accepts its token is not known: {why}"));
                output::note(&format!("hint: find out later: lanyard test {name}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn word(found: &Found) -> &'static str {
    match found {
        Found::NoToken => "no-token",
        Found::Accepted => "accepted",
        Found::Dead(_) => "dead",
        Found::Renewable => "renewable",
        Found::Unknown(_) => "unknown",
    }
}

pub(super) const EXAMPLES: &[Examples] =
    &[("disable", &["lanyard disable acme"]), ("enable", &["lanyard enable acme"])];
