//! Channels: where events are delivered.

mod stored;

pub use self::stored::{Channel, ChannelName, ChannelNameError};
pub(crate) use self::stored::{IN_FILE, key_of};

use std::sync::OnceLock;
use std::time::Duration;

use lanyard_channel::{Channels, TargetError};

/// The settings of channels.
#[derive(Clone, Debug)]
pub struct ChannelSettings {
    /// The channels of the settings file. Only there can a channel run a command.
    pub in_file: Vec<Channel>,
    /// The address of the console, for links in events.
    pub link: Option<String>,
    /// An HTTP proxy for webhooks.
    pub proxy: Option<String>,
    /// How old the latest backup may be before people are told; `None` if they are never told.
    pub oldest_backup: Option<Duration>,
    /// Certificates of authorities that receivers may have, besides the system's; PEM.
    pub authorities: Option<Vec<u8>>,
}

/// How old the latest backup may be if the settings do not say.
const OLDEST_BACKUP: Duration = Duration::from_hours(7 * 24);

impl Default for ChannelSettings {
    fn default() -> Self {
        Self { in_file: Vec::new(), link: None, proxy: None, oldest_backup: Some(OLDEST_BACKUP), authorities: None }
    }
}

/// The settings and connections with which a process delivers.
#[derive(Debug)]
pub(crate) struct Deliveries {
    pub(crate) in_file: Vec<Channel>,
    pub(crate) link: Option<String>,
    pub(crate) oldest_backup: Option<Duration>,
    outbound: OnceLock<Channels>,
}

impl Deliveries {
    /// Delivers with these settings over new connections.
    pub(crate) fn new(settings: ChannelSettings, mut channels: Channels) -> Result<Self, TargetError> {
        if let Some(proxy) = &settings.proxy {
            channels = channels.through(proxy)?;
        }
        if let Some(pem) = &settings.authorities {
            channels = channels.trusting(pem)?;
        }
        Ok(Self { outbound: OnceLock::from(channels), ..Self::of(settings) })
    }

    fn of(settings: ChannelSettings) -> Self {
        let ChannelSettings { in_file, link, oldest_backup, .. } = settings;
        Self { in_file, link, oldest_backup, outbound: OnceLock::new() }
    }

    /// The connections to receivers, made with the first delivery.
    pub(crate) fn outbound(&self, make: impl FnOnce() -> Channels) -> &Channels {
        self.outbound.get_or_init(make)
    }
}

impl Default for Deliveries {
    fn default() -> Self {
        Self::of(ChannelSettings::default())
    }
}
