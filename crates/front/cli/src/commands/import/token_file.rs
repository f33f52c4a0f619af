//! A token reply in JSON, and the token file of `wxc_sdk`.
//!
//! `wxc_sdk` writes with `yaml.safe_dump`: a flat mapping whose long values are folded over several lines, quoted where they need
//! to be. The parser's events are read as they come, and mostly borrow from the file's own buffer, which is wiped.

use std::borrow::Cow;
use std::fmt;

use granit_parser::{Event, Parser, ScalarStyle};
use lanyard_broker::ImportedTokens;
use lanyard_secret::{AccessToken, RefreshToken};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

/// What is wrong with a token file. Says where, never what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum FileError {
    /// It cannot be read as JSON.
    #[error("it is no JSON object of a token reply (line {0})")]
    Json(usize),
    /// It cannot be read as YAML.
    #[error("it is no YAML mapping of tokens (line {0})")]
    Yaml(usize),
    /// A field holds something else than a text.
    #[error("its field {0} is no text")]
    NoText(&'static str),
    /// A token has white space in it.
    #[error("its field {0} has white space inside")]
    WhiteSpace(&'static str),
    /// The tokens are of another type.
    #[error("its field token_type is not Bearer")]
    TokenType,
    /// There is no token at all.
    #[error("its field access_token is missing, and so is refresh_token")]
    NoToken,
}

/// The fields that are looked at; all others are passed over. Lifetimes are: they count from a moment that nobody knows.
const FIELDS: [&str; 4] = ["access_token", "refresh_token", "token_type", "scope"];

/// A field's text. Empty texts and nulls are as good as none.
type Text = Option<Zeroizing<String>>;

/// Reads a file's content: JSON where it begins with a brace, otherwise YAML.
pub(super) fn read(text: &str) -> Result<ImportedTokens, FileError> {
    let fields = if text.trim_start().starts_with('{') { json(text)? } else { yaml(text)? };
    let [access, refresh, kind, scope] = fields;
    if kind.is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("bearer")) {
        return Err(FileError::TokenType);
    }
    let tokens = ImportedTokens {
        access: token(access, FIELDS[0])?.map(|text| AccessToken::new(text.as_str())),
        refresh: token(refresh, FIELDS[1])?.map(|text| RefreshToken::new(text.as_str())),
        scopes: scope.and_then(|scope| scope.parse().ok()),
    };
    if tokens.access.is_none() && tokens.refresh.is_none() {
        return Err(FileError::NoToken);
    }
    Ok(tokens)
}

/// A token as it may be: without white space inside.
pub(super) fn token(text: Text, field: &'static str) -> Result<Text, FileError> {
    let Some(text) = text else { return Ok(None) };
    let trimmed = text.trim();
    if trimmed.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(FileError::WhiteSpace(field));
    }
    Ok(Some(trimmed).filter(|text| !text.is_empty()).map(|text| Zeroizing::new(text.to_owned())))
}

fn json(text: &str) -> Result<[Text; 4], FileError> {
    let Fields(fields) = serde_json::from_str(text).map_err(|error| FileError::Json(error.line()))?;
    let mut read: [Text; 4] = Default::default();
    for ((place, found), name) in read.iter_mut().zip(fields).zip(FIELDS) {
        *place = match found {
            Found::Nothing => None,
            Found::Text(text) => Some(text),
            Found::Other => return Err(FileError::NoText(name)),
        };
    }
    Ok(read)
}

fn yaml(text: &str) -> Result<[Text; 4], FileError> {
    let mut read: [Text; 4] = Default::default();
    let mut depth = 0_usize;
    // The field whose value comes next, where it is one that counts.
    let mut key: Option<Option<usize>> = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| FileError::Yaml(error.marker().line()))?;
        let line = span.start.line();
        match (event, key) {
            (Event::MappingStart(..), None) if depth == 0 => depth = 1,
            (Event::Scalar(name, ..), None) if depth == 1 => {
                key = Some(FIELDS.iter().position(|field| *field == name));
            }
            (Event::Scalar(value, style, ..), Some(field)) if depth == 1 => {
                key = None;
                let null = style == ScalarStyle::Plain && matches!(&*value, "" | "~" | "null" | "Null" | "NULL");
                let value = owned(value);
                if let Some(field) = field.filter(|_| !null) {
                    read[field] = Some(value);
                }
            }
            (Event::MappingStart(..) | Event::SequenceStart(..), Some(Some(field))) if depth == 1 => {
                return Err(FileError::NoText(FIELDS[field]));
            }
            (Event::MappingStart(..) | Event::SequenceStart(..), Some(None)) => depth += 1,
            (Event::MappingEnd | Event::SequenceEnd, _) => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    key = None;
                }
            }
            (Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd, _) => {}
            (Event::Scalar(..), _) if depth > 1 => {}
            // Whatever else a document may be, it is no token file: a list, an alias, a second document.
            _ => return Err(FileError::Yaml(line)),
        }
    }
    Ok(read)
}

/// The text, and nothing of it left behind.
fn owned(value: Cow<'_, str>) -> Zeroizing<String> {
    match value {
        Cow::Borrowed(text) => Zeroizing::new(text.to_owned()),
        Cow::Owned(text) => Zeroizing::new(text),
    }
}

/// The fields of a JSON object.
struct Fields([Found; 4]);

/// What stands in a field.
#[derive(Default)]
enum Found {
    #[default]
    Nothing,
    Text(Zeroizing<String>),
    Other,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields: [Found; 4] = Default::default();
        while let Some(name) = map.next_key::<String>()? {
            match FIELDS.iter().position(|field| **field == name) {
                Some(place) => fields[place] = map.next_value()?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Fields(fields))
    }
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FoundVisitor)
    }
}

struct FoundVisitor;

impl<'de> Visitor<'de> for FoundVisitor {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Found, E> {
        Ok(Found::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_string<E>(self, mut text: String) -> Result<Found, E> {
        let kept = Zeroizing::new(text.clone());
        text.zeroize();
        Ok(Found::Text(kept))
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Found, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Found::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(content: &str) -> (Option<String>, Option<String>, usize) {
        let tokens = read(content).expect(content);
        (
            tokens.access.map(|token| token.expose_secret().to_owned()),
            tokens.refresh.map(|token| token.expose_secret().to_owned()),
            tokens.scopes.map_or(0, |scopes| scopes.len()),
        )
    }

    const REPLY: &str = r#"{"access_token":"a_PF84_x","expires_in":1209599,"refresh_token":"r","token_type":"Bearer",
        "refresh_token_expires_in":7775999,"scope":"spark:kms spark:people_read","more":{"x":[1,null,"y"]}}"#;

    /// As `wxc_sdk` writes it.
    const YAML: &str = "access_token: a_PF84_x\nexpires_at: '2026-12-05T06:04:58.975741Z'\nexpires_in: 1209599\n\
        refresh_token: r\nrefresh_token_expires_at: null\nrefresh_token_expires_in: 7775999\n\
        scope: spark:people_read\n  spark:kms\n  spark-admin:people_read\ntoken_type: Bearer\n";

    #[test]
    fn both_kinds_of_file_are_read() {
        let both = (Some("a_PF84_x".to_owned()), Some("r".to_owned()));
        let (access, refresh, scopes) = texts(REPLY);
        assert_eq!(((access, refresh), scopes), (both.clone(), 2));
        let (access, refresh, scopes) = texts(YAML);
        assert_eq!(((access, refresh), scopes), (both, 3), "a folded scope is one text");
        assert_eq!(
            texts("access_token: '1234'\nrefresh_token: null\nscope: null\n"),
            (Some("1234".to_owned()), None, 0)
        );
        assert_eq!(texts("---\n\"refresh_token\": \"r\\u0041\" # note\n"), (None, Some("rA".to_owned()), 0));
        assert_eq!(texts("x: {access_token: no}\ny: [a, {b: c}]\naccess_token: a"), (Some("a".to_owned()), None, 0));
    }

    #[test]
    fn what_is_wrong_is_named_and_nothing_is_shown() {
        use FileError::{Json, NoText, NoToken, TokenType, WhiteSpace, Yaml};
        for (content, expected) in [
            ("", NoToken),
            ("{}", NoToken),
            ("{\"access_token\":\"\",\"refresh_token\":null}", NoToken),
            ("expires_in: 5\n", NoToken),
            ("{\"access_token\":5}", NoText("access_token")),
            ("{\"refresh_token\":[\"canary\"],\"access_token\":\"canary\"}", NoText("refresh_token")),
            ("access_token: {canary: canary}\n", NoText("access_token")),
            ("access_token: [canary]\n", NoText("access_token")),
            ("access_token: can ary\n", WhiteSpace("access_token")),
            ("{\"access_token\":\"canary\",\"token_type\":\"canary\"}", TokenType),
            ("{\"access_token\":\n\"canary", Json(2)),
            ("{\"access_token\":\"canary\"} canary", Json(1)),
            ("canary", Yaml(1)),
            ("- canary\n", Yaml(1)),
            ("access_token: canary\n\trefresh_token: \"canary", Yaml(1)),
            ("a: &x canary\naccess_token: *x\n", Yaml(2)),
        ] {
            let error = read(content).expect_err(content);
            assert_eq!(error, expected, "{content}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }
}
