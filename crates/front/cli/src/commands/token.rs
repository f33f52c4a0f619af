//! `lanyard token`: the access token and nothing else.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lanyard_broker::{HandOut, HandedOut, RecordHandOut, Shortfall};
use lanyard_credential::{CredentialName, Standing};
use zeroize::Zeroizing;

use crate::access::Access;
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output, signals};

#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is]
    name: Option<CredentialName>,
    /// How long the token should still last, in seconds; renewed first where it does not
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    min_validity: u64,
}

impl Token {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let name = context::credential(&broker, self.name).await?;
        let handed = hand_out(&broker, name, self.min_validity, common).await?;
        print(&handed)?;
        record(&broker, &handed, "token").await;
        // A renewal that takes long goes on after the old token is out; what it brings must be stored before this process ends.
        signals::guarded(&broker, broker.finished()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Gets a token, and says on stderr where it is less than was asked for.
pub(crate) async fn hand_out(
    broker: &Access,
    name: CredentialName,
    min_validity: u64,
    common: &Common,
) -> Result<HandedOut, Failure> {
    let call = HandOut { name, min_validity: Duration::from_secs(min_validity), expected: common.expected()? };
    let handed = signals::guarded(broker, broker.call(call)).await??;
    if let Some(shortfall) = &handed.shortfall {
        let lasts = handed.left.map_or_else(|| "an unknown time".to_owned(), output::duration::words);
        let why = match shortfall {
            Shortfall::NeverReached => "Webex gives no token that lasts longer",
            Shortfall::CannotRenew => "it cannot be renewed",
            Shortfall::RenewalFailed(why) => why,
            Shortfall::RenewalSlow => "another process is renewing it",
        };
        output::note(&format!("warning: the token of {} lasts {lasts}: {why}", handed.credential.name));
    } else if let Standing::NeedsLogin(trouble) = &handed.credential.standing {
        let advice = lanyard_broker::advice(&handed.credential, trouble, &context::parts().clock.now());
        let lasts = handed.left.map_or_else(|| "an unknown time".to_owned(), output::duration::words);
        output::note(&format!(
            "warning: this is the last token of {}, good for {lasts}; {advice}",
            handed.credential.name
        ));
    }
    Ok(handed)
}

/// Writes the hand-out down, after the token is out: a store that cannot be written keeps nobody from a valid token.
pub(crate) async fn record(broker: &Access, handed: &HandedOut, means: &str) {
    let call = RecordHandOut { credential: handed.credential.clone(), means: means.to_owned() };
    if let Err(error) = broker.call(call).await {
        output::note(&format!("warning: this hand-out is missing in the audit: {error}"));
    }
}

fn print(handed: &HandedOut) -> Result<(), Failure> {
    let token = handed.token.expose_secret();
    let mut text = Zeroizing::new(String::with_capacity(token.len() + 1));
    text.push_str(token);
    text.push('\n');
    // One write to the descriptor itself: the buffer of `std::io::Stdout` is not wiped.
    let mut out = std::fs::File::from(
        rustix::io::dup(rustix::stdio::stdout()).map_err(|error| Failure::from(std::io::Error::from(error)))?,
    );
    out.write_all(text.as_bytes()).map_err(Failure::io("cannot write to standard output"))
}
