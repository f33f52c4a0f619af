//! Changing the policy of a client.

use lanyard_credential::{Client, ClientName, CredentialId, Granted};
use lanyard_protocol::OrgId;
use thiserror::Error;

use super::paths_text;
use crate::engine::sql;
use crate::event::Event;
use crate::{KeyedClient, Store, StoreError};

/// Why the policy of a client was not changed.
#[derive(Debug, Error)]
pub enum ChangeClientError {
    /// No authentic client has the name.
    #[error("there is no client named {0}")]
    UnknownClient(ClientName),
    /// A credential of the new policy does not exist (any more).
    #[error("a credential of the client does not exist")]
    UnknownCredential(CredentialId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Changes the policy of a client. Whatever `change` does to its id, name, user or age is ignored.
    ///
    /// `change` sees the client as it is within the transaction that writes it, and only if the client list vouches for it: a row
    /// that was altered without Lanyard does not become authentic by being changed.
    pub async fn change_client(
        &self,
        name: &ClientName,
        change: impl Fn(&mut Client) + Send + Sync,
    ) -> Result<Client, ChangeClientError> {
        let change = &change;
        self.write(|mut tx| async move {
            let (counting, clients) = self.counting_clients(&mut tx).await?;
            let Some(before) = clients.into_iter().find(|found| found.client.name == *name) else {
                return tx.refuse(ChangeClientError::UnknownClient(name.clone())).await;
            };
            let KeyedClient { client: before, key } = before;
            let mut client = before.clone();
            change(&mut client);
            let Client { id, name, created_at, uid, .. } = before;
            let keyed = KeyedClient { client: Client { id, name, created_at, uid, ..client }, key };
            let client = &keyed.client;
            let row = sql("clients", UPDATE)
                .bind(client.id.to_string())
                .bind(client.capabilities.to_string())
                .bind(client.credentials == Granted::All)
                .bind(client.methods.map(|methods| methods.to_string()))
                .bind(client.paths.as_deref().map(|paths| paths_text(paths, "\n")))
                .bind(client.org.as_ref().map(OrgId::as_str))
                .bind(client.expires_at);
            tx.run(row).await?;
            let grants = "DELETE FROM client_credentials WHERE client = $1";
            tx.run(sql("client_credentials", grants).bind(client.id.to_string())).await?;
            if let Err(id) =
                self.write_policy(&mut tx, &keyed, counting, |policy| Event::ClientChanged { policy }).await?
            {
                return tx.refuse(ChangeClientError::UnknownCredential(id)).await;
            }
            tx.commit(keyed.client).await
        })
        .await
    }
}

const UPDATE: &str = "UPDATE clients SET capabilities = $2, all_credentials = $3, methods = $4, paths = $5, organisation = $6, \
     expires_at = $7 WHERE id = $1";
