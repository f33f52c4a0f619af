//! The channels to which events are delivered, as sealed documents.

use lanyard_secret::SecretBytes;

use crate::document::DocumentPlace;
use crate::engine::{Row, sql};
use crate::event::{About, Event};
use crate::{Store, StoreError};

/// A channel, as it is stored.
#[derive(Debug)]
pub struct StoredChannel {
    /// Its id, which never changes.
    pub id: String,
    /// Its name. The document has it too, because a writer of the database could change it here.
    pub name: String,
    /// Counted up with every change.
    pub version: u64,
    /// Its contents.
    pub document: SecretBytes,
}

impl Store {
    /// All channels, by name. A row that was altered without Lanyard is an error in its place.
    pub async fn channels(&self) -> Result<Vec<Result<StoredChannel, StoreError>>, StoreError> {
        let rows = self.engine().rows(sql(TABLE, SELECT_ALL)).await?;
        Ok(rows.iter().map(|row| self.read_channel(row)).collect())
    }

    /// The channel with this id.
    pub async fn channel(&self, id: &str) -> Result<Option<StoredChannel>, StoreError> {
        let row = self.engine().row(sql(TABLE, SELECT_BY_ID).bind(id)).await?;
        row.as_ref().map(|row| self.read_channel(row)).transpose()
    }

    /// The channel with this name.
    pub async fn channel_named(&self, name: &str) -> Result<Option<StoredChannel>, StoreError> {
        let row = self.engine().row(sql(TABLE, SELECT_BY_NAME).bind(name)).await?;
        row.as_ref().map(|row| self.read_channel(row)).transpose()
    }

    /// Adds a channel. `false` if there is one with its name.
    pub async fn insert_channel(&self, channel: &StoredChannel, event: &Event) -> Result<bool, StoreError> {
        self.write_rows(|mut tx| async move {
            let insert = sql(TABLE, INSERT)
                .bind(channel.id.as_str())
                .bind(channel.name.as_str())
                .bind(channel.version)
                .bind(&*self.seal_channel(channel));
            if tx.run(insert).await? == 0 {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
    }

    /// Replaces a channel whose version is one lower. `false` if it has another version now.
    pub async fn update_channel(&self, channel: &StoredChannel, event: &Event) -> Result<bool, StoreError> {
        self.write_rows(|mut tx| async move {
            let update = sql(TABLE, UPDATE)
                .bind(channel.id.as_str())
                .bind(channel.version)
                .bind(&*self.seal_channel(channel))
                .bind(channel.version.saturating_sub(1));
            if tx.run(update).await? == 0 {
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
            if tx.run(sql(TABLE, "DELETE FROM channels WHERE name = $1").bind(name)).await? == 0 {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, Event::ChannelRemoved { name: name.to_owned() });
            tx.commit(true).await
        })
        .await
    }

    fn seal_channel(&self, channel: &StoredChannel) -> Vec<u8> {
        self.seal_document(place(&channel.id, channel.version), channel.document.expose_secret())
    }

    fn read_channel(&self, row: &Row) -> Result<StoredChannel, StoreError> {
        let (id, name) = (row.text("id")?, row.text("name")?);
        let version = u64::try_from(row.integer("version")?).map_err(|_| row.impossible("version"))?;
        let document = self.open_document(place(&id, version), row.bytes("document")?);
        let document = document.map_err(|_| row.altered())?;
        Ok(StoredChannel { id, name, version, document })
    }
}

fn place(id: &str, version: u64) -> DocumentPlace<'_> {
    DocumentPlace { table: TABLE, row: id, version }
}

const TABLE: &str = "channels";
const SELECT_ALL: &str = "SELECT id, name, version, document FROM channels ORDER BY name";
const SELECT_BY_ID: &str = "SELECT id, name, version, document FROM channels WHERE id = $1";
const SELECT_BY_NAME: &str = "SELECT id, name, version, document FROM channels WHERE name = $1";
const INSERT: &str = "INSERT INTO channels (id, name, version, document) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (name) DO NOTHING";
const UPDATE: &str = "UPDATE channels SET version = $2, document = $3 WHERE id = $1 AND version = $4";
