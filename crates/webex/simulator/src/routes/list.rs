//! Lists that are paged by `start` and `max`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::form::Form;
use crate::webex::Webex;

/// A page of a list, and where the next one begins.
pub(super) struct Slice {
    start: usize,
    max: usize,
    /// Whether this is an empty page between two others.
    gap: bool,
}

impl Slice {
    /// Too large a page is clamped in silence.
    pub(super) fn of(query: &Form, usual: usize, largest: usize) -> Result<Self, Refusal> {
        let number = |name: &str, other: usize| match query.get(name) {
            None => Ok(other),
            Some(text) => text.parse().map_err(|_| Refusal::BadRequest(format!("{name} is a number."))),
        };
        let gap = query.get("cursor") == Some(GAP);
        Ok(Self { start: number("start", 0)?, max: number("max", usual)?.clamp(1, largest), gap })
    }

    /// Takes the page out of all that fits, shows what is on it and nothing else, and names the next one.
    pub(super) fn page<T>(
        &self,
        webex: &Webex,
        (path, key): (&str, &str),
        query: &Form,
        empty_pages: bool,
        found: impl Iterator<Item = T>,
        show: impl Fn(T) -> Value,
    ) -> Response {
        let (items, next) = if self.gap { (Vec::new(), Some(self.start)) } else { self.cut(found, show) };
        let body = Value::Object(Map::from_iter([(key.to_owned(), Value::Array(items))]));
        let mut response = Json(body).into_response();
        if let Some(next) = next {
            let mut query = query.without(&["start", "cursor"]);
            query.append_pair("start", &next.to_string());
            if empty_pages && !self.gap {
                query.append_pair("cursor", GAP);
            }
            let link = format!("<{}{path}?{}>; rel=\"next\"", webex.setting().base_url, query.finish());
            if let Ok(link) = link.parse() {
                response.headers_mut().insert(LINK, link);
            }
        }
        response
    }

    fn cut<T>(&self, found: impl Iterator<Item = T>, show: impl Fn(T) -> Value) -> (Vec<Value>, Option<usize>) {
        let mut found = found.skip(self.start);
        let items: Vec<_> = found.by_ref().take(self.max).map(show).collect();
        let next = found.next().map(|_| self.start + items.len());
        (items, next)
    }
}

/// Marks the empty page before a page.
const GAP: &str = "gap";

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_what_is_on_the_page_is_shown() {
        let shown = Cell::new(0);
        let show = |number: u32| {
            shown.set(shown.get() + 1);
            Value::from(number)
        };
        let (items, next) = Slice { start: 19_000, max: 3, gap: false }.cut(0..20_000, show);
        assert_eq!((items, next), (vec![19_000.into(), 19_001.into(), 19_002.into()], Some(19_003)));
        assert_eq!(shown.get(), 3);
        let (items, next) = Slice { start: 19_998, max: 3, gap: false }.cut(0..20_000, show);
        assert_eq!((items.len(), next), (2, None));
    }
}
