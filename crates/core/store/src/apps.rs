//! Apps: registrations at Webex, with their client secrets sealed.

use std::fmt;

use lanyard_credential::{App, AppId, AppName, CredentialId, CredentialName, TroubleKind};
use lanyard_protocol::AppClientId;
use lanyard_protocol::oauth::RedirectUri;
use lanyard_secret::ClientSecret;
use thiserror::Error;

use crate::engine::{Row, Statement, sql};
use crate::envelope::{Envelope, Owner};
use crate::event::{About, Event};
use crate::record::{read_environment, unless_unreadable};
use crate::sealed::APPS;
use crate::write::Tx;
use crate::{NameError, Store, StoreError};

/// An app to be stored.
#[derive(Clone, Debug)]
pub struct NewApp {
    /// All but the secret.
    pub app: App,
    /// The app's client secret.
    pub client_secret: ClientSecret,
}

/// Why an app is not removed.
#[derive(Debug, Error)]
pub enum RemoveAppError {
    /// Credentials rotate through it, or tokens of theirs wait to be revoked through it.
    #[error("the app is in use by {}", Names(.0))]
    InUse(Vec<CredentialName>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

struct Names<'a>(&'a [CredentialName]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(CredentialName::as_str).collect();
        f.write_str(&names.join(", "))
    }
}

const CLIENT_SECRET: &str = "client_secret";

impl Store {
    /// Adds an app.
    pub async fn insert_app(&self, new: &NewApp) -> Result<(), NameError> {
        let app = &new.app;
        let id = &*app.id.to_string();
        self.write(|mut tx| async move {
            let taken = sql("apps", "SELECT id FROM apps WHERE name = $1").bind(app.name.as_str());
            if tx.row(taken).await?.is_some() {
                return tx.refuse(NameError::Taken(app.name.to_string())).await;
            }
            let (wrapped, secret) = self.seal_secret(&tx, id, app.environment.id(), 1, &new.client_secret);
            let row = sql("apps", INSERT)
                .bind(id)
                .bind(app.name.as_str())
                .bind(app.kind.as_str())
                .bind(app.environment.id())
                .bind(app.client_id.as_str())
                .bind(uris_text(app))
                .bind(app.scopes.to_string())
                .bind(app.application_id.as_deref())
                .bind(&wrapped)
                .bind(&secret)
                .bind(1_u32);
            tx.run(row).await?;
            let (name, kind) = (app.name.to_string(), app.kind.to_string());
            let added = Event::AppAdded { name, kind, environment: app.environment.id().to_owned() };
            tx.record(About::App(app.id), added);
            tx.commit(()).await
        })
        .await
    }

    /// All apps that can be read, by name. The log names the others.
    pub async fn apps(&self) -> Result<Vec<App>, StoreError> {
        let rows = self.engine().rows(sql("apps", SELECT_ALL)).await?;
        rows.iter().map(|row| unless_unreadable(self.read_app(row))).filter_map(Result::transpose).collect()
    }

    /// Why apps cannot be read, an error for each of them.
    pub async fn unreadable_apps(&self) -> Result<Vec<StoreError>, StoreError> {
        let rows = self.engine().rows(sql("apps", SELECT_ALL)).await?;
        Ok(rows.iter().filter_map(|row| self.read_app(row).err()).collect())
    }

    /// The app of that name.
    pub async fn app(&self, name: &AppName) -> Result<Option<App>, StoreError> {
        self.find_app(sql("apps", SELECT_BY_NAME).bind(name.as_str())).await
    }

    /// The app of that name, whether or not its row can be read: to be removed.
    pub async fn app_to_remove(&self, name: &AppName) -> Result<Option<AppId>, StoreError> {
        let row = self.engine().row(sql("apps", SELECT_BY_NAME).bind(name.as_str())).await?;
        row.map(|row| row.parsed("id")).transpose()
    }

    /// The app with that id.
    pub async fn app_by_id(&self, id: AppId) -> Result<Option<App>, StoreError> {
        self.find_app(sql("apps", SELECT_BY_ID).bind(id.to_string())).await
    }

    async fn find_app(&self, statement: Statement) -> Result<Option<App>, StoreError> {
        let row = self.engine().row(statement).await?;
        row.as_ref().map(|row| self.read_app(row)).transpose()
    }

    fn read_app(&self, row: &Row) -> Result<App, StoreError> {
        self.check_seal(&APPS, row)?;
        read(row)
    }

    /// The app's client secret; `None` when there is no such app.
    pub async fn app_secret(&self, id: AppId) -> Result<Option<ClientSecret>, StoreError> {
        let Some(row) = self.engine().row(sql("apps", APPS.select).bind(id.to_string())).await? else {
            return Ok(None);
        };
        self.check_seal(&APPS, &row)?;
        let (id, environment) = (row.text("id")?, row.text("environment")?);
        let version = row.counter("secret_version")?;
        let envelope = Envelope::open(self, owner(&id, &environment), version, &row.sealed("wrapped_key")?)?;
        let secret = row.sealed(CLIENT_SECRET)?;
        let secret = envelope.reveal(CLIENT_SECRET, version, &secret, |text| ClientSecret::new(text))?;
        Ok(Some(secret))
    }

    /// Writes an app's redirect URIs, scopes and application id; what else it is stays as it was. `changed` says in the journal what
    /// was changed. Credentials that failed because Webex did not know the application id may try again at once. `false` when there is
    /// no such app.
    pub async fn change_app(&self, app: &App, changed: &str) -> Result<bool, StoreError> {
        self.write(|mut tx| async move {
            let id = app.id.to_string();
            if tx.sealed(&APPS, &id).await?.is_none() {
                return tx.abandon(false).await;
            }
            let update = sql("apps", UPDATE)
                .bind(id.as_str())
                .bind(uris_text(app))
                .bind(app.scopes.to_string())
                .bind(app.application_id.as_deref());
            tx.run(update).await?;
            self.lift_wrong_client_of(&mut tx, &id).await?;
            let event = Event::AppChanged { name: app.name.to_string(), changed: changed.to_owned() };
            tx.record(About::App(app.id), event);
            tx.commit(true).await
        })
        .await
    }

    /// Replaces the client secret. Credentials that failed because the old one was wrong may try again at once. `false` when there is
    /// no such app.
    pub async fn replace_app_secret(&self, id: AppId, secret: &ClientSecret) -> Result<bool, StoreError> {
        self.write(|mut tx| async move {
            let Some(row) = tx.sealed(&APPS, &id.to_string()).await? else {
                return tx.abandon(false).await;
            };
            let version = row.counter("secret_version")?.wrapping_add(1);
            let (row_id, environment) = (row.text("id")?, row.text("environment")?);
            let (wrapped, sealed) = self.seal_secret(&tx, &row_id, &environment, version, secret);
            let update = sql("apps", UPDATE_SECRET).bind(row_id.as_str()).bind(&wrapped).bind(&sealed).bind(version);
            tx.run(update).await?;
            self.lift_wrong_client_of(&mut tx, &row_id).await?;
            tx.record(About::App(id), Event::AppSecretReplaced { name: row.text("name")? });
            tx.commit(true).await
        })
        .await
    }

    /// Lets all of an app's credentials that failed because of it try again at once.
    async fn lift_wrong_client_of(&self, tx: &mut Tx, app: &str) -> Result<(), StoreError> {
        let told = sql("credentials", "SELECT id, name FROM credentials WHERE app = $1 AND trouble_kind = $2");
        for row in tx.rows(told.bind(app).bind(TroubleKind::WrongClient.as_str())).await? {
            tx.record(About::Credential(row.parsed("id")?, row.parsed("name")?), Event::RetryAllowed {});
        }
        let lift = sql("credentials", "UPDATE credentials SET trouble_pause = 0 WHERE app = $1 AND trouble_kind = $2");
        tx.run(lift.bind(app).bind(TroubleKind::WrongClient.as_str())).await?;
        Ok(())
    }

    /// Lets a credential that failed because of its app's secret try again at once. Whoever writes such a failure down looks afterwards
    /// whether the secret was replaced meanwhile: the replacement lifts what stands by then, and this what came later.
    pub async fn lift_wrong_client(&self, id: CredentialId) -> Result<(), StoreError> {
        self.write(|mut tx| async move {
            let told = sql("credentials", "SELECT id, name FROM credentials WHERE id = $1 AND trouble_kind = $2");
            let told = told.bind(id.to_string()).bind(TroubleKind::WrongClient.as_str());
            let Some(row) = tx.row(told).await? else { return tx.abandon(()).await };
            let lift = sql("credentials", "UPDATE credentials SET trouble_pause = 0 WHERE id = $1");
            tx.run(lift.bind(id.to_string())).await?;
            tx.record(About::Credential(id, row.parsed("name")?), Event::RetryAllowed {});
            tx.commit(()).await
        })
        .await
    }

    /// Removes an app that nothing uses. `false` when there is none.
    pub async fn remove_app(&self, id: AppId) -> Result<bool, RemoveAppError> {
        self.write(|mut tx| async move {
            let users = tx.rows(sql("credentials", SELECT_USERS).bind(id.to_string())).await?;
            if !users.is_empty() {
                let names = users.iter().map(|row| row.parsed("name")).collect::<Result<_, _>>()?;
                return tx.refuse(RemoveAppError::InUse(names)).await;
            }
            let Some(row) = tx.row(sql("apps", APPS.select).bind(id.to_string())).await? else {
                return tx.abandon(false).await;
            };
            tx.run(sql("apps", "DELETE FROM apps WHERE id = $1").bind(id.to_string())).await?;
            tx.record(About::App(id), Event::AppRemoved { name: row.text("name")? });
            tx.commit(true).await
        })
        .await
    }

    /// The wrapped data key and the sealed secret.
    fn seal_secret(
        &self,
        tx: &Tx,
        row: &str,
        environment: &str,
        version: u32,
        secret: &ClientSecret,
    ) -> (lanyard_vault::Sealed, lanyard_vault::Sealed) {
        let (envelope, wrapped) = Envelope::new(tx, owner(row, environment), version);
        let sealed = envelope.seal(CLIENT_SECRET, version, secret.expose_secret(), self.entropy());
        (wrapped, sealed)
    }
}

fn owner<'a>(row: &'a str, environment: &'a str) -> Owner<'a> {
    Owner { table: "apps", row, environment }
}

/// One to a line.
fn uris_text(app: &App) -> String {
    let uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
    uris.join("\n")
}

fn read(row: &Row) -> Result<App, StoreError> {
    let uris = row.text("redirect_uris")?;
    Ok(App {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        kind: row.parsed("kind")?,
        environment: read_environment(row)?,
        client_id: AppClientId::new(row.text("client_id")?),
        redirect_uris: uris
            .lines()
            .map(|uri| RedirectUri::accepted(uri).ok_or_else(|| row.impossible("redirect_uris")))
            .collect::<Result<_, _>>()?,
        scopes: row.parsed("scopes")?,
        application_id: row.optional_text("application_id")?,
    })
}

macro_rules! app_columns {
    () => {
        "id, name, kind, environment, client_id, redirect_uris, scopes, application_id"
    };
}

const SELECT_ALL: &str = concat!("SELECT ", app_columns!(), ", seal FROM apps ORDER BY name");
const SELECT_BY_NAME: &str = concat!("SELECT ", app_columns!(), ", seal FROM apps WHERE name = $1");
const SELECT_BY_ID: &str = concat!("SELECT ", app_columns!(), ", seal FROM apps WHERE id = $1");
const SELECT_USERS: &str = "SELECT name FROM credentials WHERE app = $1 \
     UNION SELECT credential_name AS name FROM revocations WHERE app = $1 ORDER BY name";
const INSERT: &str = concat!(
    "INSERT INTO apps (",
    app_columns!(),
    ", wrapped_key, client_secret, secret_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const UPDATE: &str = "UPDATE apps SET redirect_uris = $2, scopes = $3, application_id = $4 WHERE id = $1";
const UPDATE_SECRET: &str = "UPDATE apps SET wrapped_key = $2, client_secret = $3, secret_version = $4 WHERE id = $1";
