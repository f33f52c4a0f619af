//! Pages of lists: by `max` and an opaque cursor ([`Paging`]), or by `start` and `max` ([`Slice`]).

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::Serializer;
use http::header::LINK;
use http::request::Parts;
use serde_json::{Map, Value, json};

use crate::form::Form;
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::Webex;

/// A page of a list with a cursor. Too large a page is clamped in silence.
pub(in crate::routes) struct Paging<const USUAL: usize, const LARGEST: usize> {
    list: List,
    max: usize,
    /// The cursor's name in the query. A cursor is read with the list, after everything else that can be wrong.
    cursor: &'static str,
}

impl<const USUAL: usize, const LARGEST: usize> Paging<USUAL, LARGEST> {
    /// The page that a query asks for, with these names for its parameters.
    pub(in crate::routes) fn of(list: List, max: &str, cursor: &'static str) -> Result<Self, Refusal> {
        let max = list.number(max, USUAL)?.clamp(1, LARGEST);
        Ok(Self { list, max, cursor })
    }

    /// The largest page, for a list whose callers cannot choose another.
    pub(in crate::routes) fn whole(list: List) -> Self {
        Self { list, max: LARGEST, cursor: "cursor" }
    }

    /// With a smaller largest page.
    pub(in crate::routes) fn within(self, largest: usize) -> Self {
        Self { max: self.max.min(largest), ..self }
    }

    /// A page of all that is found, and the link to the next one.
    pub(in crate::routes) fn reply<T>(
        &self,
        found: impl Iterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Reply<Response> {
        self.reply_with(found, |items| json!({ "items": items.into_iter().map(show).collect::<Vec<_>>() }))
    }

    /// Like [`reply`](Self::reply), with a body that is more than its items.
    pub(in crate::routes) fn reply_with<T>(
        &self,
        found: impl Iterator<Item = T>,
        body: impl FnOnce(Vec<T>) -> Value,
    ) -> Reply<Response> {
        let cursor = self.list.query.get(self.cursor).map(Cursor::decode).transpose()?.unwrap_or_default();
        let (items, next) = cursor.page(found, self.max, self.list.empty_pages);
        let next = next.map(|next| {
            let mut query = self.list.query.without(&[self.cursor]);
            query.append_pair(self.cursor, &next.encode());
            query
        });
        Ok(self.list.linked(&body(items), next))
    }
}

impl<const USUAL: usize, const LARGEST: usize> FromRequestParts<Webex> for Paging<USUAL, LARGEST> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, webex: &Webex) -> Result<Self, Refusal> {
        Self::of(List::of(parts, webex), "max", "cursor")
    }
}

/// A page of a list that is paged by `start`. Too large a page is clamped in silence.
pub(in crate::routes) struct Slice<const USUAL: usize, const LARGEST: usize> {
    list: List,
    start: usize,
    max: usize,
    /// Whether this is an empty page between two others.
    gap: bool,
}

impl<const USUAL: usize, const LARGEST: usize> Slice<USUAL, LARGEST> {
    /// A page of all that is found, and the link to the next one.
    pub(in crate::routes) fn reply<T>(&self, found: impl Iterator<Item = T>, show: impl Fn(T) -> Value) -> Response {
        self.page("items", self.list.empty_pages, found, show)
    }

    /// Like [`reply`](Self::reply), with another name for the items. Such a list has no empty pages.
    pub(in crate::routes) fn named<T>(
        &self,
        key: &str,
        found: impl Iterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Response {
        self.page(key, false, found, show)
    }

    fn page<T>(
        &self,
        key: &str,
        empty_pages: bool,
        found: impl Iterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Response {
        let (items, next) = if self.gap { (Vec::new(), Some(self.start)) } else { self.cut(found, show) };
        let next = next.map(|next| {
            let mut query = self.list.query.without(&["start", "cursor"]);
            query.append_pair("start", &next.to_string());
            if empty_pages && !self.gap {
                query.append_pair("cursor", GAP);
            }
            query
        });
        self.list.linked(&Value::Object(Map::from_iter([(key.to_owned(), Value::Array(items))])), next)
    }

    /// Shows what is on the page and nothing else.
    fn cut<T>(&self, found: impl Iterator<Item = T>, show: impl Fn(T) -> Value) -> (Vec<Value>, Option<usize>) {
        let mut found = found.skip(self.start);
        let items: Vec<_> = found.by_ref().take(self.max).map(show).collect();
        let next = found.next().map(|_| self.start + items.len());
        (items, next)
    }
}

impl<const USUAL: usize, const LARGEST: usize> FromRequestParts<Webex> for Slice<USUAL, LARGEST> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, webex: &Webex) -> Result<Self, Refusal> {
        let list = List::of(parts, webex);
        let start = list.number("start", 0)?;
        let max = list.number("max", USUAL)?.clamp(1, LARGEST);
        let gap = list.query.get("cursor") == Some(GAP);
        Ok(Self { list, start, max, gap })
    }
}

/// Marks the empty page before a page.
const GAP: &str = "gap";

/// A list as a call names it: its address and its query, which the link to the next page repeats.
pub(in crate::routes) struct List {
    address: String,
    query: Form,
    empty_pages: bool,
}

impl List {
    fn of(parts: &Parts, webex: &Webex) -> Self {
        Self {
            address: format!("{}{}", webex.setting().origin(), parts.uri.path()),
            query: Form::of_query(parts),
            empty_pages: webex.state().behaviour.empty_pages,
        }
    }

    fn number(&self, name: &str, usual: usize) -> Result<usize, Refusal> {
        match self.query.get(name) {
            None => Ok(usual),
            Some(text) => text.parse().map_err(|_| Refusal::BadRequest(format!("{name} is a number."))),
        }
    }

    /// A reply that leads to the next page, by its query.
    fn linked(&self, body: &Value, next: Option<Serializer<'static, String>>) -> Response {
        let mut response = Json(body).into_response();
        let link = next.map(|mut query| format!("<{}?{}>; rel=\"next\"", self.address, query.finish()));
        if let Some(link) = link.and_then(|link| link.parse().ok()) {
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

impl FromRequestParts<Webex> for List {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, webex: &Webex) -> Result<Self, Infallible> {
        Ok(Self::of(parts, webex))
    }
}

/// Where a list goes on.
#[derive(Default)]
struct Cursor {
    offset: usize,
    /// Whether an empty page stands here first.
    empty: bool,
}

impl Cursor {
    /// A page of all that fits, and where the next one begins.
    fn page<T>(&self, found: impl Iterator<Item = T>, size: usize, empty_pages: bool) -> (Vec<T>, Option<Self>) {
        let mut found = found.skip(self.offset);
        let items: Vec<_> = if self.empty { Vec::new() } else { found.by_ref().take(size).collect() };
        let offset = self.offset + items.len();
        let next = found.next().map(|_| Self { offset, empty: empty_pages && !self.empty });
        (items, next)
    }

    fn encode(&self) -> String {
        let kind = if self.empty { "gap" } else { "page" };
        URL_SAFE_NO_PAD.encode(format!("{kind}:{}", self.offset))
    }

    fn decode(text: &str) -> Result<Self, Refusal> {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        decoded
            .as_deref()
            .and_then(|text| text.split_once(':'))
            .and_then(|(kind, offset)| {
                Some(Self {
                    offset: offset.parse().ok()?,
                    empty: match kind {
                        "gap" => true,
                        "page" => false,
                        _ => return None,
                    },
                })
            })
            .ok_or_else(|| Refusal::BadRequest("The cursor is not valid.".into()))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn list(query: &str) -> List {
        List { address: "http://x/v1/things".to_owned(), query: Form::parse(query.as_bytes()), empty_pages: false }
    }

    #[test]
    fn a_page_is_clamped() {
        let size = |query| Paging::<100, 1000>::of(list(query), "max", "cursor").map(|page| page.within(500).max);
        assert_eq!((size(""), size("max=300"), size("max=5000"), size("max=0")), (Ok(100), Ok(300), Ok(500), Ok(1)));
        assert_eq!(size("max=many"), Err(Refusal::BadRequest("max is a number.".to_owned())));
    }

    #[test]
    fn a_cursor_reads_as_it_is_written_and_nothing_else_is_one() {
        let cursor = Cursor::decode(&Cursor { offset: 17, empty: true }.encode()).ok().unwrap();
        assert_eq!((cursor.offset, cursor.empty), (17, true));
        for text in ["", "17", "cGFnZTo", "%%"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pages_end_where_the_list_does() {
        let page = |offset, size| {
            let (items, next) = Cursor { offset, empty: false }.page(0..5, size, false);
            (items, next.map(|next| next.offset))
        };
        assert_eq!(page(0, 2), (vec![0, 1], Some(2)));
        assert_eq!(page(4, 2), (vec![4], None));
        assert_eq!(page(3, 2), (vec![3, 4], None));
        assert_eq!(page(9, 2), (vec![], None));
    }

    #[test]
    fn a_link_repeats_the_query() {
        let page = Paging::<2, 2>::of(list("a=b%26&cursor=cGFnZToy"), "max", "cursor").unwrap();
        let response = page.reply(0..5, Value::from).unwrap();
        let next = URL_SAFE_NO_PAD.encode("page:4");
        assert_eq!(response.headers()[LINK], format!("<http://x/v1/things?a=b%26&cursor={next}>; rel=\"next\""));
    }

    #[test]
    fn only_what_is_on_the_page_is_shown() {
        let shown = Cell::new(0);
        let show = |number: u32| {
            shown.set(shown.get() + 1);
            Value::from(number)
        };
        let slice = |start| Slice::<3, 3> { list: list(""), start, max: 3, gap: false };
        let (items, next) = slice(19_000).cut(0..20_000, show);
        assert_eq!((items, next), (vec![19_000.into(), 19_001.into(), 19_002.into()], Some(19_003)));
        assert_eq!(shown.get(), 3);
        let (items, next) = slice(19_998).cut(0..20_000, show);
        assert_eq!((items.len(), next), (2, None));
    }
}
