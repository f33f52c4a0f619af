//! The one-time upgrade of a home that an earlier version made: it gets a list of clients, and its rows get seals.
//!
//! The generation of the place for which the home's own data key is wrapped shows how far a home is upgraded. An attacker who wants other
//! rows adopted has to turn it back, which takes a copy of the wrapped key from before the upgrade. `lanyard key rotate` makes that copy
//! useless too.

use lanyard_vault::{DataKey, RowAddress, Sealed};

use crate::engine::sql;
use crate::event::{About, Event};
use crate::keys::Keys;
use crate::write::{Purpose, Tx};
use crate::{KeyUnavailable, Store, StoreError};

/// The version that an older home comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adoption {
    /// Before there were seals.
    Seals,
    /// Before there was a list of clients, and so before there were seals.
    ClientsAndSeals,
}

/// The place of the home's own data key.
pub(crate) const OWN_KEY: RowAddress<'static> =
    RowAddress { table: "home", row: "1", column: "wrapped_key", generation: 2, environment: "" };

/// The places that it had earlier.
const EARLIER: [(RowAddress<'static>, Adoption); 2] = [
    (RowAddress { generation: 1, ..OWN_KEY }, Adoption::Seals),
    (RowAddress { generation: 0, ..OWN_KEY }, Adoption::ClientsAndSeals),
];

/// The home's own data key, and what the home still has to be given.
pub(crate) fn own_key(keys: &Keys, wrapped: &Sealed) -> Result<(DataKey, Option<Adoption>), StoreError> {
    let error = match keys.unwrap(wrapped, &OWN_KEY) {
        Ok(own) => return Ok((own, None)),
        Err(error) => error,
    };
    let earlier = |(place, adoption): (RowAddress<'_>, _)| Some((keys.unwrap(wrapped, &place).ok()?, Some(adoption)));
    EARLIER.into_iter().find_map(earlier).ok_or(StoreError::Sealed(error))
}

impl Store {
    /// Takes what an earlier version wrote for authentic: once, as the home's own data key says, and says what that is.
    pub(crate) async fn adopt(&self) -> Result<(), StoreError> {
        let adopted = self
            .write_for(Purpose::Keys, |mut tx| async move {
                let home = tx.home_row().await?;
                let (own, Some(adoption)) = own_key(&self.inner.keys, &home.wrapped_key)? else {
                    // Another process has done it.
                    return tx.abandon((Vec::new(), Vec::new())).await;
                };
                let key = self.inner.keys.key(home.keys.key).ok_or_else(|| KeyUnavailable::replaced(home.keys.key));
                let key = key.map_err(|error| StoreError::Key(Box::new(error)))?;
                let clients = match adoption {
                    Adoption::ClientsAndSeals => self.adopt_clients(&mut tx).await?,
                    Adoption::Seals => Vec::new(),
                };
                let rows = self.seal_all(&mut tx).await?;
                let wrapped = key.wrap(&own, &OWN_KEY, self.entropy());
                tx.run(sql("home", "UPDATE home SET wrapped_key = $1 WHERE id = 1").bind(&wrapped)).await?;
                tx.seal_home().await?;
                tx.commit::<_, StoreError>((clients, rows)).await
            })
            .await?;
        say(&adopted.0, "clients", "lanyard client list");
        say(&adopted.1, "apps and credentials", "lanyard app list, lanyard list");
        Ok(())
    }

    async fn adopt_clients(&self, tx: &mut Tx) -> Result<Vec<String>, StoreError> {
        let rows = tx.rows(sql("clients", "SELECT id, name FROM clients ORDER BY name")).await?;
        let counting = self.counting_all(tx).await?;
        self.write_list(tx, &counting).await?;
        let names: Vec<String> = rows.iter().filter_map(|row| row.text("name").ok()).collect();
        if !rows.is_empty() {
            tx.record(About::Home, Event::ClientsAdopted { names: names.clone() });
        }
        Ok(names)
    }
}

/// So many names are said at once; the audit has them all.
const NAMES_SAID: usize = 20;

fn say(names: &[String], what: &str, check: &str) {
    if names.is_empty() {
        return;
    }
    let said = names.iter().take(NAMES_SAID).map(|name| name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    let more = if names.len() > NAMES_SAID { ", …" } else { "" };
    tracing::warn!(
        "trusting the {what} that an earlier version stored: {said}{more}; check them ({check}), then replace the home's key (lanyard key \
         rotate)"
    );
}
