//! The table of rules: those that were changed or added.

use std::collections::BTreeMap;

use lanyard_store::{About, Event, SealedRow, SealedTable, Store, StoreError, sealed_table};

use super::{AlertRule, Rules};
use crate::names::RuleName;

/// A rule, as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredRule {
    /// Its id, which never changes.
    pub(crate) id: String,
    /// Counted up with every change.
    pub(crate) version: u64,
    /// The rule.
    pub(crate) rule: AlertRule,
}

/// The rules of a watch that has these labels.
pub(crate) async fn of_watch(store: &Store, labels: &BTreeMap<String, String>) -> Result<Rules, StoreError> {
    let mut stored = Vec::new();
    for rule in rules(store).await? {
        match rule {
            Ok(rule) => stored.push(rule),
            // It is named where rules are listed.
            Err(error) if error.is_of_one_row() => {
                tracing::error!(%error, "a rule was altered without Lanyard, and does not count");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Rules::of(&stored, labels))
}

/// All stored rules, by name. A row that was altered without Lanyard is an error in its place.
pub(crate) async fn rules(store: &Store) -> Result<Vec<Result<AlertRule, StoreError>>, StoreError> {
    let rows = TABLE.all(store).await?;
    Ok(rows.into_iter().map(|row| row.and_then(|row| Ok(read(&row)?.rule))).collect())
}

/// The stored rule with this name.
pub(crate) async fn rule(store: &Store, name: &RuleName) -> Result<Option<StoredRule>, StoreError> {
    TABLE.by_name(store, name.as_str()).await?.as_ref().map(read).transpose()
}

/// Adds a rule, or replaces one whose version is one lower. `false` if it has another version now.
pub(crate) async fn write(store: &Store, new: &StoredRule, event: &Event) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            let document = serde_json::to_vec(&new.rule).expect("a rule is written as JSON");
            let row = SealedRow::new(&new.id, new.rule.name.as_str(), new.version, document);
            let done = match new.version {
                0 => TABLE.insert(store, &mut tx, &row).await?,
                _ => TABLE.update(store, &mut tx, &row).await?,
            };
            if !done {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
}

/// Removes a rule, even one that was altered without Lanyard. `false` if there is none.
pub(crate) async fn remove(store: &Store, name: &RuleName, event: &Event) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            if TABLE.delete(&mut tx, name.as_str()).await?.is_none() {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
}

fn read(row: &SealedRow) -> Result<StoredRule, StoreError> {
    let altered = || StoreError::Altered { table: TABLE.name, row: row.name.clone() };
    let rule: AlertRule = serde_json::from_slice(row.document.expose_secret()).map_err(|_| altered())?;
    if rule.name.as_str() != row.name {
        return Err(altered());
    }
    Ok(StoredRule { id: row.id.clone(), version: row.version, rule })
}

const TABLE: SealedTable = sealed_table!("devices_rules");
