//! Access tokens as a broker holds them in memory: sealed, each with what decides whether it may be handed out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use lanyard_credential::{CredentialId, CredentialName, Generation, Grant, Kind, Renewal, TroubleKind, Validity};
use lanyard_protocol::Environment;
use lanyard_secret::AccessToken;
use lanyard_time::{BootId, BootTime, Moment};
use lanyard_vault::{DataKey, Sealed};

use crate::engine::{Row, sql};
use crate::envelope::{self, Envelope};
use crate::grant::{ACCESS, owner};
use crate::record::{Environments, read_validity};
use crate::{Store, StoreError};

/// An access token, sealed, and no more of its credential than a hand-out needs: a broker holds a hundred thousand of them.
pub struct HeldToken {
    /// The credential.
    pub id: CredentialId,
    /// Its name.
    pub name: CredentialName,
    /// Its kind.
    pub kind: Kind,
    /// The Webex that the token belongs to.
    pub environment: Arc<Environment>,
    /// The generation.
    pub generation: Generation,
    /// How long it is good; `None` while there is none.
    pub validity: Option<Validity>,
    /// How the next one is come by.
    pub renewal: Renewal,
    /// The scopes that were granted, separated by spaces; `None` where Webex did not say.
    pub scopes: Option<Arc<str>>,
    /// Whether it may be handed out while it is good.
    pub hands_out: bool,
    /// Whether none follows it until a person has acted.
    pub is_last: bool,
    grant: Grant,
    access: Option<Sealed>,
    wrapped_key: Option<Sealed>,
    /// The data key, once it was needed: to unwrap it takes as long as to open the token. It is wiped when this is dropped.
    data_key: OnceLock<DataKey>,
}

impl fmt::Debug for HeldToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldToken")
            .field("name", &self.name)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl HeldToken {
    /// Whether there is one at all.
    pub fn is_there(&self) -> bool {
        self.access.is_some()
    }
}

/// What many rows have in common, kept once.
#[derive(Default)]
pub struct Shared {
    environments: Environments,
    known: HashMap<String, Arc<Environment>>,
    boots: HashMap<BootId, BootId>,
    scopes: HashMap<Box<str>, Arc<str>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn environment(&mut self, row: &Row) -> Result<Arc<Environment>, StoreError> {
        let environment = self.environments.of(row)?;
        let id = environment.id().to_owned();
        Ok(Arc::clone(self.known.entry(id).or_insert_with(|| Arc::new(environment))))
    }

    fn validity(&mut self, validity: Validity) -> Validity {
        let Moment { wall, boot: BootTime { boot, elapsed } } = validity.obtained;
        let boot = self.boots.entry(boot.clone()).or_insert(boot).clone();
        Validity { obtained: Moment { wall, boot: BootTime { boot, elapsed } }, ..validity }
    }

    fn scopes(&mut self, scopes: String) -> Arc<str> {
        Arc::clone(self.scopes.entry(scopes.clone().into()).or_insert_with(|| scopes.into()))
    }
}

impl Store {
    /// The tokens of all credentials as of one moment, each given to `keep` as soon as it is read.
    pub async fn held_tokens_of_all(
        &self,
        shared: &mut Shared,
        mut keep: impl FnMut(HeldToken),
    ) -> Result<(), StoreError> {
        let each = |row: &Row| {
            keep(read(row, shared)?);
            Ok(())
        };
        self.engine().each(sql("credentials", SELECT_ALL), each).await
    }

    /// The token of one credential; `None` where there is no such credential any more.
    pub async fn held_token(&self, id: CredentialId, shared: &mut Shared) -> Result<Option<HeldToken>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_ONE).bind(id.to_string())).await?;
        row.map(|row| read(&row, shared)).transpose()
    }

    /// Opens a held token. Neither reads nor waits. `None` where there is no token.
    pub fn open_held(&self, held: &HeldToken) -> Result<Option<AccessToken>, StoreError> {
        let (Some(access), Some(wrapped)) = (&held.access, &held.wrapped_key) else {
            return Ok(None);
        };
        let row = held.id.to_string();
        let owner = owner(&row, held.environment.id());
        let key = if let Some(key) = held.data_key.get() {
            self.may_open()?;
            key
        } else {
            let key = Envelope::open(self, owner, held.grant.number(), wrapped)?.into_key();
            held.data_key.get_or_init(|| key)
        };
        Ok(Some(envelope::reveal(key, owner, ACCESS, held.generation.number(), access, |text| AccessToken::new(text))?))
    }
}

fn read(row: &Row, shared: &mut Shared) -> Result<HeldToken, StoreError> {
    let standing = row.text("standing")?;
    let trouble = match standing.as_str() {
        "stalled" | "needs-login" => Some(row.parsed::<TroubleKind>("trouble_kind")?),
        _ => None,
    };
    let kind = row.parsed::<Kind>("kind")?;
    let validity = read_validity(row)?.map(|validity| shared.validity(validity));
    let mints = row.optional_text("mint_via")?.is_some();
    Ok(HeldToken {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        kind,
        environment: shared.environment(row)?,
        generation: Generation::new(row.counter("generation")?),
        renewal: Renewal::of(kind, validity.as_ref(), trouble, mints),
        validity,
        scopes: row.optional_text("scopes")?.map(|scopes| shared.scopes(scopes)),
        hands_out: match standing.as_str() {
            "pending" | "clearing" | "disabled" => false,
            "needs-login" => trouble != Some(TroubleKind::DeadToken),
            "active" | "stalled" => true,
            _ => return Err(row.impossible("standing")),
        },
        is_last: standing == "needs-login",
        grant: Grant::new(row.counter("grant_number")?),
        access: row.optional_sealed(ACCESS)?,
        wrapped_key: row.optional_sealed("wrapped_key")?,
        data_key: OnceLock::new(),
    })
}

macro_rules! columns {
    () => {
        "id, name, kind, environment, standing, trouble_kind, grant_number, generation, obtained_wall, obtained_boot, \
         obtained_elapsed, access_lifetime, refresh_right, refresh_lifetime, scopes, mint_via, access_token, wrapped_key"
    };
}

// In the table's own order: ids are random, and each row would be looked up on a page of its own.
const SELECT_ALL: &str = concat!("SELECT ", columns!(), " FROM credentials");
const SELECT_ONE: &str = concat!("SELECT ", columns!(), " FROM credentials WHERE id = $1");
