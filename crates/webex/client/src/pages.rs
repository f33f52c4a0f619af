//! A list, page by page.

use std::marker::PhantomData;

use lanyard_protocol::{Environment, Page, Request, Walk};
use lanyard_secret::AccessToken;
use serde::de::DeserializeOwned;

use crate::{ACCEPTED_CODINGS, CallError, CallOptions, Exchange, Transport};

/// The position in a list that is being read. Both kinds of pages use it.
#[derive(Debug)]
pub(crate) struct Listing<T> {
    /// The request for the next page; `None` at the end of the list, and if the list cannot be followed.
    next: Option<Request>,
    key: &'static str,
    walk: Walk,
    items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Listing<T> {
    pub(crate) fn new(environment: &Environment, mut request: Request) -> Self {
        request.headers.entry(http::header::ACCEPT_ENCODING).or_insert(ACCEPTED_CODINGS);
        let walk = Walk::new(environment, &request.url);
        Self { next: Some(request), key: "items", walk, items: PhantomData }
    }

    pub(crate) fn under(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    pub(crate) fn at_most(mut self, pages: usize) -> Self {
        self.walk = self.walk.at_most(pages);
        self
    }

    /// The request for the next page.
    pub(crate) fn asks_for(&self) -> Option<Request> {
        self.next.clone()
    }

    /// Reads the answer to `request`, and the address of the next page.
    pub(crate) fn read(&mut self, request: Request, exchange: &Exchange) -> Result<Page<T>, CallError> {
        let page = exchange
            .response
            .page(&request.method, request.url.expose().path(), self.key)
            .map_err(|error| error.or_tracking_id(exchange.tracking_id))?;
        self.next = None;
        let next = self.walk.follow(&request.url, &exchange.response.headers, page.fingerprints().iter().copied());
        let next = next.map_err(|error| CallError::Paging(error, exchange.tracking_id))?;
        self.next = next.map(|url| Request { url, ..request });
        Ok(page)
    }
}

/// The pages of a list, asked for one after the other.
#[derive(Debug)]
pub struct Pages<'a, T> {
    transport: &'a Transport,
    environment: &'a Environment,
    listing: Listing<T>,
    options: CallOptions,
}

impl Transport {
    /// The pages of a list. `request` asks for the first; the others are named by the `Link` header and asked for with the same
    /// headers. Each is a [`call`](Self::call) with `options`.
    pub fn pages<'a, T: DeserializeOwned>(
        &'a self,
        environment: &'a Environment,
        token: &AccessToken,
        request: Request,
        options: &CallOptions,
    ) -> Pages<'a, T> {
        let listing = Listing::new(environment, request.bearer(token));
        Pages { transport: self, environment, listing, options: options.clone() }
    }
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// A list that stands under another key than `items`, as some of Calling do.
    #[must_use]
    pub fn under(mut self, key: &'static str) -> Self {
        self.listing = self.listing.under(key);
        self
    }

    /// Another bound on the number of pages; going beyond is an error.
    #[must_use]
    pub fn at_most(mut self, pages: usize) -> Self {
        self.listing = self.listing.at_most(pages);
        self
    }

    /// The next page; `None` after the last. A page may be empty and not be the last. After an error the same page can be asked
    /// for again, except where the list cannot be followed ([`PagingError`](lanyard_protocol::PagingError)): there it ends.
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, CallError> {
        let Some(request) = self.listing.asks_for() else { return Ok(None) };
        let exchange = self.transport.call(self.environment, request.clone(), &self.options).await?;
        self.listing.read(request, &exchange).map(Some)
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
