//! `lanyard key`: the key that the home's secrets stand under.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use lanyard_home::{KeyPlace, KeyReplaced, KeyStatus, OfferWithdrawn};
use lanyard_operation::Class;
use lanyard_store::{DamagedRow, DataKeysRenewed, RunningBroker};
use lanyard_vault::{HomeKey, KeyId, KeyLine, KeySource};
use serde_json::{Value, json};

use super::Examples;
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::{context, numbers, output};

/// Show or replace the key that encrypts the home's secrets
#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    /// Show the home's key id, where the key is kept, and how many rows of the database it encrypts
    Show,
    /// Replace the home's key, or continue a replacement; the home stays in use
    ///
    /// If several homes share the store, the new key becomes active once every running broker has it.
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
    /// How long to wait (60, 5m) for the running brokers of a shared store to have the new key [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = numbers::seconds)]
    wait: Option<u64>,
    /// Withdraw a new key that is not active yet; the current key stays
    #[arg(long, conflicts_with_all = ["to", "all", "wait"])]
    cancel: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Print it even to a terminal, where it stays in the scrollback
    #[arg(long)]
    force: bool,
}

/// Where a key can be moved to.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Target {
    /// A file in the home that only you can read
    File,
    /// The keyring of this session: the Secret Service, or the Keychain
    Keyring,
    /// A file in the home, locked under a passphrase
    Passphrase,
    /// The output of `key_command` in the home's lanyard.toml
    Command,
    /// The file that `LANYARD_KEY_FILE` names, which you provide
    KeyFile,
}

impl From<Target> for KeySource {
    fn from(target: Target) -> Self {
        match target {
            Target::File => Self::File,
            Target::Keyring => Self::Keyring,
            Target::Passphrase => Self::Passphrase,
            Target::Command => Self::Command,
            Target::KeyFile => Self::KeyFile,
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
            Self::Rotate(rotate) if rotate.cancel => {
                common.refuse_another_store().await?;
                tell_withdrawn(&common.open_home().await?.withdraw_offered_key().await?, common.json)?;
            }
            Self::Rotate(rotate) => {
                common.refuse_another_store().await?;
                let to = rotate.to.map(KeySource::from);
                let home = common.open_home().await?;
                let wait = rotate.wait.map_or(WAIT, Duration::from_secs);
                let replaced = home.replace_key_within(to, wait).await?;
                let renewed = if rotate.all {
                    Some(context::broker_over(&home.store, context::parts())?.renew_data_keys().await?)
                } else {
                    None
                };
                tell(&replaced, renewed.as_ref(), common.json)?;
                if context::is_on_server(&common.home()?) {
                    output::note(&format!(
                        "warning: homes of this store without a running broker need the key {} too; it is in {}",
                        replaced.new, replaced.new_place
                    ));
                    output::note(&format!("hint: {}", how_to_bring(replaced.new, &replaced.new_place)));
                    if matches!(replaced.old_place.source, KeySource::File | KeySource::Passphrase) {
                        output::note(&format!(
                            "the old key stays in the key files of the other homes; remove it there: sed -i.old '/{}/d' home.key && rm home.key.old",
                            replaced.old
                        ));
                    }
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

/// How a home without a running broker gets a new key.
fn how_to_bring(key: KeyId, place: &KeyPlace) -> String {
    match &place.path {
        Some(path) => format!(
            "append the line that this prints to the key file of each of them: grep -m 1 {key} {}",
            output::pasted::quoted(&path.to_string_lossy())
        ),
        None => format!("have {place} deliver it to each of them too"),
    }
}

fn in_words(status: &KeyStatus) -> output::table::Block {
    let mut rows = vec![
        ("key", status.id.to_string()),
        ("source", status.place.source.to_string()),
        ("kept in", status.place.to_string()),
        ("rows", status.rows.to_string()),
    ];
    if let Some((offered, place)) = &status.offered {
        rows.push(("offered", format!("{}, since {:.0}: not active yet", offered.id, offered.since)));
        rows.push(("kept in", place.to_string()));
    }
    for broker in &status.brokers {
        rows.push(("broker", about(broker, status)));
    }
    if status.offered.is_some() {
        rows.push(("hint", OFFERED.to_owned()));
    }
    if let Some(next) = &status.next {
        rows.push(("replaced by", format!("{}, since {:.0}: {} rows so far", next.key.id, next.key.since, next.rows)));
        rows.push(("kept in", next.place.to_string()));
        rows.push(("hint", UNFINISHED.to_owned()));
    }
    if let Some((id, place)) = &status.to_remove {
        rows.push(("to remove", format!("{id}, from {place}")));
        rows.push(("hint", UNREMOVED.to_owned()));
    }
    for (said, hint) in warnings(status) {
        rows.push(("warning", said));
        rows.push(("hint", hint));
    }
    for (_, hint) in rows.iter_mut().filter(|(name, _)| *name == "hint") {
        *hint = output::pasted::for_this_home(hint).into_owned();
    }
    output::table::facts(&rows)
}

/// How long running brokers may take to have a new key, unless the command line says otherwise.
const WAIT: Duration = Duration::from_secs(30);

/// The hint about a new key that is not active yet.
pub(crate) const OFFERED: &str =
    "continue, once every running broker has it: lanyard key rotate; or withdraw it: lanyard key rotate --cancel";

/// The hint about a replacement that was interrupted.
pub(crate) const UNFINISHED: &str = "finish it: lanyard key rotate";

/// The hint about a replaced key that is still where it was kept.
pub(crate) const UNREMOVED: &str =
    "run any lanyard command where the key can be reached, for example in the session whose keyring has it";

/// What a person may not expect of the home's key, each with a hint.
pub(crate) fn warnings(status: &KeyStatus) -> Vec<(String, String)> {
    let ineffective = status.ineffective.map(|set| {
        let said = format!("lanyard.toml sets key_source = \"{set}\", but the key is kept in {}", status.place);
        (said, format!("lanyard key rotate --to {set}"))
    });
    let unused = status.unused.iter().zip(status.place.path.iter().cycle()).map(|(id, path)| {
        let said = format!("{} also holds the key {id}, which the store does not use", path.display());
        let file = output::pasted::quoted(&path.to_string_lossy());
        let copy = output::pasted::quoted(&format!("{}.old", path.to_string_lossy()));
        (said, format!("remove it there, unless a backup needs it: sed -i.old '/{id}/d' {file} && rm {copy}"))
    });
    ineffective.into_iter().chain(unused).collect()
}

/// A running broker, and whether it has the keys that it needs.
pub(crate) fn about(broker: &RunningBroker, status: &KeyStatus) -> String {
    let RunningBroker { host, home, version, .. } = broker;
    let (needed, what) = match (&status.next, &status.offered) {
        (Some(next), _) => (next.key.id, "next key"),
        (None, Some((offered, _))) => (offered.id, "offered key"),
        (None, None) => (status.id, "key"),
    };
    let has = if broker.has(needed) { "has" } else { "does not have" };
    format!("{host}:{home} ({version}) {has} the {what}")
}

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
        "offered": status.offered.as_ref().map(|(offered, kept)| json!({
            "id": offered.id.to_string(),
            "place": place(kept),
            "since": output::json::time(Some(offered.since)),
        })),
        "brokers": status.brokers.iter().map(|broker| json!({
            "host": broker.host,
            "home": broker.home,
            "version": broker.version,
            "keys": broker.keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "seen_seconds_ago": broker.seen.as_secs(),
        })).collect::<Vec<_>>(),
        "unused": status.unused.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "key_source_without_effect": status.ineffective.map(|set| set.to_string()),
        "to_remove": status.to_remove.as_ref().map(|(id, kept)| json!({ "id": id.to_string(), "place": place(kept) })),
    })
}

/// A place, for a program.
pub(crate) fn place(place: &KeyPlace) -> Value {
    json!({ "source": place.source.as_str(), "path": place.path, "program": place.program })
}

fn named(damaged: &[DamagedRow]) -> Vec<String> {
    damaged.iter().map(ToString::to_string).collect()
}

fn data_keys(rows: u64) -> String {
    if rows == 1 { "1 data key".to_owned() } else { format!("{rows} data keys") }
}

fn tell_withdrawn(withdrawn: &OfferWithdrawn, as_json: bool) -> Result<(), Failure> {
    let OfferWithdrawn { key, left_in, current } = withdrawn;
    if as_json {
        output::json::print(&json!({
            "withdrawn": key.to_string(),
            "left_in": left_in.as_ref().map(place),
            "current": current.to_string(),
        }))?;
    } else {
        output::note(&format!("withdrew the new key {key}; the home's key is still {current}"));
    }
    if let Some(left_in) = left_in {
        output::note(&format!("nothing needs the key {key}: remove it from {left_in}"));
    }
    Ok(())
}

fn tell(replaced: &KeyReplaced, renewed: Option<&DataKeysRenewed>, as_json: bool) -> Result<(), Failure> {
    let KeyReplaced { old, old_place, new, new_place, rows, resumed, left_behind } = replaced;
    if as_json {
        output::json::print(&json!({
            "old": { "id": old.to_string(), "place": place(old_place), "left_behind": left_behind },
            "new": { "id": new.to_string(), "place": place(new_place) },
            "rows": rows,
            "resumed": resumed,
            "data_keys": renewed.map(|renewed| json!({ "rows": renewed.rows, "damaged": named(&renewed.damaged) })),
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
                let named = named(damaged).join(", ");
                output::note(&format!("not re-encrypted, because they cannot be decrypted: {named}"));
                let mut steps: Vec<String> = damaged.iter().map(DamagedRow::remedy).collect();
                steps.dedup();
                output::note(&format!("hint: {}; lanyard key rotate --all", steps.join("; ")));
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

pub(super) const EXAMPLES: &[Examples] = &[
    ("key show", &["lanyard key show"]),
    (
        "key rotate",
        &[
            "lanyard key rotate",
            "lanyard key rotate --to keyring",
            "lanyard key rotate --all",
            "lanyard key rotate --wait 5m",
            "lanyard key rotate --cancel",
        ],
    ),
    ("key generate", &["lanyard key generate > home.key"]),
];
