//! `lanyard channel`: where events go.

mod add;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use lanyard_broker::{ChannelName, ChannelView, ListChannels, PauseChannel, RemoveChannel, ShowChannel, TestChannel};

use self::add::Add;
use super::Examples;
use crate::context::Common;
use crate::exit::Failure;
use crate::output;
use crate::output::table;
use crate::prompt::Sure;

/// Manage where events go: webhooks, Alertmanager, Webex spaces, mail
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "a command line is parsed once")]
pub(crate) enum Channel {
    /// Add a channel: a webhook, Alertmanager, another JSON API, a Webex space, or mail
    ///
    /// A test event is sent first, and the channel is added only if it arrives. A channel that runs a command is added in lanyard.toml.
    #[command(subcommand)]
    Add(Add),
    /// List channels and their delivery state
    List,
    /// Show one channel
    Show(Named),
    /// Send a test event through a channel
    Test(Named),
    /// Pause a channel; events during the pause are not delivered
    Pause(Named),
    /// Resume a channel
    Resume(Named),
    /// Remove a channel
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The channel
    name: ChannelName,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The channel
    name: ChannelName,
    #[command(flatten)]
    sure: Sure,
}

impl Channel {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(command) => command.run(common).await?,
            Self::List => list(common).await?,
            Self::Show(Named { name }) => {
                show(&common.broker_with_channels().await?.perform(ShowChannel { name }).await?, common)?;
            }
            Self::Test(Named { name }) => {
                let tested = name.clone();
                common.broker_with_channels().await?.perform(TestChannel { name: tested }).await?;
                output::note(&format!("the test event was accepted by the receiver of {name}"));
            }
            Self::Pause(Named { name }) => pause(name, true, common).await?,
            Self::Resume(Named { name }) => pause(name, false, common).await?,
            Self::Remove(Remove { name, sure }) => {
                let broker = common.broker_with_channels().await?;
                sure.confirm(&format!(
                    "Remove the channel {name}? Events that it has not delivered yet are not delivered"
                ))?;
                broker.perform(RemoveChannel { name: name.clone() }).await?;
                output::note(&format!("removed the channel {name}"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn pause(name: ChannelName, pause: bool, common: &Common) -> Result<(), Failure> {
    let view = common.broker_with_channels().await?.perform(PauseChannel { name, pause }).await?;
    if common.json {
        return output::json::print(&view);
    }
    output::note(&format!("{} the channel {}", if pause { "paused" } else { "resumed" }, view.name));
    Ok(())
}

async fn list(common: &Common) -> Result<(), Failure> {
    let channels = common.broker_with_channels().await?.perform(ListChannels {}).await?;
    if common.json {
        return output::json::print(&channels);
    }
    if channels.is_empty() {
        output::note("there are no channels; to add one: lanyard channel add --help");
        return Ok(());
    }
    let room = table::room();
    let rows = channels
        .iter()
        .map(|channel| {
            let last = channel.delivered_at.map_or("-".to_owned(), |at| table::moment(at, room));
            let wants = wants(channel);
            vec![channel.name.clone(), channel.state.clone(), shortened(&channel.target), wants, last]
        })
        .collect();
    output::block(&table::render(&["NAME", "STATE", "TARGET", "EVENTS", "LAST DELIVERED"], rows))?;
    for channel in channels.iter().filter(|channel| channel.reason.is_some()) {
        output::note(&format!("{}: {}", channel.name, channel.reason.as_deref().unwrap_or_default()));
    }
    Ok(())
}

/// A target that fits into a table: the ids of spaces are long, and differ at their end.
fn shortened(target: &str) -> String {
    let characters: Vec<char> = target.chars().collect();
    if characters.len() <= WIDEST {
        return target.to_owned();
    }
    let half = WIDEST / 2;
    let end = characters.len() - half;
    characters[..half].iter().chain(&['…']).chain(&characters[end..]).collect()
}

/// The widest target in a table, in characters.
const WIDEST: usize = 40;

fn show(channel: &ChannelView, common: &Common) -> Result<(), Failure> {
    if common.json {
        return output::json::print(channel);
    }
    let mut facts = vec![
        ("name", channel.name.clone()),
        ("target", channel.target.clone()),
        ("state", channel.state.clone()),
        ("events", wants(channel)),
    ];
    if let Some(credential) = &channel.credential {
        facts.push(("credential", credential.clone()));
    }
    if let Some(seconds) = channel.heartbeat_seconds {
        facts.push(("heartbeat", format!("every {} minutes", seconds.div_ceil(60))));
    }
    let moment = |at: jiff::Timestamp| format!("{at:.0}");
    facts.push(("delivered", channel.delivered_at.map_or("never".to_owned(), moment)));
    if let (Some(since), Some(reason)) = (channel.failing_since, &channel.reason) {
        let attempts =
            if channel.failures == 1 { "1 attempt".to_owned() } else { format!("{} attempts", channel.failures) };
        facts.push(("failing", format!("since {since:.0}, {attempts}: {reason}")));
    }
    if channel.in_file {
        facts.push(("settings", "lanyard.toml".to_owned()));
    }
    output::block(&table::facts(&facts))
}

/// The events that a channel wants, in a few words.
fn wants(channel: &ChannelView) -> String {
    let mut words = channel.types.clone();
    words.extend(channel.severity.iter().map(|severity| format!("severity {severity}")));
    words.extend(channel.kinds.iter().map(|kind| format!("kind {kind}")));
    words.extend(channel.labels.iter().map(|label| format!("label {label}")));
    if words.is_empty() { "all".to_owned() } else { words.join(", ") }
}

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "channel add webhook",
        &[
            "lanyard channel add webhook ops https://hooks.example.com/lanyard",
            "lanyard channel add webhook ops @url.txt --secret-file secret.txt --severity warning",
        ],
    ),
    (
        "channel add alertmanager",
        &["lanyard channel add alertmanager oncall http://10.0.0.5:9093 --allow-private --alert-label site"],
    ),
    (
        "channel add json",
        &[
            "lanyard channel add json tickets https://acme.service-now.example/api/now/table/incident \\\n      --template incident.json --header Authorization=token.txt",
        ],
    ),
    ("channel add space", &["lanyard channel add space team Y2lzY29zcGFyazovL3VzL1JPT00v --credential lobby"]),
    (
        "channel add mail",
        &[
            "lanyard channel add mail rota --to uc@example.com --from lanyard@example.com \\\n      --server smtp://mail.example.com:587 --username lanyard --password-file password.txt",
        ],
    ),
    (
        "channel list",
        &["lanyard channel list", "lanyard channel list --json | jq -r '.[] | select(.state == \"failing\").name'"],
    ),
    ("channel show", &["lanyard channel show ops"]),
    ("channel test", &["lanyard channel test ops"]),
    ("channel pause", &["lanyard channel pause ops"]),
    ("channel resume", &["lanyard channel resume ops"]),
    ("channel remove", &["lanyard channel remove ops --yes"]),
];
