//! A page of a list, read item by item.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::printable;
use crate::text::Text;
use crate::walk::fingerprint;
use crate::{Method, ResourceError, Response};

/// A page of a list: `{"items":[…]}`, or another key in Calling. It may be empty and still have a next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items that could be read, including those with [`ItemTrouble::Partial`].
    pub items: Vec<T>,
    /// The problems of single items; the other items are not affected.
    pub problems: Vec<ItemProblem>,
    fingerprints: Vec<u64>,
}

/// A problem of one item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemProblem {
    /// The item's place in the list that Webex sent, from 0.
    pub index: usize,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// The trouble.
    pub trouble: ItemTrouble,
}

/// The trouble with an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemTrouble {
    /// Webex could not fill all its fields, and says which.
    Partial(Vec<FieldError>),
    /// It is not of the form that such items have. It is left out.
    Unreadable,
}

/// A field that Webex could not fill: `"errors": {"title": {"code": "kms_failure", "reason": "…"}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field.
    pub field: String,
    /// The machine's word, or nothing.
    pub code: String,
    /// The sentence, or nothing.
    pub reason: String,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), problems: Vec::new(), fingerprints: Vec::new() }
    }
}

impl<T> Page<T> {
    /// How many items Webex sent, those that could not be read included.
    pub fn sent(&self) -> usize {
        self.items.len() + self.problems.iter().filter(|problem| problem.trouble == ItemTrouble::Unreadable).count()
    }

    /// The fingerprints of all items that Webex sent, which recognise them on later pages; see [`Walk`](crate::Walk).
    pub fn fingerprints(&self) -> &[u64] {
        &self.fingerprints
    }

    /// Adds the page that comes next; the places of its problems count on.
    pub fn append(&mut self, mut next: Self) {
        let before = self.sent();
        self.items.append(&mut next.items);
        self.fingerprints.append(&mut next.fingerprints);
        self.problems.extend(next.problems.into_iter().map(|mut problem| {
            problem.index += before;
            problem
        }));
    }
}

impl<T: DeserializeOwned> Page<T> {
    /// Reads the list that stands under `key`. `None` where there is no list; a null is an empty one.
    fn read(body: &str, key: &str) -> serde_json::Result<Option<Self>> {
        let mut json = serde_json::Deserializer::from_str(body);
        let items = List { key }.deserialize(&mut json)?;
        json.end()?;
        Ok(items.map(|items| {
            let mut page = Self::default();
            for (index, item) in items.into_iter().enumerate() {
                page.add(index, item.get());
            }
            page
        }))
    }

    fn add(&mut self, index: usize, item: &str) {
        let head = Head::of(item);
        self.fingerprints.push(fingerprint(head.id.as_deref(), item));
        let problem = |trouble| ItemProblem { index, id: head.id.as_deref().map(printable), trouble };
        if !head.errors.is_empty() {
            self.problems.push(problem(ItemTrouble::Partial(head.errors.iter().map(field_error).collect())));
        }
        // A field that is there twice is an error, unless it is read loosely: then the last one counts.
        let loosely = |_| serde_json::from_str::<Value>(item).and_then(serde_json::from_value);
        match serde_json::from_str(item).or_else(loosely) {
            Ok(item) => self.items.push(item),
            Err(_) => self.problems.push(problem(ItemTrouble::Unreadable)),
        }
    }
}

fn field_error((field, error): (&String, &Value)) -> FieldError {
    let text = |name| error.get(name).and_then(Value::as_str).map(printable).unwrap_or_default();
    FieldError { field: printable(field), code: text("code"), reason: text("reason") }
}

/// Reads the items of a list as they are written, without reading them.
struct List<'k> {
    key: &'k str,
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = Option<Vec<&'de RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Option<Vec<&'de RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list under {:?}", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut items = None;
        while let Some(name) = fields.next_key::<String>()? {
            if name == self.key {
                items = Some(fields.next_value::<Option<_>>()?.unwrap_or_default());
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Ok(items)
    }
}

/// The fields that every item may have.
#[derive(Default)]
struct Head {
    id: Option<String>,
    errors: Map<String, Value>,
}

impl Head {
    /// The head of an item. An item is long, and its id is its first field nearly always: no more than needed is read.
    fn of(item: &str) -> Self {
        let mut head = Self::default();
        let seed = HeadSeed { is_whole: item.contains("\"errors\""), head: &mut head };
        // An error says no more than that the rest was not read.
        let _ = seed.deserialize(&mut serde_json::Deserializer::from_str(item));
        head
    }
}

struct HeadSeed<'h> {
    is_whole: bool,
    head: &'h mut Head,
}

impl<'de> DeserializeSeed<'de> for HeadSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for HeadSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "id" => {
                    if let Value::String(id) = fields.next_value()? {
                        self.head.id = Some(id);
                    }
                    if !self.is_whole {
                        return Ok(());
                    }
                }
                "errors" => {
                    if let Value::Object(errors) = fields.next_value()? {
                        self.head.errors = errors;
                    }
                }
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// As one body of JSON, under `items`.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Page<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let body = Value::Object(Map::deserialize(deserializer)?).to_string();
        let page = Self::read(&body, "items").map_err(D::Error::custom)?;
        page.ok_or_else(|| D::Error::missing_field("items"))
    }
}

impl Response {
    /// Decodes a page of a list from the answer to `method` `path`; the list stands under `key`, nearly always `items`. A success
    /// without a body is an empty page: some lists end with one.
    pub fn page<T: DeserializeOwned>(&self, method: &Method, path: &str, key: &str) -> Result<Page<T>, ResourceError> {
        self.done(method, path)?;
        if self.body.expose_secret().trim_ascii().is_empty() {
            return Ok(Page::default());
        }
        let page =
            Page::read(&Text::of(self.body.expose_secret()), key).map_err(|error| self.malformed(path, &error))?;
        page.ok_or_else(|| ResourceError::Malformed {
            path: path.to_owned(),
            reason: format!("there is no list under {key:?}"),
            tracking_id: self.tracking_id().map(printable),
        })
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use lanyard_secret::SecretBytes;

    use super::*;
    use crate::Organization;

    fn page(body: &str, key: &str) -> Result<Page<Organization>, ResourceError> {
        let body = SecretBytes::new(body.as_bytes().to_vec());
        Response { status: StatusCode::OK, headers: HeaderMap::new(), body }.page(&Method::GET, "/v1/x", key)
    }

    #[test]
    fn one_bad_item_does_not_spoil_the_list() {
        let page =
            page(r#"{"items":[{"id":"a","displayName":"A"},{"id":"b"},7,{"id":"c","displayName":"C"}]}"#, "items")
                .unwrap();
        assert_eq!(page.items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let unreadable = |index, id: Option<&str>| ItemProblem {
            index,
            id: id.map(str::to_owned),
            trouble: ItemTrouble::Unreadable,
        };
        assert_eq!(page.problems, [unreadable(1, Some("b")), unreadable(2, None)]);
        assert_eq!(page.sent(), 4);
    }

    #[test]
    fn a_partial_item_is_kept_and_told_of() {
        let page = page(
            r#"{"items":[{"id":"a","displayName":"?","errors":{"title":{"code":"kms_failure","reason":"Key management server failed"}}},
                {"id":"b","displayName":"B","errors":{}}]}"#,
            "items",
        )
        .unwrap();
        assert_eq!(page.items.len(), 2);
        let expected = FieldError {
            field: "title".into(),
            code: "kms_failure".into(),
            reason: "Key management server failed".into(),
        };
        assert_eq!(
            page.problems,
            [ItemProblem { index: 0, id: Some("a".into()), trouble: ItemTrouble::Partial(vec![expected]) }]
        );
    }

    #[test]
    fn lists_of_calling_stand_under_other_keys() {
        let body = r#"{"phoneNumbers":[{"id":"a","displayName":"A"}]}"#;
        assert_eq!(page(body, "phoneNumbers").unwrap().items.len(), 1);
        assert!(matches!(page(body, "items"), Err(ResourceError::Malformed { .. })));
        for body in ["", "\r\n", r#"{"items":null}"#, r#"{"items":[]}"#] {
            assert_eq!(page(body, "items").unwrap(), Page::default(), "{body}");
        }
        for body in ["[]", r#"{"items":{}}"#, "{}", "7"] {
            assert!(matches!(page(body, "items"), Err(ResourceError::Malformed { .. })), "{body}");
        }
    }

    #[test]
    fn places_count_on_from_page_to_page() {
        let mut first = page(r#"{"items":[{"id":"a","displayName":"A"},{"id":"b"}]}"#, "items").unwrap();
        first.append(page(r#"{"items":[7,{"id":"c","displayName":"C"}]}"#, "items").unwrap());
        assert_eq!(first.problems.iter().map(|problem| problem.index).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((first.items.len(), first.sent()), (2, 4));
    }

    #[test]
    fn an_item_is_known_by_its_id_or_by_all_of_it() {
        let known = |item: &str| {
            Page::<Value>::read(&format!(r#"{{"items":[{item}]}}"#), "items").unwrap().unwrap().fingerprints[0]
        };
        assert_eq!(known(r#"{"n":1,"id":"a"}"#), known(r#"{"id":"a","n":2,"errors":{"t":{}}}"#));
        for (one, other) in [
            (r#"{"id":"a"}"#, r#"{"id":"b"}"#),
            (r#"{"n":1}"#, r#"{"n":2}"#),
            (r#"{"id":null,"n":1}"#, r#"{"id":null,"n":2}"#),
            ("7", "8"),
        ] {
            assert_ne!(known(one), known(other));
        }
    }

    #[test]
    fn a_field_that_is_there_twice_counts_as_its_last() {
        let page = page(r#"{"items":[{"id":"a","id":"b","displayName":"A"}]}"#, "items").unwrap();
        assert_eq!((page.items[0].id.as_str(), page.problems.len()), ("b", 0));
    }
}
