//! Sealing and opening the secrets of one row under the row's own data key.

use lanyard_time::Entropy;
use lanyard_vault::{DataKey, OpenError, RowAddress, Sealed};

use crate::StoreError;
use crate::store::Store;
use crate::write::Tx;

/// The row whose secrets are sealed.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
    /// The Webex that the secrets belong to.
    pub(crate) environment: &'a str,
}

impl<'a> Owner<'a> {
    pub(crate) fn place(self, column: &'static str, generation: u32) -> RowAddress<'a> {
        RowAddress {
            table: self.table,
            row: self.row,
            column,
            generation: generation.into(),
            environment: self.environment,
        }
    }
}

/// A row's data key, unwrapped, with the place that it seals for.
pub(crate) struct Envelope<'a> {
    owner: Owner<'a>,
    key: DataKey,
}

pub(crate) const WRAPPED_KEY: &str = "wrapped_key";

impl<'a> Envelope<'a> {
    /// A new data key for the row, and its wrapped form. `version` tells successive keys of the row apart. Only within a write: it
    /// began with a look at which of the home's keys wraps.
    pub(crate) fn new(tx: &Tx, owner: Owner<'a>, version: u32) -> (Self, Sealed) {
        let store = tx.store();
        let key = DataKey::generate(store.entropy());
        let place = owner.place(WRAPPED_KEY, version);
        let wrapped = store.inner.keys.wrap(tx.wrapping(), &key, &place, store.entropy());
        (Self { owner, key }, wrapped)
    }

    /// The row's data key. Refused while the home is paused: whoever has it hands out or spends what it opens.
    pub(crate) fn open(store: &Store, owner: Owner<'a>, version: u32, wrapped: &Sealed) -> Result<Self, StoreError> {
        store.may_open()?;
        let key = store.inner.keys.unwrap(wrapped, &owner.place(WRAPPED_KEY, version))?;
        Ok(Self { owner, key })
    }

    /// Seals a secret text for a column.
    pub(crate) fn seal(&self, column: &'static str, generation: u32, text: &str, entropy: &dyn Entropy) -> Sealed {
        self.key.seal(text.as_bytes(), &self.owner.place(column, generation), entropy)
    }

    /// Opens a column's secret text and hands it to the type that keeps it.
    pub(crate) fn reveal<T>(
        &self,
        column: &'static str,
        generation: u32,
        sealed: &Sealed,
        keep: impl FnOnce(&str) -> T,
    ) -> Result<T, OpenError> {
        let bytes = self.key.open(sealed, &self.owner.place(column, generation))?;
        let text = str::from_utf8(bytes.expose_secret()).map_err(|_| OpenError::Damaged)?;
        Ok(keep(text))
    }
}

impl Store {
    /// Refused while the home is paused, unless this store only inspects.
    pub(crate) fn may_open(&self) -> Result<(), StoreError> {
        match self.inner.paused() {
            Some(pause) if !self.inspects => Err(StoreError::Paused(pause)),
            _ => Ok(()),
        }
    }
}
