//! `lanyard backup`: a copy of the store.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use lanyard_home::BackupError;
use serde_json::json;

use super::Examples;
use super::key::place;
use crate::context::Common;
use crate::exit::Failure;
use crate::output;

/// Back up the store while it is in use, without its key
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where to write it; nothing is overwritten
    file: PathBuf,
}

impl Backup {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        // Other programs write to standard output here; this one would write a file of that name.
        if self.file == Path::new("-") {
            return Err(Failure::Usage {
                message: "a backup is a file, and is not written to standard output".to_owned(),
                hint: "name a file; ./- is one of that name".to_owned(),
            });
        }
        // Before a passphrase is asked for.
        if self.file.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(self.file).into());
        }
        let made = common.open_home().await?.backup(&self.file).await?;
        if common.json {
            output::json::print(&json!({
                "file": made.path,
                "bytes": made.bytes,
                "made_at": output::json::time(Some(made.made_at)),
                "key": { "id": made.key.to_string(), "place": place(&made.key_place) },
            }))?;
        } else {
            output::note(&format!("copied the store to {}", made.path.display()));
        }
        output::note(&format!(
            "the key {} that opens it is not in it; it is kept in {}: keep a copy of that elsewhere, never beside this file",
            made.key, made.key_place
        ));
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) const EXAMPLES: &[Examples] = &[("backup", &["lanyard backup /mnt/backup/lanyard.db"])];
