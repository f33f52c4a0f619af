//! Lists that are paged by `max` and an opaque cursor.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::LINK;
use serde_json::{Value, json};

use super::refusal::Refusal;
use crate::form::Form;
use crate::webex::Webex;

/// Where a list goes on.
#[derive(Default)]
pub(super) struct Cursor {
    offset: usize,
    /// Whether an empty page stands here first.
    empty: bool,
}

impl Cursor {
    /// Where the query says to go on; at the start where it says nothing.
    pub(super) fn of(query: &Form) -> Result<Self, Refusal> {
        Self::named(query, "cursor")
    }

    /// Like [`of`](Self::of), with another name for the parameter.
    pub(super) fn named(query: &Form, name: &str) -> Result<Self, Refusal> {
        Ok(query.get(name).map(Self::decode).transpose()?.unwrap_or_default())
    }

    /// A page of all that fits, and where the next one begins.
    pub(super) fn page<T>(
        &self,
        found: impl Iterator<Item = T>,
        size: usize,
        empty_pages: bool,
    ) -> (Vec<T>, Option<Self>) {
        let mut found = found.skip(self.offset);
        let items: Vec<_> = if self.empty { Vec::new() } else { found.by_ref().take(size).collect() };
        let offset = self.offset + items.len();
        let next = found.next().map(|_| Self { offset, empty: empty_pages && !self.empty });
        (items, next)
    }

    /// The `Link` of a page that this cursor follows.
    pub(super) fn link(&self, webex: &Webex, path: &str, query: &Form) -> String {
        self.link_named(webex, path, query, "cursor")
    }

    /// Like [`link`](Self::link), with another name for the parameter.
    pub(super) fn link_named(&self, webex: &Webex, path: &str, query: &Form, name: &str) -> String {
        let query = query.without(&[name]).append_pair(name, &self.encode()).finish();
        format!("<{}{path}?{query}>; rel=\"next\"", webex.setting().base_url)
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

/// How many items a page of a list holds.
pub(super) fn page_size(query: &Form, usual: usize, largest: usize) -> Result<usize, Refusal> {
    let size = match query.get("max") {
        None => usual,
        Some(text) => text.parse().map_err(|_| Refusal::BadRequest("max is a number.".into()))?,
    };
    Ok(size.clamp(1, largest))
}

/// A page, and the link to the next one.
pub(super) fn page<T>(
    webex: &Webex,
    (path, query): (&str, &Form),
    size: usize,
    empty_pages: bool,
    found: impl Iterator<Item = T>,
    show: impl Fn(T) -> Value,
) -> Result<Response, Refusal> {
    let (items, next) = Cursor::of(query)?.page(found, size, empty_pages);
    let items: Vec<_> = items.into_iter().map(show).collect();
    let mut response = Json(json!({ "items": items })).into_response();
    if let Some(link) = next.and_then(|next| next.link(webex, path, query).parse().ok()) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
