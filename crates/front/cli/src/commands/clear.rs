//! `lanyard clear`.

use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{Cleared, Listed, Precheck, Revocation, RevocationOutcome, Show};
use lanyard_credential::{Credential, CredentialName, Kind};
use lanyard_operation::Class;
use lanyard_store::TokenKind;
use serde_json::json;

use super::Examples;
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::output;
use crate::prompt::Sure;

/// Revoke and erase a credential
#[derive(Debug, Args)]
pub(crate) struct Clear {
    /// The credential
    name: CredentialName,
    #[command(flatten)]
    sure: Sure,
}

impl Clear {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let expected = common.expected()?;
        let broker = common.broker().await?;
        if self.sure.asks() {
            broker.perform(Precheck::Clear { name: self.name.clone(), expected: expected.clone() }).await?;
            let (acts_as, end) = match broker.perform(Show { name: self.name.clone() }).await {
                Ok(Listed { credential, .. }) => {
                    (format!("which acts as {}", output::credential::acts_as_in_full(&credential)), end(&credential))
                }
                // It can be cleared all the same.
                Err(error) => (format!("although {error}"), REVOKED),
            };
            self.sure.confirm(&format!("Clear {}, {acts_as}? {end}", self.name))?;
        }
        let call = lanyard_broker::Clear { name: self.name, expected };
        let cleared = broker.perform(call).await?;
        if common.json {
            let tokens: Vec<_> = cleared.revocations.iter().map(json_of).collect();
            let holders = if is_left(&cleared) { output::holders::json(&cleared.holders) } else { json!([]) };
            output::json::print(&json!({
                "name": cleared.name.as_str(),
                "tokens": tokens,
                "holders": holders,
                "minted_through": output::holders::names(&cleared.minted),
            }))?;
        } else {
            let rest = if waits(&cleared) {
                "; tokens that could not be revoked yet are kept sealed until they are"
            } else {
                ""
            };
            output::note(&format!("cleared {}: erased from this home{rest}", cleared.name));
            for revocation in &cleared.revocations {
                output::note(&format!("  {}", sentence(revocation)));
            }
            if let Some(page) = page(&cleared) {
                output::note(&page);
            }
            if is_left(&cleared) {
                output::holders::note(&cleared.holders);
            }
            output::holders::minted(&cleared.minted);
        }
        let code = if waits(&cleared) { exit::code_of(Class::Unreachable) } else { 0 };
        Ok(ExitCode::from(code))
    }
}

/// What clearing a credential does. Only an app's secret revokes a token, and some kinds have no app.
fn end(credential: &Credential) -> &'static str {
    match credential.kind {
        _ if credential.app.is_some() => REVOKED,
        Kind::Bot => "It is erased from this home; its token stays valid at Webex until you regenerate it there",
        Kind::Personal => {
            "It is erased from this home; its token stays valid at Webex until it expires, within 12 hours"
        }
        Kind::Guest => "It is erased from this home; its token stays valid at Webex until it expires, within a day",
        Kind::Integration | Kind::ServiceApp | Kind::WorkspaceIntegration => REVOKED,
    }
}

const REVOKED: &str = "Its tokens are revoked and it is erased from this home";

/// Whether a token waits for Webex to be reached.
fn waits(cleared: &Cleared) -> bool {
    cleared.revocations.iter().any(|revocation| matches!(revocation.outcome, RevocationOutcome::Queued { .. }))
}

pub(crate) fn sentence(revocation: &Revocation) -> String {
    let what = word(revocation.token);
    match &revocation.outcome {
        RevocationOutcome::Revoked => format!("{what}: revoked"),
        RevocationOutcome::RevokedByListing { guess: false } => {
            format!("{what}: revoked by an administrator's credential, through the Authorizations API")
        }
        RevocationOutcome::RevokedByListing { guess: true } => format!(
            "{what}: probably revoked by an administrator's credential, through the Authorizations API; only its time identified it"
        ),
        RevocationOutcome::Queued { reason } => {
            format!("{what}: not revoked yet ({reason}); lanyard doctor tries again, for seven days")
        }
        RevocationOutcome::NotRevoked { reason } => format!("{what}: NOT revoked: {reason}"),
    }
}

/// Whether some token may still be used.
fn is_left(cleared: &Cleared) -> bool {
    let left = |revocation: &Revocation| {
        matches!(revocation.outcome, RevocationOutcome::Queued { .. } | RevocationOutcome::NotRevoked { .. })
    };
    cleared.revocations.iter().any(left)
}

pub(crate) fn word(token: TokenKind) -> &'static str {
    match token {
        TokenKind::Access => "access token",
        TokenKind::Refresh => "refresh token",
    }
}

fn json_of(revocation: &Revocation) -> serde_json::Value {
    let (token, outcome, reason) = revocation.words();
    json!({ "token": token, "outcome": outcome, "reason": reason })
}

/// The page to visit for what could not be revoked from here.
fn page(cleared: &Cleared) -> Option<String> {
    let left = |revocation: &Revocation| matches!(revocation.outcome, RevocationOutcome::NotRevoked { .. });
    if !cleared.revocations.iter().any(left) {
        return None;
    }
    let pages = cleared.environment.pages();
    Some(match cleared.kind {
        Kind::Bot => format!("to end a bot's token, regenerate it: {}", pages.apps),
        Kind::Personal if pages.are_local => {
            "the local Webex cannot revoke a personal token; it expires within 12 hours".to_owned()
        }
        Kind::Personal => {
            format!("to end a personal token, sign out at {}; it expires within 12 hours", pages.portal)
        }
        Kind::Integration => match pages.connected_apps {
            Some(page) => format!("to end an integration's access, remove it: {page}"),
            None => "the local Webex has no page to revoke an integration's access; stop it to discard the access"
                .to_owned(),
        },
        Kind::Guest => "a guest's token cannot be revoked; it expires within a day".to_owned(),
        Kind::ServiceApp => {
            format!("to end a service app's access, an administrator withdraws it: {}", pages.service_apps)
        }
        Kind::WorkspaceIntegration => {
            "to end a workspace integration's access, an administrator removes it in Control Hub".to_owned()
        }
    })
}

pub(super) const EXAMPLES: &[Examples] = &[("clear", &["lanyard clear acme", "lanyard clear acme --yes"])];
