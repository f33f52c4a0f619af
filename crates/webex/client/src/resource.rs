//! Typed calls of the REST API. Those without [`CallOptions`] are sent once.

use jiff::Timestamp;
use lanyard_protocol::{
    Device, Environment, ListDevices, ListWorkspaces, OrgId, Organization, Page, Person, Request, TokenExpiry,
    Workspace,
};
use lanyard_secret::AccessToken;
use serde::de::DeserializeOwned;

use crate::{CallError, CallOptions, Exchange, Transport};

impl Transport {
    /// Reads the account that the token acts as.
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

    /// Until when the token is valid, by Webex's clock. Which kinds of token may ask is not documented: a refusal other than 401
    /// says nothing about the token.
    pub async fn token_expiry(&self, environment: &Environment, token: &AccessToken) -> Result<Timestamp, CallError> {
        let expiry: TokenExpiry = self.resource(environment, token, TokenExpiry::show(environment)).await?;
        Ok(expiry.at)
    }

    /// The devices that the token's subject sees: all pages. An empty list is not an error, and for a bot the most common mistake.
    pub async fn devices(
        &self,
        environment: &Environment,
        token: &AccessToken,
        which: &ListDevices,
        options: &CallOptions,
    ) -> Result<Page<Device>, CallError> {
        self.pages(environment, token, which.request(environment), options).all().await
    }

    /// The workspaces that the token's subject sees: all pages.
    pub async fn workspaces(
        &self,
        environment: &Environment,
        token: &AccessToken,
        which: &ListWorkspaces,
        options: &CallOptions,
    ) -> Result<Page<Workspace>, CallError> {
        self.pages(environment, token, which.request(environment), options).all().await
    }

    async fn resource<T: DeserializeOwned>(
        &self,
        environment: &Environment,
        token: &AccessToken,
        request: Request,
    ) -> Result<T, CallError> {
        let (method, path) = (request.method.clone(), request.url.expose().path().to_owned());
        let exchange = self.ask(environment, token, request).await?;
        let read = exchange.response.resource(&method, &path);
        Ok(read.map_err(|error| error.or_tracking_id(exchange.tracking_id))?)
    }

    async fn ask(
        &self,
        environment: &Environment,
        token: &AccessToken,
        request: Request,
    ) -> Result<Exchange, CallError> {
        self.call(environment, request.bearer(token), &CallOptions::once()).await
    }
}
