//! Having a credential to oneself for something that sends no refresh token. It saves work; the generation is what protects.

use std::time::Duration;

use lanyard_credential::rotation::Writer;
use lanyard_credential::{Credential, CredentialId, Intent, IntentPhase, Standing};

use super::{RotationView, UnderWay};
use crate::engine::Row;
use crate::engine::sql;
use crate::intent::{self, Entry};
use crate::limits::Limited;
use crate::record::unless_unreadable;
use crate::sealed::CREDENTIALS;
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

/// The result of [`Store::claim`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is this process's, and this is the row as it was.
    Claimed(Box<RotationView>),
    /// Another process is at it.
    Held,
    /// Webex limits the requests for its tokens for so long.
    Limited(Duration),
    /// There is no such credential, or it is being cleared.
    Erased,
}

/// What an answer of Webex says about a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitNews {
    /// Nothing.
    Unchanged,
    /// It holds for so long.
    Holds(Duration),
    /// It does not hold any more.
    Over,
}

impl Store {
    /// Keeps other processes from working on a credential, for [`HOLD`](crate::HOLD). A process that has it already has it for longer. The
    /// caller makes sure that no other task of this process is at it.
    pub async fn claim(&self, id: CredentialId) -> Result<Claim, StoreError> {
        self.claim_within(id, false).await
    }

    /// Like [`claim`](Self::claim), unless Webex limits the requests for the credential's tokens.
    pub async fn claim_unless_limited(&self, id: CredentialId) -> Result<Claim, StoreError> {
        self.claim_within(id, true).await
    }

    async fn claim_within(&self, id: CredentialId, obeys_limit: bool) -> Result<Claim, StoreError> {
        // First without writing: where many find the same credential due, only one goes to the disk for it.
        if let Some(entry) = self.engine().row(intent::select(id)).await?
            && self.keeps_out(id, &Entry::read(&entry)?)
        {
            return Ok(Claim::Held);
        }
        self.write_about(id, Purpose::Work, |mut tx| async move {
            let entry = tx.row(intent::select(id)).await?.as_ref().map(Entry::read).transpose()?;
            if entry.as_ref().is_some_and(|entry| self.keeps_out(id, entry)) {
                return tx.abandon(Claim::Held).await;
            }
            let Some(row) = tx.row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await? else {
                return tx.abandon(Claim::Erased).await;
            };
            let mut view = self.view(id, &row, entry.as_ref())?;
            if view.credential.standing == Standing::Clearing {
                return tx.abandon(Claim::Erased).await;
            }
            view.limited = self.mint_limit(&mut tx, &view.credential).await?.left(&mut tx).await?;
            if let Some(left) = view.limited.filter(|_| obeys_limit) {
                return tx.abandon(Claim::Limited(left)).await;
            }
            // The writer of an exchange is gone by now: its note stays.
            let note = match view.under_way.clone() {
                UnderWay::Exchange(intent, _) => Some(Intent { phase: IntentPhase::Unanswered, ..intent }),
                UnderWay::Nothing | UnderWay::Held(_) => None,
            };
            let process = self.inner.presence.announce(self.entropy());
            Entry::held(process, note, tx.now()).store(&mut tx, id).await?;
            tx.commit(Claim::Claimed(Box::new(view))).await
        })
        .await
    }

    /// Gives a credential back if it is this process's.
    pub async fn release(&self, id: CredentialId) -> Result<(), StoreError> {
        self.release_noting(id, LimitNews::Unchanged).await
    }

    /// Like [`release`](Self::release), and lets all processes that share the store learn what Webex answered about the limit of those who
    /// obtain this credential's tokens.
    pub async fn release_noting(&self, id: CredentialId, news: LimitNews) -> Result<(), StoreError> {
        self.write_about(id, Purpose::Work, |mut tx| async move {
            let entry = tx.row(intent::select(id)).await?.as_ref().map(Entry::read).transpose()?;
            match entry.filter(|entry| entry.held && self.inner.presence.is_own(&entry.process)) {
                Some(Entry { intent: Some(note), .. }) => Entry::exchange(note, tx.now()).store(&mut tx, id).await?,
                Some(_) => intent::erase(&mut tx, id).await?,
                None if news == LimitNews::Unchanged => return tx.abandon(()).await,
                None => {}
            }
            if news != LimitNews::Unchanged
                && let Some(credential) = self.read_within(&mut tx, id).await?
            {
                let limit = self.mint_limit(&mut tx, &credential).await?;
                match news {
                    LimitNews::Holds(left) => limit.extend(&mut tx, left).await?,
                    LimitNews::Over | LimitNews::Unchanged => limit.lift(&mut tx).await?,
                }
            }
            tx.commit(()).await
        })
        .await
    }

    /// Notes that Webex does not limit the rotations of a credential's subject any more, because one succeeded.
    pub async fn lift_limit(&self, id: CredentialId) -> Result<(), StoreError> {
        self.write_about(id, Purpose::Work, |mut tx| async move {
            let Some(credential) = self.read_within(&mut tx, id).await? else { return tx.abandon(()).await };
            Limited::rotation(&credential).lift(&mut tx).await?;
            tx.commit(()).await
        })
        .await
    }

    /// The limit on requests for a credential's tokens: its issuer's, if it has one.
    async fn mint_limit(&self, tx: &mut Tx, credential: &Credential) -> Result<Limited, StoreError> {
        let Some(mint) = &credential.mint else { return Ok(Limited::rotation(credential)) };
        // An issuer that cannot be read limits nothing here; the renewal reports it.
        let issuer = unless_unreadable(self.read_within(tx, mint.via).await)?.flatten();
        Ok(issuer.map_or_else(|| Limited::rotation(credential), |issuer| Limited::mint(credential, &issuer)))
    }

    async fn read_within(&self, tx: &mut Tx, id: CredentialId) -> Result<Option<Credential>, StoreError> {
        let row = tx.row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await?;
        row.as_ref().map(|row| self.read_credential(row)).transpose()
    }

    /// Whether an entry keeps this process out. Where no refresh token is at stake its deadline is enough.
    pub(super) fn keeps_out(&self, id: CredentialId, entry: &Entry) -> bool {
        match self.judge_writer(id, entry, &self.now()) {
            Writer::Gone | Writer::Presumed => false,
            Writer::Present => true,
            Writer::Overdue => !entry.held,
            Writer::Unknown => !entry.held || !self.has_passed(id, entry, Duration::ZERO, &self.now()),
        }
    }

    /// The row as a rotation sees it.
    pub(super) fn view(&self, id: CredentialId, row: &Row, entry: Option<&Entry>) -> Result<RotationView, StoreError> {
        let under_way = match entry {
            Some(entry) if entry.held && self.keeps_out(id, entry) => UnderWay::Held(entry.process.clone()),
            None | Some(Entry { intent: None, .. }) => UnderWay::Nothing,
            Some(entry @ Entry { intent: Some(intent), .. }) => {
                // Of an exchange whose note a holder kept, the writer was gone before.
                let writer = if entry.held { Writer::Gone } else { self.judge_writer(id, entry, &self.now()) };
                // One that was doubted and has had its time is settled by the next answer.
                let presumed = match intent.phase {
                    IntentPhase::Doubted if writer == Writer::Gone => false,
                    _ => intent.presumed || writer == Writer::Presumed,
                };
                UnderWay::Exchange(Intent { presumed, ..intent.clone() }, writer)
            }
        };
        let credential = self.read_credential(row)?;
        Ok(RotationView { credential, under_way, has_spare: row.holds("spare_token")?, limited: None })
    }
}
