//! A token reply in JSON, and the token file of `wxc_sdk`.
//!
//! `wxc_sdk` writes with `yaml.safe_dump`: a flat mapping whose long values are folded over several lines, quoted where they need
//! to be. The parser's events are read as they come, and mostly borrow from the file's own buffer, which is wiped.

use std::borrow::Cow;

use granit_parser::{Event, Parser, ScalarStyle};
use lanyard_broker::ImportedTokens;
use lanyard_protocol::{Fields, ScopeSet};
use lanyard_secret::{AccessToken, OddLetter, RefreshToken, SecretText};
use serde_json::Value;
use thiserror::Error;
use zeroize::Zeroizing;

/// A mistake in a token file. Shows its place, never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum FileError {
    /// It cannot be read as JSON.
    #[error("it is not a JSON object of a token reply (line {0})")]
    Json(usize),
    /// It cannot be read as YAML.
    #[error("it is not a YAML mapping of tokens (line {0})")]
    Yaml(usize),
    /// A field holds something else than a text.
    #[error("its field {0} is not text")]
    NoText(&'static str),
    /// A token has a letter that no token has.
    #[error("its field {0} contains a character that is invalid in a token: {1}")]
    OddLetter(&'static str, OddLetter),
    /// There is no token at all.
    #[error("its field access_token is missing, and so is refresh_token")]
    NoToken,
}

/// The fields that are looked at; all others are passed over. Lifetimes are: they count from a moment that nobody knows.
const FIELDS: [&str; 3] = ["access_token", "refresh_token", "scope"];

/// A field's text. Empty texts and nulls are as good as none.
type Text = Option<Zeroizing<String>>;

/// The fields of a token file.
#[derive(Default)]
struct Found {
    access: Text,
    refresh: Text,
    scopes: Option<ScopeSet>,
}

/// Reads a file's content: JSON where it begins with a brace, otherwise YAML.
pub(super) fn read(text: &str) -> Result<ImportedTokens, FileError> {
    let found = if text.trim_start().starts_with('{') { json(text)? } else { yaml(text)? };
    let tokens = ImportedTokens {
        access: token(found.access, FIELDS[0])?.map(|text| AccessToken::new(text.as_str())),
        refresh: token(found.refresh, FIELDS[1])?.map(|text| RefreshToken::new(text.as_str())),
        scopes: found.scopes,
    };
    if tokens.access.is_none() && tokens.refresh.is_none() {
        return Err(FileError::NoToken);
    }
    Ok(tokens)
}

/// A token without the white space around it.
pub(super) fn token(text: Text, field: &'static str) -> Result<Text, FileError> {
    let Some(text) = text else { return Ok(None) };
    let trimmed = text.trim();
    if let Some(odd) = OddLetter::find(trimmed) {
        return Err(FileError::OddLetter(field, odd));
    }
    Ok(Some(trimmed).filter(|text| !text.is_empty()).map(|text| Zeroizing::new(text.to_owned())))
}

/// Reads the fields as those of a token reply are: the last one that is a text counts.
fn json(text: &str) -> Result<Found, FileError> {
    let fields = Fields::of(text).ok_or(FileError::Json(1))?;
    if let Some(line) = fields.broken_at() {
        return Err(FileError::Json(line));
    }
    let text = |name: &'static str| {
        let text = fields.last(&[name], |text: &SecretText| !text.is_empty());
        let is_other = |value: &Value| !value.is_null() && !value.is_string();
        match text {
            None if fields.last(&[name], is_other).is_some() => Err(FileError::NoText(name)),
            text => Ok(text.map(|text| Zeroizing::new(text.expose_secret().to_owned()))),
        }
    };
    Ok(Found {
        access: text(FIELDS[0])?,
        refresh: text(FIELDS[1])?,
        scopes: fields.last(&[FIELDS[2]], |_: &Value| true).as_ref().and_then(ScopeSet::granted),
    })
}

fn yaml(text: &str) -> Result<Found, FileError> {
    let mut read: [Text; 3] = Default::default();
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
            // Any other document is not a token file: a list, an alias, a second document.
            _ => return Err(FileError::Yaml(line)),
        }
    }
    let [access, refresh, scope] = read;
    let scopes = scope.and_then(|scope| scope.parse().ok()).filter(|scopes: &ScopeSet| !scopes.is_empty());
    Ok(Found { access, refresh, scopes })
}

/// The text, and nothing of it left behind.
fn owned(value: Cow<'_, str>) -> Zeroizing<String> {
    match value {
        Cow::Borrowed(text) => Zeroizing::new(text.to_owned()),
        Cow::Owned(text) => Zeroizing::new(text),
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
    fn a_field_that_is_there_twice_or_is_odd_spoils_nothing() {
        for content in [
            r#"{"access_token":"old","access_token":"a","refresh_token":"r"}"#,
            r#"{"access_token":"a","access_token":null,"refresh_token":"r","refresh_token":7}"#,
            r#"{"access_token":"a","refresh_token":"r","token_type":["Bearer"],"scope":"","scope":[]}"#,
            "access_token: a\nrefresh_token: r\ntoken_type: BearerToken\nscope: ''\n",
        ] {
            assert_eq!(texts(content), (Some("a".to_owned()), Some("r".to_owned()), 0), "{content}");
        }
        assert_eq!(texts(r#"{"access_token":"a","scope":"x,y"}"#).2, 2);
    }

    #[test]
    fn a_letter_that_no_token_has_is_named_and_the_token_is_not() {
        for (content, expected) in [
            ("access_token: can ary\n", "character 4 is U+0020 (space)"),
            ("{\"refresh_token\":\"canary\\u200b\"}", "character 7 is U+200B (zero-width space)"),
            ("access_token: \"can\\\"ary\"\n", "character 4 is U+0022 (quotation mark)"),
        ] {
            let error = read(content).expect_err(content).to_string();
            assert!(error.ends_with(expected) && !error.contains("can\"") && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_nothing_is_shown() {
        use FileError::{Json, NoText, NoToken, Yaml};
        for (content, expected) in [
            ("", NoToken),
            ("{}", NoToken),
            ("{\"access_token\":\"\",\"refresh_token\":null}", NoToken),
            ("expires_in: 5\n", NoToken),
            ("{\"access_token\":5}", NoText("access_token")),
            ("{\"refresh_token\":[\"canary\"],\"access_token\":\"canary\"}", NoText("refresh_token")),
            ("access_token: {canary: canary}\n", NoText("access_token")),
            ("access_token: [canary]\n", NoText("access_token")),
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
