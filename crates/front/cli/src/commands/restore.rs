//! `lanyard restore`: a home out of a backup.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{Resume, Tried, Verdict};
use serde_json::json;

use super::Examples;
use crate::context::{BrokerStatus, Common};
use crate::exit::Failure;
use crate::{context, output};

/// Restore a home from a backup, or resume it
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup, as lanyard backup made it
    #[arg(required_unless_present = "resume")]
    file: Option<PathBuf>,
    /// A file with the key that the home had then; it is copied into the home [default: the place that the backup names]
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    key_file: Option<PathBuf>,
    /// Resume a restored home; only if the original will never run again
    #[arg(long, conflicts_with = "file")]
    resume: bool,
}

impl Restore {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self.file {
            Some(file) => restore(common, file, self.key_file).await,
            None => resume(common).await,
        }
    }
}

async fn restore(common: &Common, file: PathBuf, key_file: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let home = common.home()?.directory;
    // Its database was taken away under its hands, or it is about to be: it must not go on beside the restored one.
    if let Some(BrokerStatus { socket, .. }) = common.broker_status().await? {
        return Err(Failure::Other {
            message: format!("a broker runs in {}", home.display()),
            hint: Some(format!("stop it first, and restore then: it answers on {}", socket.display())),
        });
    }
    let parts = context::parts();
    let store_parts = context::store_parts(&parts);
    let options = context::options()?;
    let restored = lanyard_home::restore(&home, &file, key_file.as_deref(), store_parts, options).await?;
    let key = restored.key;
    let broker = context::broker_over(&restored.home.store, parts)?;
    let tried = broker.try_tokens().await?;
    if common.json {
        let credentials: Vec<_> = tried
            .iter()
            .map(|tried| {
                json!({
                    "name": tried.credential.name.as_str(),
                    "id": tried.credential.id.to_string(),
                    "access_token": tried.access.as_str(),
                    "message": why(&tried.access),
                    "refresh_token": if tried.renewable { "untried" } else { "none" },
                })
            })
            .collect();
        output::json::print(&json!({
            "home": home,
            "key": key.to_string(),
            "paused": true,
            "credentials": credentials,
        }))?;
    } else {
        output::note(&format!("restored {} from {}; the home is paused", home.display(), file.display()));
        if !tried.is_empty() {
            output::block(&table(&tried))?;
        }
    }
    if tried.iter().any(|tried| tried.renewable) {
        output::note(
            "refresh tokens cannot be tried without using them; the first renewal shows whether they are valid",
        );
    }
    output::note(
        "nothing is handed out or renewed here until you run lanyard restore --resume; first see that the original home is switched \
         off permanently: two homes that spend one refresh token can end it for both",
    );
    Ok(ExitCode::SUCCESS)
}

fn table(tried: &[Tried]) -> output::table::Block {
    let rows = tried
        .iter()
        .map(|tried| {
            let access = match why(&tried.access) {
                Some(why) => format!("{}: {why}", tried.access.as_str()),
                None => tried.access.as_str().to_owned(),
            };
            let refresh = if tried.renewable { "not tried" } else { "none" };
            let credential = &tried.credential;
            vec![credential.name.to_string(), credential.kind.to_string(), access, refresh.to_owned()]
        })
        .collect();
    output::table::render(&["NAME", "KIND", "ACCESS TOKEN", "REFRESH TOKEN"], rows)
}

fn why(verdict: &Verdict) -> Option<&str> {
    match verdict {
        Verdict::Unknown(why) | Verdict::Unreadable(why) => Some(why),
        Verdict::Accepted | Verdict::Refused | Verdict::None => None,
    }
}

async fn resume(common: &Common) -> Result<ExitCode, Failure> {
    let resumed = common.broker().await?.perform(Resume).await?;
    let said = if resumed { "the home is active again" } else { "the home was not paused; nothing changed" };
    if common.json {
        output::json::print(&json!({ "resumed": resumed }))?;
    } else {
        output::note(said);
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) const EXAMPLES: &[Examples] =
    &[("restore", &["lanyard restore /mnt/backup/lanyard.db --key-file home.key", "lanyard restore --resume"])];
