//! Clients: programs and users that may ask a broker, what for, and what they hold.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use lanyard_credential::{
    CapabilitySet, Client, ClientId, ClientKey, ClientName, Credential, CredentialId, CredentialName, Generation,
    Granted, MethodSet, PathPattern,
};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::OrgId;
use lanyard_store::{AddClientError, Event, HandOutCount, KeyedClient, RefusedClient};
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use crate::{Broker, Error};

operations![AddClient, ListClients, ListRefusedClients, ShowClient, RemoveClient];

/// Adds a client with its policy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddClient {
    /// Its name.
    pub name: ClientName,
    /// Its capabilities.
    pub capabilities: CapabilitySet,
    /// The credentials that it may do it with; `None` for all, those that are added later too.
    pub credentials: Option<Vec<CredentialName>>,
    /// The methods that it may call Webex with through the proxy; `None` for any.
    pub methods: Option<MethodSet>,
    /// The paths that it may call so; `None` for any that yields no credential.
    pub paths: Option<Vec<PathPattern>>,
    /// The one organisation that its calls may be about.
    pub org: Option<OrgId>,
    /// From when on it is refused everything; `None` for never. Kept to the millisecond.
    pub expires_at: Option<Timestamp>,
    /// The user of this machine that it is, who needs no key.
    pub uid: Option<u32>,
}

/// A client that was added.
#[derive(Debug, Serialize, Deserialize)]
pub struct AddedClient {
    /// The client.
    pub client: Client,
    /// Its key; `None` where it is a user of this machine. There is no other time to have it.
    #[serde(with = "key")]
    pub key: Option<ClientKey>,
}

impl Operation for AddClient {
    const DECLARED: Declaration = Declaration::change("client.add");

    type Context = Broker;
    type Reply = AddedClient;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<AddedClient, Error> {
        let mut named = HashMap::new();
        for name in self.credentials.iter().flatten() {
            named.insert(broker.credential(name).await?.id, name);
        }
        let credentials = match &self.credentials {
            None => Granted::All,
            Some(_) => Granted::Only(named.keys().copied().collect()),
        };
        let id = ClientId::random(&*broker.entropy);
        let client = Client {
            id,
            name: self.name,
            capabilities: self.capabilities,
            credentials,
            methods: self.methods,
            paths: self.paths,
            org: self.org,
            expires_at: self.expires_at.map(to_the_millisecond),
            created_at: to_the_millisecond(broker.clock.now().wall),
            uid: self.uid,
        };
        let key = self.uid.is_none().then(|| ClientKey::random(id, &*broker.entropy));
        let new = KeyedClient { client, key: key.as_ref().map(ClientKey::hash) };
        match broker.store.insert_client(&new).await {
            Ok(()) => Ok(AddedClient { client: new.client, key }),
            Err(AddClientError::NameTaken(name)) => Err(Error::ClientNameTaken(name)),
            Err(AddClientError::UserTaken(client)) => {
                Err(Error::UserIsClient { uid: self.uid.unwrap_or_default(), client })
            }
            // It was erased since it was looked up.
            Err(AddClientError::UnknownCredential(id)) => {
                let name = named.get(&id).expect("the store complains of an id that it was given");
                Err(broker.no_such_credential(name).await)
            }
            Err(AddClientError::Store(error)) => Err(error.into()),
        }
    }
}

/// A key on its way over the owner's socket.
mod key {
    use lanyard_credential::ClientKey;
    use lanyard_secret::{SecretText, travel};
    use serde::de::{Deserializer, Error as _};
    use serde::ser::Serializer;

    #[expect(clippy::ref_option, reason = "serde passes the field as it is")]
    pub(super) fn serialize<S: Serializer>(key: &Option<ClientKey>, serializer: S) -> Result<S::Ok, S::Error> {
        travel::optional::serialize(&key.as_ref().map(|key| key.text().clone()), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ClientKey>, D::Error> {
        let text: Option<SecretText> = travel::optional::deserialize(deserializer)?;
        text.map(|text| ClientKey::parse(text.expose_secret()).map_err(D::Error::custom)).transpose()
    }
}

/// A client with what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownClient {
    /// The client.
    pub client: Client,
    /// The names of the credentials that it may use, in their order; none if it may use all.
    pub credentials: Vec<CredentialName>,
    /// When it was last handed anything, a token or a proxied call.
    pub last_used: Option<Timestamp>,
    /// The tokens that it was handed and that Webex may still accept.
    pub holds: Vec<Holding>,
}

/// A token that a client was handed. Whatever is done here, the client may use it until it ends or is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Whose token.
    pub credential: CredentialName,
    /// Which of its tokens.
    pub generation: Generation,
    /// When it was last handed out.
    pub last: Timestamp,
    /// When it ends; `None` where that is unknown.
    pub until: Option<Timestamp>,
    /// Whether it was replaced meanwhile. `until` is then the latest that it can be: as if it had been new when it was handed out.
    pub replaced: bool,
}

/// All clients, by name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListClients;

impl Operation for ListClients {
    const DECLARED: Declaration = Declaration::read("client.list");

    type Context = Broker;
    type Reply = Vec<ShownClient>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<ShownClient>, Error> {
        let mut known = Known::default();
        let mut shown = Vec::new();
        for client in broker.store.clients().await? {
            shown.push(broker.shown(client, &mut known).await?);
        }
        Ok(shown)
    }
}

/// The clients in the database that do not count, because Lanyard did not write them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListRefusedClients;

impl Operation for ListRefusedClients {
    const DECLARED: Declaration = Declaration::part("client.list-refused");

    type Context = Broker;
    type Reply = Vec<RefusedClient>;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<Vec<RefusedClient>, Error> {
        Ok(broker.store.client_list().await?.refused)
    }
}

/// One client.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowClient {
    /// Its name.
    pub name: ClientName,
}

impl Operation for ShowClient {
    const DECLARED: Declaration = Declaration::read("client.show");

    type Context = Broker;
    type Reply = ShownClient;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ShownClient, Error> {
        let client = broker.client(&self.name).await?;
        broker.shown(client, &mut Known::default()).await
    }
}

/// Removes a client. Its key stops working immediately; what it holds is in the reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveClient {
    /// Its name.
    pub name: ClientName,
}

impl Operation for RemoveClient {
    const DECLARED: Declaration = Declaration::change("client.remove");

    type Context = Broker;
    type Reply = ShownClient;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ShownClient, Error> {
        let Some(client) = broker.store.client_to_remove(&self.name).await? else {
            return Err(broker.no_such_client(&self.name).await);
        };
        if !broker.store.remove_client(client.id).await? {
            return Err(broker.no_such_client(&self.name).await);
        }
        // Asked for afterwards: what was handed out until then counts.
        broker.shown(client, &mut Known::default()).await
    }
}

/// The name of a client in the audit, as the actor of its requests.
pub fn client_actor(name: &ClientName) -> String {
    format!("client {name}")
}

/// The credentials that were looked up; `None` for those that are gone.
pub(super) type Known = HashMap<CredentialId, Option<Credential>>;

impl Broker {
    async fn client(&self, name: &ClientName) -> Result<Client, Error> {
        match self.store.client(name).await? {
            Some(client) => Ok(client),
            None => Err(self.no_such_client(name).await),
        }
    }

    pub(super) async fn shown(&self, client: Client, known: &mut Known) -> Result<ShownClient, Error> {
        let actor = client_actor(&client.name);
        // Another client may have had the name before.
        let last_used = self.store.last_hand_out_to(&actor, client.created_at).await?;
        let counts = match last_used {
            None => Vec::new(),
            Some(_) => self.store.hand_outs_to(&actor, client.created_at).await?,
        };
        let granted = match &client.credentials {
            Granted::All => BTreeSet::new(),
            Granted::Only(ids) => ids.clone(),
        };
        for id in granted.iter().copied().chain(counts.iter().map(|count| count.credential)) {
            if let Entry::Vacant(unknown) = known.entry(id) {
                // A row that cannot be read says nothing about the client.
                let found = match self.store.credential_by_id(id).await {
                    Err(error) if error.is_of_one_row() => None,
                    found => found?,
                };
                unknown.insert(found);
            }
        }
        let named = |id: &CredentialId| Some(known.get(id)?.as_ref()?.name.clone());
        let mut credentials: Vec<CredentialName> = granted.iter().filter_map(named).collect();
        credentials.sort_unstable();
        let now = self.clock.now();
        let mut holds: Vec<Holding> = Vec::new();
        for count in &counts {
            let found = known.get(&count.credential).and_then(Option::as_ref);
            let Some(holding) = found.and_then(|credential| holding(count, credential, &now)) else { continue };
            // A token that was handed out several times is in several records.
            let same = |earlier: &&mut Holding| {
                (&earlier.credential, earlier.generation) == (&holding.credential, holding.generation)
            };
            match holds.iter_mut().find(same) {
                Some(earlier) if earlier.last >= holding.last => {}
                Some(earlier) => *earlier = holding,
                None => holds.push(holding),
            }
        }
        holds.sort_by(|a, b| a.credential.cmp(&b.credential).then(b.generation.cmp(&a.generation)));
        Ok(ShownClient { client, credentials, last_used, holds })
    }
}

/// The token that a client still holds; `None` if it was handed none, or that one has expired.
fn holding(count: &HandOutCount, credential: &Credential, now: &Moment) -> Option<Holding> {
    let Event::HandedOut { means, generation, .. } = &count.event else { return None };
    let validity = credential.validity.as_ref()?;
    if means != "token" {
        return None;
    }
    let replaced = *generation != credential.generation;
    let until = if replaced {
        let lifetime = validity.access.and_then(|lifetime| jiff::SignedDuration::try_from(lifetime).ok());
        lifetime.and_then(|lifetime| count.last.checked_add(lifetime).ok())
    } else {
        validity.access_expires_at()
    };
    let ended = if replaced {
        until.is_some_and(|end| end <= now.wall)
    } else {
        validity.access_has_ended(&validity.by_boot_clock(now))
    };
    let (credential, generation) = (credential.name.clone(), *generation);
    (!ended).then_some(Holding { credential, generation, last: count.last, until, replaced })
}

/// As the store keeps it.
pub(super) fn to_the_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lanyard_credential::{Kind, RefreshRight, Validity};
    use lanyard_protocol::Environment;
    use lanyard_testkit::credential;
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// A credential whose fourth token set expires in ten hours.
    fn fourth(now: &Moment) -> Credential {
        let validity =
            Validity { obtained: now.clone(), access: Some(10 * HOUR), refresh: RefreshRight::Lasting(None) };
        Credential {
            generation: Generation::new(4),
            validity: Some(validity),
            ..credential("acme", Kind::Integration, &Environment::commercial())
        }
    }

    #[test]
    fn a_token_is_held_until_it_ends_and_one_that_was_replaced_until_it_must_have() {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let start = clock.now();
        let credential = fourth(&start);
        let count = |means: &str, generation| HandOutCount {
            credential: credential.id,
            event: Event::HandedOut { means: means.to_owned(), generation: Generation::new(generation), times: 12 },
            last: start.wall + HOUR,
            records: 1,
        };
        clock.advance(2 * HOUR);
        let held = |means: &str, generation| {
            let found = holding(&count(means, generation), &credential, &clock.now())?;
            let lasts = found.until?.duration_since(start.wall).as_hours();
            Some((found.generation.number(), lasts, found.replaced))
        };
        assert_eq!(held("token", 4), Some((4, 10, false)));
        assert_eq!(held("token", 3), Some((3, 11, true)));
        for none in ["proxy GET /people/me", "exec curl", ""] {
            assert_eq!(held(none, 4), None, "{none}");
        }
        clock.advance(8 * HOUR);
        assert_eq!(held("token", 4), None);
        assert_eq!(held("token", 3), Some((3, 11, true)));
        clock.advance(HOUR);
        assert_eq!(held("token", 3), None);
    }
}
