//! Before the exchange: the durable intent, and the refresh token that it allows to spend.

use lanyard_credential::rotation::{Attempt, Writer};
use lanyard_credential::{
    AppId, CredentialId, CredentialName, Generation, Grant, Intent, IntentPhase, Spend, Standing,
};
use lanyard_secret::RefreshToken;

use super::{Begun, Declared, RotationView, UnderWay};
use crate::engine::{Row, sql};
use crate::envelope::Envelope;
use crate::event::{About, Event};
use crate::grant::{REFRESH, SPARE, owner};
use crate::intent::{self, Entry, is_same};
use crate::limits::Limited;
use crate::record::unless_unreadable;
use crate::sealed::CREDENTIALS;
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

impl Store {
    /// Reads the row and, if `decide` says so, writes the intent durably, in the same transaction; only then may the refresh token be sent.
    /// It may ask more than once, and at last with a view that says whether Webex limits the renewal.
    pub async fn begin_rotation(
        &self,
        id: CredentialId,
        decide: impl Fn(&RotationView) -> Option<Attempt>,
    ) -> Result<Begun, StoreError> {
        let decide = &decide;
        // First without writing: where many find the same credential due, only one goes to the disk for it.
        if let Some(entry) = self.engine().row(intent::select(id)).await?
            && let Some(row) = self.engine().row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await?
            && let view = self.view(id, &row, Some(&Entry::read(&entry)?))?
            && view.credential.standing != Standing::Clearing
            && decide(&view).is_none()
        {
            return Ok(Begun::Seen(Box::new(view)));
        }
        self.write_about(id, Purpose::Work, |mut tx| async move {
            let Some(row) = tx.row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await? else {
                return tx.abandon(Begun::Erased).await;
            };
            let entry = tx.row(intent::select(id)).await?.as_ref().map(Entry::read).transpose()?;
            let mut view = self.view(id, &row, entry.as_ref())?;
            if view.credential.standing == Standing::Clearing {
                return tx.abandon(Begun::Erased).await;
            }
            view.limited = Limited::rotation(&view.credential).left(&mut tx).await?;
            let Some(attempt) = decide(&view) else {
                return tx.abandon(Begun::Seen(Box::new(view))).await;
            };
            // Nothing is announced that cannot be sent.
            let Some(token) = self.open_refresh(&row, attempt.spend)? else {
                return tx.abandon(Begun::Seen(Box::new(view))).await;
            };
            let intent = self.declare(&mut tx, id, view.credential.generation, attempt).await?;
            let (generation, number) = (view.credential.generation, attempt.number);
            let spare = attempt.spend == Spend::Spare;
            let event = match &view.under_way {
                // Also of a run of this process that was dropped, or whose intent was written although the answer was lost.
                UnderWay::Exchange(found, writer)
                    if found.phase == IntentPhase::Open || !self.inner.presence.is_own(&found.writer) =>
                {
                    Event::Recovered {
                        generation,
                        attempt: number,
                        spare,
                        process: Some(found.writer.pid),
                        writer: Some(writer_word(*writer).to_owned()),
                    }
                }
                _ => Event::Intent { generation, attempt: number, spare },
            };
            tx.record(About::Credential(id, view.credential.name.clone()), event);
            tx.commit(Begun::Declared(Box::new(view), Declared { intent, attempt, token })).await
        })
        .await
    }

    /// Writes an intent durably in place of `replaces`, which this process wrote. `None`, and nothing written, when the row moved on:
    /// another generation or grant, another intent, clearing, disabled.
    pub async fn declare_again(
        &self,
        id: CredentialId,
        (generation, grant): (Generation, Grant),
        replaces: &Intent,
        attempt: Attempt,
    ) -> Result<Option<Declared>, StoreError> {
        self.write_about(id, Purpose::Work, |mut tx| async move {
            let Some(row) = tx.row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await? else {
                return tx.abandon(None).await;
            };
            let current = self.read_credential(&row)?;
            let entry = tx.row(intent::select(id)).await?.as_ref().map(Entry::read).transpose()?;
            let found = entry.filter(|entry| !entry.held).and_then(|entry| entry.intent);
            let stands = (current.generation, current.grant) == (generation, grant)
                && !matches!(current.standing, Standing::Clearing | Standing::Disabled)
                && found.is_some_and(|found| is_same(&found, replaces));
            let token = if stands { self.open_refresh(&row, attempt.spend)? } else { None };
            let Some(token) = token else { return tx.abandon(None).await };
            let intent = self.declare(&mut tx, id, generation, attempt).await?;
            let spare = attempt.spend == Spend::Spare;
            tx.record(
                About::Credential(id, current.name),
                Event::Intent { generation, attempt: attempt.number, spare },
            );
            tx.commit(Some(Declared { intent, attempt, token })).await
        })
        .await
    }

    async fn declare(
        &self,
        tx: &mut Tx,
        id: CredentialId,
        generation: Generation,
        attempt: Attempt,
    ) -> Result<Intent, StoreError> {
        let intent = Intent {
            generation,
            spend: attempt.spend,
            attempt: attempt.number,
            writer: self.inner.presence.announce(self.entropy()),
            phase: IntentPhase::Open,
            presumed: attempt.presumed,
        };
        Entry::exchange(intent.clone(), tx.now()).store(tx, id).await?;
        Ok(intent)
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

/// The journal's word for the writer of an intent that is replaced.
const fn writer_word(writer: Writer) -> &'static str {
    match writer {
        Writer::Gone => "gone",
        Writer::Presumed => "presumed-gone",
        Writer::Present | Writer::Overdue | Writer::Unknown => "taken-over",
    }
}

const SELECT_OF_APP: &str = "SELECT id, name, environment, grant_number, generation, wrapped_key, refresh_token \
     FROM credentials WHERE app = $1 AND refresh_token IS NOT NULL ORDER BY name";
