//! Fields as Webex really fills them: missing, null, or with a word that is new.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A null counts as a missing field.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A time in the spelling of RFC 3339; anything else is an unknown time and not an error.
pub(crate) fn timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_any(OfText(|text: &str| text.parse().ok()))
}

/// A text; anything else is none.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(OfText(|text: &str| Some(text.to_owned())))
}

/// The texts of a list. What is no list is an empty one, and what is no text is left out.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(Texts)
}

/// Whether something is in maintenance: the word `on`, or an object with that mode. Anything else is no maintenance.
pub(crate) fn maintenance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(Maintenance)
}

/// Methods of a [`Visitor`]: a value of another shape than those that it reads is the default.
macro_rules! otherwise_default {
    ($($method:ident($($value:ident: $type:ty)?)),*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        $(fn $method<E: de::Error>(self $(, _: $type)?) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })*
    };
    (scalars) => {
        otherwise_default!(visit_bool(v: bool), visit_i64(v: i64), visit_u64(v: u64), visit_f64(v: f64), visit_unit(), visit_none());
    };
    (list) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
    (object) => {
        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

/// Reads a text.
struct OfText<F>(F);

impl<'de, T, F: FnOnce(&str) -> Option<T>> Visitor<'de> for OfText<F> {
    type Value = Option<T>;

    otherwise_default!(scalars);
    otherwise_default!(list);
    otherwise_default!(object);

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok((self.0)(text))
    }
}

struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<String>;

    otherwise_default!(scalars);
    otherwise_default!(object);

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(Item(text)) = items.next_element()? {
            texts.extend(text);
        }
        Ok(texts)
    }
}

/// A text, or none.
#[derive(Deserialize)]
struct Item(#[serde(deserialize_with = "text")] Option<String>);

struct Maintenance;

impl<'de> Visitor<'de> for Maintenance {
    type Value = bool;

    otherwise_default!(scalars);
    otherwise_default!(list);

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text == "on")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut is_on = false;
        while let Some(name) = fields.next_key::<String>()? {
            match name.as_str() {
                "mode" => is_on = fields.next_value::<Item>()?.0.as_deref() == Some("on"),
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(is_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "timestamp")]
        at: Option<Timestamp>,
        #[serde(default, deserialize_with = "texts")]
        words: Vec<String>,
    }

    fn read(json: &str) -> Fields {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_time_is_read_in_every_spelling_of_the_documentation() {
        for json in [r#"{"at":"2015-10-18T14:26:16+00:00"}"#, r#"{"at":"2015-10-18T14:26:16.000Z"}"#] {
            assert_eq!(read(json).at, Some("2015-10-18T14:26:16Z".parse().unwrap()), "{json}");
        }
    }

    #[test]
    fn what_is_no_time_and_no_text_is_left_out() {
        for json in ["{}", r#"{"at":null,"words":null}"#, r#"{"at":5,"words":{}}"#, r#"{"at":"soon","words":[null,7]}"#]
        {
            let fields = read(json);
            assert!(fields.at.is_none() && fields.words.is_empty(), "{json}");
        }
        assert_eq!(read(r#"{"words":["a",null,"b"]}"#).words, ["a", "b"]);
    }
}
