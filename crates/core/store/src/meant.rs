//! The values that a transaction means the sealed rows to have when it commits.
//!
//! A trigger, or another hook in the database, runs within Lanyard's own transactions, and can change a row between a statement and the
//! commit. So the commit never seals the row's current values. It seals the values that were read under a seal, together with the later
//! changes of the transaction's own statements.

use std::collections::BTreeMap;

use crate::StoreError;
use crate::engine::{Row, Statement, Value};
use crate::sealed::SealedTable;

/// A row that a commit seals, with the values that it is meant to have.
#[derive(Debug)]
pub(crate) struct Meant {
    pub(crate) table: &'static SealedTable,
    pub(crate) id: String,
    /// By column. A column that is missing here may hold anything.
    cells: BTreeMap<&'static str, Cell>,
}

/// The value of a sealed column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cell {
    Text(Option<String>),
    Integer(Option<i64>),
}

impl Cell {
    fn is_null(&self) -> bool {
        matches!(self, Self::Text(None) | Self::Integer(None))
    }
}

impl Meant {
    /// A row that stays as it was read.
    pub(crate) fn as_read(table: &'static SealedTable, id: &str, row: &Row) -> Result<Self, StoreError> {
        Ok(Self { table, id: id.to_owned(), cells: cells(table, row)? })
    }

    /// The row that `statement` inserts into a sealed table.
    pub(crate) fn inserted(table: &'static SealedTable, statement: &Statement) -> Option<Self> {
        let (columns, values) = insert(statement.text)?;
        let mut meant = Self {
            table,
            id: String::new(),
            cells: table.columns().map(|column| (column, Cell::Text(None))).collect(),
        };
        for (column, written) in columns.split(", ").zip(values.split(", ")) {
            meant.write(column, written, statement);
        }
        meant.id = match meant.cells.get("id") {
            Some(Cell::Text(Some(id))) => id.clone(),
            _ => SINGLE.to_owned(),
        };
        Some(meant)
    }

    /// Takes in what `statement` wrote, if it is an update of this row.
    pub(crate) fn update(&mut self, statement: &Statement) {
        let Some((assignments, condition)) = update(statement.text) else { return };
        let is_other = condition.starts_with("id = $1")
            && !matches!(statement.values.first(), Some(Value::Text(Some(id))) if *id == self.id);
        if statement.table != self.table.name || is_other {
            return;
        }
        for (column, written) in assignments.split(", ").filter_map(|assignment| assignment.split_once(" = ")) {
            self.write(column, written, statement);
        }
    }

    fn write(&mut self, column: &str, written: &str, statement: &Statement) {
        let Some(column) = self.table.columns().find(|known| *known == column) else { return };
        let value = match written.strip_prefix('$').and_then(|number| number.parse::<usize>().ok()) {
            Some(number) => statement.values.get(number - 1),
            None if written == "NULL" => Some(&Value::Text(None)),
            None => None,
        };
        match value {
            Some(Value::Text(text)) => self.cells.insert(column, Cell::Text(text.clone())),
            Some(Value::Integer(number)) => self.cells.insert(column, Cell::Integer(*number)),
            _ => self.cells.remove(column),
        };
    }

    /// Whether `row` is what was meant.
    pub(crate) fn is(&self, row: &Row) -> Result<bool, StoreError> {
        let found = cells(self.table, row)?;
        Ok(self.cells.iter().all(|(column, meant)| {
            found.get(column).is_some_and(|found| found == meant || found.is_null() && meant.is_null())
        }))
    }
}

/// The id of the one row of a table that has one.
pub(crate) const SINGLE: &str = "1";

fn cells(table: &SealedTable, row: &Row) -> Result<BTreeMap<&'static str, Cell>, StoreError> {
    let mut cells = BTreeMap::new();
    for column in table.texts {
        cells.insert(*column, Cell::Text(row.optional_text(column)?));
    }
    for column in table.numbers {
        cells.insert(*column, Cell::Integer(row.optional_integer(column)?));
    }
    Ok(cells)
}

/// The assignments and the condition of an update.
fn update(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.strip_prefix("UPDATE ")?.split_once(" SET ")?;
    Some(rest.split_once(" WHERE ").unwrap_or((rest, "")))
}

/// The columns and the values of an insert.
fn insert(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.strip_prefix("INSERT INTO ")?.split_once(" (")?;
    let (columns, values) = rest.split_once(") VALUES (")?;
    Some((columns, values.split_once(')')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sql;

    const TABLE: SealedTable = SealedTable { texts: &["id", "name", "kind"], numbers: &["age"], ..crate::sealed::APPS };

    fn cell<'a>(meant: &'a Meant, column: &str) -> Option<&'a Cell> {
        meant.cells.get(column)
    }

    #[test]
    fn what_statements_write_is_what_is_meant() {
        static TABLE_OF_TESTS: SealedTable = TABLE;
        let insert = sql("apps", "INSERT INTO apps (id, name, age, other) VALUES ($1, $2, $3, $4)");
        let insert = insert.bind("a").bind("first").bind(3_u32).bind(true);
        let mut meant = Meant::inserted(&TABLE_OF_TESTS, &insert).unwrap();
        let text = |text: &str| Some(Cell::Text(Some(text.to_owned())));
        assert_eq!((meant.id.as_str(), cell(&meant, "name").cloned()), ("a", text("first")));
        assert_eq!(cell(&meant, "age"), Some(&Cell::Integer(Some(3))));
        assert!(cell(&meant, "kind").unwrap().is_null() && cell(&meant, "other").is_none());

        let update = |id: &str| {
            sql("apps", "UPDATE apps SET name = $2, age = NULL, kind = COALESCE(kind, $3) WHERE id = $1 AND x = 1")
                .bind(id)
                .bind("second")
                .bind("k")
        };
        meant.update(&update("b"));
        assert_eq!(cell(&meant, "name").cloned(), text("first"), "it is another row");
        meant.update(&update("a"));
        assert_eq!(cell(&meant, "name").cloned(), text("second"));
        assert!(cell(&meant, "age").unwrap().is_null() && cell(&meant, "kind").is_none());
        meant.update(&sql("apps", "DELETE FROM apps WHERE id = $1").bind("a"));
        meant.update(&sql("credentials", "UPDATE credentials SET name = $2 WHERE id = $1").bind("a").bind("x"));
        assert_eq!(cell(&meant, "name").cloned(), text("second"));
    }
}
