//! `lanyard devices watch`: which devices a credential watches.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use lanyard_broker::{ChannelView, ListChannels};
use lanyard_channel::{NoticeType, TypePattern};
use lanyard_credential::CredentialName;
use lanyard_devices::{
    AddWatch, AddedView, DEGRADED_FOR, DOWN_FOR, ListWatches, PauseWatch, RemoveWatch, WatchName, WatchView,
    WatchedKinds,
};
use lanyard_protocol::OrgId;

use super::devices;
use crate::context::Common;
use crate::exit::Failure;
use crate::output::{duration, table};
use crate::prompt::Sure;
use crate::{numbers, output};

#[derive(Debug, Subcommand)]
pub(crate) enum Watches {
    /// Watch the devices that a credential sees
    Add(Add),
    /// List the watches
    List,
    /// Stop reading the devices of a watch for a while
    Pause(Named),
    /// Read the devices of a watch again
    Resume(Named),
    /// Remove a watch, and everything that was read for it
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The credential that reads the devices, such as a bot's
    credential: CredentialName,
    /// The name of the watch [default: the credential's]
    #[arg(long)]
    name: Option<WatchName>,
    /// The organisation to read, for a partner's credential [default: the credential's own]
    #[arg(long, value_name = "ID")]
    org: Option<String>,
    /// How often (180, 3m) the devices are read [default: 3m]
    #[arg(long, value_name = "TIME", value_parser = numbers::some_seconds)]
    interval: Option<u64>,
    /// Also watch phones
    #[arg(long)]
    phones: bool,
    /// Also watch accessories
    #[arg(long)]
    accessories: bool,
    /// Also watch the devices of persons
    #[arg(long)]
    personal: bool,
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
            Self::Add(add) => {
                let Add { credential, name, org, interval, phones, accessories, personal } = add;
                let kinds = WatchedKinds { phones, accessories, personal };
                let org = org.map(OrgId::new);
                let new = AddWatch { credential, name, org, interval_seconds: interval, kinds };
                let added = broker.perform(new).await?;
                if common.json {
                    output::json::print(&added)?;
                } else {
                    // The watch is added, whatever comes of this.
                    let channels = broker.perform(ListChannels {}).await.unwrap_or_default();
                    say_added(&added, &told_by(&channels, &added))?;
                }
            }
            Self::List => {
                let all = broker.perform(ListWatches {}).await?;
                if common.json {
                    output::json::print(&all)?;
                } else if all.is_empty() {
                    output::note("there is no watch; add one: lanyard devices watch add CREDENTIAL");
                } else {
                    let headings = ["NAME", "CREDENTIAL", "CUSTOMER", "DEVICES", "STATE", "READ"];
                    output::block(&table::render(&headings, all.iter().map(row).collect()))?;
                }
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

/// The names of the channels that get the alerts of a watch.
fn told_by(channels: &[ChannelView], added: &AddedView) -> Vec<String> {
    let wants = |channel: &&ChannelView| {
        let matches = |pattern: &String| {
            let pattern: Result<TypePattern, _> = pattern.parse();
            pattern.is_ok_and(|pattern| NoticeType::OF_DEVICES.iter().any(|kind| pattern.matches(kind)))
        };
        let is_of = |label: &String| {
            label.split_once('=').is_some_and(|(key, value)| added.labels.get(key).is_some_and(|own| own == value))
        };
        channel.state != "paused"
            && (channel.types.is_empty() || channel.types.iter().any(matches))
            && (channel.kinds.is_empty() || channel.kinds.contains(&added.kind))
            && channel.labels.iter().all(is_of)
    };
    channels.iter().filter(wants).map(|channel| channel.name.clone()).collect()
}

fn say_added(added: &AddedView, told: &[String]) -> Result<(), Failure> {
    let AddedView { watch, first, account, organisation, .. } = added;
    output::line(&format!("Added the watch {}. It sees {}.", watch.name, devices(first.watched)))?;
    if let Some(why) = &first.blind {
        output::note(&format!("the devices could not be read just now: {why}"));
    } else if first.listed == 0 {
        let whose = organisation.as_deref().unwrap_or("the organisation");
        output::note("");
        output::note("The token is accepted, and no workspace has been granted to this account yet.");
        output::note(&format!("An administrator of {whose} does that in Control Hub."));
        if let Some(account) = account {
            output::note(&format!("Grant it to: {account}"));
        }
    } else if watch.left_out > 0 {
        output::note(&format!("{} more are not watched: add --phones, --accessories or --personal", watch.left_out));
    }
    let interval = duration::words(Duration::from_secs(watch.interval_seconds));
    let told = if told.is_empty() {
        "nobody yet: alerts are only listed here (lanyard channel add)".to_owned()
    } else {
        format!("the channels {}", told.join(", "))
    };
    output::note("");
    output::note(&format!("Interval   {interval}, while a broker runs (lanyard serve)"));
    output::note(&format!(
        "Rules      down > {} min, degraded > {} min, flapping, coverage fell, watch blind",
        DOWN_FOR.as_mins(),
        DEGRADED_FOR.as_mins()
    ));
    output::note(&format!("Tell whom  {told}"));
    output::note(&if first.listed == 0 {
        format!("Next: lanyard devices coverage {} --letter", watch.name)
    } else {
        "Next: lanyard devices list".to_owned()
    });
    Ok(())
}
