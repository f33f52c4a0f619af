//! The channels to which events are delivered, as sealed documents.

use crate::event::{About, Event};
use crate::sealed_rows::{SealedRow, SealedTable};
use crate::{Store, StoreError};

const CHANNELS: SealedTable = crate::sealed_table!("channels");

impl Store {
    /// All channels, by name. A row that was altered without Lanyard is an error in its place.
    pub async fn channels(&self) -> Result<Vec<Result<SealedRow, StoreError>>, StoreError> {
        CHANNELS.all(self).await
    }

    /// The channel with this id.
    pub async fn channel(&self, id: &str) -> Result<Option<SealedRow>, StoreError> {
        CHANNELS.by_id(self, id).await
    }

    /// The channel with this name.
    pub async fn channel_named(&self, name: &str) -> Result<Option<SealedRow>, StoreError> {
        CHANNELS.by_name(self, name).await
    }

    /// Adds a channel. `false` if there is one with its name.
    pub async fn insert_channel(&self, channel: &SealedRow, event: &Event) -> Result<bool, StoreError> {
        self.write_rows(|mut tx| async move {
            if !CHANNELS.insert(self, &mut tx, channel).await? {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
    }

    /// Replaces a channel whose version is one lower. `false` if it has another version now.
    pub async fn update_channel(&self, channel: &SealedRow, event: &Event) -> Result<bool, StoreError> {
        self.write_rows(|mut tx| async move {
            if !CHANNELS.update(self, &mut tx, channel).await? {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
    }

    /// Removes the channel with this name, even if its row was altered. `false` if there is none.
    pub async fn remove_channel(&self, name: &str) -> Result<bool, StoreError> {
        self.write_rows(|mut tx| async move {
            if CHANNELS.delete(&mut tx, name).await?.is_none() {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, Event::ChannelRemoved { name: name.to_owned() });
            tx.commit(true).await
        })
        .await
    }
}
