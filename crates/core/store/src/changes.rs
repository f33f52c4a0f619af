//! The change log: by it a broker keeps what it has in memory true, whichever process changed the store.
//!
//! A change is numbered within the transaction that makes it, from a counter in the home's own row: numbers become visible in
//! their order, so that whoever has seen a number has seen all before it. A thing that changes often stands in the log once, under
//! its latest number.

use lanyard_credential::CredentialId;

use crate::engine::{Row, sql};
use crate::write::Tx;
use crate::{Pause, Store, StoreError};

/// What was changed since a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The number to ask from the next time.
    pub number: u64,
    /// The credentials that were added, changed or erased.
    pub credentials: Vec<CredentialId>,
    /// Whether clients or their policies were.
    pub clients: bool,
    /// Whether the home keeps still now.
    pub paused: Option<Pause>,
}

/// What may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    Credential(CredentialId),
    Clients,
}

const CREDENTIAL: &str = "credential/";
const CLIENTS: &str = "clients";

impl Store {
    /// What was changed after the change of that number; 0 for the beginning of the log. A credential that was erased is among them.
    ///
    /// Where the number is later than the store's, which happens when a backup was put in its place, it comes back lower and nothing
    /// else can be relied on: read everything again.
    pub async fn changes(&self, since: u64) -> Result<Changes, StoreError> {
        let home = self.home_row().await?;
        self.inner.set_paused(home.paused.clone());
        let mut changes =
            Changes { number: home.changed, credentials: Vec::new(), clients: false, paused: home.paused };
        if changes.number == since {
            return Ok(changes);
        }
        for row in self.engine().rows(sql("changes", SELECT_SINCE).bind(since)).await? {
            // Later ones than the home's row said may be here already: the next question brings them again.
            let subject = row.text("subject")?;
            if subject == CLIENTS {
                changes.clients = true;
            } else if let Some(id) = subject.strip_prefix(CREDENTIAL) {
                changes.credentials.push(id.parse().map_err(|_| row.impossible("subject"))?);
            }
        }
        Ok(changes)
    }

    /// The number of the latest change: to ask from later, by whoever is about to read everything.
    pub async fn latest_change(&self) -> Result<u64, StoreError> {
        Ok(self.home_row().await?.changed)
    }

    /// Writes down that something is changed, within the transaction that changes it.
    pub(crate) async fn write_change(&self, tx: &mut Tx, what: Changed) -> Result<(), StoreError> {
        let subject = match what {
            Changed::Credential(id) => format!("{CREDENTIAL}{id}"),
            Changed::Clients => CLIENTS.to_owned(),
        };
        tx.run(sql("home", COUNT)).await?;
        tx.run(sql("changes", MARK).bind(subject)).await?;
        Ok(())
    }
}

/// Reads the number out of the home's own row.
pub(crate) fn number(row: &Row) -> Result<u64, StoreError> {
    u64::try_from(row.integer("changed")?).map_err(|_| row.impossible("changed"))
}

const COUNT: &str = "UPDATE home SET changed = changed + 1 WHERE id = 1";
const MARK: &str = "INSERT INTO changes (subject, number) SELECT $1, changed FROM home WHERE id = 1 \
     ON CONFLICT (subject) DO UPDATE SET number = excluded.number";
const SELECT_SINCE: &str = "SELECT subject, number FROM changes WHERE number > $1 ORDER BY number";
