//! `lanyard token`: the access token and nothing else; with `--json` also its end.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lanyard_broker::{HandOut, Shortfall, TakeToken, TakenToken};
use lanyard_credential::CredentialName;
use serde::Serialize;
use zeroize::Zeroizing;

use super::Examples;
use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::numbers;
use crate::{context, output};

/// Print an access token and nothing else
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is]
    name: Option<CredentialName>,
    /// How long the token should still be valid (300, 5m, 12h); renewed first if it is not
    #[arg(long, value_name = "TIME", default_value_t = 0, value_parser = numbers::seconds)]
    min_validity: u64,
}

impl Token {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let name = context::credential(&broker, self.name).await?;
        let taken = take(&broker, name, self.min_validity, MEANS, common).await?;
        let text = if common.json { in_json(&taken)? } else { plain(&taken) };
        print(&text)?;
        record(&broker, &taken, MEANS).await;
        Ok(ExitCode::SUCCESS)
    }
}

/// How the audit names what this command does.
const MEANS: &str = "token";

/// Gets a token, and says on stderr where it is less than was asked for. A broker writes it down at once; else see [`record`].
pub(crate) async fn take(
    access: &Access,
    name: CredentialName,
    min_validity: u64,
    means: &str,
    common: &Common,
) -> Result<TakenToken, Failure> {
    let (min_validity, expected) = (Duration::from_secs(min_validity), common.expected()?);
    let taken = match access {
        Access::Remote(_) => {
            access.perform(TakeToken { name, min_validity, expected, means: means.to_owned() }).await?
        }
        Access::Local(broker) => {
            let call = HandOut { name, min_validity, expected };
            broker.taken(broker.perform(call).await?).await
        }
    };
    let lasts = || taken.left.map_or_else(|| "an unknown time".to_owned(), output::duration::words);
    if let Some(shortfall) = &taken.shortfall {
        let why = match shortfall {
            Shortfall::NeverReached => "Webex gives no token that lasts longer",
            Shortfall::CannotRenew => "it cannot be renewed",
            Shortfall::RenewalFailed(why) => why,
            Shortfall::RenewalSlow => "another process is renewing it",
        };
        let next = taken.last.as_ref().map(|advice| format!("; {advice}")).unwrap_or_default();
        output::note(&format!("warning: the token of {} lasts {}: {why}{next}", taken.name, lasts()));
    } else if let Some(advice) = &taken.last {
        output::note(&format!("warning: this is the last token of {}, valid for {}; {advice}", taken.name, lasts()));
    }
    Ok(taken)
}

/// Writes the hand-out down, after the token is out: a store that cannot be written keeps nobody from a valid token.
pub(crate) async fn record(access: &Access, taken: &TakenToken, means: &str) {
    let missing = match access {
        Access::Remote(_) => taken.unrecorded.clone(),
        Access::Local(broker) => broker.perform(taken.record(means)).await.err().map(|error| error.to_string()),
    };
    if let Some(why) = missing {
        output::note(&format!("warning: this hand-out is missing from the audit: {why}"));
    }
}

fn plain(taken: &TakenToken) -> Zeroizing<Vec<u8>> {
    let secret = taken.token.expose_secret();
    let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
    text.extend_from_slice(secret.as_bytes());
    text.push(b'\n');
    text
}

/// As the HTTP API says it.
#[derive(Serialize)]
struct Told<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: Option<u64>,
    expires_at: Option<String>,
}

fn in_json(taken: &TakenToken) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let end = taken.left.and_then(|left| context::parts().clock.now().wall.checked_add(left).ok());
    let told = Told {
        access_token: taken.token.expose_secret(),
        token_type: "Bearer",
        expires_in: taken.left.map(|left| left.as_secs()),
        expires_at: end.map(|end| format!("{end:.0}")),
    };
    // Long enough never to grow, which would leave the token behind.
    let mut text = Zeroizing::new(Vec::with_capacity(6 * told.access_token.len() + 256));
    serde_json::to_writer_pretty(&mut *text, &told).map_err(|error| Failure::from(std::io::Error::from(error)))?;
    text.push(b'\n');
    Ok(text)
}

fn print(text: &[u8]) -> Result<(), Failure> {
    // One write to the descriptor itself: the buffer of `std::io::Stdout` is not wiped.
    let mut out = std::fs::File::from(
        rustix::io::dup(rustix::stdio::stdout()).map_err(|error| Failure::from(std::io::Error::from(error)))?,
    );
    output::written(out.write_all(text))
}

pub(super) const EXAMPLES: &[Examples] =
    &[("token", &["lanyard token acme", "lanyard token acme --min-validity 3600", "lanyard token acme --json"])];
