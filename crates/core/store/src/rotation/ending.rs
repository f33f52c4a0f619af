//! After the exchange: the commit, the spare, the failure.

use lanyard_credential::rotation::IntentEnd;
use lanyard_credential::{
    CredentialId, CredentialName, Generation, Grant, Intent, IntentPhase, Spend, Standing, TroubleKind, Validity,
};
use lanyard_protocol::ScopeSet;
use lanyard_secret::{AccessToken, RefreshToken};

use crate::credentials::update_standing;
use crate::engine::sql;
use crate::envelope::Envelope;
use crate::event::{About, Event, StandingNote};
use crate::grant::{SPARE, SealedSet, owner};
use crate::intent::{self, Entry, is_same};
use crate::limits::Limited;
use crate::record::{read_closed, unless_unreadable};
use crate::sealed::CREDENTIALS;
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

/// The tokens that an exchange brought.
#[derive(Clone, Debug)]
pub struct RotatedTokens {
    /// The access token.
    pub access: AccessToken,
    /// The refresh token; `None` where Webex sent none and the one that was spent stays good.
    pub refresh: Option<RefreshToken>,
    /// How long they last.
    pub validity: Validity,
    /// The scopes; `None` where Webex did not say and they stay as they were.
    pub scopes: Option<ScopeSet>,
}

/// The result of [`Store::commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// This generation is durable.
    Committed(Generation),
    /// Another was faster; nothing was written.
    Overtaken {
        /// The generation that stands in the row.
        generation: Generation,
        /// Whether it descends from the same sign-in.
        same_grant: bool,
    },
    /// There is no such credential any more, or it is being cleared; the tokens are to be revoked.
    Erased,
}

/// A rotation that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// How the credential stands now: `Stalled` or `NeedsLogin`.
    pub standing: Standing,
    /// The further use of the intent.
    pub intent: IntentEnd,
}

impl Store {
    /// Makes the answer of the exchange that `intent` announced the next generation, provided that generation and grant still are
    /// the ones that it was to replace. Erases intent and spare.
    ///
    /// A disabled credential gets its tokens and stays disabled. A row that was altered without Lanyard gets them too, and stays refused; but
    /// nothing that it says has tokens revoked: then this fails.
    pub async fn commit(
        &self,
        id: CredentialId,
        grant: Grant,
        intent: &Intent,
        tokens: &RotatedTokens,
    ) -> Result<Commit, StoreError> {
        let row_id = &*id.to_string();
        self.write_about(id, Purpose::Answer, |mut tx| async move {
            let Some(row) = tx.sealed_or_altered(&CREDENTIALS, row_id).await? else {
                self.refuse_unless_erased(&mut tx, id).await?;
                return tx.abandon(Commit::Erased).await;
            };
            let standing = match read_closed(&row) {
                Standing::Clearing => {
                    self.check_seal(&CREDENTIALS, &row)?;
                    return tx.abandon(Commit::Erased).await;
                }
                Standing::Disabled => Standing::Disabled,
                _ => Standing::Active,
            };
            let name: CredentialName = row.parsed("name")?;
            let found = Grant::new(row.counter("grant_number")?);
            let generation = Generation::new(row.counter("generation")?);
            if (generation, found) != (intent.generation, grant) {
                // A commit whose outcome was unknown is repeated, and may have happened.
                let stored = unless_unreadable(self.open_row_access(&row))?.flatten();
                if found == grant && stored.is_some_and(|stored| stored.matches(&tokens.access)) {
                    return tx.abandon(Commit::Committed(generation)).await;
                }
                // Grants are numbered upwards: an earlier one is a copy that somebody put back, however authentic.
                if found < grant {
                    return Err(StoreError::Altered { table: "credentials", row: row_id.to_owned() });
                }
                if found != grant {
                    self.check_seal(&CREDENTIALS, &row)?;
                }
                let overtaken = Event::Overtaken { generation: intent.generation, by: generation };
                tx.record(About::Credential(id, name), overtaken);
                return tx.commit(Commit::Overtaken { generation, same_grant: found == grant }).await;
            }

            let next = generation.next();
            let kept = match &tokens.refresh {
                Some(_) => None,
                None => self.open_refresh(&row, intent.spend)?,
            };
            let refresh = tokens.refresh.as_ref().or(kept.as_ref());
            let wrapped = row.optional_sealed("wrapped_key")?;
            let wrapped = wrapped.ok_or_else(|| row.impossible("wrapped_key"))?;
            let environment = row.text("environment")?;
            let envelope = Envelope::open(self, owner(row_id, &environment), grant.number(), &wrapped)?;
            let set = SealedSet::seal(self, &envelope, next, Some(&tokens.access), refresh);
            let scopes = match &tokens.scopes {
                Some(scopes) => Some(scopes.clone()),
                // What cannot be read is not known; it must not keep the tokens from being stored.
                None => row.optional_parsed("scopes").unwrap_or_default(),
            };
            set.store(&mut tx, row_id, (generation, next), &tokens.validity, scopes.as_ref()).await?;
            update_standing(&mut tx, id, &standing).await?;
            let rotated = sql("credentials", "UPDATE credentials SET last_rotated_at = $2 WHERE id = $1");
            tx.run(rotated.bind(row_id).bind(tx.now().wall)).await?;
            let rotated = Event::Rotated { generation, next, spare: intent.spend == Spend::Spare };
            tx.record(About::Credential(id, name), rotated);
            tx.commit(Commit::Committed(next)).await
        })
        .await
    }

    /// Keeps the refresh token of an answer that was overtaken, sealed, until the next rotation succeeds. It replaces an older
    /// spare. A grant that was called dead meanwhile is not any more: the spare may be the token that lives. `false` when the credential is
    /// gone, is being cleared, or was signed in again.
    pub async fn keep_spare(&self, id: CredentialId, grant: Grant, token: &RefreshToken) -> Result<bool, StoreError> {
        let row_id = &*id.to_string();
        self.write_about(id, Purpose::Answer, |mut tx| async move {
            let row = tx.sealed_or_altered(&CREDENTIALS, row_id).await?;
            let Some(row) = row else {
                self.refuse_unless_erased(&mut tx, id).await?;
                return tx.abandon(false).await;
            };
            let same = Grant::new(row.counter("grant_number")?) == grant && read_closed(&row) != Standing::Clearing;
            let (true, Some(wrapped)) = (same, row.optional_sealed("wrapped_key")?) else {
                self.check_seal(&CREDENTIALS, &row)?;
                if Grant::new(row.counter("grant_number")?) < grant {
                    return Err(StoreError::Altered { table: "credentials", row: row_id.to_owned() });
                }
                return tx.abandon(false).await;
            };
            let dead = row.str("standing")? == "needs-login"
                && row.optional_str("trouble_kind")? == Some(TroubleKind::DeadGrant.as_str());
            // The same again, after a try whose outcome was unknown.
            let spare = unless_unreadable(self.open_refresh(&row, Spend::Spare))?.flatten();
            if !dead && spare.is_some_and(|spare| spare.matches(token)) {
                return tx.abandon(true).await;
            }
            let environment = row.text("environment")?;
            let envelope = Envelope::open(self, owner(row_id, &environment), grant.number(), &wrapped)?;
            let sealed = envelope.seal(SPARE, grant.number(), token.expose_secret(), self.entropy());
            let update = sql("credentials", "UPDATE credentials SET spare_token = $2 WHERE id = $1");
            tx.run(update.bind(row_id).bind(&sealed)).await?;
            if dead {
                update_standing(&mut tx, id, &Standing::Active).await?;
            }
            let name = row.parsed("name")?;
            let generation = Generation::new(row.counter("generation")?);
            tx.record(About::Credential(id, name), Event::SpareKept { generation });
            tx.commit(true).await
        })
        .await
    }

    /// Fails if a credential is not there although the journal does not say that it was erased: somebody else deleted its row. Tokens are
    /// revoked only for what Lanyard wrote.
    async fn refuse_unless_erased(&self, tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
        if self.was_erased(tx, id).await? {
            return Ok(());
        }
        Err(StoreError::Altered { table: "credentials", row: id.to_string() })
    }

    /// Writes down that the exchange that `intent` announced brought no tokens. `false`, and nothing written, if that very intent does not
    /// stand any more: another process moved on; nor if the stored token is dead and a spare has come, which the next attempt tries.
    ///
    /// If Webex limits its subject, all processes that share the store learn it.
    pub async fn record_failure(
        &self,
        id: CredentialId,
        intent: &Intent,
        failure: &Failure,
    ) -> Result<bool, StoreError> {
        let row_id = &*id.to_string();
        self.write_about(id, Purpose::Answer, |mut tx| async move {
            let row = tx.sealed_or_altered(&CREDENTIALS, row_id).await?;
            let Some(row) = row else {
                return tx.abandon(false).await;
            };
            let entry = tx.row(intent::select(id)).await?.as_ref().map(Entry::read).transpose()?;
            let found = entry.filter(|entry| !entry.held).and_then(|entry| entry.intent);
            let before = read_closed(&row);
            let stands = Generation::new(row.counter("generation")?) == intent.generation
                && before != Standing::Clearing
                && found.as_ref().is_some_and(|found| is_same(found, intent));
            let Some(found) = found.filter(|_| stands) else {
                return tx.abandon(false).await;
            };
            let is_dead =
                matches!(&failure.standing, Standing::NeedsLogin(trouble) if trouble.kind == TroubleKind::DeadGrant);
            if is_dead && intent.spend == Spend::Stored && row.holds(SPARE)? {
                // The next attempt does not wait for this one.
                let found = Intent { phase: IntentPhase::Unanswered, ..found };
                Entry::exchange(found, tx.now()).store(&mut tx, id).await?;
                return tx.commit(false).await;
            }
            let phase = match failure.intent {
                IntentEnd::Leave => None,
                IntentEnd::Close => {
                    intent::erase(&mut tx, id).await?;
                    None
                }
                IntentEnd::Unanswered => Some(IntentPhase::Unanswered),
                IntentEnd::Doubted => Some(IntentPhase::Doubted),
            };
            if let Some(phase) = phase {
                Entry::exchange(Intent { phase, ..found }, tx.now()).store(&mut tx, id).await?;
            }
            let standing = match before {
                Standing::Disabled => &Standing::Disabled,
                _ => &failure.standing,
            };
            update_standing(&mut tx, id, standing).await?;
            if let Some(trouble) = failure.standing.trouble().filter(|trouble| trouble.kind == TroubleKind::Limited) {
                Limited::of_row(&row)?.extend(&mut tx, trouble.pause).await?;
            }
            let name = row.parsed("name")?;
            let (generation, attempt) = (intent.generation, intent.attempt);
            let standing = StandingNote::of(&failure.standing);
            tx.record(About::Credential(id, name), Event::Failed { generation, attempt, standing });
            tx.commit(true).await
        })
        .await
    }
}
