//! What people were told last about something, so that they are told once of each change.

use jiff::Timestamp;

use crate::engine::{Row, sql};
use crate::event::{About, Event};
use crate::{Store, StoreError};

/// What people were told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The subject, as in `credential/ID`.
    pub about: String,
    /// The topic.
    pub topic: String,
    /// The state.
    pub state: String,
    /// The smallest warning time that was announced, in seconds.
    pub mark: Option<u64>,
    /// Since when.
    pub since: Timestamp,
}

impl Store {
    /// What people were told last, about everything.
    pub async fn alerts(&self) -> Result<Vec<Alert>, StoreError> {
        self.engine().rows(sql(TABLE, SELECT)).await?.iter().map(read).collect()
    }

    /// Replaces what people were told, and records the event that tells them, in one transaction. `false` if it is not as it was `seen`:
    /// another process has told them.
    pub async fn put_alert(
        &self,
        seen: Option<&Alert>,
        next: &Alert,
        told: Option<(About, Event)>,
    ) -> Result<bool, StoreError> {
        let told = &told;
        self.write_rows(|mut tx| async move {
            let put = match seen {
                None => sql(TABLE, INSERT),
                Some(_) => sql(TABLE, UPDATE),
            };
            let put = put
                .bind(next.about.as_str())
                .bind(next.topic.as_str())
                .bind(next.state.as_str())
                .bind(next.mark)
                .bind(next.since);
            let put = match seen {
                None => put,
                Some(seen) => put.bind(seen.state.as_str()).bind(seen.since).bind(seen.mark.unwrap_or(NO_MARK)),
            };
            if tx.run(put).await? == 0 {
                return tx.abandon(false).await;
            }
            if let Some((about, event)) = told {
                tx.record(about.clone(), event.clone());
            }
            tx.commit(true).await
        })
        .await
    }

    /// Forgets what people were told, and records an event. `false` if it is not as it was `seen`.
    pub async fn remove_alert(&self, seen: &Alert, told: Option<(About, Event)>) -> Result<bool, StoreError> {
        let told = &told;
        self.write_rows(|mut tx| async move {
            let remove = sql(TABLE, DELETE)
                .bind(seen.about.as_str())
                .bind(seen.topic.as_str())
                .bind(seen.state.as_str())
                .bind(seen.since);
            if tx.run(remove).await? == 0 {
                return tx.abandon(false).await;
            }
            if let Some((about, event)) = told {
                tx.record(about.clone(), event.clone());
            }
            tx.commit(true).await
        })
        .await
    }
}

fn read(row: &Row) -> Result<Alert, StoreError> {
    Ok(Alert {
        about: row.text("about")?,
        topic: row.text("topic")?,
        state: row.text("state")?,
        mark: row.optional_integer("mark")?.and_then(|mark| u64::try_from(mark).ok()),
        since: row.timestamp("since")?,
    })
}

const TABLE: &str = "alerts";
/// In comparisons, in place of a mark that is missing.
const NO_MARK: u64 = u32::MAX as u64;
const SELECT: &str = "SELECT about, topic, state, mark, since FROM alerts ORDER BY about, topic";
const INSERT: &str = "INSERT INTO alerts (about, topic, state, mark, since) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT (about, topic) DO NOTHING";
const UPDATE: &str = "UPDATE alerts SET state = $3, mark = $4, since = $5 \
     WHERE about = $1 AND topic = $2 AND state = $6 AND since = $7 AND COALESCE(mark, 4294967295) = $8";
const DELETE: &str = "DELETE FROM alerts WHERE about = $1 AND topic = $2 AND state = $3 AND since = $4";
