//! The table `pauses`: whose renewals Webex limits, and until when. All processes that share a store obey it.
//!
//! The rows carry no seal. A row that lies further ahead than [`LONGEST_LIMIT`] is not Lanyard's and is ignored, so that
//! a row can delay a renewal by that much and no more.

use std::time::Duration;

use lanyard_credential::Credential;

use crate::StoreError;
use crate::engine::{Row, Statement, sql};
use crate::rewrap::{SERVER_TIME, server_now};
use crate::write::Tx;

/// The longest time for which a shared limit holds, however long Webex asks to wait.
pub const LONGEST_LIMIT: Duration = Duration::from_hours(1);

/// The requests that one of Webex's limits counts together: those of one subject through one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    environment: String,
    app: String,
    subject: String,
}

impl Limited {
    /// The rotations of a credential. A subject that is not known is the credential's own.
    pub(crate) fn rotation(credential: &Credential) -> Self {
        Self {
            environment: credential.environment.id().to_owned(),
            app: credential.app.map(|app| app.to_string()).unwrap_or_default(),
            subject: credential
                .subject
                .known()
                .map_or_else(|| credential.id.to_string(), |subject| subject.id.as_str().to_owned()),
        }
    }

    /// The requests for tokens of a credential, which Webex counts as those of its issuer.
    pub(crate) fn mint(credential: &Credential, issuer: &Credential) -> Self {
        Self { subject: Self::rotation(issuer).subject, ..Self::rotation(credential) }
    }

    /// [`rotation`](Self::rotation), from the row of a credential that may have been altered.
    pub(crate) fn of_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            environment: row.text("environment")?,
            app: row.optional_text("app")?.unwrap_or_default(),
            subject: row.optional_text("subject_id")?.map_or_else(|| row.text("id"), Ok)?,
        })
    }

    /// Returns how long the limit still holds.
    pub(crate) async fn left(&self, tx: &mut Tx) -> Result<Option<Duration>, StoreError> {
        let is_shared = tx.store().is_shared();
        let select = if is_shared { SELECT_BY_SERVER } else { SELECT };
        let Some(row) = tx.row(self.bind(sql("pauses", select))).await? else { return Ok(None) };
        let now = if is_shared { row.integer("now")? } else { tx.now().wall.as_millisecond() };
        // A row that cannot be read limits nothing.
        let Ok(until) = row.integer("until") else { return Ok(None) };
        let left = u64::try_from(until.saturating_sub(now)).map(Duration::from_millis).unwrap_or_default();
        Ok(Some(left).filter(|left| !left.is_zero() && *left <= LONGEST_LIMIT))
    }

    /// Notes that the limit holds for so long, unless a longer one is noted. Removes the rows that limit nothing any more.
    pub(crate) async fn extend(&self, tx: &mut Tx, left: Duration) -> Result<(), StoreError> {
        let by_server = if tx.store().is_shared() { tx.row(sql("time", SERVER_TIME)).await? } else { None };
        let now = by_server.map_or_else(|| Ok(tx.now().wall.as_millisecond()), |row| row.integer("now"))?;
        let after = |length: Duration| now.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        tx.run(sql("pauses", FORGET).bind(now).bind(after(LONGEST_LIMIT))).await?;
        tx.run(self.bind(sql("pauses", EXTEND)).bind(after(left.min(LONGEST_LIMIT)))).await?;
        Ok(())
    }

    /// Removes the limit.
    pub(crate) async fn lift(&self, tx: &mut Tx) -> Result<(), StoreError> {
        tx.run(self.bind(sql("pauses", LIFT))).await?;
        Ok(())
    }

    fn bind(&self, statement: Statement) -> Statement {
        statement.bind(self.environment.as_str()).bind(self.app.as_str()).bind(self.subject.as_str())
    }
}

const SELECT: &str = "SELECT until FROM pauses WHERE environment = $1 AND app = $2 AND subject = $3";

const SELECT_BY_SERVER: &str = concat!(
    "SELECT until, ",
    server_now!(),
    " AS now FROM pauses WHERE environment = $1 AND app = $2 AND subject = $3"
);

const FORGET: &str = "DELETE FROM pauses WHERE until <= $1 OR until > $2";

const EXTEND: &str = "INSERT INTO pauses (environment, app, subject, until) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (environment, app, subject) DO UPDATE SET until = excluded.until WHERE pauses.until < excluded.until";

const LIFT: &str = "DELETE FROM pauses WHERE environment = $1 AND app = $2 AND subject = $3";
