//! Tables whose rows are sealed documents with a name, such as channels and watches.

use lanyard_secret::SecretBytes;

use crate::document::DocumentPlace;
use crate::engine::{Row, sql};
use crate::write::Tx;
use crate::{Store, StoreError};

/// A row of a [`SealedTable`].
#[derive(Debug)]
pub struct SealedRow {
    /// Its id, which never changes.
    pub id: String,
    /// Its name. The document has it too, because a writer of the database could change it here.
    pub name: String,
    /// Counted up with every change; the version of the document.
    pub version: u64,
    /// Its contents.
    pub document: SecretBytes,
}

impl SealedRow {
    /// A row with this document.
    pub fn new(id: &str, name: &str, version: u64, document: Vec<u8>) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), version, document: SecretBytes::new(document) }
    }
}

/// A table with the columns `id`, `name` (unique), `version` and `document`. Declared by [`sealed_table!`](crate::sealed_table).
#[derive(Clone, Copy, Debug)]
pub struct SealedTable {
    /// Its name.
    pub name: &'static str,
    #[doc(hidden)]
    pub statements: [&'static str; 6],
}

/// Declares a table of sealed rows.
#[macro_export]
macro_rules! sealed_table {
    ($table:literal) => {
        $crate::SealedTable {
            name: $table,
            statements: [
                concat!("SELECT id, name, version, document FROM ", $table, " ORDER BY name"),
                concat!("SELECT id, name, version, document FROM ", $table, " WHERE id = $1"),
                concat!("SELECT id, name, version, document FROM ", $table, " WHERE name = $1"),
                concat!(
                    "INSERT INTO ",
                    $table,
                    " (id, name, version, document) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING"
                ),
                concat!("UPDATE ", $table, " SET version = $2, document = $3 WHERE id = $1 AND version = $4"),
                concat!("DELETE FROM ", $table, " WHERE id = $1"),
            ],
        }
    };
}

impl SealedTable {
    /// All rows, by name. One that was altered without Lanyard is an error in its place.
    pub async fn all(&self, store: &Store) -> Result<Vec<Result<SealedRow, StoreError>>, StoreError> {
        let rows = store.read(sql(self.name, self.statements[0])).await?;
        Ok(rows.iter().map(|row| self.open(store, row)).collect())
    }

    /// The row with this id.
    pub async fn by_id(&self, store: &Store, id: &str) -> Result<Option<SealedRow>, StoreError> {
        let rows = store.read(sql(self.name, self.statements[1]).bind(id)).await?;
        rows.first().map(|row| self.open(store, row)).transpose()
    }

    /// The row with this name.
    pub async fn by_name(&self, store: &Store, name: &str) -> Result<Option<SealedRow>, StoreError> {
        let rows = store.read(sql(self.name, self.statements[2]).bind(name)).await?;
        rows.first().map(|row| self.open(store, row)).transpose()
    }

    /// Adds a row. `false` if there is one with its name.
    pub async fn insert(&self, store: &Store, tx: &mut Tx, row: &SealedRow) -> Result<bool, StoreError> {
        let insert = sql(self.name, self.statements[3])
            .bind(row.id.as_str())
            .bind(row.name.as_str())
            .bind(row.version)
            .bind(&*self.seal(store, row));
        Ok(tx.run(insert).await? > 0)
    }

    /// Replaces the document of a row whose version is one lower. `false` if it has another version now.
    pub async fn update(&self, store: &Store, tx: &mut Tx, row: &SealedRow) -> Result<bool, StoreError> {
        let update = sql(self.name, self.statements[4])
            .bind(row.id.as_str())
            .bind(row.version)
            .bind(&*self.seal(store, row))
            .bind(row.version.saturating_sub(1));
        Ok(tx.run(update).await? > 0)
    }

    /// Deletes the row with this name, even if it was altered. Returns its id.
    pub async fn delete(&self, tx: &mut Tx, name: &str) -> Result<Option<String>, StoreError> {
        let Some(row) = tx.row(sql(self.name, self.statements[2]).bind(name)).await? else { return Ok(None) };
        let id = row.text("id")?;
        tx.run(sql(self.name, self.statements[5]).bind(id.as_str())).await?;
        Ok(Some(id))
    }

    fn seal(&self, store: &Store, row: &SealedRow) -> Vec<u8> {
        store.seal_document(self.place(&row.id, row.version), row.document.expose_secret())
    }

    /// The error names the row as people do.
    fn open(&self, store: &Store, row: &Row) -> Result<SealedRow, StoreError> {
        let (id, name) = (row.text("id")?, row.text("name")?);
        let altered = || StoreError::Altered { table: self.name, row: name.clone() };
        let version = u64::try_from(row.integer("version")?).map_err(|_| altered())?;
        let document = store.open_document(self.place(&id, version), row.bytes("document")?).map_err(|_| altered())?;
        Ok(SealedRow { id, name, version, document })
    }

    fn place<'a>(&self, row: &'a str, version: u64) -> DocumentPlace<'a> {
        DocumentPlace { table: self.name, row, version }
    }
}
