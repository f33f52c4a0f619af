//! Clearing: hand-out stops at once, tokens wait durably to be revoked, the credential is erased.

use std::time::Duration;

use jiff::Timestamp;
use lanyard_credential::{AppId, CredentialId, CredentialName, RevocationId, Spend, Standing};
use lanyard_protocol::Environment;
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_vault::{KeyId, Sealed};
use serde::{Deserialize, Serialize};

use crate::credentials::update_standing;
use crate::engine::{Row, sql};
use crate::envelope::{Envelope, Owner};
use crate::event::{About, Event};
use crate::grant::{ACCESS, owner};
use crate::record::{read_closed, read_environment, unless_unreadable};
use crate::sealed::CREDENTIALS;
use crate::write::Tx;
use crate::{DamagedRow, Store, StoreError};

/// A token that waits to be revoked. It outlives its credential.
#[derive(Clone, Debug)]
pub struct PendingRevocation {
    /// The entry in the queue.
    pub id: RevocationId,
    /// Whose token it was.
    pub credential: CredentialId,
    /// The name of that credential when the token was queued.
    pub name: CredentialName,
    /// The Webex that the token belongs to.
    pub environment: Environment,
    /// The app that can revoke it; none for bots and personal tokens.
    pub app: Option<AppId>,
    /// The kind of the token.
    pub kind: TokenKind,
    /// Since when it waits.
    pub queued_at: Timestamp,
    /// When to give up: seven days later.
    pub give_up_at: Timestamp,
    wrapped_key: Sealed,
    token: Sealed,
}

/// The kinds of token that are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenKind {
    /// An access token.
    Access,
    /// A refresh token, the spare included.
    Refresh,
}

/// A token, opened to be revoked.
#[derive(Clone, Debug)]
pub enum RevocableToken {
    /// An access token.
    Access(AccessToken),
    /// A refresh token.
    Refresh(RefreshToken),
}

/// How the wait of a token ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevocationOutcome {
    /// Webex says that it is revoked.
    Revoked,
    /// It is, by something else than the app's own secret; the words say by what.
    RevokedThrough(String),
    /// It is not; the sentence says why.
    NotRevoked(String),
}

const TOKEN: &str = "token";
const PATIENCE: Duration = Duration::from_hours(7 * 24);

impl Store {
    /// Stops the hand-out of a credential, and puts its tokens into the queue of those that are to be revoked, in one transaction.
    /// Returns what waits; the same again when it is clearing already. `None` when there is no such credential.
    pub async fn begin_clearing(&self, id: CredentialId) -> Result<Option<Vec<PendingRevocation>>, StoreError> {
        self.write(|mut tx| async move {
            let Some(row) = tx.sealed_or_altered(&CREDENTIALS, &id.to_string()).await? else {
                return tx.abandon(None).await;
            };
            if read_closed(&row) != Standing::Clearing {
                let (held, unreadable) = self.held_tokens(&row)?;
                for token in &held {
                    self.queue(&mut tx, &row, token).await?;
                }
                update_standing(&mut tx, id, &Standing::Clearing).await?;
                let name = row.parsed("name")?;
                let clearing = Event::Clearing { tokens: held.len(), unreadable: unreadable.len() };
                tx.record(About::Credential(id, name), clearing);
            }
            let waiting = tx.rows(sql("revocations", SELECT_OF_CREDENTIAL).bind(id.to_string())).await?;
            let waiting = waiting.iter().map(read).collect::<Result<_, _>>()?;
            tx.commit(Some(waiting)).await
        })
        .await
    }

    /// The tokens of a credential that do not open, so that they cannot be revoked.
    pub async fn unreadable_tokens(&self, id: CredentialId) -> Result<Vec<TokenKind>, StoreError> {
        let row = self.engine().row(sql("credentials", CREDENTIALS.select).bind(id.to_string())).await?;
        Ok(row.map(|row| self.held_tokens(&row)).transpose()?.map(|(_, unreadable)| unreadable).unwrap_or_default())
    }

    /// Erases a credential that is being cleared, with its data key. What waits to be revoked goes on waiting. `false` when there is
    /// no such credential.
    pub async fn finish_clearing(&self, id: CredentialId) -> Result<bool, StoreError> {
        self.erase(id, |kind, labels| Event::Cleared { kind, labels }).await
    }

    /// All tokens that wait to be revoked and can be read, the longest waiting first.
    pub async fn pending_revocations(&self) -> Result<Vec<PendingRevocation>, StoreError> {
        let rows = self.engine().rows(sql("revocations", SELECT_ALL)).await?;
        rows.iter().map(|row| unless_unreadable(read(row))).filter_map(Result::transpose).collect()
    }

    /// Removes queued revocations that cannot be retried, because their rows cannot be read or are sealed under a key that the home
    /// does not have. Returns the removed ones. They would prevent a replacement of the home's key.
    pub async fn discard_unreadable_revocations(&self) -> Result<Vec<DamagedRow>, StoreError> {
        let is_lost = |row: &Row, keys: &[KeyId]| match read(row) {
            Err(error) => error.is_of_one_row(),
            Ok(pending) => pending.wrapped_key.key_id().is_none_or(|id| !keys.contains(&id)),
        };
        let rows = self.engine().rows(sql("revocations", SELECT_ALL)).await?;
        let keys: Vec<_> = self.home_keys().await?.keys().collect();
        if !rows.iter().any(|row| is_lost(row, &keys)) {
            return Ok(Vec::new());
        }
        self.write(|mut tx| async move {
            let keys: Vec<_> = tx.home_row().await?.checked(&self.inner.seals_key)?.keys.keys().collect();
            let mut discarded = Vec::new();
            for row in tx.rows(sql("revocations", SELECT_ALL)).await?.iter().filter(|row| is_lost(row, &keys)) {
                let delete = sql("revocations", "DELETE FROM revocations WHERE id = $1");
                // SQLite accepts bytes in a text column.
                let (id, delete) = if let Ok(id) = row.text("id") {
                    (id.clone(), delete.bind(id.as_str()))
                } else {
                    let id = row.bytes("id")?;
                    (String::from_utf8_lossy(&id).into_owned(), delete.bind(id.as_slice()))
                };
                tx.run(delete).await?;
                let token = row.text("kind").unwrap_or_default();
                let not_revoked = Event::NotRevoked { token, why: "its row cannot be read".to_owned() };
                let name = row.parsed("credential_name").ok();
                let about = row.parsed("credential_id").ok().zip(name.clone());
                tx.record(about.map_or(About::Home, |(id, name)| About::Credential(id, name)), not_revoked);
                discarded.push(DamagedRow::Revocation(name, id));
            }
            tx.commit(discarded).await
        })
        .await
    }

    /// Opens a token that waits, to revoke it.
    pub fn open_revocation(&self, pending: &PendingRevocation) -> Result<RevocableToken, StoreError> {
        let row = pending.id.to_string();
        let envelope = Envelope::open(self, queued(&row, pending.environment.id()), 0, &pending.wrapped_key)?;
        let token = envelope.reveal(TOKEN, 0, &pending.token, |text| match pending.kind {
            TokenKind::Access => RevocableToken::Access(AccessToken::new(text)),
            TokenKind::Refresh => RevocableToken::Refresh(RefreshToken::new(text)),
        })?;
        Ok(token)
    }

    /// Ends the wait of a token and erases it. `false` when somebody else has.
    pub async fn finish_revocation(&self, id: RevocationId, outcome: &RevocationOutcome) -> Result<bool, StoreError> {
        let ended = self
            .write(|mut tx| async move {
                let Some(row) = tx.row(sql("revocations", SELECT_BY_ID).bind(id.to_string())).await? else {
                    return tx.abandon(false).await;
                };
                let pending = read(&row)?;
                tx.run(sql("revocations", "DELETE FROM revocations WHERE id = $1").bind(id.to_string())).await?;
                let token = pending.kind.as_str().to_owned();
                let event = match outcome {
                    RevocationOutcome::Revoked => Event::Revoked { token, through: None },
                    RevocationOutcome::RevokedThrough(what) => Event::Revoked { token, through: Some(what.clone()) },
                    RevocationOutcome::NotRevoked(why) => Event::NotRevoked { token, why: why.clone() },
                };
                tx.record(About::Credential(pending.credential, pending.name), event);
                tx.commit::<_, StoreError>(true).await
            })
            .await?;
        if ended {
            self.engine().forget().await;
        }
        Ok(ended)
    }

    /// The tokens that a credential's row holds, the strongest first, and the kinds of those that do not open: a damaged token must
    /// not keep a person from clearing the others.
    /// Of a row that somebody altered no token is revoked: its name may be another credential's, which the person meant.
    fn held_tokens(&self, row: &Row) -> Result<(Vec<RevocableToken>, Vec<TokenKind>), StoreError> {
        if self.check_seal(&CREDENTIALS, row).is_err() {
            let kinds = [("refresh_token", TokenKind::Refresh), ("access_token", TokenKind::Access)];
            let held = kinds.into_iter().filter(|(column, _)| row.holds(column).unwrap_or(true));
            return Ok((Vec::new(), held.map(|(_, kind)| kind).collect()));
        }
        let refresh = |which| self.open_refresh(row, which).map(|token| token.map(RevocableToken::Refresh));
        let mut held = Vec::new();
        let mut unreadable = Vec::new();
        for (kind, opened) in [
            (TokenKind::Refresh, refresh(Spend::Stored)),
            (TokenKind::Refresh, refresh(Spend::Spare)),
            (TokenKind::Access, self.open_row_access(row).map(|token| token.map(RevocableToken::Access))),
        ] {
            match opened {
                Ok(token) => held.extend(token),
                Err(StoreError::Sealed(_)) => unreadable.push(kind),
                Err(error) => return Err(error),
            }
        }
        Ok((held, unreadable))
    }

    pub(crate) fn open_row_access(&self, row: &Row) -> Result<Option<AccessToken>, StoreError> {
        let (Some(access), Some(wrapped)) = (row.optional_sealed(ACCESS)?, row.optional_sealed("wrapped_key")?) else {
            return Ok(None);
        };
        let (id, environment) = (row.text("id")?, row.text("environment")?);
        let envelope = Envelope::open(self, owner(&id, &environment), row.counter("grant_number")?, &wrapped)?;
        let token = envelope.reveal(ACCESS, row.counter("generation")?, &access, |text| AccessToken::new(text))?;
        Ok(Some(token))
    }

    async fn queue(&self, tx: &mut Tx, credential: &Row, token: &RevocableToken) -> Result<(), StoreError> {
        let id = RevocationId::random(self.entropy()).to_string();
        let environment = credential.text("environment")?;
        let (envelope, wrapped) = Envelope::new(tx, queued(&id, &environment), 0);
        let (kind, text) = match token {
            RevocableToken::Access(token) => (TokenKind::Access, token.expose_secret()),
            RevocableToken::Refresh(token) => (TokenKind::Refresh, token.expose_secret()),
        };
        let now = self.now().wall;
        let insert = sql("revocations", INSERT)
            .bind(id.as_str())
            .bind(credential.text("id")?)
            .bind(credential.text("name")?)
            .bind(environment.as_str())
            .bind(credential.optional_text("app")?)
            .bind(kind.as_str())
            .bind(now)
            .bind(now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX))
            .bind(&wrapped)
            .bind(&envelope.seal(TOKEN, 0, text, self.entropy()));
        tx.run(insert).await?;
        Ok(())
    }
}

impl TokenKind {
    /// The word for it (RFC 7009's `token_type_hint`, without its suffix).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

fn queued<'a>(row: &'a str, environment: &'a str) -> Owner<'a> {
    Owner { table: "revocations", row, environment }
}

fn read(row: &Row) -> Result<PendingRevocation, StoreError> {
    Ok(PendingRevocation {
        id: row.parsed("id")?,
        credential: row.parsed("credential_id")?,
        name: row.parsed("credential_name")?,
        environment: read_environment(row)?,
        app: row.optional_parsed("app")?,
        kind: match row.text("kind")?.as_str() {
            "access" => TokenKind::Access,
            "refresh" => TokenKind::Refresh,
            _ => return Err(row.impossible("kind")),
        },
        queued_at: row.timestamp("queued_at")?,
        give_up_at: row.timestamp("give_up_at")?,
        wrapped_key: row.sealed("wrapped_key")?,
        token: row.sealed("token")?,
    })
}

macro_rules! columns {
    () => {
        "id, credential_id, credential_name, environment, app, kind, queued_at, give_up_at, wrapped_key, token"
    };
}

const SELECT_ALL: &str = concat!("SELECT ", columns!(), " FROM revocations ORDER BY queued_at, id");
const SELECT_BY_ID: &str = concat!("SELECT ", columns!(), " FROM revocations WHERE id = $1");
const SELECT_OF_CREDENTIAL: &str =
    concat!("SELECT ", columns!(), " FROM revocations WHERE credential_id = $1 ORDER BY queued_at, id");
const INSERT: &str =
    concat!("INSERT INTO revocations (", columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
