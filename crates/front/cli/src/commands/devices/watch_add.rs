//! `lanyard devices watch add`: one watch, or many.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lanyard_broker::{ChannelView, ListChannels};
use lanyard_channel::{NoticeType, TypePattern};
use lanyard_credential::{CredentialName, Label, LabelKey};
use lanyard_devices::{
    AddWatch, AddWatches, AddedManyView, AddedView, Each, PlacesRead, WatchName, WatchSettings, WatchView, WatchedKinds,
};
use lanyard_operation::Class;
use lanyard_protocol::OrgId;

use super::{devices, readings, rules};
use crate::access::Access;
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::output::{duration, table};
use crate::{numbers, output};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Add {
    /// The credential that reads the devices, such as a bot's
    #[arg(required_unless_present = "each_labelled", conflicts_with = "each_labelled")]
    credential: Option<CredentialName>,
    /// Add a watch for every credential that has this label, which is copied to the watch
    #[arg(long, value_name = "KEY", conflicts_with_all = ["name", "org", "all_orgs", "labels"])]
    each_labelled: Option<LabelKey>,
    /// The name of the watch [default: the credential's]
    #[arg(long)]
    name: Option<WatchName>,
    /// The organisation to read, for a partner's credential [default: the credential's own]
    #[arg(long, value_name = "ID")]
    org: Option<String>,
    /// Add a watch for every organisation that a partner's credential manages
    #[arg(long, conflicts_with_all = ["name", "org", "labels"])]
    all_orgs: bool,
    /// A label of the watch itself; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<Label>,
    /// How often (180, 3m) the devices are read [default: 3m]
    #[arg(long, value_name = "TIME", value_parser = numbers::some_seconds)]
    interval: Option<u64>,
    /// How often (900, 15m) the statuses of each device, such as calls and people, are read, or off [default: 15m]
    #[arg(long, value_name = "TIME|off", value_parser = readings::interval)]
    readings: Option<u64>,
    /// The credential that reads workspaces and locations, such as an administrator's [default: the watch's own, unless it is a bot's]
    #[arg(long, value_name = "CREDENTIAL")]
    against: Option<CredentialName>,
    /// Watch only devices with this tag of Webex; if repeated, with any of them
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Watch only devices at this location; if repeated, at any of them
    #[arg(long = "location", value_name = "NAME")]
    locations: Vec<String>,
    /// Let devices that appear later wait until you approve them
    #[arg(long)]
    approve_new: bool,
    /// Also watch phones
    #[arg(long)]
    phones: bool,
    /// Also watch accessories
    #[arg(long)]
    accessories: bool,
    /// Also watch personal devices
    #[arg(long)]
    personal: bool,
}

impl Add {
    pub(super) async fn run(self, broker: &Access, common: &Common) -> Result<ExitCode, Failure> {
        let Self {
            credential,
            each_labelled,
            name,
            org,
            all_orgs,
            labels,
            interval,
            against,
            approve_new,
            tags,
            locations,
            ..
        } = self;
        let kinds = WatchedKinds { phones: self.phones, accessories: self.accessories, personal: self.personal };
        let readings_seconds = self.readings;
        let settings = WatchSettings {
            interval_seconds: interval,
            readings_seconds,
            kinds,
            approve_new,
            against,
            tags,
            locations,
        };
        let each = match (each_labelled, credential) {
            (Some(key), _) => Each::Labelled(key),
            (None, Some(credential)) if all_orgs => Each::OrganisationOf(credential),
            (None, Some(credential)) => {
                let labels = labels.into_iter().map(|label| (label.key.to_string(), label.value.as_str().to_owned()));
                let new = AddWatch { credential, name, org: org.map(OrgId::new), labels: labels.collect(), settings };
                let added = broker.perform(new).await?;
                if common.json {
                    output::json::print(&added)?;
                } else {
                    // The watch is added, whatever comes of this.
                    let channels = broker.perform(ListChannels {}).await.unwrap_or_default();
                    say_added(&added, &told_by(&channels, &added))?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            (None, None) => return Ok(ExitCode::SUCCESS),
        };
        let view = broker.perform(AddWatches { each, settings }).await?;
        if common.json {
            output::json::print(&view)?;
        } else {
            say_all(&view)?;
        }
        let failed = !view.failed.is_empty();
        Ok(if failed { ExitCode::from(exit::code_of(Class::PersonMustAct)) } else { ExitCode::SUCCESS })
    }
}

/// How many names one line has.
const NAMED: usize = 8;

fn say_all(view: &AddedManyView) -> Result<(), Failure> {
    let AddedManyView { added, existing, failed } = view;
    let watches = |count: usize| format!("{count} watch{}", if count == 1 { "" } else { "es" });
    let seen = added.iter().map(|added| added.first.watched).sum();
    output::line(&format!("Added {}: {}.", watches(added.len()), devices(seen)))?;
    if *existing > 0 {
        output::note(&format!("{} existed already", watches(*existing)));
    }
    let empty: Vec<_> = added.iter().filter(|added| added.first.watched == 0).map(|added| &*added.watch.name).collect();
    if !empty.is_empty() {
        let more = empty.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = empty.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        output::note(&format!("{} see nothing yet: {names}{more}", empty.len()));
    }
    if !failed.is_empty() {
        let rows = failed.iter().map(|failed| {
            let organisation = failed.organisation.clone().unwrap_or_else(|| "-".to_owned());
            vec![failed.credential.clone(), organisation, failed.why.clone()]
        });
        output::line("")?;
        output::block(&table::render(&["NOT ADDED", "ORGANISATION", "REASON"], rows.collect()))?;
    }
    let next = failed.iter().find_map(|failed| failed.hint.clone());
    let unseen = empty.first().map(|name| format!("Next: lanyard devices coverage {name} --letter"));
    output::note(&next.map_or_else(
        || unseen.unwrap_or_else(|| "Next: lanyard devices list".to_owned()),
        |hint| format!("hint: {hint}"),
    ));
    Ok(())
}

/// The names of the channels that get the alerts of a watch.
fn told_by(channels: &[ChannelView], added: &AddedView) -> Vec<String> {
    let wants = |channel: &&ChannelView| {
        let matches = |pattern: &String| {
            let pattern: Result<TypePattern, _> = pattern.parse();
            pattern.is_ok_and(|pattern| NoticeType::OF_DEVICES.iter().any(|kind| pattern.matches(kind)))
        };
        let is_of = |label: &String| {
            label
                .split_once('=')
                .is_some_and(|(key, value)| added.watch.labels.get(key).is_some_and(|own| own == value))
        };
        channel.state != "paused"
            && (channel.types.is_empty() || channel.types.iter().any(matches))
            && (channel.kinds.is_empty() || channel.kinds.contains(&added.kind))
            && channel.labels.iter().all(is_of)
    };
    channels.iter().filter(wants).map(|channel| channel.name.clone()).collect()
}

/// Which devices a watch leaves out, and the options that include them.
pub(super) fn left_out(watch: &WatchView) -> String {
    let WatchedKinds { phones, accessories, personal } = watch.kinds;
    let kinds = [
        (phones, "phones (--phones)"),
        (accessories, "accessories (--accessories)"),
        (personal, "personal devices (--personal)"),
        (watch.tags.is_empty(), "devices without its tags (--any-tag)"),
        (watch.locations.is_empty(), "devices elsewhere (--any-location)"),
    ];
    let kinds: Vec<&str> = kinds.into_iter().filter(|(is_watched, _)| !is_watched).map(|(_, words)| words).collect();
    match &*kinds {
        [] => "devices without an id".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Whether rooms and locations are known.
fn places_of(places: Option<&PlacesRead>) -> String {
    match places {
        None => "not known: a bot cannot read them (--against CREDENTIAL)".to_owned(),
        Some(PlacesRead { with, failed: Some(why), .. }) => format!("{with} cannot read all of them: {why}"),
        Some(PlacesRead { with, workspaces: 1, .. }) => format!("1 workspace, read as {with}"),
        Some(PlacesRead { with, workspaces, .. }) => format!("{workspaces} workspaces, read as {with}"),
    }
}

fn say_added(added: &AddedView, told: &[String]) -> Result<(), Failure> {
    let AddedView { watch, first, places, readings, account, organisation, .. } = added;
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
        output::note(&format!("{} more are left out: {}", watch.left_out, left_out(watch)));
    }
    let interval = duration::words(Duration::from_secs(watch.interval_seconds));
    let told = if told.is_empty() {
        "none yet; see alerts with: lanyard devices alerts list".to_owned()
    } else {
        told.join(", ")
    };
    output::note("");
    output::note(&format!("Interval   {interval}, while a broker runs (lanyard serve)"));
    output::note(&format!("Rules      {}", rules::line(&added.rules)));
    output::note(&format!("Places     {}", places_of(places.as_ref())));
    output::note(&format!("Readings   {}", readings::of_watch(readings)));
    output::note(&format!("Channels   {told}"));
    output::note(&if first.listed == 0 {
        format!("Next: lanyard devices coverage {} --letter", watch.name)
    } else {
        "Next: lanyard devices list".to_owned()
    });
    Ok(())
}
