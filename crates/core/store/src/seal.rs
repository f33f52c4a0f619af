//! Seals over rows that can cause an action.
//!
//! The home's own row, a credential and an app carry a seal over what they are: all columns except those that change often and decide nothing, and those that
//! hold sealed values, which are bound to their row already. Whoever writes to the database without the home's key cannot make such a
//! row: it is refused where it is read. A transaction that changes a row reads it whole first ([`Tx::sealed`]), and its commit seals
//! what the transaction [meant](crate::meant) the row to be.
//!
//! A seal does not say that a row is the latest: an older copy of the whole row, put back, is one that Lanyard wrote.

use lanyard_vault::Mac;

use crate::encode::encode;
use crate::engine::{Row, sql};
use crate::event::{About, Event};
use crate::keys::HomeRow;
use crate::meant::{Meant, SINGLE};
use crate::sealed::{APPS, CREDENTIALS, HOME, SEAL_HOME, SealedTable};
use crate::write::Tx;
use crate::{Store, StoreError};

impl Store {
    /// Refuses a row that is not as Lanyard wrote it.
    pub(crate) fn check_seal(&self, table: &SealedTable, row: &Row) -> Result<(), StoreError> {
        let stored = row.optional_bytes("seal")?.and_then(|bytes| Mac::from_bytes(&bytes));
        if stored == Some(self.seal_of(table, row)?) { Ok(()) } else { Err(row.altered()) }
    }

    fn seal_of(&self, table: &SealedTable, row: &Row) -> Result<Mac, StoreError> {
        let numbers = table.numbers.iter().map(|column| Ok(row.optional_integer(column)?.map(i64::to_be_bytes)));
        let numbers = numbers.collect::<Result<Vec<_>, StoreError>>()?;
        let mut fields = Vec::with_capacity(1 + table.texts.len() + numbers.len());
        fields.push(Some(table.name.as_bytes()));
        for column in table.texts {
            fields.push(row.optional_str(column)?.map(str::as_bytes));
        }
        fields.extend(numbers.iter().map(|number| number.as_ref().map(<[u8; 8]>::as_slice)));
        Ok(self.inner.seals_key.chain(&Mac::BEGINNING, &encode(&fields)))
    }

    /// Seals the rows of a home that was made before there were seals: once, as its own data key says. Returns the names of what is
    /// now trusted.
    pub(crate) async fn seal_all(&self, tx: &mut Tx) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for table in [&APPS, &CREDENTIALS] {
            for row in tx.rows(sql(table.name, table.select_all)).await? {
                // A row that cannot be read is not trusted: it stays without a seal.
                let Ok(id) = row.text("id") else { continue };
                if self.seal_of(table, &row).is_ok() {
                    tx.seal(Meant::as_read(table, &id, &row)?);
                    names.push(row.text("name")?);
                }
            }
        }
        if !names.is_empty() {
            tx.record(About::Home, Event::RowsSealed { names: names.clone() });
        }
        Ok(names)
    }
}

impl Tx {
    /// A row that is about to be changed, whole. One that was altered without Lanyard is refused: to change it would make it authentic.
    pub(crate) async fn sealed(&mut self, table: &'static SealedTable, id: &str) -> Result<Option<Row>, StoreError> {
        self.lock_sealed_tables().await?;
        let Some(row) = self.row(sql(table.name, table.select).bind(id)).await? else { return Ok(None) };
        self.store().check_seal(table, &row)?;
        self.seal(Meant::as_read(table, id, &row)?);
        Ok(Some(row))
    }

    /// Like [`sealed`](Self::sealed), for writes that must succeed on an altered row too: the end of an exchange, and of the credential
    /// itself. An altered row stays altered.
    pub(crate) async fn sealed_or_altered(
        &mut self,
        table: &'static SealedTable,
        id: &str,
    ) -> Result<Option<Row>, StoreError> {
        self.lock_sealed_tables().await?;
        let Some(row) = self.row(sql(table.name, table.select).bind(id)).await? else { return Ok(None) };
        if self.store().check_seal(table, &row).is_ok() {
            self.seal(Meant::as_read(table, id, &row)?);
        }
        Ok(Some(row))
    }

    /// The home's own row, which is about to be changed. The commit seals it again.
    pub(crate) async fn sealed_home(&mut self) -> Result<HomeRow, StoreError> {
        self.lock_sealed_tables().await?;
        self.seal_home().await?;
        self.home_row().await?.checked(&self.store().inner.seals_key)
    }

    /// Has the commit seal the home's own row as it is now, including any later change in this transaction.
    pub(crate) async fn seal_home(&mut self) -> Result<(), StoreError> {
        if let Some(row) = self.row(sql(HOME.name, HOME.select)).await? {
            self.seal(Meant::as_read(&HOME, SINGLE, &row)?);
        }
        Ok(())
    }

    async fn write_home_seal(&mut self) -> Result<(), StoreError> {
        let seal = self.home_row().await?.sealed_with(&self.store().inner.seals_key);
        self.run(sql("home", SEAL_HOME).bind(seal.as_bytes())).await?;
        Ok(())
    }

    /// Seals a row that is as it was meant; `false`, and its seal stays as it was, if it is not.
    pub(crate) async fn write_seal(&mut self, meant: &Meant) -> Result<bool, StoreError> {
        let (table, id) = (meant.table, &*meant.id);
        let select = sql(table.name, table.select);
        let is_home = table.name == HOME.name;
        let Some(row) = self.row(if is_home { select } else { select.bind(id) }).await? else { return Ok(true) };
        if !meant.is(&row)? {
            return Ok(false);
        }
        if is_home {
            self.write_home_seal().await?;
            return Ok(true);
        }
        let seal = self.store().seal_of(table, &row)?;
        if row.optional_bytes("seal")?.is_none_or(|stored| stored != seal.as_bytes()) {
            self.run(sql(table.name, table.update).bind(id).bind(seal.as_bytes())).await?;
        }
        Ok(true)
    }
}
