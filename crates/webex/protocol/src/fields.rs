//! The fields of a JSON object, each read separately.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of an object, unread: a field of another type, or one that is there twice, spoils no other field. It may hold
/// tokens.
#[derive(Clone)]
pub struct Fields<'a> {
    fields: Vec<(String, &'a RawValue)>,
    broken: Option<usize>,
}

impl<'a> Fields<'a> {
    /// Takes an object apart, up to the place where it stops being JSON. `None` where it does not even begin as an object.
    pub fn of(text: &'a str) -> Option<Self> {
        if !text.trim_start().starts_with('{') {
            return None;
        }
        let mut fields = Vec::new();
        let mut json = serde_json::Deserializer::from_str(text);
        let collected = Collect(&mut fields).deserialize(&mut json);
        let broken = collected.and_then(|()| json.end()).err().map(|error| error.line());
        Some(Self { fields, broken })
    }

    /// The line, from 1, at which the text stops being a JSON object; `None` for a whole object and nothing else.
    pub fn broken_at(&self) -> Option<usize> {
        self.broken
    }

    /// The value of a field under one of its `names`. Where it is there several times the last one counts that can be read as
    /// a `T` and that is `usable`.
    pub fn last<T: Deserialize<'a>>(&self, names: &[&str], usable: impl Fn(&T) -> bool) -> Option<T> {
        let candidates = self.fields.iter().rev().filter(|(name, _)| names.contains(&name.as_str()));
        candidates.filter_map(|(_, value)| serde_json::from_str(value.get()).ok()).find(usable)
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({})", self.fields.len())
    }
}

struct Collect<'f, 'a>(&'f mut Vec<(String, &'a RawValue)>);

impl<'a> DeserializeSeed<'a> for Collect<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Collect<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_entry()? {
            self.0.push(field);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn last(json: &str, names: &[&str]) -> Option<String> {
        Fields::of(json)?.last(names, |text: &String| !text.is_empty())
    }

    #[test]
    fn the_last_readable_field_counts() {
        for (json, expected) in [
            (r#"{"a":"1"}"#, Some("1")),
            (r#"{"a":"1","a":"2"}"#, Some("2")),
            (r#"{"a":"1","a":null}"#, Some("1")),
            (r#"{"a":"1","a":["2"]}"#, Some("1")),
            (r#"{"a":"1","a":""}"#, Some("1")),
            (r#"{"a":"1","A":"2"}"#, Some("2")),
            (r#"{"x":1e999,"y":"\ud800","z":[[[]]],"a":"1"}"#, Some("1")),
            (r#"{"a":"1","b":"#, Some("1")),
            (r#"{"a":"1"} and more"#, Some("1")),
            (r#"{"a":"1"#, None),
            (r#"{"b":"1"}"#, None),
            (r#"[{"a":"1"}]"#, None),
            ("", None),
        ] {
            assert_eq!(last(json, &["a", "A"]).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn an_object_is_broken_where_something_follows_or_is_missing() {
        for (json, line) in [("{}", None), (" {\"a\":1} ", None), ("{\"a\":\n1", Some(2)), ("{} x", Some(1))] {
            assert_eq!(Fields::of(json).map(|fields| fields.broken_at()), Some(line), "{json}");
        }
        assert_eq!(Fields::of("{\"a\":7}").and_then(|fields| fields.last(&["a"], |_| true)), Some(Value::from(7)));
    }
}
