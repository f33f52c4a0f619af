//! The read behind a hand-out: a credential and its sealed access token in one statement.

use lanyard_credential::{Credential, CredentialId, CredentialName, Generation};
use lanyard_secret::AccessToken;
use lanyard_vault::Sealed;

use crate::engine::{Row, Statement, sql};
use crate::envelope::Envelope;
use crate::grant::{ACCESS, owner};
use crate::record::{Environments, credential_columns};
use crate::{Store, StoreError};

/// A credential together with its access token, sealed, of the same generation.
#[derive(Clone, Debug)]
pub struct HandOut {
    /// All but the secrets.
    pub credential: Credential,
    /// The access token as it is stored; `None` while there is none.
    pub access: Option<Sealed>,
    wrapped_key: Option<Sealed>,
}

impl Store {
    /// Reads a credential with its sealed access token. [`open_access`](Self::open_access) opens it.
    pub async fn hand_out(&self, name: &CredentialName) -> Result<Option<HandOut>, StoreError> {
        self.read_hand_out(sql("credentials", SELECT_BY_NAME).bind(name.as_str())).await
    }

    /// Like [`hand_out`](Self::hand_out), by id.
    pub async fn hand_out_by_id(&self, id: CredentialId) -> Result<Option<HandOut>, StoreError> {
        self.read_hand_out(sql("credentials", SELECT_BY_ID).bind(id.to_string())).await
    }

    /// Like [`hand_out`](Self::hand_out), for all credentials, ordered by name. A broker keeps them in memory.
    pub async fn hand_outs(&self) -> Result<Vec<HandOut>, StoreError> {
        let rows = self.engine().rows(sql("credentials", SELECT_ALL)).await?;
        let mut environments = Environments::default();
        rows.iter().map(|row| read(self, row, &mut environments)).collect()
    }

    /// Opens the access token of a hand-out that was read before. Nothing is read again.
    pub fn open_access(&self, found: &HandOut) -> Result<Option<AccessToken>, StoreError> {
        let (Some(access), Some(wrapped)) = (&found.access, &found.wrapped_key) else {
            return Ok(None);
        };
        let credential = &found.credential;
        let row = credential.id.to_string();
        let owner = owner(&row, credential.environment.id());
        let envelope = Envelope::open(self, owner, credential.grant.number(), wrapped)?;
        let token = envelope.reveal(ACCESS, credential.generation.number(), access, |text| AccessToken::new(text))?;
        Ok(Some(token))
    }

    /// The access token and its generation, from one read; `None` when there is no such credential or no token.
    pub async fn access_token(&self, id: CredentialId) -> Result<Option<(Generation, AccessToken)>, StoreError> {
        let Some(found) = self.hand_out_by_id(id).await? else {
            return Ok(None);
        };
        Ok(self.open_access(&found)?.map(|token| (found.credential.generation, token)))
    }

    async fn read_hand_out(&self, statement: Statement) -> Result<Option<HandOut>, StoreError> {
        let row = self.engine().row(statement).await?;
        row.map(|row| read(self, &row, &mut Environments::default())).transpose()
    }
}

fn read(store: &Store, row: &Row, environments: &mut Environments) -> Result<HandOut, StoreError> {
    Ok(HandOut {
        credential: store.read_credential_among(row, environments)?,
        access: row.optional_sealed(ACCESS)?,
        wrapped_key: row.optional_sealed("wrapped_key")?,
    })
}

const SELECT_BY_NAME: &str =
    concat!("SELECT ", credential_columns!(), ", seal, access_token, wrapped_key FROM credentials WHERE name = $1");
const SELECT_BY_ID: &str =
    concat!("SELECT ", credential_columns!(), ", seal, access_token, wrapped_key FROM credentials WHERE id = $1");
const SELECT_ALL: &str =
    concat!("SELECT ", credential_columns!(), ", seal, access_token, wrapped_key FROM credentials ORDER BY name");
