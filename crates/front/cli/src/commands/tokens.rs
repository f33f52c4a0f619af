//! `lanyard tokens`: the live tokens that Webex knows of a credential's subject.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_broker::views::{LiveTokenView, LiveTokensView, RevokedTokensView};
use lanyard_broker::{ListTokens, LiveToken, LiveTokens, MOST_LIVE_TOKENS, RevokeTokens, Which, Whose};
use lanyard_credential::CredentialName;
use lanyard_protocol::AuthorizationId;

use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::output;
use crate::output::table;

/// List or revoke the live tokens that Webex reports
#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Show the live tokens that apps hold for a credential's subject
    List(List),
    /// Revoke live tokens of a credential's subject
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// The credential
    name: CredentialName,
    /// An administrator's credential with `identity:tokens_read` [default: one that is known to have it]
    #[arg(long, value_name = "ADMIN")]
    via: Option<CredentialName>,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The credential
    name: CredentialName,
    /// The tokens to revoke, by the ids that the list shows
    #[arg(value_name = "ID", required_unless_present = "superseded")]
    ids: Vec<String>,
    /// Revoke all access tokens of the credential's own app that were issued before the current one
    #[arg(long, conflicts_with = "ids")]
    superseded: bool,
    /// An administrator's credential with `identity:tokens_write` [default: one that is known to have it]
    #[arg(long, value_name = "ADMIN")]
    via: Option<CredentialName>,
}

impl Tokens {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run(common).await,
            Self::Revoke(revoke) => revoke.run(common).await,
        }
    }
}

impl List {
    async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let live = broker.perform(ListTokens { name: self.name, via: self.via, expected: common.expected()? }).await?;
        if common.json {
            output::json::view(&LiveTokensView::of(&live))?;
        } else {
            show(&live)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Revoke {
    async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let which = if self.superseded {
            Which::Superseded
        } else {
            Which::These(self.ids.iter().map(|id| AuthorizationId::new(id.as_str())).collect())
        };
        let call = RevokeTokens { name: self.name, via: self.via, which, expected: common.expected()? };
        let revoked = broker.perform(call).await?;
        if common.json {
            output::json::view(&RevokedTokensView::of(&revoked))?;
        } else if revoked.is_empty() {
            output::note("nothing to revoke: none of our tokens is older than the current one by five minutes or more");
        } else {
            output::note(&format!(
                "revoked: {}; Webex may accept an access token for a few more minutes",
                revoked.len()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(live: &LiveTokens) -> Result<(), Failure> {
    if live.tokens.is_empty() {
        output::note(
            "Webex lists no token; it lists what apps obtained, and neither bots' nor personal nor guests' tokens",
        );
    } else {
        let rows = live.tokens.iter().map(row).collect();
        output::block(&table::render(&["KIND", "APP", "MADE", "OURS", table::ID], rows))?;
    }
    output::note(&format!(
        "access tokens that are live: {}, of at most {MOST_LIVE_TOKENS}; asked through {}",
        live.access_tokens(),
        live.via
    ));
    if live.tokens.iter().any(|token| token.whose == Whose::Superseded) {
        output::note(&format!(
            "\"superseded\" is a guess by time, since Webex does not say which token is which; revoke those: lanyard tokens revoke {} \
             --superseded",
            live.credential.name
        ));
    }
    Ok(())
}

fn row(token: &LiveToken) -> Vec<String> {
    let LiveTokenView { id, kind, application_name, client_id, created, ours } = LiveTokenView::of(token);
    let app = if application_name.is_empty() { client_id.unwrap_or_default() } else { application_name };
    vec![kind.to_owned(), app, created.unwrap_or_else(|| "unknown".to_owned()), ours.to_owned(), id]
}

pub(super) const EXAMPLES: &[Examples] = &[
    ("tokens list", &["lanyard tokens list acme --via admin"]),
    ("tokens revoke", &["lanyard tokens revoke acme --superseded", "lanyard tokens revoke acme Y2lz --via admin"]),
];
