//! Calls of Webex as a credential.

use std::future::Future;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, StatusCode};
use lanyard_protocol::{
    Authorization, AuthorizationId, Device, Environment, ListDevices, ListWorkspaces, Page, Person, PersonId, Request,
    Workspace, bearer,
};
use lanyard_secret::SafeUrl;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::pages::Listing;
use crate::{
    CallError, CallOptions, Exchange, IssuedToken, Outgoing, SetupError, StreamError, Streamed, TokenSource, Transport,
    Upload,
};

/// Calls Webex with the tokens of a source. If Webex refuses a token with 401 and the source has another one, the call is repeated
/// once, whatever its method is, because a 401 had no effect. Calls of one subject to one API wait for each other's limits.
#[derive(Clone, Debug)]
pub struct ApiClient<'a, S> {
    transport: &'a Transport,
    source: S,
}

/// The error of a call.
#[derive(Debug, Error)]
pub enum ApiError<E> {
    /// The source has no token.
    #[error("{0}")]
    NoToken(E),
    /// Webex was not reached, refused the call, or gave an answer that cannot be read.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// An answer, and the token of the call.
#[derive(Debug)]
pub struct Answered<A> {
    /// The answer, with any status.
    pub answer: A,
    /// The token of the call that was answered.
    pub token: IssuedToken,
}

impl<'a, S: TokenSource> ApiClient<'a, S> {
    /// Creates a client that calls over `transport` with the tokens of `source`.
    pub const fn new(transport: &'a Transport, source: S) -> Self {
        Self { transport, source }
    }

    /// Makes a call; see [`Transport::call`] for the repetitions that are not due to a 401.
    pub async fn call(
        &self,
        request: impl FnOnce(&Environment) -> Request + Send,
        options: &CallOptions,
    ) -> Result<Answered<Exchange>, ApiError<S::Error>> {
        let token = self.source.issue().await.map_err(ApiError::NoToken)?;
        let request = request(&token.environment);
        Ok(self.call_with(token, request, options).await?)
    }

    /// Makes a call, first with a token that the source has issued.
    pub async fn call_with(
        &self,
        token: IssuedToken,
        request: Request,
        options: &CallOptions,
    ) -> Result<Answered<Exchange>, CallError> {
        self.unless_refused(token, Whole { transport: self.transport, request, options }).await
    }

    /// Makes a call whose bodies are streams, first with a token that the source has issued. It is repeated only if its body was kept;
    /// otherwise the 401 is the answer, and the next call has the new token.
    pub async fn stream_with(&self, token: IssuedToken, request: Outgoing) -> Result<Answered<Streamed>, StreamError> {
        let Outgoing { method, url, headers, body } = request;
        let attempt = Streaming { transport: self.transport, method, url, headers, body: Some(body) };
        self.unless_refused(token, attempt).await
    }

    /// Reads one resource.
    pub async fn resource<T: DeserializeOwned>(
        &self,
        request: impl FnOnce(&Environment) -> Request + Send,
        options: &CallOptions,
    ) -> Result<T, ApiError<S::Error>> {
        let token = self.source.issue().await.map_err(ApiError::NoToken)?;
        let request = request(&token.environment);
        let (method, path) = (request.method.clone(), request.url.expose().path().to_owned());
        let Answered { answer, .. } = self.call_with(token, request, options).await?;
        let read = answer.response.resource(&method, &path);
        Ok(read.map_err(|error| CallError::from(error.or_tracking_id(answer.tracking_id)))?)
    }

    /// Makes a change whose answer has no content that matters.
    pub async fn change(
        &self,
        request: impl FnOnce(&Environment) -> Request + Send,
        options: &CallOptions,
    ) -> Result<(), ApiError<S::Error>> {
        let token = self.source.issue().await.map_err(ApiError::NoToken)?;
        let request = request(&token.environment);
        let (method, path) = (request.method.clone(), request.url.expose().path().to_owned());
        let Answered { answer, .. } = self.call_with(token, request, options).await?;
        let done = answer.response.done(&method, &path);
        Ok(done.map_err(|error| CallError::from(error.or_tracking_id(answer.tracking_id)))?)
    }

    /// Walks the pages of a list. A token that is replaced on one page is used for the next ones.
    pub async fn pages<T: DeserializeOwned>(
        &self,
        request: impl FnOnce(&Environment) -> Request + Send,
        options: &CallOptions,
    ) -> Result<ApiPages<'_, S, T>, ApiError<S::Error>> {
        let token = self.source.issue().await.map_err(ApiError::NoToken)?;
        let listing = Listing::new(&token.environment, request(&token.environment));
        Ok(ApiPages { client: self, token, listing, options: options.clone() })
    }

    /// Reads the account that the credential acts as.
    pub async fn me(&self, options: &CallOptions) -> Result<Person, ApiError<S::Error>> {
        self.resource(Person::me, options).await
    }

    /// Lists the devices that the credential's subject sees: all pages.
    pub async fn devices(
        &self,
        which: &ListDevices,
        options: &CallOptions,
    ) -> Result<Page<Device>, ApiError<S::Error>> {
        Ok(self.pages(|environment| which.request(environment), options).await?.all().await?)
    }

    /// Lists the workspaces that the credential's subject sees: all pages.
    pub async fn workspaces(
        &self,
        which: &ListWorkspaces,
        options: &CallOptions,
    ) -> Result<Page<Workspace>, ApiError<S::Error>> {
        Ok(self.pages(|environment| which.request(environment), options).await?.all().await?)
    }

    /// Lists the tokens that apps hold for a person; for administrators, with `identity:tokens_read`.
    pub async fn authorizations(
        &self,
        person: &PersonId,
        options: &CallOptions,
    ) -> Result<Page<Authorization>, ApiError<S::Error>> {
        Ok(self.pages(|environment| Authorization::list(environment, person), options).await?.all().await?)
    }

    /// Revokes one authorisation; needs `identity:tokens_write`.
    pub async fn delete_authorization(
        &self,
        id: &AuthorizationId,
        options: &CallOptions,
    ) -> Result<(), ApiError<S::Error>> {
        self.change(|environment| Authorization::delete(environment, id), options).await
    }

    /// The one place where a call is repeated because of a 401.
    async fn unless_refused<A: Attempt>(
        &self,
        token: IssuedToken,
        mut attempt: A,
    ) -> Result<Answered<A::Answer>, A::Error> {
        let answer = attempt.send(&token).await?;
        if A::status(&answer) != StatusCode::UNAUTHORIZED {
            return Ok(Answered { answer, token });
        }
        // Also for a call that cannot be repeated: the next one has the new token.
        let other = self.source.replace(&token).await.unwrap_or_else(|error| {
            let generation = token.generation;
            tracing::warn!(%error, generation, "cannot check whether Webex still accepts the token");
            None
        });
        match other {
            Some(token) if attempt.can_repeat() => {
                let answer = attempt.send(&token).await?;
                Ok(Answered { answer, token })
            }
            _ => Ok(Answered { answer, token }),
        }
    }
}

/// The pages of a list, asked for one after the other.
#[derive(Debug)]
pub struct ApiPages<'a, S, T> {
    client: &'a ApiClient<'a, S>,
    token: IssuedToken,
    listing: Listing<T>,
    options: CallOptions,
}

impl<S: TokenSource, T: DeserializeOwned> ApiPages<'_, S, T> {
    /// Reads the items under another key than `items`, as some lists of Calling need.
    #[must_use]
    pub fn under(mut self, key: &'static str) -> Self {
        self.listing = self.listing.under(key);
        self
    }

    /// Sets another bound on the number of pages; going beyond is an error.
    #[must_use]
    pub fn at_most(mut self, pages: usize) -> Self {
        self.listing = self.listing.at_most(pages);
        self
    }

    /// The next page; `None` after the last. See [`Pages::next_page`](crate::Pages::next_page).
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, CallError> {
        let Some(request) = self.listing.asks_for() else { return Ok(None) };
        let answered = self.client.call_with(self.token.clone(), request.clone(), &self.options).await?;
        self.token = answered.token;
        self.listing.read(request, &answered.answer).map(Some)
    }

    /// All pages as one.
    pub async fn all(mut self) -> Result<Page<T>, CallError> {
        let mut all = Page::default();
        while let Some(page) = self.next_page().await? {
            all.append(page);
        }
        Ok(all)
    }
}

/// A call that can be sent with any token.
trait Attempt: Send {
    type Answer: Send;
    type Error: Send;

    fn send(&mut self, token: &IssuedToken) -> impl Future<Output = Result<Self::Answer, Self::Error>> + Send;

    fn status(answer: &Self::Answer) -> StatusCode;

    /// Whether it can be sent once more.
    fn can_repeat(&self) -> bool;
}

/// Both bodies are in memory.
struct Whole<'a> {
    transport: &'a Transport,
    request: Request,
    options: &'a CallOptions,
}

impl Attempt for Whole<'_> {
    type Answer = Exchange;
    type Error = CallError;

    async fn send(&mut self, token: &IssuedToken) -> Result<Exchange, CallError> {
        let request = self.request.clone().bearer(&token.token);
        let options = self.options.clone().of(token.subject.clone());
        self.transport.call(&token.environment, request, &options).await
    }

    fn status(exchange: &Exchange) -> StatusCode {
        exchange.response.status
    }

    fn can_repeat(&self) -> bool {
        true
    }
}

/// The body of the request may be a stream, and that of the answer is one.
struct Streaming<'a> {
    transport: &'a Transport,
    method: Method,
    url: SafeUrl,
    headers: HeaderMap,
    /// `None` once a stream was sent, of which nothing is kept.
    body: Option<Upload>,
}

impl Attempt for Streaming<'_> {
    type Answer = Streamed;
    type Error = StreamError;

    async fn send(&mut self, token: &IssuedToken) -> Result<Streamed, StreamError> {
        let kept = self.body.as_ref().and_then(Upload::kept);
        let body = kept.or_else(|| self.body.take()).unwrap_or(Upload::Empty);
        let mut headers = self.headers.clone();
        headers.insert(AUTHORIZATION, bearer(&token.token).map_err(SetupError::Token)?);
        let request = Outgoing { method: self.method.clone(), url: self.url.clone(), headers, body };
        self.transport.stream(&token.environment, request, Some(&token.subject)).await
    }

    fn status(streamed: &Streamed) -> StatusCode {
        streamed.response.status()
    }

    fn can_repeat(&self) -> bool {
        self.body.is_some()
    }
}
