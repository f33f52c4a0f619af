//! A client that is held to one organisation.

use std::fmt;

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lanyard_protocol::OrgId;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use url::form_urlencoded;

use crate::problem::{Code, Problem};

/// What a call must keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pin<'a>(pub(super) &'a OrgId);

/// The names under which Webex takes an organisation.
const NAMES: [&str; 2] = ["orgId", "targetOrgId"];

impl Pin<'_> {
    /// The query that is sent: the client's own where it, or the path, names this organisation, with `orgId` added where neither
    /// names any.
    pub(super) fn query(self, segments: &[&str], query: Option<&str>) -> Result<Option<String>, Problem> {
        let in_path = self.path(segments)?;
        let mut named = false;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if is_named(&name) {
                self.same(&value)?;
                named = true;
            }
        }
        if named || in_path {
            return Ok(query.map(str::to_owned));
        }
        let added = form_urlencoded::Serializer::new(String::new()).append_pair("orgId", self.0.as_str()).finish();
        Ok(Some(match query.filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&{added}"),
            None => added,
        }))
    }

    /// Whether the path names the organisation: `…/organizations/{id}/…` anywhere, `/identity/scim/{id}/…`.
    fn path(self, segments: &[&str]) -> Result<bool, Problem> {
        let is = |index: usize, word: &str| segments.get(index).is_some_and(|found| found.eq_ignore_ascii_case(word));
        let mut named = false;
        if is(0, "identity") && is(1, "scim") {
            self.same(segments.get(2).copied().unwrap_or_default())?;
            named = true;
        }
        for (index, _) in segments.iter().enumerate().filter(|(index, _)| is(*index, "organizations")) {
            if let Some(id) = segments.get(index + 1) {
                self.same(id)?;
                named = true;
            }
        }
        Ok(named)
    }

    /// Whether a body must be read before it is sent. A file that is sent along names no organisation.
    pub(super) fn reads_body(headers: &HeaderMap) -> bool {
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default().trim().to_ascii_lowercase());
        let file = |kind: &String| {
            ["multipart/form-data", "image/", "audio/", "video/"].iter().any(|start| kind.starts_with(start))
        };
        !kind.as_ref().is_some_and(file)
    }

    /// Refuses a body that names another organisation, or that cannot be understood.
    pub(super) fn body(self, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        if body.is_empty() {
            return Ok(());
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(unread());
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.trim().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
            let mut fields = form_urlencoded::parse(body).filter(|(name, _)| is_named(name));
            return fields.try_for_each(|(_, value)| self.same(&value));
        }
        let mut found = Vec::new();
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_any(Search { found: &mut found, wanted: false });
        read.and_then(|()| json.end()).map_err(|_| unread())?;
        found.iter().try_for_each(|id| self.same(id))
    }

    fn same(self, id: &str) -> Result<(), Problem> {
        if self.0.names_same(id) { Ok(()) } else { Err(another()) }
    }
}

fn is_named(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn another() -> Problem {
    Problem::new(Code::Refused, "the call names another organisation than the one that this client is held to")
        .hint("leave orgId away; it is added")
}

fn unread() -> Problem {
    Problem::new(
        Code::Refused,
        "this client is held to one organisation, and the body cannot be read to see that it names no other",
    )
    .hint("send JSON in UTF-8 without a content coding")
}

/// Collects every organisation that a JSON text names, at any depth and however often: a member that comes twice is read by some as
/// the first and by others as the last.
struct Search<'a> {
    found: &'a mut Vec<String>,
    /// Whether the value at hand is an organisation's.
    wanted: bool,
}

impl<'de> serde::de::DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if self.wanted {
            self.found.push(text.to_owned());
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.odd();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.odd();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.odd();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.odd();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Search { found: self.found, wanted: self.wanted })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if self.wanted {
            self.found.push(String::new());
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        while let Some(name) = members.next_key::<String>()? {
            members.next_value_seed(Search { found: self.found, wanted: is_named(&name) })?;
        }
        Ok(())
    }
}

impl Search<'_> {
    /// A value that is no id where one is wanted names nothing that could be this organisation.
    fn odd(self) {
        if self.wanted {
            self.found.push(String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "12345678-c8dd-4727-8b2f-f9c447f29046";

    fn pinned<T>(asked: impl FnOnce(Pin<'_>) -> T) -> T {
        asked(Pin(&OrgId::new(UUID)))
    }

    fn query(segments: &[&str], query: Option<&str>) -> Result<Option<String>, Code> {
        pinned(|pin| pin.query(segments, query)).map_err(|problem| problem.code())
    }

    fn body(kind: &'static str, text: &str) -> Result<(), Code> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
        pinned(|pin| pin.body(&headers, text.as_bytes())).map_err(|problem| problem.code())
    }

    #[test]
    fn the_query_names_the_organisation_or_is_made_to() {
        let added = format!("orgId={UUID}");
        assert_eq!(query(&["people"], None), Ok(Some(added.clone())));
        assert_eq!(query(&["people"], Some("")), Ok(Some(added.clone())));
        assert_eq!(query(&["people"], Some("max=2")), Ok(Some(format!("max=2&{added}"))));
        assert_eq!(query(&["people"], Some(&added)), Ok(Some(added.clone())));
        for other in ["orgId=other", "orgId=", "ORGID=other", "org%49d=other", "targetOrgId=other"] {
            assert_eq!(query(&["people"], Some(other)), Err(Code::Refused), "{other}");
            assert_eq!(query(&["people"], Some(&format!("{added}&{other}"))), Err(Code::Refused), "{other}");
        }
    }

    #[test]
    fn a_path_that_names_an_organisation_names_this_one() {
        assert_eq!(query(&["organizations", UUID], None), Ok(None));
        assert_eq!(query(&["identity", "scim", UUID, "v2", "Users"], Some("count=1")), Ok(Some("count=1".to_owned())));
        assert_eq!(query(&["organizations"], None), Ok(Some(format!("orgId={UUID}"))));
        for other in [
            &["organizations", "other"] as &[_],
            &["Organizations", "other"],
            &["partner", "organizations", "other", "partnerAdmins"],
            &["identity", "organizations", "other", "users"],
            &["identity", "scim", "other", "v2", "Users"],
            &["identity", "scim", "v2", "Users", "me"],
            &["identity", "scim"],
        ] {
            assert_eq!(query(other, None), Err(Code::Refused), "{other:?}");
        }
    }

    #[test]
    fn a_body_names_this_organisation_or_none() {
        let json = "application/json; charset=utf-8";
        for text in ["", "{}", "[]", r#"{"email":"x","n":1.5,"t":[true,null]}"#, r#"{"orgId":null}"#] {
            assert_eq!(body(json, text), Ok(()), "{text}");
        }
        assert_eq!(body(json, &format!(r#"{{"orgId":"{UUID}","x":{{"targetOrgId":"{UUID}"}}}}"#)), Ok(()));
        for text in [
            r#"{"orgId":"other"}"#.to_owned(),
            r#"{"org\u0049d":"other"}"#.to_owned(),
            r#"{"ORGID":"other"}"#.to_owned(),
            r#"{"orgId":7}"#.to_owned(),
            r#"{"orgId":{"a":1}}"#.to_owned(),
            r#"{"orgId":["other"]}"#.to_owned(),
            r#"{"a":[{"targetOrgId":"other"}]}"#.to_owned(),
            format!(r#"{{"orgId":"{UUID}","orgId":"other"}}"#),
            format!(r#"{{"orgId":"other","orgId":"{UUID}"}}"#),
            "not json".to_owned(),
            "{} {}".to_owned(),
            "\u{feff}{}".to_owned(),
        ] {
            assert_eq!(body(json, &text), Err(Code::Refused), "{text}");
            assert_eq!(body("text/plain", &text), Err(Code::Refused), "{text}");
        }
        let form = "application/x-www-form-urlencoded";
        assert_eq!(body(form, &format!("a=b&orgId={UUID}")), Ok(()));
        assert_eq!(body(form, "orgId=other"), Err(Code::Refused));
    }

    #[test]
    fn a_coded_body_is_not_taken_and_a_file_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        assert!(pinned(|pin| pin.body(&headers, b"{}")).is_err());
        assert!(Pin::reads_body(&headers));
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("multipart/form-data; boundary=x"));
        assert!(!Pin::reads_body(&headers));
    }
}
