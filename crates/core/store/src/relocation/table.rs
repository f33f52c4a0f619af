//! The tables of a store, row by row.
//!
//! Tables and columns are read from the schema, which was compared with the known one before: a table that a later version adds is moved
//! like any other.

use super::RelocationError;
use crate::StoreError;
use crate::engine::{Row, Statement, Transaction, Value, sql};

/// A table, with the statements that read and write its rows. Both engines run the same text.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: Vec<Column>,
    /// Where the columns of the primary key are among the columns.
    key: Vec<usize>,
    first_page: &'static str,
    next_page: &'static str,
    insert: &'static str,
    insert_many: &'static str,
    delete: &'static str,
}

/// A table as the schema tells of it.
struct Found {
    name: &'static str,
    columns: Vec<Column>,
    /// For each column of the primary key, its place there, and where it is among the columns.
    key: Vec<(i64, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct Column {
    name: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Integer,
    Boolean,
    Bytes,
}

/// How many rows are read at once.
const PAGE: usize = 500;

/// How many rows one statement writes.
const BATCH: usize = 100;

impl Table {
    /// All tables of a file, each after those that it refers to.
    pub(super) async fn all(file: &mut Transaction) -> Result<Vec<Self>, StoreError> {
        let mut tables: Vec<Found> = Vec::new();
        for row in file.rows(sql("schema", COLUMNS)).await? {
            // A process moves one store: what is leaked here is a few kilobytes, once.
            let name = leaked(row.text("table_name")?);
            if tables.last().is_none_or(|table| table.name != name) {
                tables.push(Found { name, columns: Vec::new(), key: Vec::new() });
            }
            let Some(Found { columns, key, .. }) = tables.last_mut() else { continue };
            let kind = match row.str("kind")? {
                "TEXT" => Kind::Text,
                "BIGINT" => Kind::Integer,
                "BOOLEAN" => Kind::Boolean,
                "BLOB" => Kind::Bytes,
                _ => return Err(row.impossible("kind")),
            };
            match row.integer("place")? {
                0 => {}
                place => key.push((place, columns.len())),
            }
            columns.push(Column { name: leaked(row.text("column_name")?), kind });
        }
        Ok(tables.into_iter().map(Self::new).collect())
    }

    fn new(Found { name, columns, mut key }: Found) -> Self {
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
        let names = columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
        let keys = key.iter().map(|at| columns[*at].name).collect::<Vec<_>>().join(", ");
        let row = |number: usize| {
            let values = (1..=columns.len()).map(|column| format!("${}", number * columns.len() + column));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        };
        let insert = |rows: usize| {
            let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
            leaked(format!("INSERT INTO {name} ({names}) VALUES {rows}"))
        };
        let after = (1..=key.len()).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ");
        Self {
            name,
            first_page: leaked(format!("SELECT {names} FROM {name} ORDER BY {keys} LIMIT {PAGE}")),
            next_page: leaked(format!(
                "SELECT {names} FROM {name} WHERE ({keys}) > ({after}) ORDER BY {keys} LIMIT {PAGE}"
            )),
            insert: insert(1),
            insert_many: insert(BATCH),
            delete: leaked(format!("DELETE FROM {name}")),
            key,
            columns,
        }
    }

    /// Copies all rows as they are. Returns how many there are.
    pub(super) async fn copy(&self, from: &mut Transaction, to: &mut Transaction) -> Result<u64, StoreError> {
        let mut copied = 0;
        let mut page = self.page(from, None).await?;
        loop {
            let mut batches = page.chunks_exact(BATCH);
            for batch in &mut batches {
                to.run(self.statement(self.insert_many, batch.concat())).await?;
            }
            for row in batches.remainder() {
                to.run(self.statement(self.insert, row.clone())).await?;
            }
            copied += page.len() as u64;
            if page.len() < PAGE {
                return Ok(copied);
            }
            page = self.page(from, page.last()).await?;
        }
    }

    /// Compares each column of each row.
    pub(super) async fn compare(&self, here: &mut Transaction, there: &mut Transaction) -> Result<(), RelocationError> {
        let mut after: Option<Vec<Value>> = None;
        loop {
            let expected = self.page(here, after.as_ref()).await?;
            let found = self.page(there, after.as_ref()).await?;
            if expected != found {
                let at = expected.iter().zip(&found).take_while(|(expected, found)| expected == found).count();
                let row = expected.get(at).or_else(|| found.get(at)).map(|row| self.shown(row)).unwrap_or_default();
                return Err(RelocationError::Differs { table: self.name, row });
            }
            if expected.len() < PAGE {
                return Ok(());
            }
            after = expected.into_iter().next_back();
        }
    }

    /// Deletes all rows.
    pub(super) async fn clear(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        transaction.run(self.statement(self.delete, Vec::new())).await?;
        Ok(())
    }

    /// The rows after one, in the order of their keys.
    async fn page(
        &self,
        transaction: &mut Transaction,
        after: Option<&Vec<Value>>,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let statement = match after {
            None => self.statement(self.first_page, Vec::new()),
            Some(row) => self.statement(self.next_page, self.key.iter().map(|at| row[*at].clone()).collect()),
        };
        transaction.rows(statement).await?.iter().map(|row| self.values(row)).collect()
    }

    fn values(&self, row: &Row) -> Result<Vec<Value>, StoreError> {
        let value = |Column { name, kind }: &Column| {
            Ok(match kind {
                Kind::Text => match row.optional_text(name)? {
                    // PostgreSQL cannot store it, and the row's seal covers it.
                    Some(text) if text.contains('\0') => return Err(row.impossible(name)),
                    text => Value::Text(text),
                },
                Kind::Integer => Value::Integer(row.optional_integer(name)?),
                Kind::Boolean => Value::Boolean(row.optional_flag(name)?),
                Kind::Bytes => Value::Bytes(row.optional_bytes(name)?),
            })
        };
        self.columns.iter().map(value).collect()
    }

    /// A statement whose values are stored exactly as they are.
    fn statement(&self, text: &'static str, values: Vec<Value>) -> Statement {
        Statement { table: self.name, text, values }
    }

    /// The key of a row, for people.
    fn shown(&self, row: &[Value]) -> String {
        let part = |at: &usize| match &row[*at] {
            Value::Text(text) => text.clone().unwrap_or_default(),
            Value::Integer(number) => number.unwrap_or_default().to_string(),
            Value::Boolean(_) | Value::Bytes(_) => String::new(),
        };
        self.key.iter().map(part).collect::<Vec<_>>().join(" ")
    }
}

fn leaked(text: String) -> &'static str {
    text.leak()
}

/// In the order in which the tables were created: one that refers to another came later.
const COLUMNS: &str = "SELECT tables.name AS table_name, columns.name AS column_name, columns.type AS kind, columns.pk AS place \
     FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns \
     WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' ORDER BY tables.rowid, columns.cid";
