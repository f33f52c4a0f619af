//! Credentials: adding, finding, changing, erasing.

use std::collections::BTreeMap;
use std::time::Duration;

use lanyard_credential::{
    Credential, CredentialId, CredentialName, Generation, Grant, Organisation, Standing, Subject,
};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::{Row, Statement, sql};
use crate::event::{About, Event, StandingNote};
use crate::grant::{NewTokens, UPDATE_IDENTITY};
use crate::record::{
    Environments, credential_columns, identity_values, labels_text, mint_values, read_closed, read_labels,
    read_unchecked, standing_values, unless_unreadable, validity_values,
};
use crate::sealed::CREDENTIALS;
use crate::write::{Done, Tx};
use crate::{Store, StoreError};

/// A credential to be stored, with its first tokens where it has some already.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewCredential {
    /// All but the secrets. With tokens, their validity and scopes count, and grant and generation begin at 1.
    pub credential: Credential,
    /// The first tokens.
    pub tokens: Option<NewTokens>,
}

/// Why a name cannot be given.
#[derive(Debug, Error)]
pub enum NameError {
    /// Another has it.
    #[error("the name {0} is taken")]
    Taken(String),
    /// A credential names an app that does not exist.
    #[error("the credential's app does not exist")]
    UnknownApp,
    /// Another credential keeps the same refresh token. Each would spend it behind the other's back.
    #[error("the refresh token belongs to {0} already")]
    Held(CredentialName),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result of checking a token that is not rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The account that the token acts as.
    pub subject: Subject,
    /// The subject's organisation.
    pub organisation: Option<Organisation>,
    /// How the credential stood when the look began.
    pub seen: Standing,
    /// How it stands now, because of the look.
    pub standing: Standing,
}

impl Store {
    /// Adds a credential; returns it as it is stored.
    pub async fn insert_credential(&self, new: &NewCredential) -> Result<Credential, NameError> {
        let mut credential = new.credential.clone();
        if let Some(tokens) = &new.tokens {
            credential.grant = credential.grant.max(Grant::new(1));
            credential.generation = credential.generation.max(Generation::new(1));
            credential.validity = Some(tokens.validity.clone());
            credential.scopes.clone_from(&tokens.scopes);
        }
        let (credential, id) = (&credential, &*credential.id.to_string());
        self.write(|mut tx| async move {
            let taken = sql("credentials", SELECT_ID_BY_NAME).bind(credential.name.as_str());
            if tx.row(taken).await?.is_some() {
                return tx.refuse(NameError::Taken(credential.name.to_string())).await;
            }
            if let Some(app) = credential.app {
                let known = sql("apps", "SELECT id FROM apps WHERE id = $1").bind(app.to_string());
                if tx.row(known).await?.is_none() {
                    return tx.refuse(NameError::UnknownApp).await;
                }
                if let Some(refresh) = new.tokens.as_ref().and_then(|tokens| tokens.refresh.as_ref())
                    && let Some(holder) = self.holder_within(&mut tx, app, refresh).await?
                {
                    return tx.refuse(NameError::Held(holder)).await;
                }
            }
            let row = sql("credentials", INSERT)
                .bind(id)
                .bind(credential.name.as_str())
                .bind(credential.kind.as_str())
                .bind(credential.environment.id())
                .bind(credential.app.map(|app| app.to_string()))
                .bind_all(standing_values(&credential.standing))
                .bind(credential.grant.number())
                .bind(credential.generation.number())
                .bind_all(validity_values(credential.validity.as_ref()))
                .bind(credential.scopes.as_ref().map(ToString::to_string))
                .bind_all(identity_values(&credential.subject, credential.organisation.as_ref()))
                .bind(credential.created_at)
                .bind(credential.last_rotated_at)
                .bind(labels_text(&credential.labels))
                .bind_all(mint_values(credential.mint.as_ref()));
            tx.run(row).await?;
            if let Some(tokens) = &new.tokens {
                let counters = (credential.generation, credential.generation);
                let environment = credential.environment.id();
                self.store_grant(&mut tx, id, environment, credential.grant, counters, tokens).await?;
            }
            let (kind, environment) = (credential.kind.to_string(), credential.environment.id().to_owned());
            tx.record(About::credential(&credential.id, &credential.name), Event::Added { kind, environment });
            tx.commit(credential.clone()).await
        })
        .await
    }

    /// All credentials that can be read, by name. The log names the others.
    pub async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        let mut all = Vec::new();
        self.credentials_in_parts(|credential| all.push(credential)).await?;
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// Why credentials cannot be read, an error for each of them.
    pub async fn unreadable_credentials(&self) -> Result<Vec<StoreError>, StoreError> {
        let mut errors = Vec::new();
        let each = |row: &Row| {
            errors.extend(self.read_credential(row).err());
            Ok(())
        };
        self.each_credential(each).await?;
        Ok(errors)
    }

    /// All credentials that can be read, by id, each given to `keep` as soon as it is read.
    pub async fn credentials_in_parts(&self, mut keep: impl FnMut(Credential)) -> Result<(), StoreError> {
        let mut environments = Environments::default();
        let each = |row: &Row| {
            if let Some(credential) = unless_unreadable(self.read_credential_among(row, &mut environments))? {
                keep(credential);
            }
            Ok(())
        };
        self.each_credential(each).await
    }

    /// Reads a part of the rows at a time: to open many takes long, and others work on the same threads.
    async fn each_credential(&self, mut each: impl FnMut(&Row) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.engine().rows(sql("credentials", SELECT_PART).bind(after.as_str()).bind(PART)).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.text("id")?;
            for row in &rows {
                each(row)?;
            }
        }
    }

    /// The credential of that name.
    pub async fn credential(&self, name: &CredentialName) -> Result<Option<Credential>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_BY_NAME).bind(name.as_str())).await?;
        row.as_ref().map(|row| self.read_credential(row)).transpose()
    }

    /// The credential of that name, whether or not somebody altered its row: to be cleared. Nothing that it says is to be believed.
    pub async fn credential_to_clear(&self, name: &CredentialName) -> Result<Option<Credential>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_BY_NAME).bind(name.as_str())).await?;
        row.map(|row| read_unchecked(&row, &mut Environments::default())).transpose()
    }

    /// The credential with that id.
    pub async fn credential_by_id(&self, id: CredentialId) -> Result<Option<Credential>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_BY_ID).bind(id.to_string())).await?;
        row.as_ref().map(|row| self.read_credential(row)).transpose()
    }

    /// Gives a credential another name; `false` when there is no such credential.
    pub async fn rename_credential(&self, id: CredentialId, name: &CredentialName) -> Result<bool, NameError> {
        self.write(|mut tx| async move {
            let holder = tx.row(sql("credentials", SELECT_ID_BY_NAME).bind(name.as_str())).await?;
            if let Some(holder) = holder
                && holder.parsed::<CredentialId>("id")? != id
            {
                return tx.refuse(NameError::Taken(name.to_string())).await;
            }
            let Some(old) = name_and_standing(&mut tx, id).await? else {
                return tx.abandon(false).await;
            };
            let rename = sql("credentials", "UPDATE credentials SET name = $2 WHERE id = $1");
            tx.run(rename.bind(id.to_string()).bind(name.as_str())).await?;
            tx.record(About::credential(&id, name), Event::Renamed { was: old.0.to_string() });
            tx.commit(true).await
        })
        .await
    }

    /// The id of the credential that has a name.
    pub async fn credential_id(&self, name: &str) -> Result<Option<CredentialId>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_ID_BY_NAME).bind(name)).await?;
        row.map(|row| row.parsed("id")).transpose()
    }

    /// Switches a credential off or on, or notes how it stands. `false` when there is no such credential, or when it is being
    /// cleared, which nothing stops.
    pub async fn set_standing(&self, id: CredentialId, standing: &Standing) -> Result<bool, StoreError> {
        self.write(|mut tx| async move {
            let Some((name, old)) = name_and_standing(&mut tx, id).await?.filter(not_clearing) else {
                return tx.abandon(false).await;
            };
            update_standing(&mut tx, id, standing).await?;
            let note = StandingNote::of(standing);
            let event = match (&old, standing) {
                (_, Standing::Disabled) => Event::Disabled { standing: note },
                (Standing::Disabled, _) => Event::Enabled { standing: note },
                _ => Event::StandingChanged { standing: note },
            };
            tx.record(About::Credential(id, name), event);
            tx.commit(true).await
        })
        .await
    }

    /// Writes down what a look at the token of `generation` brought; who it acts as only where that was not known,
    /// and how it stands only where nothing else has changed that meanwhile. `false` when that token set is no longer the current
    /// one, or the credential is being cleared. A disabled credential stays disabled.
    pub async fn record_check(
        &self,
        id: CredentialId,
        generation: Generation,
        check: &Check,
    ) -> Result<bool, StoreError> {
        self.write(|mut tx| async move {
            let current = tx.sealed(&CREDENTIALS, &id.to_string()).await?;
            let current = current.as_ref().map(|row| self.read_credential(row)).transpose()?;
            let Some(current) =
                current.filter(|found| found.generation == generation && found.standing != Standing::Clearing)
            else {
                return tx.abandon(false).await;
            };
            let standing = match &current.standing {
                Standing::Disabled => &Standing::Disabled,
                // What was found out since is newer than the look.
                _ if current.standing != check.seen => &current.standing,
                _ => &check.standing,
            };
            let is_another =
                matches!((current.subject.known(), check.subject.known()), (Some(a), Some(b)) if a.id != b.id);
            let organisation = if is_another { current.organisation.clone() } else { check.organisation.clone() };
            let check = &Check {
                subject: current.subject.learned(check.subject.clone()),
                organisation: named(organisation, current.organisation.as_ref()),
                ..check.clone()
            };
            let unchanged = current.subject == check.subject
                && current.organisation == check.organisation
                && current.standing == *standing;
            if unchanged {
                return tx.abandon(true).await;
            }
            let update = sql("credentials", UPDATE_IDENTITY)
                .bind(id.to_string())
                .bind_all(identity_values(&check.subject, check.organisation.as_ref()))
                .bind_all(standing_values(standing));
            tx.run(update).await?;
            let checked = Event::Checked { standing: StandingNote::of(standing) };
            tx.record(About::credential(&id, &current.name), checked);
            tx.commit(true).await
        })
        .await
    }

    /// Writes down that the access token of `generation` lasted no longer than that from when it was obtained, whatever its reply had
    /// said. Nothing where another token set is there already.
    pub async fn end_access(
        &self,
        id: CredentialId,
        generation: Generation,
        lasted: Duration,
    ) -> Result<(), StoreError> {
        self.write(|tx| async move {
            let end = "UPDATE credentials SET access_lifetime = $3 WHERE id = $1 AND generation = $2";
            let end = sql("credentials", end).bind(id.to_string()).bind(generation.number()).bind(Some(lasted));
            let ended = Event::AccessEnded { generation, lasted_seconds: lasted.as_secs() };
            record_if_changed(tx, id, end, ended).await
        })
        .await
    }

    /// Webex accepts the access token of `generation` although the wall clock says that it has ended: the boot clock is right, and what is
    /// written of the wall clock at which it was obtained is made to agree with it. Nothing where another token set is there already.
    pub async fn trust_boot_clock(
        &self,
        id: CredentialId,
        generation: Generation,
        obtained: &Moment,
        now: &Moment,
    ) -> Result<(), StoreError> {
        let Some(age) = now.boot.since(&obtained.boot) else { return Ok(()) };
        let Ok(agreeing) = now.wall.checked_sub(age) else { return Ok(()) };
        self.write(|tx| async move {
            let agree =
                "UPDATE credentials SET obtained_wall = $3 WHERE id = $1 AND generation = $2 AND obtained_wall = $4";
            let agree = sql("credentials", agree).bind(id.to_string()).bind(generation.number());
            let agree = agree.bind(agreeing).bind(obtained.wall);
            record_if_changed(tx, id, agree, Event::ClockTrusted { generation }).await
        })
        .await
    }

    /// Erases a credential with its data key, without revoking anything. `false` when there is none.
    pub async fn remove_credential(&self, id: CredentialId) -> Result<bool, StoreError> {
        self.erase(id, |kind, labels| Event::Removed { kind, labels }).await
    }

    pub(crate) async fn erase(
        &self,
        id: CredentialId,
        event: fn(String, BTreeMap<String, String>) -> Event,
    ) -> Result<bool, StoreError> {
        let erased = self
            .write(|mut tx| async move {
                let Some(row) = tx.sealed_or_altered(&CREDENTIALS, &id.to_string()).await? else {
                    return tx.abandon(false).await;
                };
                let name = row.parsed("name")?;
                self.take_from_clients(&mut tx, id).await?;
                tx.run(sql("credentials", "DELETE FROM credentials WHERE id = $1").bind(id.to_string())).await?;
                crate::intent::erase(&mut tx, id).await?;
                // The end of an alert is delivered by kind and labels, after the row is gone.
                let event = event(row.text("kind")?, read_labels(&row.text("labels")?));
                tx.record(About::Credential(id, name), event);
                tx.commit::<_, StoreError>(true).await
            })
            .await?;
        if erased {
            crate::copy::remove_unfinished_copies(self.home());
            self.engine().forget().await;
        }
        Ok(erased)
    }
}

/// Runs the statement, and records the event if it found its row.
async fn record_if_changed(
    mut tx: Tx,
    id: CredentialId,
    statement: Statement,
    event: Event,
) -> Result<Done<()>, StoreError> {
    if tx.run(statement).await? == 0 {
        return tx.abandon(()).await;
    }
    let name = sql("credentials", "SELECT id, name FROM credentials WHERE id = $1").bind(id.to_string());
    if let Some(row) = tx.row(name).await? {
        tx.record(About::Credential(id, row.parsed("name")?), event);
    }
    tx.commit(()).await
}

/// A name that was read once is kept where a later token may not read it.
pub(crate) fn named(seen: Option<Organisation>, known: Option<&Organisation>) -> Option<Organisation> {
    match (seen, known) {
        (Some(Organisation { id, name: None }), Some(known)) if known.id == id => Some(known.clone()),
        (seen, _) => seen,
    }
}

pub(crate) async fn name_and_standing(
    tx: &mut Tx,
    id: CredentialId,
) -> Result<Option<(CredentialName, Standing)>, StoreError> {
    let row = tx.sealed(&CREDENTIALS, &id.to_string()).await?;
    row.map(|row| Ok((row.parsed("name")?, read_closed(&row)))).transpose()
}

fn not_clearing((_, standing): &(CredentialName, Standing)) -> bool {
    *standing != Standing::Clearing
}

pub(crate) async fn update_standing(tx: &mut Tx, id: CredentialId, standing: &Standing) -> Result<(), StoreError> {
    let update = sql("credentials", UPDATE_STANDING).bind(id.to_string()).bind_all(standing_values(standing));
    tx.run(update).await?;
    Ok(())
}

/// For the audit.
impl StandingNote {
    /// The standing, as an event has it.
    pub(crate) fn of(standing: &Standing) -> Self {
        let (standing, trouble) = match standing {
            Standing::Pending => ("pending", None),
            Standing::Active => ("active", None),
            Standing::Stalled(trouble) => ("stalled", Some(trouble)),
            Standing::NeedsLogin(trouble) => ("needs-login", Some(trouble)),
            Standing::Clearing => ("clearing", None),
            Standing::Disabled => ("disabled", None),
        };
        Self { standing: standing.to_owned(), trouble: trouble.map(|trouble| trouble.kind.to_string()) }
    }
}

/// So many credentials are read at a time.
const PART: u32 = 256;

const SELECT_PART: &str =
    concat!("SELECT ", credential_columns!(), ", seal FROM credentials WHERE id > $1 ORDER BY id LIMIT $2");
const SELECT_BY_NAME: &str = concat!("SELECT ", credential_columns!(), ", seal FROM credentials WHERE name = $1");
const SELECT_BY_ID: &str = concat!("SELECT ", credential_columns!(), ", seal FROM credentials WHERE id = $1");
const SELECT_ID_BY_NAME: &str = "SELECT id FROM credentials WHERE name = $1";

const INSERT: &str = concat!(
    "INSERT INTO credentials (",
    credential_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, \
     $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36)"
);

const UPDATE_STANDING: &str = "UPDATE credentials SET standing = $2, trouble_kind = $3, trouble_message = $4, \
     trouble_wall = $5, trouble_boot = $6, trouble_elapsed = $7, trouble_failures = $8, trouble_pause = $9 WHERE id = $1";
