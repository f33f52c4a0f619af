//! A list, page by page.

use std::collections::HashSet;
use std::marker::PhantomData;

use lanyard_protocol::{Environment, Page, Request, next_link};
use lanyard_secret::{AccessToken, SafeUrl};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{CallError, CallOptions, TrackingId, Transport};

/// The pages of a list, asked for one after the other.
#[derive(Debug)]
pub struct Pages<'a, T> {
    transport: &'a Transport,
    environment: &'a Environment,
    /// What the next page is asked for with; `None` at the end, and where the list cannot be followed.
    next: Option<Request>,
    options: CallOptions,
    key: &'static str,
    asked: HashSet<SafeUrl>,
    at_most: usize,
    items: PhantomData<fn() -> T>,
}

/// Why the pages of a list cannot be followed to their end.
#[derive(Debug, Error)]
pub enum PagingError {
    /// The next page is said to be at an address to which the token may not go. It was not asked for.
    #[error("the next page is said to be at {0}, which does not belong to the credential's Webex (tracking id {1})")]
    ForeignOrigin(SafeUrl, TrackingId),
    /// The next page is one that was asked for before.
    #[error("the pages of {0} lead in a circle (tracking id {1})")]
    Circle(SafeUrl, TrackingId),
    /// There are more pages than any list has.
    #[error("{0} has more than {1} pages (tracking id {2})")]
    TooMany(SafeUrl, usize, TrackingId),
}

/// No list of Webex is longer: at the smallest pages, and nobody has so many of anything.
const MOST_PAGES: usize = 10_000;

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
        Pages {
            transport: self,
            environment,
            next: Some(request.bearer(token)),
            options: options.clone(),
            key: "items",
            asked: HashSet::new(),
            at_most: MOST_PAGES,
            items: PhantomData,
        }
    }
}

impl<T: DeserializeOwned> Pages<'_, T> {
    /// A list that stands under another key than `items`, as some of Calling do.
    #[must_use]
    pub fn under(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    /// Another bound on the number of pages than ten thousand; going beyond is an error.
    #[must_use]
    pub fn at_most(mut self, pages: usize) -> Self {
        self.at_most = pages;
        self
    }

    /// The next page; `None` after the last. A page may be empty and not be the last. After an error the same page can be asked
    /// for again, except where the list cannot be followed ([`PagingError`]): there it ends.
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, CallError> {
        let Some(request) = self.next.clone() else { return Ok(None) };
        let asked = request.url.clone();
        let exchange = self.transport.call(self.environment, request.clone(), &self.options).await?;
        let page = exchange
            .response
            .page(&request.method, asked.expose().path(), self.key)
            .map_err(|error| error.or_tracking_id(exchange.tracking_id))?;
        self.asked.insert(asked.clone());
        self.next = None;
        if let Some(url) = next_link(&asked, &exchange.response.headers) {
            self.check(&asked, &url, exchange.tracking_id)?;
            self.next = Some(Request { url, ..request });
        }
        Ok(Some(page))
    }

    /// All pages as one.
    pub async fn all(mut self) -> Result<Page<T>, CallError> {
        let mut all = Page::default();
        while let Some(page) = self.next_page().await? {
            all.append(page);
        }
        Ok(all)
    }

    fn check(&self, asked: &SafeUrl, next: &SafeUrl, tracking_id: TrackingId) -> Result<(), PagingError> {
        if !self.environment.permits(next) {
            return Err(PagingError::ForeignOrigin(next.clone(), tracking_id));
        }
        if self.asked.contains(next) {
            return Err(PagingError::Circle(asked.clone(), tracking_id));
        }
        if self.asked.len() >= self.at_most {
            return Err(PagingError::TooMany(asked.clone(), self.at_most, tracking_id));
        }
        Ok(())
    }
}
