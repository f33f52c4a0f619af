//! Following the pages of a list to their end, or giving up.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::HeaderMap;
use lanyard_secret::SafeUrl;
use thiserror::Error;
use url::form_urlencoded;

use crate::Environment;
use crate::paging::{UnreadableLink, next_link};

/// Why the pages of a list cannot be followed to their end: what was read so far is not the whole list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PagingError {
    /// There is a next page, and its address cannot be read.
    #[error(transparent)]
    Unreadable(#[from] UnreadableLink),
    /// The next page is on the same host under another scheme. It was not asked for.
    #[error("the next page is at {0}, whose scheme differs from the page before it; the token is not sent there")]
    OtherScheme(SafeUrl),
    /// The next page is at an address to which the token may not go. It was not asked for.
    #[error("the next page is at {0}, which does not belong to the credential's Webex")]
    ForeignOrigin(SafeUrl),
    /// The next page is one that was asked for before.
    #[error("the pages of {0} form a loop")]
    Circle(SafeUrl),
    /// Page after page has no item that an earlier one did not have.
    #[error("{1} consecutive pages of {0} had nothing new")]
    NothingNew(SafeUrl, usize),
    /// There are more pages than any list has.
    #[error("{0} has more than {1} pages")]
    TooMany(SafeUrl, usize),
}

/// Follows a list: which page is next, and when to give up.
#[derive(Clone, Debug)]
pub struct Walk {
    environment: Environment,
    first: SafeUrl,
    asked: HashSet<SafeUrl>,
    /// Fingerprints of the items so far: a few bytes each, however long the list is.
    seen: HashSet<u64>,
    barren: usize,
    at_most: usize,
}

/// No list of Webex is longer.
const MOST_PAGES: usize = 100_000;
/// After so many pages in a row without a new item no more are asked for: each counts against a person's limit. Webex has
/// empty pages in the middle of a list, but not dozens of them.
const MOST_BARREN: usize = 50;

impl Walk {
    /// Begins with the first page, at `first`.
    pub fn new(environment: &Environment, first: &SafeUrl) -> Self {
        Self {
            environment: environment.clone(),
            first: first.clone(),
            asked: HashSet::from([first.clone()]),
            seen: HashSet::new(),
            barren: 0,
            at_most: MOST_PAGES,
        }
    }

    /// Gives up after so many pages.
    #[must_use]
    pub fn at_most(mut self, pages: usize) -> Self {
        self.at_most = pages;
        self
    }

    /// Takes note of the page at `asked`, with the [fingerprints](fingerprint) of its items; gives the address of the next one,
    /// `None` after the last.
    pub fn follow(
        &mut self,
        asked: &SafeUrl,
        headers: &HeaderMap,
        items: impl IntoIterator<Item = u64>,
    ) -> Result<Option<SafeUrl>, PagingError> {
        let before = self.seen.len();
        self.seen.extend(items);
        self.barren = if self.seen.len() > before { 0 } else { self.barren + 1 };
        let Some(next) = next_link(asked, headers)? else { return Ok(None) };
        let next = mended(&self.first, next);
        if !self.environment.permits(&next) {
            let (from, to) = (asked.expose(), next.expose());
            return Err(if from.host() == to.host() && from.scheme() != to.scheme() {
                PagingError::OtherScheme(next)
            } else {
                PagingError::ForeignOrigin(next)
            });
        }
        if self.barren >= MOST_BARREN {
            return Err(PagingError::NothingNew(self.first.clone(), self.barren));
        }
        if self.asked.len() >= self.at_most && !self.asked.contains(&next) {
            return Err(PagingError::TooMany(self.first.clone(), self.at_most));
        }
        if !self.asked.insert(next.clone()) {
            return Err(PagingError::Circle(self.first.clone()));
        }
        Ok(Some(next))
    }
}

/// The fingerprint that recognises an item on later pages: a hash of its id, or of the whole item if it has none.
pub fn fingerprint(id: Option<&str>, item: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.unwrap_or(item).hash(&mut hasher);
    hasher.finish()
}

/// Names of parameters that say which part of a list is meant: a next page may leave them out or have others.
const PLACES: [&str; 16] = [
    "max",
    "count",
    "limit",
    "cursor",
    "start",
    "startindex",
    "offset",
    "page",
    "pagetoken",
    "nexttoken",
    "before",
    "after",
    "beforemessage",
    "aftermessage",
    "from",
    "to",
];

/// Repairs what next links of Webex have been seen to lack: a filter of the first page that was lost, and a `max` that became
/// the word `null`.
fn mended(first: &SafeUrl, next: SafeUrl) -> SafeUrl {
    let query = next.expose().query().unwrap_or_default();
    let kept = query.split('&').filter(|part| !part.is_empty() && *part != "max=null");
    let mut parts: Vec<&str> = kept.collect();
    if first.expose().path() == next.expose().path() && first.origin() == next.origin() {
        let has: HashSet<_> = next.expose().query_pairs().map(|(name, _)| name.into_owned()).collect();
        parts.extend(first.expose().query().unwrap_or_default().split('&').filter(|part| {
            let name = form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name.into_owned());
            name.is_some_and(|name| !PLACES.contains(&name.to_ascii_lowercase().as_str()) && !has.contains(&name))
        }));
    }
    let parts = parts.join("&");
    if parts == query {
        return next;
    }
    let mut mended = next.into_inner();
    mended.set_query(Some(parts.as_str()).filter(|query| !query.is_empty()));
    SafeUrl::new(mended)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const LIST: &str = "https://webexapis.com/v1/rooms";

    fn url(query: &str) -> SafeUrl {
        format!("{LIST}{query}").parse().unwrap()
    }

    fn link(target: &str) -> HeaderMap {
        let value = HeaderValue::from_str(&format!("<{target}>; rel=next")).unwrap();
        HeaderMap::from_iter([(http::header::LINK, value)])
    }

    fn walk(first: &str) -> Walk {
        Walk::new(&Environment::commercial(), &url(first))
    }

    /// Where the list at `first` goes on, if its first page names `next`.
    fn goes_on(first: &str, next: &str) -> Result<String, PagingError> {
        let next = walk(first).follow(&url(first), &link(next), [1])?;
        Ok(next.unwrap().expose().as_str().trim_start_matches(LIST).to_owned())
    }

    #[test]
    fn a_lost_filter_is_added_and_a_max_of_null_is_dropped() {
        for (first, next, expected) in [
            ("?roomId=a&max=5", "?roomId=a&max=5&cursor=x", "?roomId=a&max=5&cursor=x"),
            ("?roomId=a&mentionedPeople=me", "?roomId=a&cursor=x", "?roomId=a&cursor=x&mentionedPeople=me"),
            ("?roomId=a%20b", "?cursor=x", "?cursor=x&roomId=a%20b"),
            ("?max=5&before=1&page=0", "?cursor=x", "?cursor=x"),
            ("", "?max=null&cursor=x", "?cursor=x"),
            ("", "?max=null", ""),
            ("?type=group", "https://webexapis.com/v1/other?cursor=x", "https://webexapis.com/v1/other?cursor=x"),
        ] {
            let found = if expected.is_empty() {
                goes_on("?a=1&page=1", next).map(|_| String::new())
            } else {
                goes_on(first, next)
            };
            assert_eq!(found.as_deref(), Ok(expected), "{first} {next}");
        }
    }

    #[test]
    fn a_page_that_the_token_may_not_go_to_is_named_with_the_reason() {
        let error = goes_on("", "http://webexapis.com/v1/rooms?cursor=x").unwrap_err();
        assert!(matches!(error, PagingError::OtherScheme(_)), "{error}");
        let error = goes_on("", "https://evil.example/v1/rooms?cursor=x").unwrap_err();
        assert!(matches!(error, PagingError::ForeignOrigin(_)), "{error}");
        let error = goes_on("", "https,http://webexapis.com/v1/rooms").unwrap_err();
        assert!(matches!(error, PagingError::Unreadable(_)), "{error}");
    }

    #[test]
    fn a_circle_is_seen_from_its_first_page_on() {
        assert!(matches!(goes_on("?a=1", "?a=1"), Err(PagingError::Circle(_))));
        let mut walk = walk("");
        walk.follow(&url(""), &link("?c=1"), [1]).unwrap();
        assert!(matches!(walk.follow(&url("?c=1"), &link(LIST), [2]), Err(PagingError::Circle(_))));
    }

    #[test]
    fn dozens_of_pages_with_nothing_new_are_enough() {
        for item in [None, Some(7)] {
            let mut walk = walk("");
            let mut asked = url("");
            let mut pages = 0;
            let error = loop {
                pages += 1;
                match walk.follow(&asked, &link(&format!("?c={pages}")), item) {
                    Ok(next) => asked = next.unwrap(),
                    Err(error) => break error,
                }
            };
            assert!(matches!(error, PagingError::NothingNew(..)), "{error}");
            assert!((MOST_BARREN..=MOST_BARREN + 1).contains(&pages), "{pages}");
        }
    }

    #[test]
    fn empty_pages_in_between_end_nothing() {
        let mut walk = walk("");
        let mut asked = url("");
        for page in 0..500_u64 {
            let items = (page % 40 == 0).then_some(page);
            asked = walk.follow(&asked, &link(&format!("?c={page}")), items).unwrap().unwrap();
        }
        assert_eq!(walk.follow(&asked, &HeaderMap::new(), None), Ok(None));
    }
}
