//! Fields as Webex really fills them: missing, null, or with a word that is new.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

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
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_str).and_then(|text| text.parse().ok()))
}

/// A text; anything else is none.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(if let Some(Value::String(text)) = value { Some(text) } else { None })
}

/// The texts of a list. What is no list is an empty one, and what is no text is left out.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let Some(Value::Array(values)) = Option::<Value>::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(values.into_iter().filter_map(|value| if let Value::String(text) = value { Some(text) } else { None }).collect())
}

/// Whether something is in maintenance: the word `on`, or an object with that mode. Anything else is no maintenance.
pub(crate) fn maintenance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
    Ok(value.as_str().or_else(|| value.get("mode")?.as_str()) == Some("on"))
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
