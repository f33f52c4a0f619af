//! `lanyard devices watch`: which devices a credential watches.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use lanyard_credential::{CredentialName, Label, LabelKey};
use lanyard_devices::{
    ListWatches, PauseWatch, RemoveWatch, SetWatch, ShowWatch, WatchChanges, WatchDetail, WatchName, WatchView,
};

use super::chosen::Chosen;
use super::readings;
use super::rules;
use super::watch_add::Add;
use crate::context::Common;
use crate::exit::Failure;
use crate::output::{duration, table};
use crate::prompt::Sure;
use crate::{numbers, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Watches {
    /// Watch the devices that a credential sees
    Add(Box<Add>),
    /// List the watches
    List(Chosen),
    /// Show a watch: its settings, its labels and what it sees
    Show(Named),
    /// Change the settings or labels of a watch
    Set(Box<Set>),
    /// Stop reading the devices of a watch for a while
    Pause(Named),
    /// Read the devices of a watch again
    Resume(Named),
    /// Remove a watch, and everything that was read for it
    Remove(Remove),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Changes {
    /// How often (180, 3m) the devices are read
    #[arg(long, value_name = "TIME", value_parser = numbers::some_seconds)]
    interval: Option<u64>,
    /// How often (900, 15m) the statuses of each device are read, or off
    #[arg(long, value_name = "TIME|off", value_parser = readings::interval)]
    readings: Option<u64>,
    /// Let devices that appear later wait until you approve them
    #[arg(long, overrides_with = "no_approve_new")]
    approve_new: bool,
    /// Watch devices that appear later at once
    #[arg(long)]
    no_approve_new: bool,
    /// Also watch phones
    #[arg(long, overrides_with = "no_phones")]
    phones: bool,
    /// Do not watch phones
    #[arg(long)]
    no_phones: bool,
    /// Also watch accessories
    #[arg(long, overrides_with = "no_accessories")]
    accessories: bool,
    /// Do not watch accessories
    #[arg(long)]
    no_accessories: bool,
    /// Also watch personal devices
    #[arg(long, overrides_with = "no_personal")]
    personal: bool,
    /// Do not watch personal devices
    #[arg(long)]
    no_personal: bool,
    /// Watch only devices with this tag of Webex, in place of those before; if repeated, with any of them
    #[arg(long = "tag", value_name = "TAG", conflicts_with = "any_tag")]
    tags: Vec<String>,
    /// Watch devices whatever their tags are
    #[arg(long)]
    any_tag: bool,
    /// Watch only devices at this location, in place of those before; if repeated, at any of them
    #[arg(long = "location", value_name = "NAME", conflicts_with = "any_location")]
    locations: Vec<String>,
    /// Watch devices wherever they are
    #[arg(long)]
    any_location: bool,
    /// Read workspaces and locations as this credential, such as an administrator's
    #[arg(long, value_name = "CREDENTIAL", conflicts_with = "no_against")]
    against: Option<CredentialName>,
    /// Do not read workspaces and locations as another credential
    #[arg(long)]
    no_against: bool,
    /// Set a label of the watch itself; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<Label>,
    /// Remove a label of the watch itself; may be repeated
    #[arg(long, value_name = "KEY")]
    unlabel: Vec<LabelKey>,
}

#[derive(Debug, Args)]
#[command(override_usage = "lanyard devices watch set [OPTIONS] <NAME>")]
pub(crate) struct Set {
    /// The watch
    name: WatchName,
    #[command(flatten)]
    changes: Changes,
}

impl From<Changes> for WatchChanges {
    fn from(changes: Changes) -> Self {
        let either = |yes: bool, no: bool| (yes || no).then_some(yes);
        let replaced = |words: Vec<String>, any: bool| (any || !words.is_empty()).then_some(words);
        Self {
            interval_seconds: changes.interval,
            readings_seconds: changes.readings,
            phones: either(changes.phones, changes.no_phones),
            accessories: either(changes.accessories, changes.no_accessories),
            personal: either(changes.personal, changes.no_personal),
            approve_new: either(changes.approve_new, changes.no_approve_new),
            tags: replaced(changes.tags, changes.any_tag),
            locations: replaced(changes.locations, changes.any_location),
            against: changes.against,
            no_against: changes.no_against,
            labels: changes.labels,
            unlabel: changes.unlabel,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The watch
    name: WatchName,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The watch
    name: WatchName,
    #[command(flatten)]
    sure: Sure,
}

impl Watches {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = match self {
            // Also the channels of the settings file are named.
            Self::Add(_) => common.broker_with_channels().await?,
            _ => common.broker().await?,
        };
        match self {
            Self::Add(add) => return add.run(&broker, common).await,
            Self::List(chosen) => {
                let all = broker.perform(ListWatches { labels: chosen.labels() }).await?;
                if common.json {
                    output::json::print(&all)?;
                } else if all.is_empty() {
                    output::note("there is no such watch; add one: lanyard devices watch add CREDENTIAL");
                } else {
                    let headings = ["NAME", "CREDENTIAL", "CUSTOMER", "DEVICES", "STATE", "READ"];
                    output::block(&table::render(&headings, all.iter().map(row).collect()))?;
                }
            }
            Self::Show(Named { name }) => {
                let detail = broker.perform(ShowWatch { name }).await?;
                if common.json { output::json::print(&detail)? } else { show(&detail)? }
            }
            Self::Set(set) => {
                let Set { name, changes } = *set;
                let view = broker.perform(SetWatch { name, changes: changes.into() }).await?;
                say(common, &view, "changed")?;
            }
            Self::Pause(Named { name }) => {
                let view = broker.perform(PauseWatch { name, pause: true }).await?;
                say(common, &view, "paused")?;
            }
            Self::Resume(Named { name }) => {
                let view = broker.perform(PauseWatch { name, pause: false }).await?;
                say(common, &view, "resumed")?;
            }
            Self::Remove(Remove { name, sure }) => {
                sure.confirm(&format!(
                    "Remove the watch {name}? The history of its devices is deleted and cannot be restored"
                ))?;
                broker.perform(RemoveWatch { name: name.clone() }).await?;
                output::note(&format!("removed the watch {name}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(detail: &WatchDetail) -> Result<(), Failure> {
    let WatchDetail { watch, readings, added_at, account, states, waiting, rules, alerts, silenced_until } = detail;
    let room = table::room();
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let listed = |words: Vec<String>| if words.is_empty() { "-".to_owned() } else { words.join(", ") };
    let kinds =
        [(watch.kinds.phones, "phones"), (watch.kinds.accessories, "accessories"), (watch.kinds.personal, "personal")];
    let kinds =
        std::iter::once("room and desk devices").chain(kinds.into_iter().filter(|(on, _)| *on).map(|(_, word)| word));
    let state = match (&watch.paused_at, &watch.reason) {
        (Some(at), _) => format!("paused since {}", table::moment(*at, room)),
        (None, Some(reason)) => format!("cannot read: {reason}"),
        (None, None) => "active".to_owned(),
    };
    let mut rows = vec![
        ("watch", watch.name.clone()),
        ("credential", watch.credential.clone().unwrap_or_else(|| "removed".to_owned())),
        ("account", or_dash(account)),
        ("organisation", watch.org.clone().unwrap_or_else(|| "the credential's own".to_owned())),
        ("labels", listed(watch.labels.iter().map(|(key, value)| format!("{key}={value}")).collect())),
        ("state", state),
        ("interval", duration::words(Duration::from_secs(watch.interval_seconds))),
        ("covers", kinds.collect::<Vec<_>>().join(", ")),
        ("tags", if watch.tags.is_empty() { "any".to_owned() } else { watch.tags.join(" or ") }),
        ("locations", if watch.locations.is_empty() { "any".to_owned() } else { watch.locations.join(" or ") }),
        ("new devices", if watch.approve_new { "wait for approval" } else { "are watched at once" }.to_owned()),
        ("devices", listed(states.iter().map(|(state, count)| format!("{count} {state}")).collect())),
        ("waiting", waiting.to_string()),
        ("left out", watch.left_out.to_string()),
        ("places", places(watch)),
        ("readings", readings::of_watch(readings)),
        ("rules", rules::line(rules)),
        ("open alerts", alerts.to_string()),
        ("read", watch.read_at.map_or_else(|| "never".to_owned(), |at| table::moment(at, room))),
        ("added", table::moment(*added_at, room)),
    ];
    if let Some(until) = silenced_until {
        rows.push(("silenced", format!("until {}", table::moment(*until, room))));
    }
    output::block(&table::facts(&rows))
}

/// Who reads workspaces and locations, and when that was.
fn places(watch: &WatchView) -> String {
    let Some(against) = &watch.against else {
        return match &watch.places_reason {
            Some(why) => format!("cannot be read: {why}"),
            None => "not known: --against names a credential that can read them".to_owned(),
        };
    };
    let read = watch.places_read_at.map_or_else(|| "never".to_owned(), |at| table::moment(at, table::room()));
    match &watch.places_reason {
        Some(why) => format!("read as {against} {read}; not all can be read: {why}"),
        None => format!("read as {against} {read}"),
    }
}

fn say(common: &Common, watch: &WatchView, done: &str) -> Result<(), Failure> {
    if common.json {
        return output::json::print(watch);
    }
    output::note(&format!("{done} the watch {}", watch.name));
    Ok(())
}

fn row(watch: &WatchView) -> Vec<String> {
    let state = match (&watch.paused_at, &watch.reason) {
        (Some(_), _) => "paused".to_owned(),
        (None, Some(reason)) => format!("cannot read: {reason}"),
        (None, None) => "active".to_owned(),
    };
    let room = table::room();
    vec![
        watch.name.clone(),
        watch.credential.clone().unwrap_or_else(|| "removed".to_owned()),
        watch.customer.clone().unwrap_or_else(|| "-".to_owned()),
        watch.listed.saturating_sub(watch.left_out).to_string(),
        state,
        watch.read_at.map_or_else(|| "never".to_owned(), |at| table::moment(at, room)),
    ]
}
