//! Changing the policy of a client.

use std::collections::HashMap;

use jiff::Timestamp;
use lanyard_credential::{CapabilitySet, Client, ClientName, CredentialName, Granted, MethodSet, PathPattern};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::OrgId;
use lanyard_store::{ChangeClientError, StoreError};
use serde::{Deserialize, Serialize};

use super::client::{Known, ShownClient, to_the_millisecond};
use crate::{Broker, Error};

operations![ChangeClient];

/// Changes the policy of a client. Its name, key and user stay as they are.
///
/// Each part that is given replaces the client's own as a whole.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeClient {
    /// The client's name.
    pub name: ClientName,
    /// Its capabilities; `None` keeps them.
    pub capabilities: Option<CapabilitySet>,
    /// The credentials it may use; lifted for all, those added later included.
    pub credentials: Limit<Vec<CredentialName>>,
    /// The methods it may call Webex with through the proxy.
    pub methods: Limit<MethodSet>,
    /// The paths it may call through the proxy.
    pub paths: Limit<Vec<PathPattern>>,
    /// The only organisation its calls may be about.
    pub org: Limit<OrgId>,
    /// When it expires, kept to the millisecond; lifted for never.
    pub expires_at: Limit<Timestamp>,
}

/// A change of one limit of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit<T> {
    /// The limit stays as it is.
    Keep,
    /// There is no limit any more.
    Lift,
    /// The limit is replaced by this one.
    Set(T),
}

impl<T: Clone> Limit<T> {
    fn apply(&self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Lift => *to = None,
            Self::Set(value) => *to = Some(value.clone()),
        }
    }
}

impl Operation for ChangeClient {
    const DECLARED: Declaration = Declaration::change("client.change");

    type Context = Broker;
    type Reply = ShownClient;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<ShownClient, Error> {
        let Self { name, capabilities, credentials, methods, paths, org, expires_at } = self;
        let mut named = HashMap::new();
        if let Limit::Set(names) = &credentials {
            for name in names {
                named.insert(broker.credential(name).await?.id, name);
            }
        }
        let granted = match &credentials {
            Limit::Keep => None,
            Limit::Lift => Some(Granted::All),
            Limit::Set(_) => Some(Granted::Only(named.keys().copied().collect())),
        };
        let change = |client: &mut Client| {
            client.capabilities = capabilities.unwrap_or(client.capabilities);
            if let Some(granted) = &granted {
                client.credentials = granted.clone();
            }
            methods.apply(&mut client.methods);
            paths.apply(&mut client.paths);
            org.apply(&mut client.org);
            expires_at.apply(&mut client.expires_at);
            client.expires_at = client.expires_at.map(to_the_millisecond);
        };
        match broker.store.change_client(&name, change).await {
            Ok(client) => broker.shown(client, &mut Known::default()).await,
            Err(ChangeClientError::UnknownClient(name)) => Err(broker.no_such_client(&name).await),
            // It was erased after it was looked up.
            Err(ChangeClientError::UnknownCredential(id)) => match named.get(&id) {
                Some(name) => Err(broker.no_such_credential(name).await),
                None => {
                    Err(StoreError::Damaged(format!("the client {name} has a credential {id} that does not exist"))
                        .into())
                }
            },
            Err(ChangeClientError::Store(error)) => Err(error.into()),
        }
    }
}
