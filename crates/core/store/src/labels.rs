//! Labels, and the names that there are.

use std::collections::BTreeMap;

use lanyard_credential::{AppName, CredentialId, CredentialName, Label, LabelKey};

use crate::engine::sql;
use crate::event::{About, Event};
use crate::record::{labels_text, read_labels};
use crate::sealed::CREDENTIALS;
use crate::{Store, StoreError};

impl Store {
    /// Takes labels from a credential and gives it others, in this order; `false` when there is no such credential.
    pub async fn change_labels(
        &self,
        id: CredentialId,
        remove: &[LabelKey],
        set: &[Label],
    ) -> Result<bool, StoreError> {
        self.write(|mut tx| async move {
            let Some(row) = tx.sealed(&CREDENTIALS, &id.to_string()).await? else {
                return tx.abandon(false).await;
            };
            let before = read_labels(&row.text("labels")?);
            let after = changed(before.clone(), remove, set);
            if before == after {
                return tx.abandon(true).await;
            }
            let update = sql("credentials", "UPDATE credentials SET labels = $2 WHERE id = $1");
            tx.run(update.bind(id.to_string()).bind(labels_text(&after))).await?;
            let name: CredentialName = row.parsed("name")?;
            tx.record(About::Credential(id, name), labelled(&before, &after));
            tx.commit(true).await
        })
        .await
    }

    /// The names of all credentials.
    pub async fn credential_names(&self) -> Result<Vec<CredentialName>, StoreError> {
        let rows = self.engine().rows(sql("credentials", "SELECT name FROM credentials ORDER BY name")).await?;
        rows.iter().map(|row| row.parsed("name")).collect()
    }

    /// The names of all apps.
    pub async fn app_names(&self) -> Result<Vec<AppName>, StoreError> {
        let rows = self.engine().rows(sql("apps", "SELECT name FROM apps ORDER BY name")).await?;
        rows.iter().map(|row| row.parsed("name")).collect()
    }
}

fn changed(mut labels: BTreeMap<String, String>, remove: &[LabelKey], set: &[Label]) -> BTreeMap<String, String> {
    for key in remove {
        labels.remove(key.as_str());
    }
    labels.extend(set.iter().map(|label| (label.key.to_string(), label.value.to_string())));
    labels
}

/// The event for a change of labels: the new or changed ones, and the keys that are gone.
fn labelled(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Event {
    let new = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    Event::Labelled {
        set: new.map(|(key, value)| (key.clone(), value.clone())).collect(),
        removed: gone.cloned().collect(),
    }
}
