//! The channels of `lanyard.toml`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use lanyard_broker::{Broker, Channel, ChannelName, ChannelSettings};
use lanyard_channel::{Address, Argv, CommandTarget, Rules, Severity, Target};
use lanyard_home::{CommandChannel, Home, Settings};

use crate::exit::Failure;

/// The broker of this process with the channels of its home's `lanyard.toml`. A mistake in other parts of that file was reported.
pub(crate) fn with_channels(broker: Broker, home: &Home) -> Result<Broker, Failure> {
    let (settings, _) = Settings::read_for_use(home)?;
    applied(broker, settings, home)
}

/// The sentence about two channels with one name.
pub(crate) fn twice(name: &ChannelName) -> String {
    format!("two channels are named {name}: one in lanyard.toml, and one that was added with lanyard channel add")
}

/// The way out of it.
pub(crate) fn twice_hint(name: &ChannelName) -> String {
    format!("rename the one in lanyard.toml, or remove the other one: lanyard channel remove {name}")
}

/// The broker with the channels of these settings.
pub(crate) fn applied(broker: Broker, settings: Settings, home: &Home) -> Result<Broker, Failure> {
    broker.with_channels(channel_settings(settings, home)?).map_err(|error| Failure::Usage {
        message: format!("the table [events] of lanyard.toml is invalid: {error}"),
        hint: "correct lanyard.toml in the home".to_owned(),
    })
}

fn channel_settings(settings: Settings, home: &Home) -> Result<ChannelSettings, Failure> {
    let Settings { public_url, events, channel, .. } = settings;
    let invalid = |message: String| Failure::Usage { message, hint: "correct lanyard.toml in the home".to_owned() };
    if public_url.as_ref().is_some_and(|url| url.parse::<Address>().is_err()) {
        return Err(invalid(
            "public_url in lanyard.toml is not an address such as https://lanyard.example.com".to_owned(),
        ));
    }
    let authorities = match events.authorities {
        None => None,
        Some(path) => {
            let path = home.directory.join(path);
            Some(std::fs::read(&path).map_err(|error| invalid(format!("cannot read {}: {error}", path.display())))?)
        }
    };
    let in_file: Vec<Channel> =
        channel.into_iter().map(|channel| command_channel(channel).map_err(invalid)).collect::<Result<_, _>>()?;
    let mut names = BTreeSet::new();
    if let Some(channel) = in_file.iter().find(|channel| !names.insert(&channel.name)) {
        return Err(invalid(format!("two channels in lanyard.toml are named {}", channel.name)));
    }
    if events.oldest_backup.is_some_and(|oldest| oldest < SHORTEST_BACKUP) {
        return Err(invalid("oldest_backup in lanyard.toml must be at least an hour".to_owned()));
    }
    let oldest_backup = events.oldest_backup.or(ChannelSettings::default().oldest_backup);
    Ok(ChannelSettings { in_file, link: public_url, proxy: events.proxy, oldest_backup, authorities })
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
    let heartbeat = heartbeat.map(at_least_a_minute).transpose().map_err(|error| of("heartbeat", &error))?;
    rules.check(heartbeat).map_err(|silent| of("event", &format!("{silent}; {}", silent.hint())))?;
    let argv = Argv::try_from(command).map_err(|error| of("command", &error))?;
    Ok(Channel {
        name: name.parse().map_err(|error| of("name", &error))?,
        target: Target::Command(CommandTarget { argv }),
        rules,
        heartbeat,
        paused_at: None,
        skipped: Vec::new(),
    })
}

/// The least age at which a backup may be called too old.
const SHORTEST_BACKUP: Duration = Duration::from_hours(1);

/// Checks how often a channel gets a heartbeat.
pub(crate) fn at_least_a_minute(every: Duration) -> Result<Duration, &'static str> {
    if every >= Duration::from_mins(1) {
        Ok(every)
    } else {
        Err("expected a time of at least a minute, such as 1h or 1d")
    }
}

fn each<T: FromStr>(texts: &[String]) -> Result<Vec<T>, T::Err> {
    texts.iter().map(|text| text.parse()).collect()
}
