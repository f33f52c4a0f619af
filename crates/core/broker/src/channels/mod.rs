//! Channels: where events are delivered.

mod stored;

pub use self::stored::{Channel, ChannelName, ChannelNameError};
pub(crate) use self::stored::{IN_FILE, key_of};

use std::sync::OnceLock;

use lanyard_channel::{Channels, TargetError};

/// The settings of channels.
#[derive(Clone, Debug, Default)]
pub struct ChannelSettings {
    /// The channels of the settings file. Only there can a channel run a command.
    pub in_file: Vec<Channel>,
    /// The address of the console, for links in events.
    pub link: Option<String>,
    /// An HTTP proxy for webhooks.
    pub proxy: Option<String>,
    /// Certificates of authorities that receivers may have, besides the system's; PEM.
    pub authorities: Option<Vec<u8>>,
}

/// The settings and connections with which a process delivers.
#[derive(Debug, Default)]
pub(crate) struct Deliveries {
    pub(crate) in_file: Vec<Channel>,
    pub(crate) link: Option<String>,
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
        Ok(Self { in_file: settings.in_file, link: settings.link, outbound: OnceLock::from(channels) })
    }

    /// The connections to receivers, made with the first delivery.
    pub(crate) fn outbound(&self, make: impl FnOnce() -> Channels) -> &Channels {
        self.outbound.get_or_init(make)
    }
}
