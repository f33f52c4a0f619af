//! Clients with their policies, and the hashes of their keys.

mod change;
mod list;

use std::collections::BTreeSet;

use jiff::Timestamp;
use lanyard_credential::{CapabilitySet, Client, ClientId, ClientName, CredentialId, Granted, KeyHash, PathPattern};
use lanyard_protocol::OrgId;
use thiserror::Error;

pub use self::change::ChangeClientError;
pub(crate) use self::list::Counting;
pub use self::list::{ClientList, Refusal, RefusedClient};
use crate::engine::{Row, sql};
use crate::event::{About, ClientPolicy, Event, EventKind, credential_of};
use crate::journal;
use crate::write::Tx;
use crate::{Store, StoreError};

/// A client with what it is recognised by.
#[derive(Clone, Debug)]
pub struct KeyedClient {
    /// The client and its policy.
    pub client: Client,
    /// The hash of its key; `None` where it is a user of this machine, who has none.
    pub key: Option<KeyHash>,
}

/// Why a client is not added.
#[derive(Debug, Error)]
pub enum AddClientError {
    /// Another client has the name.
    #[error("there is a client named {0} already")]
    NameTaken(ClientName),
    /// The user is a client already.
    #[error("that user is the client {0} already")]
    UserTaken(ClientName),
    /// A credential that it should use is not there any more.
    #[error("a credential of the client does not exist")]
    UnknownCredential(CredentialId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often a client was handed the same, and when last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOutCount {
    /// With which credential.
    pub credential: CredentialId,
    /// The hand-out, as the journal has it.
    pub event: Event,
    /// When last.
    pub last: Timestamp,
    /// In so many entries.
    pub records: u32,
}

impl Store {
    /// Adds a client; one that is a user of this machine goes without a key, and any other with one.
    pub async fn insert_client(&self, new: &KeyedClient) -> Result<(), AddClientError> {
        let client = &new.client;
        self.write(|mut tx| async move {
            let counting = self.counting(&mut tx).await?;
            let taken = sql("clients", "SELECT id FROM clients WHERE name = $1").bind(client.name.as_str());
            if tx.row(taken).await?.is_some() {
                return tx.refuse(AddClientError::NameTaken(client.name.clone())).await;
            }
            let same_user = sql("clients", "SELECT id, name FROM clients WHERE uid = $1").bind(client.uid);
            if let Some(row) = tx.row(same_user).await? {
                return tx.refuse(AddClientError::UserTaken(row.parsed("name")?)).await;
            }
            let row = sql("clients", INSERT)
                .bind(client.id.to_string())
                .bind(client.name.as_str())
                .bind(client.capabilities.to_string())
                .bind(client.credentials == Granted::All)
                .bind(client.methods.map(|methods| methods.to_string()))
                .bind(client.paths.as_deref().map(|paths| paths_text(paths, "\n")))
                .bind(client.org.as_ref().map(OrgId::as_str))
                .bind(client.expires_at)
                .bind(client.created_at)
                .bind(client.uid)
                .bind(new.key.as_ref().map(KeyHash::as_bytes));
            tx.run(row).await?;
            if let Err(id) = self.write_policy(&mut tx, new, counting, |policy| Event::ClientAdded { policy }).await? {
                return tx.refuse(AddClientError::UnknownCredential(id)).await;
            }
            tx.commit(()).await
        })
        .await
    }

    /// Writes the rest of a policy after the client's row: the credentials, the list of clients and the record. The inner error is a
    /// credential that does not exist.
    async fn write_policy(
        &self,
        tx: &mut Tx,
        keyed: &KeyedClient,
        mut counting: Counting,
        event: fn(ClientPolicy) -> Event,
    ) -> Result<Result<(), CredentialId>, StoreError> {
        let client = &keyed.client;
        let mut names = Vec::new();
        for id in granted(client) {
            let known = sql("credentials", "SELECT id, name FROM credentials WHERE id = $1").bind(id.to_string());
            let Some(row) = tx.row(known).await? else {
                return Ok(Err(*id));
            };
            names.push(row.text("name")?);
            let grant = sql("client_credentials", INSERT_GRANT).bind(client.id.to_string()).bind(id.to_string());
            tx.run(grant).await?;
        }
        self.count(tx, &mut counting, keyed).await?;
        self.write_list(tx, &counting).await?;
        tx.record(About::Client(client.id), event(policy_note(client, names)));
        Ok(Ok(()))
    }

    /// The clients that count, by name.
    pub async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        Ok(self.client_list().await?.clients.into_iter().map(|found| found.client).collect())
    }

    /// The client of that name, if it counts.
    pub async fn client(&self, name: &ClientName) -> Result<Option<Client>, StoreError> {
        Ok(self.clients().await?.into_iter().find(|client| client.name == *name))
    }

    /// The client of that name, whether it counts or not: to be removed.
    ///
    /// A row that cannot be read is returned as a client that may do nothing.
    pub async fn client_to_remove(&self, name: &ClientName) -> Result<Option<Client>, StoreError> {
        if let Some(client) = self.client(name).await? {
            return Ok(Some(client));
        }
        let row = self.engine().row(sql("clients", SELECT_BY_NAME).bind(name.as_str())).await?;
        let Some(row) = row else { return Ok(None) };
        if let Ok(found) = read(&row, &BTreeSet::new()) {
            return Ok(Some(found.client));
        }
        Ok(Some(Client {
            id: row.parsed("id")?,
            name: name.clone(),
            capabilities: CapabilitySet::default(),
            credentials: Granted::Only(BTreeSet::new()),
            methods: None,
            paths: None,
            org: None,
            expires_at: None,
            created_at: self.now().wall,
            uid: None,
        }))
    }

    /// The names of all clients.
    pub async fn client_names(&self) -> Result<Vec<ClientName>, StoreError> {
        let rows = self.engine().rows(sql("clients", "SELECT name FROM clients ORDER BY name")).await?;
        rows.iter().map(|row| row.parsed("name")).collect()
    }

    /// Removes a client: its key stops working immediately. `false` when there is none.
    pub async fn remove_client(&self, id: ClientId) -> Result<bool, StoreError> {
        self.write(|mut tx| async move {
            let found = sql("clients", "SELECT id, name FROM clients WHERE id = $1").bind(id.to_string());
            let Some(row) = tx.row(found).await? else {
                return tx.abandon(false).await;
            };
            let mut counting = self.counting(&mut tx).await?;
            counting.macs.remove(&id.to_string());
            let grants = "DELETE FROM client_credentials WHERE client = $1";
            tx.run(sql("client_credentials", grants).bind(id.to_string())).await?;
            tx.run(sql("clients", "DELETE FROM clients WHERE id = $1").bind(id.to_string())).await?;
            self.write_list(&mut tx, &counting).await?;
            tx.record(About::Client(row.parsed("id")?), Event::ClientRemoved { name: row.text("name")? });
            tx.commit(true).await
        })
        .await
    }

    /// The hand-outs to an actor since `since`: one for each credential and generation, the latest first.
    pub async fn hand_outs_to(&self, actor: &str, since: Timestamp) -> Result<Vec<HandOutCount>, StoreError> {
        let select = sql(journal::TABLE, SELECT_HANDED).bind(actor).bind(since).bind(EventKind::HandedOut.as_str());
        let rows = self.engine().rows(select).await?;
        rows.iter()
            .map(|row| {
                Ok(HandOutCount {
                    credential: credential_of(row)?,
                    event: journal::event_of(row)?,
                    last: row.timestamp("last")?,
                    records: row.counter("records")?,
                })
            })
            .collect()
    }

    /// When an actor was last handed anything since `since`.
    pub async fn last_hand_out_to(&self, actor: &str, since: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let select =
            sql(journal::TABLE, SELECT_LAST_HANDED).bind(actor).bind(since).bind(EventKind::HandedOut.as_str());
        self.engine().row(select).await?.map(|row| row.timestamp("at")).transpose()
    }

    /// Takes a credential that goes from every client that may use it. Readers of the journal learn of it by the credential's end.
    pub(crate) async fn take_from_clients(&self, tx: &mut Tx, id: CredentialId) -> Result<(), StoreError> {
        let users = sql("client_credentials", "SELECT client FROM client_credentials WHERE credential = $1 LIMIT 1");
        if tx.row(users.bind(id.to_string())).await?.is_some() {
            let counting = self.counting_without(tx, &id.to_string()).await?;
            let take = "DELETE FROM client_credentials WHERE credential = $1";
            tx.run(sql("client_credentials", take).bind(id.to_string())).await?;
            self.write_list(tx, &counting).await?;
        }
        Ok(())
    }

    /// Writes the list of a home that has no client yet.
    pub(crate) async fn begin_list(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.write_list(tx, &Counting::none()).await
    }
}

fn granted(client: &Client) -> impl Iterator<Item = &CredentialId> {
    match &client.credentials {
        Granted::All => None,
        Granted::Only(ids) => Some(ids.iter()),
    }
    .into_iter()
    .flatten()
}

fn read(row: &Row, granted: &BTreeSet<String>) -> Result<KeyedClient, StoreError> {
    let id = row.parsed("id")?;
    let methods = row.optional_parsed("methods")?;
    let paths = row.optional_text("paths")?.map(|text| read_paths(&text).ok_or_else(|| row.impossible("paths")));
    let uid = row.optional_integer("uid")?.map(|uid| u32::try_from(uid).map_err(|_| row.impossible("uid")));
    let hash = row.optional_bytes("key_hash")?;
    let key = hash.map(|bytes| KeyHash::from_bytes(&bytes).ok_or_else(|| row.impossible("key_hash")));
    let credentials = if row.flag("all_credentials")? {
        Granted::All
    } else {
        let ids = granted.iter().map(|id| id.parse().map_err(|_| row.impossible("id")));
        Granted::Only(ids.collect::<Result<BTreeSet<CredentialId>, _>>()?)
    };
    let client = Client {
        id,
        name: row.parsed("name")?,
        capabilities: row.parsed("capabilities")?,
        credentials,
        methods,
        paths: paths.transpose()?,
        org: row.optional_text("organisation")?.map(OrgId::new),
        expires_at: row.optional_timestamp("expires_at")?,
        created_at: row.timestamp("created_at")?,
        uid: uid.transpose()?,
    };
    Ok(KeyedClient { client, key: key.transpose()? })
}

fn read_paths(text: &str) -> Option<Vec<PathPattern>> {
    text.lines().map(|line| line.parse().ok()).collect()
}

fn paths_text(paths: &[PathPattern], between: &str) -> String {
    paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

fn policy_note(client: &Client, mut credentials: Vec<String>) -> ClientPolicy {
    credentials.sort_unstable();
    ClientPolicy {
        name: client.name.to_string(),
        capabilities: client.capabilities.to_string(),
        credentials: (client.credentials != Granted::All).then_some(credentials),
        methods: client.methods.map(|methods| methods.to_string()),
        paths: client.paths.as_ref().map(|paths| paths.iter().map(ToString::to_string).collect()),
        organisation: client.org.as_ref().map(|org| org.as_str().to_owned()),
        until: client.expires_at,
        uid: client.uid,
    }
}

macro_rules! client_columns {
    () => {
        "id, name, capabilities, all_credentials, methods, paths, organisation, expires_at, created_at, uid, key_hash"
    };
}

const SELECT_ALL: &str = concat!("SELECT ", client_columns!(), " FROM clients ORDER BY name");
const SELECT_BY_NAME: &str = concat!("SELECT ", client_columns!(), " FROM clients WHERE name = $1");
const SELECT_BY_ID: &str = concat!("SELECT ", client_columns!(), " FROM clients WHERE id = $1");
const SELECT_GRANTS_OF: &str = "SELECT client, credential FROM client_credentials WHERE client = $1";
const SELECT_GRANTS: &str = "SELECT client, credential FROM client_credentials";
const INSERT: &str =
    concat!("INSERT INTO clients (", client_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
const INSERT_GRANT: &str = "INSERT INTO client_credentials (client, credential) VALUES ($1, $2)";
pub(crate) const SELECT_HANDED: &str = "SELECT about, kind, payload, CAST(MAX(sequence) AS BIGINT) AS sequence, \
     CAST(MAX(at) AS BIGINT) AS last, CAST(COUNT(*) AS BIGINT) AS records FROM journal WHERE actor = $1 AND at >= $2 AND kind = $3 \
     AND about IS NOT NULL GROUP BY about, kind, payload ORDER BY last DESC, about, payload";
pub(crate) const SELECT_LAST_HANDED: &str =
    "SELECT at FROM journal WHERE actor = $1 AND at >= $2 AND kind = $3 ORDER BY at DESC LIMIT 1";
