//! New data keys for all rows.
//!
//! A new home key leaves the data keys as they are: whoever had read one, with the rows under it, reads what the row holds later. This
//! seals everything again, each row in place, a few in one transaction, while the home is in use.

use lanyard_vault::Sealed;

use super::DamagedRow;
use crate::engine::{Row, Value, sql};
use crate::envelope::{Envelope, Owner, WRAPPED_KEY};
use crate::event::{About, Event};
use crate::grant::{ACCESS, REFRESH, SPARE};
use crate::write::Tx;
use crate::{Store, StoreError};

/// The outcome of renewing all data keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeysRenewed {
    /// How many rows were.
    pub rows: u64,
    /// The rows that do not open, and stay as they are.
    pub damaged: Vec<DamagedRow>,
}

/// A table with sealed values: each column, and the column that holds what its values are sealed for.
struct Table {
    name: &'static str,
    key_version: Version,
    secrets: &'static [(&'static str, Version)],
    /// The rows after `$1`, `$2` of them.
    select: &'static str,
    /// Puts a row's new data key in place of `$2`, as `$3`, and its secrets from `$4` on.
    update: &'static str,
}

#[derive(Clone, Copy)]
enum Version {
    Column(&'static str),
    /// The values of a row are sealed once.
    Once,
}

impl Version {
    fn read(self, row: &Row) -> Result<u32, StoreError> {
        match self {
            Self::Column(column) => row.counter(column),
            Self::Once => Ok(0),
        }
    }
}

const TABLES: [Table; 3] = [
    Table {
        name: "credentials",
        key_version: Version::Column("grant_number"),
        secrets: &[
            (ACCESS, Version::Column("generation")),
            (REFRESH, Version::Column("generation")),
            (SPARE, Version::Column("grant_number")),
        ],
        select: "SELECT id, name, environment, grant_number, generation, wrapped_key, access_token, refresh_token, spare_token \
                 FROM credentials WHERE id > $1 AND wrapped_key IS NOT NULL ORDER BY id LIMIT $2",
        update: "UPDATE credentials SET wrapped_key = $3, access_token = $4, refresh_token = $5, spare_token = $6 \
                 WHERE id = $1 AND wrapped_key = $2",
    },
    Table {
        name: "apps",
        key_version: Version::Column("secret_version"),
        secrets: &[("client_secret", Version::Column("secret_version"))],
        select: "SELECT id, name, environment, secret_version, wrapped_key, client_secret \
                 FROM apps WHERE id > $1 ORDER BY id LIMIT $2",
        update: "UPDATE apps SET wrapped_key = $3, client_secret = $4 WHERE id = $1 AND wrapped_key = $2",
    },
    Table {
        name: "revocations",
        key_version: Version::Once,
        secrets: &[("token", Version::Once)],
        select: "SELECT id, credential_name AS name, environment, wrapped_key, token FROM revocations WHERE id > $1 ORDER BY id LIMIT $2",
        update: "UPDATE revocations SET wrapped_key = $3, token = $4 WHERE id = $1 AND wrapped_key = $2",
    },
];

/// How many rows one transaction seals again.
const BATCH: u32 = 50;

impl Store {
    /// Gives every row that holds secrets a new data key, and seals them under it.
    pub async fn renew_data_keys(&self) -> Result<DataKeysRenewed, StoreError> {
        let mut renewed = DataKeysRenewed { rows: 0, damaged: Vec::new() };
        for table in &TABLES {
            let mut after = String::new();
            while let Some((last, rows, damaged)) = self.renew_batch(table, &after).await? {
                renewed.rows += rows;
                renewed.damaged.extend(damaged);
                after = last;
            }
        }
        let (rows, not_opened) = (renewed.rows, renewed.damaged.len());
        self.write(|mut tx| async move {
            tx.record(About::Home, Event::DataKeysRenewed { rows, not_opened });
            tx.commit::<_, StoreError>(()).await
        })
        .await?;
        // The log still holds the rows as they were.
        self.inner.engine.forget().await;
        Ok(renewed)
    }

    /// Does some of the rows after `after`: the last of them, how many, and which do not open. `None` if there are none.
    async fn renew_batch(
        &self,
        table: &'static Table,
        after: &str,
    ) -> Result<Option<(String, u64, Vec<DamagedRow>)>, StoreError> {
        self.write(|mut tx| async move {
            let rows = tx.rows(sql(table.name, table.select).bind(after).bind(BATCH)).await?;
            let Some(last) = rows.last() else {
                return tx.abandon(None).await;
            };
            let last = last.text("id")?;
            let (mut done, mut damaged) = (0, Vec::new());
            for row in &rows {
                let id = row.text("id")?;
                match self.seal_anew(&tx, table, row, &id) {
                    Ok((old, wrapped, secrets)) => {
                        let update = sql(table.name, table.update).bind(id.as_str()).bind(&old).bind(&wrapped);
                        done += tx.run(update.bind_all(secrets)).await?;
                    }
                    Err(error) if error.is_of_one_row() => damaged.push(DamagedRow::new(table.name, &id, row)),
                    Err(error) => return tx.refuse(error).await,
                }
            }
            tx.commit(Some((last, done, damaged))).await
        })
        .await
    }

    /// A row's wrapped data key, the wrapped form of its new one, and what the row holds under that.
    fn seal_anew(
        &self,
        tx: &Tx,
        table: &Table,
        row: &Row,
        id: &str,
    ) -> Result<(Sealed, Sealed, Vec<Value>), StoreError> {
        let version = table.key_version.read(row)?;
        let environment = row.text("environment")?;
        let owner = Owner { table: table.name, row: id, environment: &environment };
        let old_key = row.sealed(WRAPPED_KEY)?;
        let old = Envelope::open(self, owner, version, &old_key)?;
        let (new, wrapped) = Envelope::new(tx, owner, version);
        let mut secrets = Vec::with_capacity(table.secrets.len());
        for (column, version) in table.secrets {
            let version = version.read(row)?;
            let anew = match row.optional_sealed(column)? {
                None => None,
                Some(sealed) => {
                    Some(old.reveal(column, version, &sealed, |text| new.seal(column, version, text, self.entropy()))?)
                }
            };
            secrets.push(anew.as_ref().into());
        }
        Ok((old_key, wrapped, secrets))
    }
}
