//! Channels, and whether anybody delivers to them.

use std::collections::BTreeSet;

use lanyard_broker::{Broker, ListChannels};
use lanyard_home::{Home, Settings};

use super::Finding;
use crate::access::Access;
use crate::channel_settings::{twice, twice_hint, with_channels};
use crate::context::Common;
use crate::exit::Failure;

/// Names the channels that fail, and the mistakes in those of `lanyard.toml`. Gives the exit code, which an earlier fault has decided unless
/// it is 0.
pub(super) async fn examine(
    broker: Broker,
    home: &Home,
    mut code: u8,
    findings: &mut Vec<Finding>,
) -> Result<u8, Failure> {
    let broker = match with_channels(broker.clone(), home) {
        Ok(broker) => broker,
        Err(Failure::Usage { message, hint }) => {
            code = if code == 0 { 2 } else { code };
            findings.push(Finding::bad("channel", message, Some(hint)));
            broker
        }
        // Settings that cannot be read have a finding of their own.
        Err(_) => broker,
    };
    for name in broker.channels_in_both().await {
        code = if code == 0 { 2 } else { code };
        findings.push(Finding::bad("channel", twice(&name), Some(twice_hint(&name))));
    }
    for program in broker.missing_programs() {
        code = if code == 0 { 4 } else { code };
        let hint = "install it, or correct the command in lanyard.toml, and restart the broker";
        findings.push(Finding::bad("channel", program, Some(hint.to_owned())));
    }
    for channel in broker.perform(ListChannels {}).await? {
        let Some(reason) = &channel.reason else { continue };
        let (said, hint) = match (channel.state.as_str(), channel.failing_since) {
            ("unreadable", _) => {
                let hint = format!("see who can write to the database, then: lanyard channel remove {}", channel.name);
                (reason.clone(), hint)
            }
            ("failing", Some(since)) => (
                format!("{}: events have not arrived since {since:.0}: {reason}", channel.name),
                format!("lanyard channel test {}", channel.name),
            ),
            _ => continue,
        };
        code = if code == 0 { 4 } else { code };
        findings.push(Finding::bad("channel", said, Some(hint)));
    }
    Ok(code)
}

/// Names what keeps events from people although nothing fails: a pause, no broker, and a broker with other settings. What cannot be listed is
/// named elsewhere.
pub(super) async fn look_at_deliveries(common: &Common, home: &Home, findings: &mut Vec<Finding>) {
    let Ok(access) = common.broker_with_channels().await else { return };
    let Ok(channels) = access.perform(ListChannels {}).await else { return };
    for channel in channels.iter().filter(|channel| channel.state == "paused") {
        let said = format!("{} is paused, and events are not delivered through it", channel.name);
        findings.push(Finding::warning("channel", said, format!("lanyard channel resume {}", channel.name)));
    }
    if matches!(access, Access::Local(_)) {
        if !channels.is_empty() {
            let said = "no broker runs, so no events are recorded or delivered";
            findings.push(Finding::warning("channel", said, "lanyard serve"));
        }
        return;
    }
    let Ok(settings) = Settings::read(home) else { return };
    let written: BTreeSet<&str> = settings.channel.iter().map(|channel| channel.name.as_str()).collect();
    let known: BTreeSet<&str> =
        channels.iter().filter(|channel| channel.in_file).map(|channel| channel.name.as_str()).collect();
    for name in written.symmetric_difference(&known) {
        let said = format!("{name}: the broker has not read the present lanyard.toml");
        findings.push(Finding::warning("channel", said, "restart the broker"));
    }
}
