//! Token sets on their way into a row.

use lanyard_credential::{
    Credential, CredentialId, Generation, Grant, Organisation, Spend, Standing, Subject, Validity,
};
use lanyard_protocol::ScopeSet;
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_vault::Sealed;
use serde::{Deserialize, Serialize};

use crate::engine::sql;
use crate::envelope::{Envelope, Owner};
use crate::event::{About, Event};
use crate::record::{identity_values, read_closed, standing_values, validity_values};
use crate::sealed::CREDENTIALS;
use crate::write::Tx;
use crate::{Store, StoreError};

/// The tokens of a new grant, as a sign-in or an import brought them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewTokens {
    /// The access token; none where only a refresh token was given, whose first rotation brings one.
    #[serde(with = "lanyard_secret::travel::optional")]
    pub access: Option<AccessToken>,
    /// The refresh token; bots and personal tokens have none.
    #[serde(with = "lanyard_secret::travel::optional")]
    pub refresh: Option<RefreshToken>,
    /// How long they last.
    pub validity: Validity,
    /// The scopes that Webex said were granted.
    pub scopes: Option<ScopeSet>,
}

/// The tokens of a grant, opened: to be put back, should what takes their place be refused.
#[derive(Clone, Debug)]
pub struct EarlierGrant {
    /// Its tokens.
    pub tokens: NewTokens,
    /// The refresh token that was kept beside them.
    pub spare: Option<RefreshToken>,
}

fn signed_in(grant: Grant, generation: Generation) -> Event {
    Event::SignedIn { grant, generation }
}

/// How a grant is put in place of another.
#[derive(Clone, Copy)]
struct Put<'a> {
    /// Only in place of this generation.
    expected: Option<Generation>,
    event: fn(Grant, Generation) -> Event,
    /// The refresh token that is kept beside it.
    spare: Option<&'a RefreshToken>,
}

impl Store {
    /// Puts the tokens of a new sign-in in place of whatever was there: the next grant, the next generation, under a new data
    /// key. Intent, spare and trouble of the earlier grant are gone. A disabled credential stays disabled.
    ///
    /// `None` when there is no such credential, or when it is being cleared.
    pub async fn replace_grant(
        &self,
        id: CredentialId,
        tokens: &NewTokens,
        subject: &Subject,
        organisation: Option<&Organisation>,
    ) -> Result<Option<Generation>, StoreError> {
        let how = Put { expected: None, event: signed_in, spare: None };
        self.put_grant(id, how, tokens, (subject, organisation)).await
    }

    /// Like [`replace_grant`](Self::replace_grant), in place of generation `replaces` alone. `None`, too, when that is no longer the current
    /// one.
    pub async fn replace_generation(
        &self,
        id: CredentialId,
        replaces: Generation,
        tokens: &NewTokens,
        subject: &Subject,
        organisation: Option<&Organisation>,
    ) -> Result<Option<Generation>, StoreError> {
        let how = Put { expected: Some(replaces), event: signed_in, spare: None };
        self.put_grant(id, how, tokens, (subject, organisation)).await
    }

    /// Like [`replace_generation`](Self::replace_generation), for tokens that were not tried yet: keeps `earlier`, a previous refresh token,
    /// as the spare. If the new one is dead, the next renewal uses the spare, even if this process ends before.
    pub async fn replace_grant_keeping(
        &self,
        id: CredentialId,
        (replaces, earlier): (Generation, Option<&RefreshToken>),
        tokens: &NewTokens,
        subject: &Subject,
        organisation: Option<&Organisation>,
    ) -> Result<Option<Generation>, StoreError> {
        let event = |grant, generation| Event::RefreshTokenStored { grant, generation };
        let how = Put { expected: Some(replaces), event, spare: earlier };
        self.put_grant(id, how, tokens, (subject, organisation)).await
    }

    /// Puts tokens back that were there, and their spare, in place of generation `replaces`. `None`, too, when that is no longer the current
    /// one.
    pub async fn put_grant_back(
        &self,
        id: CredentialId,
        replaces: Generation,
        earlier: &EarlierGrant,
        subject: &Subject,
        organisation: Option<&Organisation>,
    ) -> Result<Option<Generation>, StoreError> {
        let spare = earlier.spare.as_ref();
        let event = |grant, generation| Event::TokensPutBack { grant, generation };
        let how = Put { expected: Some(replaces), event, spare };
        self.put_grant(id, how, &earlier.tokens, (subject, organisation)).await
    }

    /// Like [`replace_generation`](Self::replace_generation), for a grant that was minted through another credential. Returns `None`, too,
    /// when `replaces` is no longer the current generation, because another process was faster.
    pub async fn replace_minted(
        &self,
        id: CredentialId,
        replaces: Generation,
        tokens: &NewTokens,
        subject: &Subject,
        organisation: Option<&Organisation>,
    ) -> Result<Option<Generation>, StoreError> {
        let event = |grant, generation| Event::Minted { grant, generation };
        let how = Put { expected: Some(replaces), event, spare: None };
        self.put_grant(id, how, tokens, (subject, organisation)).await
    }

    /// The grant that is there, opened. `None` where there are no tokens, or another generation's than the credential's.
    pub async fn grant_to_put_back(&self, credential: &Credential) -> Result<Option<EarlierGrant>, StoreError> {
        let id = credential.id.to_string();
        let Some(row) = self.engine().row(sql("credentials", SELECT_TOKENS).bind(id)).await? else { return Ok(None) };
        if row.counter("generation")? != credential.generation.number() {
            return Ok(None);
        }
        let access = self.open_row_access(&row)?;
        let refresh = self.open_refresh(&row, Spend::Stored)?;
        // A spare that does not open is none.
        let spare = self.open_refresh(&row, Spend::Spare).unwrap_or(None);
        let (Some(validity), true) = (credential.validity.clone(), access.is_some() || refresh.is_some()) else {
            return Ok(None);
        };
        let tokens = NewTokens { access, refresh, validity, scopes: credential.scopes.clone() };
        Ok(Some(EarlierGrant { tokens, spare }))
    }

    async fn put_grant(
        &self,
        id: CredentialId,
        Put { expected, event, spare }: Put<'_>,
        tokens: &NewTokens,
        (subject, organisation): (&Subject, Option<&Organisation>),
    ) -> Result<Option<Generation>, StoreError> {
        self.write(|mut tx| async move {
            let Some(row) = tx.sealed(&CREDENTIALS, &id.to_string()).await? else {
                return tx.abandon(None).await;
            };
            if let Some(expected) = expected
                && row.counter("generation")? != expected.number()
            {
                return tx.abandon(None).await;
            }
            let standing = match read_closed(&row) {
                Standing::Clearing => {
                    return tx.abandon(None).await;
                }
                Standing::Disabled => Standing::Disabled,
                _ => Standing::Active,
            };
            let grant = Grant::new(row.counter("grant_number")?).next();
            let replaced = Generation::new(row.counter("generation")?);
            let generation = replaced.next();
            let environment = row.text("environment")?;
            let row_id = id.to_string();
            let envelope =
                self.store_grant(&mut tx, &row_id, &environment, grant, (replaced, generation), tokens).await?;
            if let Some(spare) = spare {
                let sealed = envelope.seal(SPARE, grant.number(), spare.expose_secret(), self.entropy());
                let keep = sql("credentials", "UPDATE credentials SET spare_token = $2 WHERE id = $1");
                tx.run(keep.bind(row_id.as_str()).bind(&sealed)).await?;
            }
            let identity = sql("credentials", UPDATE_IDENTITY)
                .bind(id.to_string())
                .bind_all(identity_values(subject, organisation))
                .bind_all(standing_values(&standing));
            tx.run(identity).await?;
            let name = row.parsed("name")?;
            tx.record(About::Credential(id, name), event(grant, generation));
            tx.commit(Some(generation)).await
        })
        .await
    }

    /// Seals a first or a new grant under a new data key, and puts it into the row. Gives what seals beside it.
    pub(crate) async fn store_grant<'a>(
        &self,
        tx: &mut Tx,
        row: &'a str,
        environment: &'a str,
        grant: Grant,
        (replaced, generation): (Generation, Generation),
        tokens: &NewTokens,
    ) -> Result<Envelope<'a>, StoreError> {
        let (envelope, wrapped) = Envelope::new(tx, owner(row, environment), grant.number());
        let set = SealedSet::seal(self, &envelope, generation, tokens.access.as_ref(), tokens.refresh.as_ref());
        let key = sql("credentials", UPDATE_KEY).bind(row).bind(&wrapped).bind(grant.number());
        tx.run(key).await?;
        let scopes = tokens.scopes.as_ref();
        set.store(tx, row, (replaced, generation), &tokens.validity, scopes).await?;
        Ok(envelope)
    }
}

const SELECT_TOKENS: &str = "SELECT id, environment, grant_number, generation, wrapped_key, access_token, refresh_token, \
     spare_token FROM credentials WHERE id = $1";

/// The secrets of a credential's row.
pub(crate) fn owner<'a>(row: &'a str, environment: &'a str) -> Owner<'a> {
    Owner { table: "credentials", row, environment }
}

/// The columns that hold a credential's tokens. Access and refresh token are sealed for their generation, the spare for its grant.
pub(crate) const ACCESS: &str = "access_token";
pub(crate) const REFRESH: &str = "refresh_token";
pub(crate) const SPARE: &str = "spare_token";

/// A token set, sealed for its generation.
pub(crate) struct SealedSet {
    access: Option<Sealed>,
    refresh: Option<Sealed>,
}

impl SealedSet {
    pub(crate) fn seal(
        store: &Store,
        envelope: &Envelope<'_>,
        generation: Generation,
        access: Option<&AccessToken>,
        refresh: Option<&RefreshToken>,
    ) -> Self {
        let seal = |column, text: &str| envelope.seal(column, generation.number(), text, store.entropy());
        Self {
            access: access.map(|access| seal(ACCESS, access.expose_secret())),
            refresh: refresh.map(|refresh| seal(REFRESH, refresh.expose_secret())),
        }
    }

    /// Makes this the row's token set in place of generation `replaced`, and erases intent and spare.
    pub(crate) async fn store(
        &self,
        tx: &mut Tx,
        row: &str,
        (replaced, generation): (Generation, Generation),
        validity: &Validity,
        scopes: Option<&ScopeSet>,
    ) -> Result<(), StoreError> {
        let update = sql("credentials", UPDATE_TOKENS)
            .bind(row)
            .bind(generation.number())
            .bind(self.access.as_ref())
            .bind(self.refresh.as_ref())
            .bind_all(validity_values(Some(validity)))
            .bind(scopes.map(ToString::to_string))
            .bind(replaced.number());
        match tx.run(update).await? {
            1 => {
                tx.run(sql("intents", "DELETE FROM intents WHERE credential = $1").bind(row)).await?;
                Ok(())
            }
            // The row was read in this very transaction. An engine that lets another write between is answered by trying again.
            _ => Err(StoreError::Busy),
        }
    }
}

const UPDATE_KEY: &str = "UPDATE credentials SET wrapped_key = $2, grant_number = $3 WHERE id = $1";

const UPDATE_TOKENS: &str = "UPDATE credentials SET generation = $2, access_token = $3, refresh_token = $4, \
     obtained_wall = $5, obtained_boot = $6, obtained_elapsed = $7, access_lifetime = $8, refresh_right = $9, \
     refresh_lifetime = $10, scopes = $11, spare_token = NULL WHERE id = $1 AND generation = $12";

pub(crate) const UPDATE_IDENTITY: &str = "UPDATE credentials SET subject_id = $2, subject_account = $3, subject_name = $4, \
     subject_email = $5, subject_unknown = $6, organisation_id = $7, organisation_name = $8, standing = $9, \
     trouble_kind = $10, trouble_message = $11, trouble_wall = $12, trouble_boot = $13, trouble_elapsed = $14, \
     trouble_failures = $15, trouble_pause = $16 WHERE id = $1";
