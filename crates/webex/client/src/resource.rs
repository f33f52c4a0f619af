//! Typed calls of the REST API.

use lanyard_protocol::{Environment, OrgId, Organization, Person, Request, ResourceError};
use lanyard_secret::AccessToken;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{SendError, Transport};

/// Why a call brought nothing.
#[derive(Debug, Error)]
pub enum CallError {
    /// There is no whole answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Webex refused, or cannot be understood.
    #[error(transparent)]
    Resource(#[from] ResourceError),
}

impl CallError {
    /// Whether Webex does not accept the access token any more.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Resource(error) if error.status() == Some(http::StatusCode::UNAUTHORIZED))
    }
}

/// The longest answer of one resource that is read.
const LONGEST_RESOURCE: usize = 16 * 1024 * 1024;

impl Transport {
    /// Who the token acts as.
    pub async fn me(&self, environment: &Environment, token: &AccessToken) -> Result<Person, CallError> {
        self.resource(environment, token, Person::me(environment)).await
    }

    /// The name of an organisation; needs a scope of its own.
    pub async fn organization(
        &self,
        environment: &Environment,
        token: &AccessToken,
        id: &OrgId,
    ) -> Result<Organization, CallError> {
        self.resource(environment, token, Organization::show(environment, id)).await
    }

    async fn resource<T: DeserializeOwned>(
        &self,
        environment: &Environment,
        token: &AccessToken,
        request: Request,
    ) -> Result<T, CallError> {
        let method = request.method.clone();
        let path = request.url.expose().path().to_owned();
        let exchange = self.send(environment, request.bearer(token), LONGEST_RESOURCE).await?;
        Ok(exchange.response.resource(&method, &path)?)
    }
}
