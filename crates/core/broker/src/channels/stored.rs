//! A channel, as it is kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_channel::{AlertState, Notice, Rules, Target};
use lanyard_secret::SecretBytes;
use lanyard_store::{SealedRow, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

/// The name of a channel: up to 64 lower-case letters, digits, dashes and dots, and a letter or digit first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChannelName(String);

/// A text that is not the name of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected up to 64 lower-case letters, digits, dashes and dots, with a letter or digit first")]
pub struct ChannelNameError;

impl ChannelName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = ChannelNameError;

    fn from_str(text: &str) -> Result<Self, ChannelNameError> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = |byte: u8| is_word(byte) || matches!(byte, b'-' | b'.');
        let is_name =
            (1..=64).contains(&text.len()) && text.bytes().all(fits) && text.bytes().next().is_some_and(is_word);
        if is_name { Ok(Self(text.to_owned())) } else { Err(ChannelNameError) }
    }
}

impl TryFrom<String> for ChannelName {
    type Error = ChannelNameError;

    fn try_from(text: String) -> Result<Self, ChannelNameError> {
        text.parse()
    }
}

impl From<ChannelName> for String {
    fn from(name: ChannelName) -> Self {
        name.0
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its name.
    pub name: ChannelName,
    /// The place to which events go.
    pub target: Target,
    /// The events that it wants.
    pub rules: Rules,
    /// How often it gets a heartbeat, by which a receiver notices that nothing arrives any more.
    pub heartbeat: Option<Duration>,
    /// Since when it is paused. Events from before are delivered when it is resumed.
    pub paused_at: Option<Timestamp>,
    /// The latest times in which it was paused. The events of those times are not delivered.
    pub skipped: Vec<(Timestamp, Timestamp)>,
}

/// How many times of pauses are kept.
const MOST_SKIPPED: usize = 16;

/// The contents of a channel's sealed document.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    name: ChannelName,
    target: T,
    rules: Rules,
    heartbeat_seconds: Option<u64>,
    paused_at: Option<Timestamp>,
    skipped: Vec<(Timestamp, Timestamp)>,
}

impl Channel {
    /// Pauses it.
    pub(crate) fn pause(&mut self, now: Timestamp) {
        self.paused_at.get_or_insert(now);
    }

    /// Resumes it; the events of the pause are skipped.
    pub(crate) fn resume(&mut self, now: Timestamp) {
        let Some(from) = self.paused_at.take() else { return };
        self.skipped.push((from, now));
        let old = self.skipped.len().saturating_sub(MOST_SKIPPED);
        self.skipped.drain(..old);
    }

    /// Whether an event is delivered.
    pub(crate) fn wants(&self, notice: &Notice) -> bool {
        self.rules.wants(notice) && !self.skips(notice)
    }

    /// Whether an event is not delivered, because it happened while the channel was paused. One of the moment of the pause came before it. The
    /// end of an alert is delivered, because its begin may have been.
    fn skips(&self, notice: &Notice) -> bool {
        notice.data.state != AlertState::Resolved
            && self.skipped.iter().any(|(from, to)| *from < notice.time && notice.time < *to)
    }

    /// The channel in a row of the store.
    pub(crate) fn read(stored: &SealedRow) -> Result<Self, StoreError> {
        let altered = || StoreError::Altered { table: "channels", row: stored.name.clone() };
        let written: Written<Box<RawValue>> =
            serde_json::from_slice(stored.document.expose_secret()).map_err(|_| altered())?;
        if written.name.as_str() != stored.name {
            return Err(altered());
        }
        let target = SecretBytes::new(written.target.get().as_bytes().to_vec());
        Ok(Self {
            name: written.name,
            target: Target::from_document(&target).map_err(|_| altered())?,
            rules: written.rules,
            heartbeat: written.heartbeat_seconds.map(Duration::from_secs),
            paused_at: written.paused_at,
            skipped: written.skipped,
        })
    }

    /// The channel as a row of the store.
    pub(crate) fn stored(&self, id: &str, version: u64) -> SealedRow {
        let target = self.target.document();
        let target = str::from_utf8(target.expose_secret()).unwrap_or_default();
        let written = Written {
            name: self.name.clone(),
            target: serde_json::from_str::<&RawValue>(target).expect("a target is written as JSON"),
            rules: self.rules.clone(),
            heartbeat_seconds: self.heartbeat.map(|every| every.as_secs()),
            paused_at: self.paused_at,
            skipped: self.skipped.clone(),
        };
        let document = serde_json::to_vec(&written).expect("a channel is written as JSON");
        SealedRow::new(id, self.name.as_str(), version, document)
    }
}

/// The key of the unit of work that delivers to a channel of the settings file.
pub(crate) fn key_of(name: &ChannelName) -> String {
    format!("{IN_FILE}{name}")
}

/// The beginning of such a key. No id of a channel in the store has a slash.
pub(crate) const IN_FILE: &str = "file/";
