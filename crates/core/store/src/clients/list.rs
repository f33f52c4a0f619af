//! The authenticated list of clients.
//!
//! A row of `clients` counts only if the list names it with the mac of everything that it holds, its grants included. The list is one
//! document under a key derived from the home's own data key: a row that was written past Lanyard is not in it, and a client that was
//! removed is not in it any more. Its version rises with every change: a broker refuses a list that is older than one it has seen.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use jiff::Timestamp;
use lanyard_credential::Client;
use lanyard_vault::Mac;
use serde::{Deserialize, Serialize};

use super::read;
use crate::encode::encode;
use crate::engine::{Row, Statement, sql};
use crate::write::Tx;
use crate::{KeyedClient, Store, StoreError};

/// The clients that count, and what was found beside them.
#[derive(Clone, Debug)]
pub struct ClientList {
    /// The clients that Lanyard added, as it added them, by name.
    pub clients: Vec<KeyedClient>,
    /// The clients in the tables that do not count.
    pub refused: Vec<RefusedClient>,
    /// The list's version; 0 if there is no authentic list.
    pub version: u64,
}

/// A client that is refused, because its row is not as Lanyard wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedClient {
    /// Its name, as far as it can be told. Whoever wrote the row chose it.
    pub name: String,
    /// Why it is refused.
    pub refusal: Refusal,
}

/// Why a client is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Its row was not written by Lanyard, was altered since, or was put back after the client was removed.
    NotAuthentic,
    /// Its row is gone, although the client was not removed.
    Missing,
    /// Its row holds a value that this version does not know.
    Unreadable,
    /// The list of clients itself is missing or was altered, so no client counts.
    NoList,
}

impl RefusedClient {
    /// The next step for a person.
    pub fn hint(&self) -> &'static str {
        "someone changed the database without Lanyard: remove these clients (lanyard client remove NAME), add the ones you need again, and \
         check who can write to the home"
    }
}

impl fmt::Display for RefusedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.escape_debug();
        match self.refusal {
            Refusal::NotAuthentic => {
                write!(f, "the client {name} is refused: its row was not written by Lanyard, or was altered since")
            }
            Refusal::Missing => write!(f, "the client with the id {name} is gone, although it was not removed"),
            Refusal::Unreadable => write!(f, "the client {name} is refused: its row cannot be read"),
            Refusal::NoList => f.write_str("all clients are refused: the list of clients is missing or was altered"),
        }
    }
}

/// How often the tables are read, until no change came between the statements.
const LOOKS: u32 = 5;

impl Store {
    /// The clients with the hashes of their keys, and what is refused.
    pub async fn client_list(&self) -> Result<ClientList, StoreError> {
        let mut looks = 0;
        let judged = loop {
            let list = self.engine().row(list()).await?;
            let rows = self.engine().rows(sql("clients", super::SELECT_ALL)).await?;
            let grants = self.engine().rows(sql("client_credentials", super::SELECT_GRANTS)).await?;
            let judged = self.judge(list.as_ref(), rows, &grants);
            looks += 1;
            let again = self.engine().row(list_version()).await?.and_then(|row| row.integer("version").ok());
            if again.unwrap_or(0) == judged.stored_version || looks == LOOKS {
                break judged;
            }
        };
        let Judged { version, authentic, mut refused, .. } = judged;
        let mut clients = Vec::with_capacity(authentic.len());
        for (row, granted) in &authentic {
            match read(row, granted) {
                Ok(client) => clients.push(client),
                Err(error) => {
                    tracing::debug!(%error, "a client cannot be read");
                    refused.push(RefusedClient { name: row.text("name")?, refusal: Refusal::Unreadable });
                }
            }
        }
        Ok(ClientList { clients, refused, version })
    }

    /// The list of the clients that count, within a transaction that is about to change the clients.
    pub(super) async fn counting(&self, tx: &mut Tx) -> Result<Counting, StoreError> {
        Ok(self.counting_clients(tx).await?.0)
    }

    /// The clients that count, within a transaction that is about to change them; unreadable ones are left out of the second part.
    pub(super) async fn counting_clients(&self, tx: &mut Tx) -> Result<(Counting, Vec<KeyedClient>), StoreError> {
        let judged = self.judged(tx).await?;
        let clients = judged.authentic.iter().filter_map(|(row, granted)| read(row, granted).ok()).collect();
        Ok((self.as_judged(&judged, |granted| granted)?, clients))
    }

    /// Like [`counting`](Self::counting), but each client loses a credential.
    pub(super) async fn counting_without(&self, tx: &mut Tx, credential: &str) -> Result<Counting, StoreError> {
        let judged = self.judged(tx).await?;
        self.as_judged(&judged, |mut granted| {
            granted.remove(credential);
            granted
        })
    }

    /// All clients of a home that had no list, as they are.
    pub(crate) async fn counting_all(&self, tx: &mut Tx) -> Result<Counting, StoreError> {
        let rows = tx.rows(sql("clients", super::SELECT_ALL)).await?;
        let mut granted = grants(&tx.rows(sql("client_credentials", super::SELECT_GRANTS)).await?);
        let mut counting = Counting::none();
        for row in rows {
            // A row whose id is no text is none that Lanyard wrote.
            let Ok(id) = row.text("id") else { continue };
            let mac = self.client_mac(&row, &granted.remove(&id).unwrap_or_default())?;
            counting.macs.insert(id, mac);
        }
        Ok(counting)
    }

    fn as_judged(
        &self,
        judged: &Judged,
        change: impl Fn(BTreeSet<String>) -> BTreeSet<String>,
    ) -> Result<Counting, StoreError> {
        let mut macs = BTreeMap::new();
        for (row, granted) in &judged.authentic {
            macs.insert(row.text("id")?, self.client_mac(row, &change(granted.clone()))?);
        }
        Ok(Counting { version: judged.version, macs })
    }

    /// Counts a client whose row was just written, if that is what was meant: a hook in the database may have changed it since.
    pub(super) async fn count(
        &self,
        tx: &mut Tx,
        counting: &mut Counting,
        meant: &KeyedClient,
    ) -> Result<(), StoreError> {
        let id = meant.client.id.to_string();
        let altered = || StoreError::Altered { table: "clients", row: meant.client.name.to_string() };
        let row = tx.row(sql("clients", super::SELECT_BY_ID).bind(id.as_str())).await?.ok_or_else(altered)?;
        let granted = sql("client_credentials", super::SELECT_GRANTS_OF).bind(id.as_str());
        let granted = grants(&tx.rows(granted).await?).remove(&id).unwrap_or_default();
        let found = read(&row, &granted)?;
        let key = |keyed: &KeyedClient| keyed.key.as_ref().map(|key| key.as_bytes().to_vec());
        if found.client != as_stored(&meant.client) || key(&found) != key(meant) {
            return Err(altered());
        }
        counting.macs.insert(id, self.client_mac(&row, &granted)?);
        Ok(())
    }

    /// Writes the list of those that count.
    pub(crate) async fn write_list(&self, tx: &mut Tx, counting: &Counting) -> Result<(), StoreError> {
        let mut members = String::new();
        for (id, mac) in &counting.macs {
            members.extend([id.as_str(), " ", &mac.to_string(), "\n"]);
        }
        // By the clock, so that a list that begins again after the stored one was destroyed is later than all that were seen.
        let now = u64::try_from(self.now().wall.as_millisecond()).unwrap_or(0);
        let version = counting.version.saturating_add(1).max(now);
        let mac = self.list_mac(version, &members);
        let put = sql("client_list", PUT_LIST).bind(version).bind(members).bind(mac.as_bytes());
        tx.run(put).await?;
        Ok(())
    }

    async fn judged(&self, tx: &mut Tx) -> Result<Judged, StoreError> {
        tx.lock_sealed_tables().await?;
        let list = tx.row(list()).await?;
        let rows = tx.rows(sql("clients", super::SELECT_ALL)).await?;
        let grants = tx.rows(sql("client_credentials", super::SELECT_GRANTS)).await?;
        Ok(self.judge(list.as_ref(), rows, &grants))
    }

    fn judge(&self, list: Option<&Row>, rows: Vec<Row>, granted: &[Row]) -> Judged {
        // A version that is no number is none that Lanyard wrote.
        let stored_version = list.and_then(|list| list.integer("version").ok()).unwrap_or(0);
        let mut judged = Judged { stored_version, version: 0, authentic: Vec::new(), refused: Vec::new() };
        let mut members = if let Some((version, members)) = list.and_then(|list| self.members(list)) {
            judged.version = version;
            members
        } else {
            judged.refused.push(RefusedClient { name: String::new(), refusal: Refusal::NoList });
            BTreeMap::new()
        };
        let mut granted = grants(granted);
        for row in rows {
            let id = row.text("id").unwrap_or_default();
            let granted = granted.remove(&id).unwrap_or_default();
            let expected = members.remove(&id);
            if expected.is_some() && self.client_mac(&row, &granted).ok() == expected {
                judged.authentic.push((row, granted));
            } else {
                let name = row.text("name").unwrap_or_default();
                judged.refused.push(RefusedClient { name, refusal: Refusal::NotAuthentic });
            }
        }
        let missing = |id| RefusedClient { name: id, refusal: Refusal::Missing };
        judged.refused.extend(members.into_keys().map(missing));
        judged
    }

    /// The members of an authentic list with their macs.
    fn members(&self, list: &Row) -> Option<(u64, BTreeMap<String, Mac>)> {
        let version = u64::try_from(list.integer("version").ok()?).ok()?;
        let text = list.text("members").ok()?;
        if Mac::from_bytes(&list.bytes("mac").ok()?)? != self.list_mac(version, &text) {
            return None;
        }
        let member = |line: &str| {
            let (id, mac) = line.split_once(' ')?;
            Some((id.to_owned(), mac.parse().ok()?))
        };
        Some((version, text.lines().map(member).collect::<Option<_>>()?))
    }

    fn list_mac(&self, version: u64, members: &str) -> Mac {
        self.inner
            .clients_key
            .chain(&Mac::BEGINNING, &encode(&[Some(b"list"), Some(&version.to_be_bytes()), Some(members.as_bytes())]))
    }

    /// The mac of everything that a client's row and its grants hold.
    fn client_mac(&self, row: &Row, granted: &BTreeSet<String>) -> Result<Mac, StoreError> {
        let number = |column| Ok::<_, StoreError>(row.optional_integer(column)?.map(i64::to_be_bytes));
        let (expires, created, uid) = (number("expires_at")?, number("created_at")?, number("uid")?);
        let (key_hash, all) = (row.optional_bytes("key_hash")?, [u8::from(row.flag("all_credentials")?)]);
        let mut fields: Vec<Option<&[u8]>> = vec![Some(b"client")];
        for column in ["id", "name", "capabilities", "methods", "paths", "organisation"] {
            fields.push(row.optional_str(column)?.map(str::as_bytes));
        }
        fields.push(Some(&all));
        fields.extend([&expires, &created, &uid].map(|number| number.as_ref().map(<[u8; 8]>::as_slice)));
        fields.push(key_hash.as_deref());
        fields.extend(granted.iter().map(|id| Some(id.as_bytes())));
        Ok(self.inner.clients_key.chain(&Mac::BEGINNING, &encode(&fields)))
    }
}

/// The clients that count, by id, each with the mac of what it is meant to hold, and the version of the list that says so.
pub(crate) struct Counting {
    pub(crate) version: u64,
    pub(crate) macs: BTreeMap<String, Mac>,
}

/// Times are stored in milliseconds.
fn as_stored(client: &Client) -> Client {
    let milliseconds = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    let (created_at, expires_at) = (milliseconds(client.created_at), client.expires_at.map(milliseconds));
    Client { created_at, expires_at, ..client.clone() }
}

impl Counting {
    /// Of a home that has no client yet.
    pub(super) fn none() -> Self {
        Self { version: 0, macs: BTreeMap::new() }
    }
}

struct Judged {
    stored_version: i64,
    version: u64,
    authentic: Vec<(Row, BTreeSet<String>)>,
    refused: Vec<RefusedClient>,
}

/// The credentials of each client that has some, by their ids' texts.
fn grants(rows: &[Row]) -> HashMap<String, BTreeSet<String>> {
    let mut grants = HashMap::<String, BTreeSet<String>>::new();
    for row in rows {
        let text = |column| row.text(column).unwrap_or_default();
        grants.entry(text("client")).or_default().insert(text("credential"));
    }
    grants
}

fn list() -> Statement {
    sql("client_list", "SELECT id, version, members, mac FROM client_list WHERE id = 1")
}

fn list_version() -> Statement {
    sql("client_list", "SELECT id, version FROM client_list WHERE id = 1")
}

const PUT_LIST: &str = "INSERT INTO client_list (id, version, members, mac) VALUES (1, $1, $2, $3) \
     ON CONFLICT (id) DO UPDATE SET version = excluded.version, members = excluded.members, mac = excluded.mac";
