//! Delivery of events to channels.

mod deliver;
mod repeat;
mod tokens;

use std::sync::Arc;

use lanyard_channel::{Channels, TargetError};

pub(crate) use self::deliver::{DELIVER, Progress, attempt, deliver};
use crate::Broker;
use crate::channels::{ChannelSettings, Deliveries};

impl Broker {
    /// Uses these settings for channels.
    pub fn with_channels(self, settings: ChannelSettings) -> Result<Self, TargetError> {
        let deliveries = Deliveries::new(settings, self.connections())?;
        Ok(Self { channels: Arc::new(deliveries), ..self })
    }

    fn connections(&self) -> Channels {
        Channels::new(Arc::clone(&self.transport)).with_sleep(Arc::clone(&self.sleep))
    }
}
