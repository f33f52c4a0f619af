//! The channels to which events are delivered.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_channel::{DeliveryError, Notice, NoticeData, NoticeType, Rules, Severity, Target, TargetError};
use lanyard_operation::{Code, Declaration, Operation, Problem};
use lanyard_store::{Event, SealedRow, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::channels::{Channel, ChannelName, key_of};
use crate::delivery::{DELIVER, Progress, attempt};
use crate::events::source;
use crate::{Broker, Error};

operations![AddChannel, ListChannels, PauseChannel, RemoveChannel, ShowChannel, TestChannel];

/// A channel, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChannelView {
    /// Its name.
    pub name: String,
    /// The kind of its target.
    pub kind: String,
    /// Its target, without secrets.
    pub target: String,
    /// The credential that posts to a space.
    pub credential: Option<String>,
    /// Whether it is in the settings file.
    pub in_file: bool,
    /// The state: `new` (nothing was delivered yet), `delivering`, `failing`, `paused` or `unreadable`.
    pub state: String,
    /// The types of events that it wants; all but heartbeats if there are none.
    pub types: Vec<String>,
    /// The least severity that it wants.
    pub severity: Option<String>,
    /// The kinds of credentials that it wants.
    pub kinds: Vec<String>,
    /// The labels that a credential must have.
    pub labels: Vec<String>,
    /// How often it gets a heartbeat, in seconds.
    pub heartbeat_seconds: Option<u64>,
    /// When an event was delivered last.
    #[schemars(with = "Option<String>")]
    pub delivered_at: Option<Timestamp>,
    /// Since when deliveries fail.
    #[schemars(with = "Option<String>")]
    pub failing_since: Option<Timestamp>,
    /// How many attempts have failed since then.
    pub failures: u32,
    /// The reason of the last failure.
    pub reason: Option<String>,
}

/// Adds a channel. Its target is checked as far as that is possible without a connection; [`TestChannel`] sends an event.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddChannel {
    /// Its name.
    pub name: ChannelName,
    /// The place to which events go.
    #[serde(with = "lanyard_channel::travel")]
    pub target: Target,
    /// The events that it wants.
    pub rules: Rules,
    /// How often it gets a heartbeat.
    pub heartbeat: Option<Duration>,
    /// Whether to send a test event first, and to add the channel only if that arrives.
    pub test: bool,
}

impl Operation for AddChannel {
    const DECLARED: Declaration = Declaration::change("channel.add").slow();

    type Context = Broker;
    type Reply = ChannelView;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ChannelView, Error> {
        let Self { name, target, rules, heartbeat, test } = self;
        if matches!(target, Target::Command(_)) {
            let what = format!("the channel {name} runs a command, which only the settings file can allow");
            let hint = "add it to lanyard.toml as [[channel]], and restart the broker";
            return Err(Problem::new(Code::BadRequest, what).hint(hint).into());
        }
        if let Err(error) = target.check() {
            let problem = Problem::new(Code::BadRequest, error.to_string());
            let is_private = matches!(error, TargetError::HttpsRequired(_) | TargetError::AddressRefused { .. });
            let hint = "if the receiver is meant to have a private address, add --allow-private";
            return Err(if is_private { problem.hint(hint) } else { problem }.into());
        }
        if let Err(error) = rules.check(heartbeat) {
            return Err(Problem::new(Code::BadRequest, error.to_string()).hint(error.hint()).into());
        }
        let is_in_file = broker.channels.in_file.iter().any(|channel| channel.name == name);
        if is_in_file || broker.store.channel_named(name.as_str()).await.is_ok_and(|found| found.is_some()) {
            return Err(taken(&name));
        }
        let channel = Channel { name, target, rules, heartbeat, paused_at: None, skipped: Vec::new() };
        if test {
            send_test(broker, &channel, "correct it and try again; or add the channel with --untested").await?;
        }
        let mut id = [0; 16];
        broker.entropy.fill(&mut id);
        let id = format!("{:032x}", u128::from_be_bytes(id));
        // What happens after this moment is delivered, however late a broker begins.
        let begin = json!(Progress::at(broker.store.journal_end().await?));
        let event = Event::ChannelAdded { name: channel.name.to_string(), target: channel.target.to_string() };
        if !broker.store.insert_channel(&channel.stored(&id, 0), &event).await? {
            return Err(taken(&channel.name));
        }
        broker.queue.ensure(DELIVER, &id, &begin).await?;
        view(broker, Ok((&channel, Some(&id)))).await
    }
}

fn taken(name: &ChannelName) -> Error {
    Problem::new(Code::NameTaken, format!("there is a channel named {name} already"))
        .hint("choose another name, or see the channels: lanyard channel list")
        .into()
}

/// Lists the channels, by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListChannels {}

impl Operation for ListChannels {
    const DECLARED: Declaration = Declaration::read("channel.list");

    type Context = Broker;
    type Reply = Vec<ChannelView>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<ChannelView>, Error> {
        let mut views = Vec::new();
        for channel in &broker.channels.in_file {
            views.push(view(broker, Ok((channel, None))).await?);
        }
        for stored in broker.store.channels().await? {
            let read = stored.and_then(|stored| Ok((Channel::read(&stored)?, stored.id)));
            views.push(match &read {
                Ok((channel, id)) => view(broker, Ok((channel, Some(id)))).await?,
                Err(error) if error.is_of_one_row() => view(broker, Err(error)).await?,
                Err(_) => return Err(read.err().map_or(Error::Stopping, Error::from)),
            });
        }
        views.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(views)
    }
}

/// Shows one channel.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowChannel {
    /// The channel.
    pub name: ChannelName,
}

impl Operation for ShowChannel {
    const DECLARED: Declaration = Declaration::read("channel.show");

    type Context = Broker;
    type Reply = ChannelView;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ChannelView, Error> {
        let (channel, stored) = find(broker, &self.name).await?;
        view(broker, Ok((&channel, stored.as_ref().map(|stored| &*stored.id)))).await
    }
}

/// Sends a test event through a channel, once, and reports how that went.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestChannel {
    /// The channel.
    pub name: ChannelName,
}

impl Operation for TestChannel {
    const DECLARED: Declaration = Declaration::read("channel.test").slow();

    type Context = Broker;
    type Reply = ();
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        let (channel, _) = find(broker, &self.name).await?;
        let otherwise = if channel.paused_at.is_some() {
            "correct the receiver; waiting events are delivered after: lanyard channel resume"
        } else {
            "correct the receiver; waiting events are delivered with the next attempt, within ten minutes"
        };
        send_test(broker, &channel, otherwise).await
    }
}

/// Sends a test event. `otherwise` is the next step after a failure that names none.
async fn send_test(broker: &Broker, channel: &Channel, otherwise: &str) -> Result<(), Error> {
    let mut id = [0; 16];
    broker.entropy.fill(&mut id);
    let id = format!("test-{:032x}", u128::from_be_bytes(id)).parse().expect("digits and a dash are an id");
    let what = format!("This is a test of the channel {}, sent by {}.", channel.name, broker.actor());
    let mut data = NoticeData::new(what, Severity::Info);
    data.link.clone_from(&broker.channels.link);
    let notice = Notice::new(id, source(&broker.store).await?, NoticeType::TEST, broker.clock.now().wall, data);
    attempt(broker, channel, &notice, &[]).await.map_err(|error| {
        let what = format!("the test event did not arrive: {error}");
        let hint = next_step(&error, &channel.target).unwrap_or_else(|| otherwise.to_owned());
        Problem::new(Code::Failed, what).hint(hint).into()
    })
}

/// The next step after a failed delivery, where its error says enough.
fn next_step(error: &DeliveryError, target: &Target) -> Option<String> {
    let hint = match (error, target) {
        (DeliveryError::AddressRefused { .. }, _) => {
            "if the receiver is meant to have a private address, add the channel with --allow-private"
        }
        (DeliveryError::NoToken { reason }, _) if reason.contains("no longer exists") => {
            "remove the channel, and add it with another credential: lanyard channel remove"
        }
        (DeliveryError::NoToken { .. }, _) => "see which credential needs attention: lanyard list",
        (DeliveryError::Refused { .. }, Target::Space(_)) => {
            "check the id of the space, and that the credential is a member of it: lanyard api NAME rooms"
        }
        (DeliveryError::Later { reason, .. }, Target::Mail(_)) if reason.contains("STARTTLS") => {
            "use a server with STARTTLS or smtps://; for a server on this machine, add the channel with --allow-plaintext"
        }
        (DeliveryError::Refused { reason, .. }, Target::Webhook(_))
            if ["400", "401", "403"].iter().any(|status| reason.contains(status)) =>
        {
            "if the receiver checks signatures, give it the secret first: make one (echo whsec_$(openssl rand -base64 32)), and add the \
             channel with --secret-file"
        }
        (_, Target::Command(_)) => "correct the program, or its settings in lanyard.toml",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Pauses a channel, or resumes it. The events of the pause are not delivered; those from before are, once it is resumed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseChannel {
    /// The channel.
    pub name: ChannelName,
    /// Whether it is to be paused.
    pub pause: bool,
}

impl Operation for PauseChannel {
    const DECLARED: Declaration = Declaration::change("channel.pause");

    type Context = Broker;
    type Reply = ChannelView;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ChannelView, Error> {
        loop {
            let (mut channel, stored) = find(broker, &self.name).await?;
            let Some(SealedRow { id, version, .. }) = stored else { return Err(in_file(&self.name)) };
            if channel.paused_at.is_some() != self.pause {
                let now = broker.clock.now().wall;
                if self.pause {
                    channel.pause(now);
                } else {
                    channel.resume(now);
                }
                let changed = if self.pause { "paused" } else { "resumed" }.to_owned();
                let event = Event::ChannelChanged { name: channel.name.to_string(), changed };
                if !broker.store.update_channel(&channel.stored(&id, version + 1), &event).await? {
                    continue;
                }
                broker.queue.wake(DELIVER, &id).await?;
            }
            return view(broker, Ok((&channel, Some(&id)))).await;
        }
    }
}

/// Removes a channel. Events that were not delivered through it yet are not delivered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveChannel {
    /// The channel.
    pub name: ChannelName,
}

impl Operation for RemoveChannel {
    const DECLARED: Declaration = Declaration::change("channel.remove");

    type Context = Broker;
    type Reply = ();
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<(), Error> {
        // A row that was altered has no unit that is found through it: the unit ends when it finds no channel.
        if broker.store.remove_channel(self.name.as_str()).await? {
            return Ok(());
        }
        let is_in_file = broker.channels.in_file.iter().any(|channel| channel.name == self.name);
        Err(if is_in_file { in_file(&self.name) } else { missing(&self.name) })
    }
}

async fn find(broker: &Broker, name: &ChannelName) -> Result<(Channel, Option<SealedRow>), Error> {
    if let Some(channel) = broker.channels.in_file.iter().find(|channel| channel.name == *name) {
        return Ok((channel.clone(), None));
    }
    let stored = broker.store.channel_named(name.as_str()).await?.ok_or_else(|| missing(name))?;
    Ok((Channel::read(&stored)?, Some(stored)))
}

fn missing(name: &ChannelName) -> Error {
    Problem::new(Code::NoSuchName, format!("there is no channel named {name}"))
        .hint("list the channels: lanyard channel list; after a change of lanyard.toml, restart the broker")
        .into()
}

fn in_file(name: &ChannelName) -> Error {
    Problem::new(Code::Failed, format!("the channel {name} is in lanyard.toml, and can only be changed there"))
        .hint("change or remove its table, and restart the broker; such a channel cannot be paused")
        .into()
}

/// The view of a channel of the store, with its id, of one of the settings file, or of one whose row was altered.
async fn view(broker: &Broker, channel: Result<(&Channel, Option<&str>), &StoreError>) -> Result<ChannelView, Error> {
    let (channel, id) = match channel {
        Ok(read) => read,
        Err(why) => return Ok(unreadable(why)),
    };
    let key = id.map_or_else(|| key_of(&channel.name), str::to_owned);
    let unit = match broker.queue.recurring(DELIVER, &key).await {
        Ok(unit) => unit,
        Err(error) if error.is_of_one_row() => None,
        Err(error) => return Err(error.into()),
    };
    let progress = unit.and_then(|unit| serde_json::from_value::<Progress>(unit.document.progress).ok());
    let failing = progress.as_ref().and_then(|progress| progress.failing.clone());
    let state = match (&progress, channel.paused_at.is_some(), &failing) {
        (_, true, _) => "paused",
        (_, _, Some(_)) => "failing",
        (Some(Progress { delivered_at: Some(_), .. }), ..) => "delivering",
        _ => "new",
    };
    let rules = &channel.rules;
    Ok(ChannelView {
        name: channel.name.to_string(),
        kind: channel.target.kind().to_owned(),
        target: channel.target.to_string(),
        credential: poster(broker, channel).await?,
        in_file: id.is_none(),
        state: state.to_owned(),
        types: rules.types.iter().map(ToString::to_string).collect(),
        severity: rules.severity.map(|severity| severity.as_str().to_owned()),
        kinds: rules.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
        labels: rules.labels.iter().map(|label| format!("{}={}", label.key, label.value)).collect(),
        heartbeat_seconds: channel.heartbeat.map(|every| every.as_secs()),
        delivered_at: progress.as_ref().and_then(|progress| progress.delivered_at),
        failing_since: failing.as_ref().map(|failing| failing.since),
        failures: failing.as_ref().map_or(0, |failing| failing.attempts),
        reason: failing.map(|failing| failing.why),
    })
}

/// The name of the credential that posts to a space; its id if it no longer exists.
async fn poster(broker: &Broker, channel: &Channel) -> Result<Option<String>, Error> {
    let Target::Space(target) = &channel.target else { return Ok(None) };
    Ok(Some(match broker.store.credential_by_id(target.credential).await {
        Ok(Some(credential)) => credential.name.to_string(),
        Ok(None) => format!("{} (no longer exists)", target.credential),
        Err(error) if error.is_of_one_row() => target.credential.to_string(),
        Err(error) => return Err(error.into()),
    }))
}

fn unreadable(why: &StoreError) -> ChannelView {
    // The name by which it can be removed.
    let name = match why {
        StoreError::Altered { row, .. } => row.split(' ').next().unwrap_or_default(),
        _ => "?",
    };
    ChannelView {
        name: name.to_owned(),
        kind: "?".to_owned(),
        target: "?".to_owned(),
        credential: None,
        in_file: false,
        state: "unreadable".to_owned(),
        types: Vec::new(),
        severity: None,
        kinds: Vec::new(),
        labels: Vec::new(),
        heartbeat_seconds: None,
        delivered_at: None,
        failing_since: None,
        failures: 0,
        reason: Some(why.to_string()),
    }
}
