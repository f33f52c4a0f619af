//! `lanyard key`: the key that the home's secrets stand under.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use lanyard_broker::{Class, RenewDataKeys};
use lanyard_home::{KeyPlace, KeyReplaced, KeyStatus};
use lanyard_store::DataKeysRenewed;
use lanyard_vault::{HomeKey, KeyLine, KeySource};
use serde_json::{Value, json};

use crate::context::Common;
use crate::exit::{self, Failure};
use crate::{context, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Show the home's key id, where the key is kept, and how many rows of the database it encrypts
    Show,
    /// Replace the home's key, or continue a replacement; the home stays in use
    Rotate(Rotate),
    /// Print a new key, for a key command or a key file that you provide
    Generate(Generate),
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Where to keep the new key [default: where the current one is]; `passphrase` prompts for a new passphrase
    #[arg(long, value_enum, value_name = "SOURCE")]
    to: Option<Target>,
    /// Also re-encrypt every token and secret under a new data key, if another person may have read the key and the database
    ///
    /// Tokens that were read stay valid: revoke them with `lanyard clear`, and sign in again. The home's own data key, which
    /// authenticates the audit, the list of clients and the rows, stays the same. A person who has read it, and can write to the
    /// database later, can still forge these: then make a new home and sign in again.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Print it even to a terminal, where it stays in the scrollback
    #[arg(long)]
    force: bool,
}

/// Where a key can be moved to.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    /// A file of the home, its owner's alone
    File,
    /// The keyring of this session: the Secret Service, or the Keychain
    Keyring,
    /// A file of the home, locked under a passphrase
    Passphrase,
    /// What `key_command` in the home's lanyard.toml prints
    Command,
}

impl From<Target> for KeySource {
    fn from(target: Target) -> Self {
        match target {
            Target::File => Self::File,
            Target::Keyring => Self::Keyring,
            Target::Passphrase => Self::Passphrase,
            Target::Command => Self::Command,
        }
    }
}

impl Key {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Show => {
                let status = common.open_home().await?.key_status().await?;
                if common.json {
                    output::json::print(&as_json(&status))?;
                } else {
                    output::block(&in_words(&status))?;
                }
            }
            Self::Rotate(rotate) => {
                let to = rotate.to.map(KeySource::from);
                let home = common.open_home().await?;
                let replaced = home.replace_key(to).await?;
                let renewed = if rotate.all {
                    Some(context::broker_over(&home.store, context::parts())?.call(RenewDataKeys).await?)
                } else {
                    None
                };
                tell(&replaced, renewed.as_ref(), common.json)?;
                if context::is_on_server(&common.home()?) {
                    output::note(&format!(
                        "warning: other homes of this store cannot open it before they have the key {} too: bring it to each of them now, where \
                         they have theirs",
                        replaced.new
                    ));
                }
                if renewed.is_some_and(|renewed| !renewed.damaged.is_empty()) {
                    return Ok(ExitCode::from(exit::code_of(Class::Store)));
                }
            }
            Self::Generate(generate) => generate.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Generate {
    fn run(&self) -> Result<(), Failure> {
        if std::io::stdout().is_terminal() && !self.force {
            return Err(Failure::Usage {
                message: "a key does not belong on a terminal, where it stays in the scrollback".to_owned(),
                hint: "write it into a file or give it to a program: (umask 077; lanyard key generate > FILE)"
                    .to_owned(),
            });
        }
        let key = HomeKey::generate(&*context::parts().entropy);
        output::line(KeyLine::Open(key).to_text().trim_end())
    }
}

fn in_words(status: &KeyStatus) -> output::table::Block {
    let mut rows = vec![
        ("key", status.id.to_string()),
        ("source", status.place.source.to_string()),
        ("kept in", status.place.to_string()),
        ("rows", status.rows.to_string()),
    ];
    if let Some(next) = &status.next {
        rows.push(("replaced by", format!("{}, since {:.0}: {} rows so far", next.key.id, next.key.since, next.rows)));
        rows.push(("kept in", next.place.to_string()));
        rows.push(("hint", UNFINISHED.to_owned()));
    }
    if let Some((id, place)) = &status.to_remove {
        rows.push(("to remove", format!("{id}, from {place}")));
        rows.push(("hint", UNREMOVED.to_owned()));
    }
    output::table::facts(&rows)
}

/// The hint about a replacement that was interrupted.
pub(crate) const UNFINISHED: &str = "finish it: lanyard key rotate";

/// The hint about a replaced key that is still where it was kept.
pub(crate) const UNREMOVED: &str =
    "any lanyard command removes it, where it can be reached: run one in the session that has it";

fn as_json(status: &KeyStatus) -> Value {
    json!({
        "id": status.id.to_string(),
        "place": place(&status.place),
        "rows": status.rows,
        "next": status.next.as_ref().map(|next| json!({
            "id": next.key.id.to_string(),
            "place": place(&next.place),
            "rows": next.rows,
            "since": output::json::time(Some(next.key.since)),
        })),
        "to_remove": status.to_remove.as_ref().map(|(id, kept)| json!({ "id": id.to_string(), "place": place(kept) })),
    })
}

/// A place, for a program.
pub(crate) fn place(place: &KeyPlace) -> Value {
    json!({ "source": place.source.as_str(), "path": place.path, "program": place.program })
}

fn data_keys(rows: u64) -> String {
    if rows == 1 { "1 data key".to_owned() } else { format!("{rows} data keys") }
}

fn tell(replaced: &KeyReplaced, renewed: Option<&DataKeysRenewed>, as_json: bool) -> Result<(), Failure> {
    let KeyReplaced { old, old_place, new, new_place, rows, resumed, left_behind } = replaced;
    if as_json {
        output::json::print(&json!({
            "old": { "id": old.to_string(), "place": place(old_place), "left_behind": left_behind },
            "new": { "id": new.to_string(), "place": place(new_place) },
            "rows": rows,
            "resumed": resumed,
            "data_keys": renewed.map(|renewed| json!({ "rows": renewed.rows, "damaged": renewed.damaged })),
        }))?;
    } else {
        let again = if *resumed { ", as was begun earlier" } else { "" };
        output::note(&format!("the home's key is {new} now{again}; it is kept in {new_place}"));
        output::note(&format!(
            "re-encrypted {} with it: those of credentials, apps and queued revocations, and the home's own",
            data_keys(*rows)
        ));
        if let Some(DataKeysRenewed { rows, damaged }) = renewed {
            output::note(&format!(
                "replaced {}, and re-encrypted the tokens and secrets under them; the home's own data key stays the same",
                data_keys(*rows)
            ));
            output::note("tokens that were read before stay valid: revoke them with lanyard clear, and sign in again");
            if !damaged.is_empty() {
                output::note(&format!("not re-encrypted, because they cannot be decrypted: {}", damaged.join(", ")));
                output::note("hint: see which they are: lanyard doctor");
            }
        }
    }
    match left_behind {
        Some(why) => output::note(&format!("warning: the old key {old} is still in {old_place}: {why}")),
        None if old_place.source.is_provided() => {
            output::note(&format!("nothing needs the old key {old} any more: {old_place} may stop providing it"));
        }
        None => {}
    }
    output::note(&format!("older backups open only with the old key {old}: make a new backup"));
    Ok(())
}
