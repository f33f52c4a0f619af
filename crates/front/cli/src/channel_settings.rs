//! The channels of `lanyard.toml`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lanyard_broker::{Channel, ChannelSettings};
use lanyard_channel::{Argv, CommandTarget, Rules, Severity, Target};
use lanyard_home::{CommandChannel, Settings};

use crate::exit::Failure;

/// The settings of channels.
pub(crate) fn channel_settings(settings: Settings) -> Result<ChannelSettings, Failure> {
    let Settings { public_url, events, channel, .. } = settings;
    let invalid = |message: String| Failure::Usage { message, hint: "correct lanyard.toml in the home".to_owned() };
    let authorities = match events.authorities {
        None => None,
        Some(path) => {
            Some(std::fs::read(&path).map_err(|error| invalid(format!("cannot read {}: {error}", path.display())))?)
        }
    };
    let in_file =
        channel.into_iter().map(|channel| command_channel(channel).map_err(invalid)).collect::<Result<_, _>>()?;
    Ok(ChannelSettings { in_file, link: public_url, proxy: events.proxy, authorities })
}

fn command_channel(settings: CommandChannel) -> Result<Channel, String> {
    let CommandChannel { name, command, events, severity, kinds, labels, heartbeat } = settings;
    let of = |what: &str, error: &dyn fmt::Display| format!("the channel {name:?} has an invalid {what}: {error}");
    let rules = Rules {
        types: each(&events).map_err(|error| of("event", &error))?,
        severity: severity.map(|word| Severity::of(&word)).transpose().map_err(|error| of("severity", &error))?,
        kinds: each(&kinds).map_err(|error| of("kind", &error))?,
        labels: each(&labels).map_err(|error| of("label", &error))?,
    };
    let argv = Argv::try_from(command).map_err(|error| of("command", &error))?;
    Ok(Channel {
        name: name.parse().map_err(|error| of("name", &error))?,
        target: Target::Command(CommandTarget { argv }),
        rules,
        heartbeat: heartbeat.map(Duration::from_secs),
        paused_at: None,
        skipped: Vec::new(),
    })
}

fn each<T: FromStr>(texts: &[String]) -> Result<Vec<T>, T::Err> {
    texts.iter().map(|text| text.parse()).collect()
}
