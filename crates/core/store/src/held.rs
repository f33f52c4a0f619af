//! Access tokens as a broker holds them in memory: sealed, each with what decides whether it may be handed out.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

use lanyard_credential::{
    CredentialId, CredentialName, Generation, Grant, Kind, Renewal, StandingKind, TroubleKind, Validity,
};
use lanyard_protocol::{Environment, OrgId, PersonId};
use lanyard_secret::AccessToken;
use lanyard_time::BootId;
use lanyard_vault::{KeptSealed, Sealed};

use crate::engine::{Row, sql};
use crate::envelope::Envelope;
use crate::grant::{ACCESS, owner};
use crate::record::{read_environment, read_validity_with, unless_unreadable};
use crate::sealed::CREDENTIALS;
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
    /// The credential's standing.
    pub standing: StandingKind,
    /// How long it is good; `None` while there is none.
    pub validity: Option<Validity>,
    /// How the next token is obtained.
    pub renewal: Renewal,
    /// The credential that it is minted through.
    pub via: Option<CredentialId>,
    /// The scopes that were granted, separated by spaces; `None` where Webex did not say.
    pub scopes: Option<Arc<str>>,
    /// The person that the token acts as; `None` while that is unknown.
    pub subject: Option<PersonId>,
    /// The organisation that the subject belongs to; `None` while that is unknown.
    pub organisation: Option<Arc<OrgId>>,
    /// Whether it may be handed out while it is good.
    pub hands_out: bool,
    /// Whether none follows it until a person has acted.
    pub is_last: bool,
    grant: Grant,
    access: Option<Sealed>,
    wrapped_key: Option<Sealed>,
    /// The token once more, from its first hand-out on: under a key of this process's own it opens in a fraction of the time, and
    /// the data key does not stay in memory.
    kept: OnceLock<KeptSealed>,
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

    /// The context under which the token is sealed in memory: credential, grant and generation.
    fn context(&self) -> [u8; 24] {
        let mut context = [0; 24];
        context[..16].copy_from_slice(self.id.as_bytes());
        context[16..20].copy_from_slice(&self.grant.number().to_be_bytes());
        context[20..].copy_from_slice(&self.generation.number().to_be_bytes());
        context
    }
}

/// The values that many rows have in common, each kept once.
#[derive(Default)]
pub struct Shared {
    environments: HashMap<String, Arc<Environment>>,
    boots: HashSet<BootId>,
    scopes: HashSet<Arc<str>>,
    organisations: HashMap<String, Arc<OrgId>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn environment(&mut self, row: &Row) -> Result<Arc<Environment>, StoreError> {
        let id = row.str("environment")?;
        if let Some(known) = self.environments.get(id) {
            return Ok(Arc::clone(known));
        }
        let environment = Arc::new(read_environment(row)?);
        self.environments.insert(id.to_owned(), Arc::clone(&environment));
        Ok(environment)
    }

    fn validity(&mut self, row: &Row) -> Result<Option<Validity>, StoreError> {
        read_validity_with(row, |boot| {
            if let Some(known) = self.boots.get(boot) {
                return known.clone();
            }
            let boot = BootId::new(boot);
            self.boots.insert(boot.clone());
            boot
        })
    }

    fn scopes(&mut self, scopes: &str) -> Arc<str> {
        if let Some(known) = self.scopes.get(scopes) {
            return Arc::clone(known);
        }
        let scopes: Arc<str> = scopes.into();
        self.scopes.insert(Arc::clone(&scopes));
        scopes
    }

    fn organisation(&mut self, id: &str) -> Arc<OrgId> {
        if let Some(known) = self.organisations.get(id) {
            return Arc::clone(known);
        }
        let organisation = Arc::new(OrgId::new(id));
        self.organisations.insert(id.to_owned(), Arc::clone(&organisation));
        organisation
    }
}

impl Store {
    /// The tokens of all credentials that can be read, as of one moment, each given to `keep` as soon as it is read.
    pub async fn held_tokens_of_all(
        &self,
        shared: &mut Shared,
        mut keep: impl FnMut(HeldToken),
    ) -> Result<(), StoreError> {
        let each = |row: &Row| {
            if let Some(token) = unless_unreadable(self.read_held(row, shared))? {
                keep(token);
            }
            Ok(())
        };
        self.engine().each(sql("credentials", SELECT_ALL), each).await
    }

    /// The token of one credential; `None` where there is no such credential any more.
    pub async fn held_token(&self, id: CredentialId, shared: &mut Shared) -> Result<Option<HeldToken>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_ONE).bind(id.to_string())).await?;
        row.map(|row| self.read_held(&row, shared)).transpose()
    }

    /// Reads the token of the credential that has this name; `None` if there is no such credential.
    pub async fn held_token_named(&self, name: &str, shared: &mut Shared) -> Result<Option<HeldToken>, StoreError> {
        let row = self.engine().row(sql("credentials", SELECT_NAMED).bind(name)).await?;
        row.map(|row| self.read_held(&row, shared)).transpose()
    }

    /// How many credentials there are.
    pub async fn credential_count(&self) -> Result<usize, StoreError> {
        let row = self.engine().row(sql("credentials", COUNT)).await?;
        let count = row.map_or(Ok(0), |row| row.integer("n"))?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Opens a held token. Neither reads nor waits. `None` where there is no token.
    pub fn open_held(&self, held: &HeldToken) -> Result<Option<AccessToken>, StoreError> {
        let memory = self.memory_key();
        if let Some(kept) = held.kept.get() {
            self.may_open()?;
            return Ok(Some(memory.open(kept, &held.context(), AccessToken::new)?));
        }
        let (Some(access), Some(wrapped)) = (&held.access, &held.wrapped_key) else {
            return Ok(None);
        };
        let row = held.id.to_string();
        let envelope = Envelope::open(self, owner(&row, held.environment.id()), held.grant.number(), wrapped)?;
        let token = envelope.reveal(ACCESS, held.generation.number(), access, |text| AccessToken::new(text))?;
        held.kept.get_or_init(|| memory.seal(token.expose_secret(), &held.context()));
        Ok(Some(token))
    }
}

impl Store {
    fn read_held(&self, row: &Row, shared: &mut Shared) -> Result<HeldToken, StoreError> {
        self.check_seal(&CREDENTIALS, row)?;
        read(row, shared)
    }
}

fn read(row: &Row, shared: &mut Shared) -> Result<HeldToken, StoreError> {
    let standing = match row.str("standing")? {
        "pending" => StandingKind::Pending,
        "active" => StandingKind::Active,
        "stalled" => StandingKind::Stalled,
        "needs-login" => StandingKind::NeedsLogin,
        "clearing" => StandingKind::Clearing,
        "disabled" => StandingKind::Disabled,
        _ => return Err(row.impossible("standing")),
    };
    let trouble = match standing {
        StandingKind::Stalled | StandingKind::NeedsLogin => Some(row.parsed::<TroubleKind>("trouble_kind")?),
        _ => None,
    };
    let kind = row.parsed::<Kind>("kind")?;
    let validity = shared.validity(row)?;
    let via = row.optional_parsed("mint_via")?;
    Ok(HeldToken {
        id: row.parsed("id")?,
        name: row.parsed("name")?,
        kind,
        environment: shared.environment(row)?,
        generation: Generation::new(row.counter("generation")?),
        renewal: Renewal::of(kind, validity.as_ref(), trouble, via.is_some()),
        via,
        validity,
        scopes: row.optional_str("scopes")?.map(|scopes| shared.scopes(scopes)),
        subject: row.optional_text("subject_id")?.map(PersonId::new),
        organisation: row.optional_str("organisation_id")?.map(|id| shared.organisation(id)),
        standing,
        hands_out: match standing {
            StandingKind::Pending | StandingKind::Clearing | StandingKind::Disabled => false,
            StandingKind::NeedsLogin => trouble != Some(TroubleKind::DeadToken),
            StandingKind::Active | StandingKind::Stalled => true,
        },
        is_last: standing == StandingKind::NeedsLogin,
        grant: Grant::new(row.counter("grant_number")?),
        access: row.optional_sealed(ACCESS)?,
        wrapped_key: row.optional_sealed("wrapped_key")?,
        kept: OnceLock::new(),
    })
}

macro_rules! columns {
    () => {
        "id, name, kind, environment, app, standing, trouble_kind, grant_number, generation, obtained_wall, obtained_boot, \
         obtained_elapsed, access_lifetime, refresh_right, refresh_lifetime, scopes, subject_id, subject_account, subject_name, \
         subject_email, subject_unknown, organisation_id, organisation_name, created_at, labels, mint_via, mint_organisation, \
         mint_subject, mint_display_name, seal, access_token, wrapped_key"
    };
}

// In the table's own order: ids are random, and each row would be looked up on a page of its own.
const SELECT_ALL: &str = concat!("SELECT ", columns!(), " FROM credentials");
const SELECT_ONE: &str = concat!("SELECT ", columns!(), " FROM credentials WHERE id = $1");
const SELECT_NAMED: &str = concat!("SELECT ", columns!(), " FROM credentials WHERE name = $1");
const COUNT: &str = "SELECT CAST(count(*) AS BIGINT) AS n FROM credentials";
