//! The home's own row.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_vault::{AuditKey, KeyId, KeySource, Mac, Sealed};

use crate::encode::encode;
use crate::engine::{Dialect, Engine, Row, Transaction, sql};
use crate::migration::KNOWN;
use crate::{Pause, StoreError};

/// Which keys a home has, and where they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeKeys {
    /// The id by which a keyring finds the home's key. Homes of the first version have none until they need one.
    pub id: Option<String>,
    /// The home's key.
    pub key: KeyId,
    /// Where that is kept.
    pub source: KeySource,
    /// The key that replaces it once every running broker has that. Nothing is wrapped under it yet.
    pub offered: Option<NextKey>,
    /// The key that is about to replace it.
    pub next: Option<NextKey>,
    /// The key that it replaced, while that is still to be removed.
    pub retired: Option<(KeyId, KeySource)>,
}

impl HomeKeys {
    /// The key that data keys are to be wrapped under now.
    pub fn wrapping(&self) -> KeyId {
        self.next.as_ref().map_or(self.key, |next| next.id)
    }

    /// The home's keys as they are once `next` has replaced the others.
    pub fn replaced_by(&self, next: &NextKey) -> Self {
        Self { id: self.id.clone(), key: next.id, source: next.source, offered: None, next: None, retired: None }
    }

    /// The keys that rows may stand under.
    pub fn keys(&self) -> impl Iterator<Item = KeyId> {
        [Some(self.key), self.next.as_ref().map(|next| next.id)].into_iter().flatten()
    }

    /// Where those keys are kept.
    pub fn sources(&self) -> impl Iterator<Item = KeySource> {
        [Some(self.source), self.next.as_ref().map(|next| next.source)].into_iter().flatten()
    }
}

/// The home's own row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HomeRow {
    pub(crate) keys: HomeKeys,
    /// The home's own data key, under its key.
    pub(crate) wrapped_key: Sealed,
    pub(crate) paused: Option<Pause>,
    /// The schema's version. Another process may have brought it up to date since this one opened the store.
    pub(crate) version: i64,
    /// The mac of all that but the wrapped key, which the home's key authenticates.
    pub(crate) seal: Option<Vec<u8>>,
}

/// A key that is about to replace the home's, or is offered for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextKey {
    /// Which.
    pub id: KeyId,
    /// Where it is kept.
    pub source: KeySource,
    /// Since when it is offered, or replacing the other.
    pub since: Timestamp,
}

impl NextKey {
    /// The pause between two attempts to have an offered key without a person. A keyring that is locked may show its owner a prompt.
    pub fn rest_between_looks(&self) -> Duration {
        match self.source {
            KeySource::File | KeySource::Passphrase | KeySource::KeyFile => Duration::ZERO,
            KeySource::Command => Duration::from_secs(10),
            KeySource::Keyring => Duration::from_mins(1),
        }
    }
}

impl HomeRow {
    /// Reads the row in an engine, without any check of its seal.
    pub(crate) async fn of(engine: &Engine) -> Result<Self, StoreError> {
        Self::read(engine.row(sql("home", select(engine.dialect()))).await?.as_ref())
    }

    /// Like [`of`](Self::of), within a transaction.
    pub(crate) async fn within(transaction: &mut Transaction) -> Result<Self, StoreError> {
        let select = select(transaction.dialect());
        Self::read(transaction.row(sql("home", select)).await?.as_ref())
    }

    fn read(row: Option<&Row>) -> Result<Self, StoreError> {
        let row = row.ok_or_else(|| StoreError::Damaged("the home's own row is missing".to_owned()))?;
        let offered = match row.optional_parsed("offered_key_id")? {
            None => None,
            Some(id) => Some(NextKey {
                id,
                source: row.parsed("offered_key_source")?,
                since: row.timestamp("offered_key_since")?,
            }),
        };
        let next = match row.optional_parsed("next_key_id")? {
            None => None,
            Some(id) => {
                Some(NextKey { id, source: row.parsed("next_key_source")?, since: row.timestamp("next_key_since")? })
            }
        };
        let retired = match row.optional_parsed("retired_key_id")? {
            None => None,
            Some(id) => Some((id, row.parsed("retired_key_source")?)),
        };
        let paused = match row.optional_timestamp("paused_since")? {
            None => None,
            Some(since) => Some(Pause { reason: row.text("paused_reason")?, since }),
        };
        Ok(Self {
            keys: HomeKeys {
                id: row.optional_text("home_id")?,
                key: row.parsed("key_id")?,
                source: row.parsed("key_source")?,
                offered,
                next,
                retired,
            },
            wrapped_key: row.sealed("wrapped_key")?,
            paused,
            version: row.integer("version")?,
            seal: row.optional_bytes("seal")?,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let text = |value: &dyn ToString| Some(value.to_string());
        let milliseconds = |at: &Timestamp| text(&at.as_millisecond());
        let (keys, paused) = (&self.keys, self.paused.as_ref());
        let (next, retired) = (keys.next.as_ref(), keys.retired.as_ref());
        let fields = [
            keys.id.clone(),
            text(&keys.key),
            text(&keys.source),
            next.and_then(|next| text(&next.id)),
            next.and_then(|next| text(&next.source)),
            next.and_then(|next| milliseconds(&next.since)),
            retired.and_then(|(key, _)| text(key)),
            retired.and_then(|(_, source)| text(source)),
            paused.map(|pause| pause.reason.clone()),
            paused.and_then(|pause| milliseconds(&pause.since)),
        ];
        // A row without an offer is sealed as it was before there were any.
        let offered = keys
            .offered
            .as_ref()
            .map(|offered| [text(&offered.id), text(&offered.source), milliseconds(&offered.since)]);
        let fields = fields.iter().chain(offered.iter().flatten()).map(|field| field.as_deref().map(str::as_bytes));
        encode(&[Some(&b"home"[..])].into_iter().chain(fields).collect::<Vec<_>>())
    }

    /// The seal of the row as it is.
    pub(crate) fn sealed_with(&self, key: &AuditKey) -> Mac {
        key.chain(&Mac::BEGINNING, &self.encode())
    }

    /// Refuses a row that Lanyard did not write: it says which keys are to be fetched, used and removed. Refuses a schema that this process
    /// does not know too: what it would write there, nobody could trust.
    pub(crate) fn checked(self, key: &AuditKey) -> Result<Self, StoreError> {
        if self.version != KNOWN {
            return Err(StoreError::Upgraded { found: self.version, known: KNOWN });
        }
        let stored = self.seal.as_deref().and_then(Mac::from_bytes);
        if stored == Some(self.sealed_with(key)) {
            Ok(self)
        } else {
            Err(StoreError::Altered { table: "home", row: "1".to_owned() })
        }
    }
}

macro_rules! select {
    ($version:literal) => {
        concat!(
            "SELECT id, home_id, key_id, key_source, wrapped_key, next_key_id, next_key_source, next_key_since, retired_key_id, \
             retired_key_source, offered_key_id, offered_key_source, offered_key_since, paused_reason, paused_since, seal, ",
            $version,
            " AS version FROM home WHERE id = 1"
        )
    };
}

fn select(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => select!("(SELECT user_version FROM pragma_user_version)"),
        Dialect::Postgres => select!("(SELECT version FROM schema_version)"),
    }
}
