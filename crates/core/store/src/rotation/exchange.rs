//! Before the exchange: the durable intent, and the refresh token that it allows to spend.

use std::time::Duration;

use lanyard_credential::{
    AppId, CredentialId, CredentialName, Generation, Grant, Intent, IntentPhase, Spend, Standing,
};
use lanyard_secret::RefreshToken;

use crate::engine::{Row, sql};
use crate::envelope::Envelope;
use crate::grant::{REFRESH, SPARE, owner};
use crate::intent::{StoredIntent, is_same};
use crate::journal::{About, Event};
use crate::lease::{Lease, select_lease, take_lease};
use crate::record::unless_unreadable;
use crate::seal::CREDENTIALS;
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

impl Store {
    /// Writes the intent durably; only then may the refresh token be sent. `length` is how long its exchange may take at most; the
    /// lease is renewed for that long.
    ///
    /// `None`, and nothing written, when the row moved on (another generation or grant, an intent that is not the one that is
    /// `replaced`, clearing, disabled) or when somebody else took the lease.
    #[expect(clippy::too_many_arguments, reason = "each is a part of the condition or of the note")]
    pub async fn write_intent(
        &self,
        id: CredentialId,
        generation: Generation,
        grant: Grant,
        replaces: Option<&Intent>,
        spend: Spend,
        attempt: u32,
        length: Duration,
    ) -> Result<Option<Intent>, StoreError> {
        let me = self.process();
        self.write_about(id, Purpose::Work, |mut tx| async move {
            let lease = tx.row(select_lease(id)).await?;
            let lease = lease.as_ref().map(Lease::read).transpose()?;
            let row = tx.row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await?;
            let (Some(row), true) = (row, lease.is_some_and(|lease| lease.owner == *me)) else {
                return tx.abandon(None).await;
            };
            let current = self.read_credential(&row)?;
            let found = StoredIntent::read(&row)?;
            let as_claimed = current.generation == generation
                && current.grant == grant
                && !matches!(current.standing, Standing::Clearing | Standing::Disabled)
                && match (&found, replaces) {
                    (None, None) => true,
                    (Some(found), Some(replaces)) => is_same(&found.intent, replaces),
                    _ => false,
                };
            if !as_claimed {
                return tx.abandon(None).await;
            }
            let now = self.now();
            let stored = StoredIntent::new((generation, spend, attempt), me, &now, length);
            let update = sql("credentials", UPDATE_INTENT).bind(id.to_string()).bind_all(stored.values());
            tx.run(update).await?;
            take_lease(&mut tx, id, me, length, &self.lease_time(&now)).await?;
            let spare = spend == Spend::Spare;
            let event = match &found {
                Some(found) if found.intent.writer != *me => Event::Recovered { generation, attempt, spare },
                _ => Event::Intent { generation, attempt, spare },
            };
            tx.record(About::Credential(id, current.name), event);
            tx.commit(Some(stored.intent)).await
        })
        .await
    }

    /// Opens the refresh token that `intent` is about, for the exchange alone. `None` when that intent does not stand any more, or
    /// there is no such token: then nothing may be sent.
    pub async fn spend(&self, id: CredentialId, intent: &Intent) -> Result<Option<RefreshToken>, StoreError> {
        let Some(row) = self.engine().row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await? else {
            return Ok(None);
        };
        let found = StoredIntent::read(&row)?.map(|stored| stored.intent);
        let generation = Generation::new(row.counter("generation")?);
        let stands = generation == intent.generation
            && found.is_some_and(|found| is_same(&found, intent) && found.phase == IntentPhase::Open);
        if !stands {
            return Ok(None);
        }
        self.open_refresh(&row, intent.spend)
    }

    /// The credential of an app that keeps this very refresh token, where one does. Opens each of the app's: for whoever adds one.
    pub async fn holder_of(&self, app: AppId, token: &RefreshToken) -> Result<Option<CredentialName>, StoreError> {
        let rows = self.engine().rows(sql("credentials", SELECT_OF_APP).bind(app.to_string())).await?;
        self.holder_among(&rows, token)
    }

    /// Like [`holder_of`](Self::holder_of), within a transaction, so that nobody else stores the token meanwhile.
    pub(crate) async fn holder_within(
        &self,
        tx: &mut Tx,
        app: AppId,
        token: &RefreshToken,
    ) -> Result<Option<CredentialName>, StoreError> {
        let rows = tx.rows(sql("credentials", SELECT_OF_APP).bind(app.to_string())).await?;
        self.holder_among(&rows, token)
    }

    fn holder_among(&self, rows: &[Row], token: &RefreshToken) -> Result<Option<CredentialName>, StoreError> {
        for row in rows {
            // What does not open is nobody's.
            let held = unless_unreadable(self.open_refresh(row, Spend::Stored))?.flatten();
            if held.is_some_and(|held| held.matches(token)) {
                return row.parsed("name").map(Some);
            }
        }
        Ok(None)
    }

    /// Opens one of a row's refresh tokens.
    pub(crate) fn open_refresh(&self, row: &Row, which: Spend) -> Result<Option<RefreshToken>, StoreError> {
        let id = row.text("id")?;
        let environment = row.text("environment")?;
        let grant = row.counter("grant_number")?;
        let (column, version) = match which {
            Spend::Stored => (REFRESH, row.counter("generation")?),
            Spend::Spare => (SPARE, grant),
        };
        let (Some(sealed), Some(wrapped)) = (row.optional_sealed(column)?, row.optional_sealed("wrapped_key")?) else {
            return Ok(None);
        };
        let envelope = Envelope::open(self, owner(&id, &environment), grant, &wrapped)?;
        let token = envelope.reveal(column, version, &sealed, |text| RefreshToken::new(text))?;
        Ok(Some(token))
    }
}

const UPDATE_INTENT: &str = "UPDATE credentials SET intent_phase = $2, intent_generation = $3, intent_spend = $4, \
     intent_attempt = $5, intent_host = $6, intent_boot = $7, intent_pid = $8, intent_started = $9, \
     intent_deadline_boot = $10, intent_deadline_elapsed = $11, intent_deadline_wall = $12 WHERE id = $1";

const SELECT_OF_APP: &str = "SELECT id, name, environment, grant_number, generation, wrapped_key, refresh_token \
     FROM credentials WHERE app = $1 AND refresh_token IS NOT NULL ORDER BY name";
