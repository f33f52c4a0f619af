//! Reading a row. What cannot be is a named error.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use lanyard_time::{BootId, BootTime, Moment};
use lanyard_vault::{KeyId, Sealed};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Postgres, Row as _, Sqlite, Type};

use crate::StoreError;

/// A row of a table.
pub struct Row {
    pub(super) table: &'static str,
    pub(super) inner: Inner,
}

/// The row as its engine gave it.
pub(super) enum Inner {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// The columns of a reading of both clocks.
#[derive(Clone, Copy)]
pub(crate) struct MomentColumns {
    pub(crate) wall: &'static str,
    pub(crate) boot: &'static str,
    pub(crate) elapsed: &'static str,
}

impl Row {
    /// The error that names this row and the column in which it holds what cannot be.
    pub(crate) fn impossible(&self, column: &'static str) -> StoreError {
        StoreError::Impossible { table: self.table, row: self.shown(), column }
    }

    /// The error that names this row, which Lanyard did not write like that.
    pub(crate) fn altered(&self) -> StoreError {
        StoreError::Altered { table: self.table, row: self.shown() }
    }

    fn shown(&self) -> String {
        let keys: Vec<String> = ["name", "id", "writer"].into_iter().filter_map(|key| self.get(key).ok()).collect();
        keys.join(" ")
    }

    /// A text.
    pub fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.required(column)
    }

    /// Like [`text`](Self::text), without a copy.
    pub fn str(&self, column: &'static str) -> Result<&str, StoreError> {
        self.required(column)
    }

    /// Like [`optional_text`](Self::optional_text), without a copy.
    pub fn optional_str(&self, column: &'static str) -> Result<Option<&str>, StoreError> {
        self.optional(column)
    }

    /// A text, or none.
    pub fn optional_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.optional(column)
    }

    /// A whole number.
    pub fn integer(&self, column: &'static str) -> Result<i64, StoreError> {
        self.required(column)
    }

    /// A whole number, or none.
    pub fn optional_integer(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.optional(column)
    }

    /// Yes or no.
    pub fn flag(&self, column: &'static str) -> Result<bool, StoreError> {
        self.required(column)
    }

    /// Yes or no, or neither.
    pub fn optional_flag(&self, column: &'static str) -> Result<Option<bool>, StoreError> {
        self.optional(column)
    }

    /// Bytes.
    pub fn bytes(&self, column: &'static str) -> Result<Vec<u8>, StoreError> {
        self.required(column)
    }

    /// Bytes, or none.
    pub fn optional_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.optional(column)
    }

    /// Whether there are bytes at all.
    pub(crate) fn holds(&self, column: &'static str) -> Result<bool, StoreError> {
        self.optional::<&[u8]>(column).map(|value| value.is_some())
    }

    /// The home key that the row's data key is wrapped under, where this row has one and shows it.
    pub(crate) fn wrapping_key(&self) -> Option<KeyId> {
        let wrapped: Option<&[u8]> = self.get("wrapped_key").ok()?;
        KeyId::shown_by(wrapped?)
    }

    pub(crate) fn sealed(&self, column: &'static str) -> Result<Sealed, StoreError> {
        self.bytes(column).map(Sealed::from_bytes)
    }

    pub(crate) fn optional_sealed(&self, column: &'static str) -> Result<Option<Sealed>, StoreError> {
        Ok(self.optional(column)?.map(Sealed::from_bytes))
    }

    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.str(column)?.parse().map_err(|_| self.impossible(column))
    }

    pub(crate) fn optional_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.optional_str(column)?.map(|text| text.parse().map_err(|_| self.impossible(column))).transpose()
    }

    pub(crate) fn counter(&self, column: &'static str) -> Result<u32, StoreError> {
        u32::try_from(self.integer(column)?).map_err(|_| self.impossible(column))
    }

    /// A time, which is kept in milliseconds since 1970.
    pub fn timestamp(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.integer(column)?).map_err(|_| self.impossible(column))
    }

    /// A time, or none.
    pub fn optional_timestamp(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        match self.optional_integer(column)? {
            Some(_) => self.timestamp(column).map(Some),
            None => Ok(None),
        }
    }

    /// A length of time, which is kept in milliseconds.
    pub fn duration(&self, column: &'static str) -> Result<Duration, StoreError> {
        let milliseconds = u64::try_from(self.integer(column)?).map_err(|_| self.impossible(column))?;
        Ok(Duration::from_millis(milliseconds))
    }

    /// A length of time, or none.
    pub fn optional_duration(&self, column: &'static str) -> Result<Option<Duration>, StoreError> {
        match self.optional_integer(column)? {
            Some(_) => self.duration(column).map(Some),
            None => Ok(None),
        }
    }

    fn boot_time_with(
        &self,
        boot: &'static str,
        elapsed: &'static str,
        known: impl FnOnce(&str) -> BootId,
    ) -> Result<BootTime, StoreError> {
        let nanoseconds = u64::try_from(self.integer(elapsed)?).map_err(|_| self.impossible(elapsed))?;
        Ok(BootTime { boot: known(self.str(boot)?), elapsed: Duration::from_nanos(nanoseconds) })
    }

    pub(crate) fn moment(&self, columns: MomentColumns) -> Result<Moment, StoreError> {
        self.moment_with(columns, |boot| BootId::new(boot))
    }

    /// Like [`moment`](Self::moment), for one of many rows: `known` returns the boot with that text.
    pub(crate) fn moment_with(
        &self,
        columns: MomentColumns,
        known: impl FnOnce(&str) -> BootId,
    ) -> Result<Moment, StoreError> {
        let wall = self.timestamp(columns.wall)?;
        Ok(Moment { wall, boot: self.boot_time_with(columns.boot, columns.elapsed, known)? })
    }

    /// A value that must be there. Asked for a number, the driver itself gives 0 for a null.
    fn required<'r, T: Readable<'r>>(&'r self, column: &'static str) -> Result<T, StoreError> {
        self.optional(column)?.ok_or_else(|| self.impossible(column))
    }

    fn optional<'r, T: Readable<'r>>(&'r self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.get(column).map_err(|_| self.impossible(column))
    }

    fn get<'r, T>(&'r self, column: &'static str) -> Result<T, sqlx::Error>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match &self.inner {
            Inner::Sqlite(row) => row.try_get(column),
            Inner::Postgres(row) => row.try_get(column),
        }
    }
}

/// A type that every engine can decode from a column.
trait Readable<'r>: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres> {}

impl<'r, T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>> Readable<'r> for T {}
