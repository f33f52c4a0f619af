//! Lists that are paged by `start` and `max`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use serde::Serialize;
use serde_json::{Map, Value};

use super::form::Form;
use super::refusal::Refusal;
use crate::webex::Webex;

/// A page of a list, and where the next one begins.
pub(super) struct Slice {
    pub(super) start: usize,
    pub(super) max: usize,
}

impl Slice {
    /// Too large a page is clamped in silence.
    pub(super) fn of(query: &Form, usual: usize, largest: usize) -> Result<Self, Refusal> {
        let number = |name: &str, other: usize| match query.get(name) {
            None => Ok(other),
            Some(text) => text.parse().map_err(|_| Refusal::BadRequest(format!("{name} is a number."))),
        };
        Ok(Self { start: number("start", 0)?, max: number("max", usual)?.clamp(1, largest) })
    }

    /// Takes the page out of all that fits, and names the next one.
    pub(super) fn page<T: Serialize>(
        &self,
        webex: &Webex,
        path: &str,
        key: &str,
        query: &Form,
        mut found: impl Iterator<Item = T>,
    ) -> Response {
        let items: Vec<Value> = found
            .by_ref()
            .skip(self.start)
            .take(self.max)
            .map(|item| serde_json::to_value(item).unwrap_or_default())
            .collect();
        let end = self.start + items.len();
        let more = found.next().is_some();
        let body = Value::Object(Map::from_iter([(key.to_owned(), Value::Array(items))]));
        let mut response = Json(body).into_response();
        if more {
            let query = query.without("start").append_pair("start", &end.to_string()).finish();
            let link = format!("<{}{path}?{query}>; rel=\"next\"", webex.setting().base_url);
            if let Ok(link) = link.parse() {
                response.headers_mut().insert(LINK, link);
            }
        }
        response
    }
}
