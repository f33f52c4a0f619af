//! Sealed documents: the contents of rows that other parts of Lanyard keep, encrypted and authenticated in one piece.
//!
//! Their key is derived from the home's own data key, so a replaced home key changes nothing about them. A document opens only in the row
//! and version that it was sealed for: a writer of the database cannot make one, alter one, or move one to another row.

use lanyard_secret::SecretBytes;
use lanyard_vault::{RowAddress, Sealed};

use crate::{Store, StoreError};

/// The place of a document.
#[derive(Clone, Copy, Debug)]
pub struct DocumentPlace<'a> {
    /// The table.
    pub table: &'static str,
    /// The id of the row.
    pub row: &'a str,
    /// Tells successive documents of the row apart; 0 if there is only one.
    pub version: u64,
}

impl<'a> DocumentPlace<'a> {
    fn address(self) -> RowAddress<'a> {
        RowAddress { table: self.table, row: self.row, column: COLUMN, generation: self.version, environment: "" }
    }
}

impl Store {
    /// Seals a document for its place.
    pub fn seal_document(&self, at: DocumentPlace<'_>, document: &[u8]) -> Vec<u8> {
        self.inner.documents_key.seal(document, &at.address(), self.entropy()).as_bytes().to_vec()
    }

    /// Opens a document. Fails with [`StoreError::Altered`] if it was not sealed for this place.
    pub fn open_document(&self, at: DocumentPlace<'_>, sealed: Vec<u8>) -> Result<SecretBytes, StoreError> {
        let opened = self.inner.documents_key.open(&Sealed::from_bytes(sealed), &at.address());
        opened.map_err(|_| StoreError::Altered { table: at.table, row: at.row.to_owned() })
    }
}

const COLUMN: &str = "document";
