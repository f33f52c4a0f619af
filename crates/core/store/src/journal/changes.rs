//! Following the journal: by it a broker keeps what it has in memory true, whichever process changed the store.

use lanyard_credential::CredentialId;

use super::{Position, TABLE, columns, mac};
use crate::engine::sql;
use crate::event::{EventKind, Touches, credential_of};
use crate::{Pause, Store, StoreError};

/// The changes after a position in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The position to ask from the next time.
    pub position: Position,
    /// The credentials that were added, changed or deleted.
    pub credentials: Vec<CredentialId>,
    /// Whether clients or their policies were.
    pub clients: bool,
    /// Whether the home is paused now.
    pub paused: Option<Pause>,
    /// Whether the journal goes on from the position that was asked from. If not, the database is an earlier or another one: nothing else
    /// here can be relied on, and everything is to be read again.
    pub follows: bool,
}

impl Store {
    /// Reads the changes after the position `since`, deleted credentials included.
    ///
    /// After a failover, or in a database that was put back, numbers repeat. So both the number and the mac are compared.
    pub async fn changes(&self, since: Position) -> Result<Changes, StoreError> {
        let home = self.home_row().await?;
        self.inner.set_paused(home.paused.clone());
        let position = self.journal_end().await?;
        let mut changes =
            Changes { position, credentials: Vec::new(), clients: false, paused: home.paused, follows: true };
        if position == since {
            return Ok(changes);
        }
        if !self.is_in_journal(since).await? {
            changes.follows = false;
            return Ok(changes);
        }
        let new = sql(TABLE, SELECT_NEW).bind(since.number).bind(position.number);
        let mut previous = since.mac;
        for row in self.engine().rows(new).await? {
            // A writer of the database must not hide what an entry touches.
            let written = self.mac_after(&previous, &row)?;
            if mac(&row)? != written {
                changes.follows = false;
                return Ok(changes);
            }
            previous = written;
            match EventKind::of(row.str("kind")?).map_or(Touches::Nothing, EventKind::touches) {
                Touches::Nothing => {}
                Touches::Clients => changes.clients = true,
                Touches::Credential => {
                    let id = credential_of(&row)?;
                    if !changes.credentials.contains(&id) {
                        changes.credentials.push(id);
                    }
                }
            }
        }
        changes.follows = previous == position.mac;
        Ok(changes)
    }

    /// Whether an entry that is not in the journal was pruned, as the latest pruning says. If not, it was cut off, or another database
    /// stands there.
    pub async fn was_pruned(&self, position: Position) -> Result<bool, StoreError> {
        let Some(number) = self.journal_counter().await?.anchor else { return Ok(false) };
        let start = self.anchored(number).await?;
        Ok(start.is_some_and(|start| position.number <= start.at.number))
    }

    /// Whether the journal holds the entry of that position, with its mac.
    pub(crate) async fn is_in_journal(&self, position: Position) -> Result<bool, StoreError> {
        if position == Position::BEGINNING {
            return Ok(true);
        }
        let row = self.engine().row(sql(TABLE, SELECT_MAC).bind(position.number)).await?;
        Ok(row.is_some_and(|row| mac(&row).is_ok_and(|found| found == position.mac)))
    }
}

pub(crate) const SELECT_MAC: &str = "SELECT number, mac FROM journal WHERE number = $1";
pub(crate) const SELECT_NEW: &str =
    concat!("SELECT ", columns!(), " FROM journal WHERE number > $1 AND number <= $2 ORDER BY number");
