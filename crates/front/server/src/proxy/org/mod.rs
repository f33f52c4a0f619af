//! A client that is held to one organisation.

mod body;
#[cfg(test)]
mod documents;
mod multipart;
mod name;
mod place;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method};
use lanyard_protocol::{OrgId, WebexId, shape};
use url::form_urlencoded;

use self::body::Found;
use self::place::Place;
use crate::problem::{Code, Problem};

/// The organisation that a client's calls must keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pin<'a>(pub(super) &'a OrgId);

/// Where a call names its client's organisation. It names no other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Whether the path does.
    path: bool,
    /// The parameters of the query, as they are named.
    query: Vec<String>,
    /// The outermost members or fields of the body, as they are named.
    body: Vec<String>,
}

impl Pin<'_> {
    /// Reads path and query. Refuses a call that names another organisation, under whatever name, or that two servers could read
    /// differently.
    pub(super) fn head(self, segments: &[&str], query: Option<&str>) -> Result<Named, Problem> {
        let path = self.path(segments)?;
        let query = self.all(body::form(query.unwrap_or_default().as_bytes()).ok_or_else(odd_query)?)?;
        Ok(Named { path, query, ..Named::default() })
    }

    /// Reads a body, whatever its headers say that it is. Refuses one that names another organisation, or that cannot be read.
    pub(super) fn body(
        self,
        method: &Method,
        segments: &[&str],
        headers: &HeaderMap,
        body: &[u8],
        named: Named,
    ) -> Result<Named, Problem> {
        if body.is_empty() {
            return Ok(named);
        }
        if headers.contains_key(CONTENT_ENCODING) {
            return Err(unread());
        }
        let mut kinds = headers.get_all(CONTENT_TYPE).iter();
        // Two types, or one that is no text, may be read in two ways.
        let kind = match (kinds.next(), kinds.next()) {
            (None, _) => "",
            (Some(kind), None) => kind.to_str().map_err(|_| unread())?,
            (Some(_), Some(_)) => return Err(unread()),
        };
        if has_other_charset(kind) {
            return Err(unread());
        }
        let is = |start: &str| kind.trim_start().to_ascii_lowercase().starts_with(start);
        let found = if is("multipart/") {
            let fields = || multipart::fields(kind, body);
            multipart::takes_files(method, segments).then(fields).flatten()
        } else if is("application/x-www-form-urlencoded") {
            // Some servers go by the type and some by the text, so a form that is JSON too is judged as both.
            body::form(body).map(|form| form.and(body::json(body).unwrap_or_default()))
        } else {
            body::json(body)
        };
        Ok(Named { body: self.all(found.ok_or_else(unread)?)?, ..named })
    }

    /// The query that is sent, once it is known to which organisation the token belongs: the client's own, with the organisation
    /// added where the call takes it in the query. Refuses a call that Webex would answer for another organisation.
    pub(super) fn settle(
        self,
        method: &Method,
        segments: &[&str],
        query: Option<String>,
        named: &Named,
        own: Option<&OrgId>,
    ) -> Result<Option<String>, Problem> {
        let is_own = own.is_some_and(|own| self.0.names_same(own.as_str()));
        let has = |names: &[String], wanted: &str| names.iter().any(|name| name == wanted);
        match Place::of(method, segments) {
            Place::Customers => {
                Err(several().hint("name a path that is about the organisation itself: /organizations/ID"))
            }
            _ if named.path => Ok(query),
            Place::Several => Err(several()),
            Place::Nothing => Ok(query),
            Place::Query(name) if has(&named.query, name) => Ok(query),
            Place::Query(name) => Ok(Some(self.added(query, name))),
            Place::Body(_) | Place::Own if is_own => Ok(query),
            Place::Body(name) if has(&named.body, name) => Ok(query),
            Place::Body(name) => Err(self.not_in_body(name)),
            Place::Own => Err(not_own()),
        }
    }

    fn added(self, query: Option<String>, name: &str) -> String {
        let added = form_urlencoded::Serializer::new(String::new()).append_pair(name, self.0.as_str()).finish();
        match query.filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&{added}"),
            None => added,
        }
    }

    /// Whether the path names the organisation where Webex takes one: `…/organizations/{id}/…`, `/identity/scim/{id}/…`.
    fn path(self, segments: &[&str]) -> Result<bool, Problem> {
        let words: Vec<_> = segments.iter().map(|segment| shape(segment)).collect();
        let mut named = false;
        for (index, word) in words.iter().enumerate() {
            // Some servers read parameters there.
            if segments[index].contains([';', '?', '#']) {
                self.same("")?;
            }
            let leads = match word.as_str() {
                "organizations" | "organization" | "organisations" | "organisation" | "orgs" | "org" => true,
                "scim" => index == 1 && words[0] == "identity",
                _ => false,
            };
            match segments.get(index + 1) {
                Some(id) if leads => {
                    self.same(id)?;
                    // As Webex writes it: another spelling may be another call.
                    named |= match segments[..=index] {
                        ["identity", "scim"] | ["partner", "tags", "organizations"] => true,
                        [.., "organizations"] => index == 0 || index == 1 && AROUND.contains(&segments[0]),
                        _ => false,
                    };
                }
                None if word == "scim" => self.same("")?,
                _ => {}
            }
            if WebexId::decode(segments[index]).is_ok_and(|id| id.kind.eq_ignore_ascii_case("organization")) {
                self.same(segments[index])?;
            }
        }
        Ok(named)
    }

    /// The names under which something was found, where nothing is another organisation.
    fn all(self, found: Found) -> Result<Vec<String>, Problem> {
        found.ids.iter().try_for_each(|id| self.same(id))?;
        Ok(found.members)
    }

    fn same(self, id: &str) -> Result<(), Problem> {
        if self.0.names_same(id) { Ok(()) } else { Err(another()) }
    }

    fn not_in_body(self, name: &str) -> Problem {
        refused(format!("this call is about the token's own organisation unless its body has a member {name}"))
            .hint(format!("add \"{name}\": \"{}\" to the body", self.0))
    }
}

/// The services that have organisations below them.
const AROUND: [&str; 5] = ["identity", "contacts", "partner", "settings", "hds"];

fn refused(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Refused, detail)
}

fn another() -> Problem {
    refused("the call names an organisation other than the one that this client is limited to")
        .hint("omit the organisation; Lanyard adds it if the call accepts one")
}

fn odd_query() -> Problem {
    refused("this client is limited to one organisation, and the query can be read in more than one way")
        .hint("separate parameters with &, and name them with letters, digits, -, _ and . only")
}

fn unread() -> Problem {
    refused("this client is limited to one organisation, and the body cannot be read to check that it names no other")
        .hint("send JSON in UTF-8 without Content-Encoding; multipart/form-data is accepted by calls that take files")
}

fn several() -> Problem {
    refused("the call is about several organisations, and this client is limited to one")
        .hint("name the organisation in the path: /organizations/ID")
}

/// Whether a text in another encoding than UTF-8 is announced: whoever follows that reads other names than are judged here.
pub(super) fn has_other_charset(kind: &str) -> bool {
    kind.split(';').skip(1).any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset")
            && !["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
    })
}

fn not_own() -> Problem {
    refused("the call cannot name an organisation, so Webex would use the token's own, and this client is limited to another")
        .hint("use a credential of the client's organisation; `lanyard show NAME` shows a credential's organisation")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const UUID: &str = "12345678-c8dd-4727-8b2f-f9c447f29046";
    /// An organisation and another one, as Webex writes them.
    const LONG: &str = "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi8xMjM0NTY3OC1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY";
    const OTHER: &str = "Y2lzY29zcGFyazovL3VzL09SR0FOSVpBVElPTi85OTM0NTY3OC1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY";

    fn split(path: &str) -> Vec<&str> {
        path.split('/').collect()
    }

    /// A whole call, of a token that belongs to the organisation `own`: the query that is sent.
    fn call(
        own: &str,
        (method, path, query): (Method, &str, &str),
        (kind, body): (&'static str, &str),
    ) -> Result<String, Code> {
        let (org, own) = (OrgId::new(UUID), OrgId::new(own));
        let pin = Pin(&org);
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let segments = split(path);
        let query = Some(query.to_owned()).filter(|query| !query.is_empty());
        let settled = pin
            .head(&segments, query.as_deref())
            .and_then(|named| pin.body(&method, &segments, &headers, body.as_bytes(), named))
            .and_then(|named| pin.settle(&method, &segments, query, &named, Some(&own)));
        settled.map(Option::unwrap_or_default).map_err(|problem| problem.code())
    }

    fn get(own: &str, path: &str, query: &str) -> Result<String, Code> {
        call(own, (Method::GET, path, query), ("", ""))
    }

    fn post(own: &str, path: &str, kind: &'static str, body: &str) -> Result<String, Code> {
        call(own, (Method::POST, path, ""), (kind, body))
    }

    #[test]
    fn the_query_names_the_organisation_where_the_call_takes_one() {
        let added = format!("orgId={UUID}");
        for own in [UUID, OTHER] {
            assert_eq!(get(own, "people", ""), Ok(added.clone()));
            assert_eq!(get(own, "people", "max=2"), Ok(format!("max=2&{added}")));
            assert_eq!(get(own, "people", &added), Ok(added.clone()));
            assert_eq!(get(own, "people", &format!("orgId={LONG}")), Ok(format!("orgId={LONG}")));
            // Another spelling may be another parameter for Webex.
            assert_eq!(get(own, "people", &format!("ORGID={UUID}")), Ok(format!("ORGID={UUID}&{added}")));
            assert_eq!(get(own, "slido/compliance/events", ""), Ok(format!("sessionOrgId={UUID}")));
        }
    }

    #[test]
    fn no_parameter_names_another_organisation() {
        for other in [
            "orgId=other",
            "orgId=",
            "ORGID=other",
            "org%49d=other",
            "org_id=other",
            "targetOrgId=other",
            "sessionOrgId=other",
            "personOrgId=other",
            "onBehalfOfSubPartnerOrgId=other",
            "organizationId=other",
            "managedOrgs=other",
            "managedBy=other",
            "orgIds=other",
            "orgId[]=other",
            "orgId%5B%5D=other",
            "orgId%00=other",
            "orgId%E2%80%8B=other",
            "orgId%20=other",
            "+orgId=other",
            "%256frgId=other",
            "max=1;orgId=other",
            "max=1%3BorgId=other&;",
            "orgId[]=12345678-c8dd-4727-8b2f-f9c447f29046",
            &format!("anything={OTHER}"),
            &format!("orgId={UUID};orgId=other"),
            &format!("orgId={UUID}&orgId=other"),
            &format!("orgId=other&orgId={UUID}"),
        ] {
            assert_eq!(get(UUID, "people", other), Err(Code::Refused), "{other}");
            assert_eq!(get(UUID, "rooms", other), Err(Code::Refused), "{other}");
        }
        for path in ["people;orgId=other", "people?orgId=other", "people/p#orgId=other", "people;x"] {
            assert_eq!(get(UUID, path, ""), Err(Code::Refused), "{path}");
        }
        // A value may hold anything else.
        assert!(get(UUID, "rooms", "max=1%3BorgId%3Dother&filter=a%5B0%5D+eq+%22b%22").is_ok());
    }

    #[test]
    fn a_path_that_names_an_organisation_names_this_one() {
        for path in [
            "organizations/",
            "identity/scim/",
            "identity/organizations/",
            "partner/tags/organizations/",
            "hds/organizations/",
        ] {
            for id in [UUID, LONG] {
                for own in [UUID, OTHER] {
                    assert_eq!(get(own, &format!("{path}{id}"), ""), Ok(String::new()), "{path}{id}");
                    assert_eq!(get(own, &format!("{path}{id}/v2/Users"), "count=1"), Ok("count=1".to_owned()));
                }
            }
        }
        for other in [
            "organizations/other",
            "Organizations/other",
            "organizations;x/other",
            "organizations /other",
            "organizations,x/other",
            "organizations.json/other",
            "organizations\u{200b}/other",
            "organizations/12345678-c8dd-4727-8b2f-f9c447f29046;x",
            "orgs/other",
            "v1/organizations/other",
            "partner/organizations/other/partnerAdmins",
            "partner/organizations/partnerAdmin/p",
            "identity/organizations/other/users",
            "identity/scim/other/v2/Users",
            "identity/scim;x/other/v2/Users",
            "Identity/SCIM/other/v2/Users",
            "identity/scim/v2/Users/me",
            "identity/scim",
            &format!("anything/{OTHER}"),
        ] {
            assert_eq!(get(UUID, other, ""), Err(Code::Refused), "{other}");
        }
    }

    #[test]
    fn a_call_that_takes_no_organisation_is_made_with_a_token_of_this_one() {
        for path in ["people/me", "rooms", "people/p", "workspaces/w", "xapi/status", "telephony/calls", "PEOPLE"] {
            assert_eq!(get(UUID, path, ""), Ok(String::new()), "{path}");
            assert_eq!(get(OTHER, path, ""), Err(Code::Refused), "{path}");
            assert_eq!(get(OTHER, path, &format!("orgId={UUID}")), Err(Code::Refused), "{path}");
        }
        assert_eq!(get(OTHER, "roles", ""), Ok(String::new()));
        assert_eq!(call(OTHER, (Method::DELETE, "people/p", ""), ("", "")), Err(Code::Refused));
    }

    #[test]
    fn what_is_about_several_organisations_is_refused() {
        for path in [
            "organizations",
            "Organizations;x",
            "identity/organizations",
            "partner/organizations",
            "partner/reports",
            "partner/tags/organizations",
        ] {
            assert_eq!(get(UUID, path, ""), Err(Code::Refused), "{path}");
            assert_eq!(get(UUID, path, &format!("onBehalfOfSubPartnerOrgId={UUID}")), Err(Code::Refused), "{path}");
        }
    }

    #[test]
    fn a_call_that_takes_the_organisation_in_its_body_has_it_there() {
        let named = format!(r#"{{"displayName":"x","orgId":"{UUID}"}}"#);
        let inside = format!(r#"{{"displayName":"x","a":{{"orgId":"{UUID}"}}}}"#);
        let twice = |again: &str| format!(r#"{{"displayName":"x","orgId":"{UUID}",{again}}}"#);
        for path in ["people", "workspaces", "groups"] {
            for (own, body, expected) in [
                (UUID, "{}", Ok(String::new())),
                (UUID, &*named, Ok(String::new())),
                (OTHER, &*named, Ok(String::new())),
                (OTHER, "{}", Err(Code::Refused)),
                (OTHER, "", Err(Code::Refused)),
                (OTHER, r#"{"orgId":null}"#, Err(Code::Refused)),
                (OTHER, &*inside, Err(Code::Refused)),
                (UUID, &*twice(r#""orgId":null"#), Err(Code::Refused)),
                (OTHER, &*twice(r#""orgId":[]"#), Err(Code::Refused)),
                (OTHER, &*twice(r#""ORGID":null"#), Err(Code::Refused)),
                (OTHER, &*twice(r#""a":{"b":1,"b":2}"#), Err(Code::Refused)),
                (OTHER, &*format!(r#"{{"orgId":["{UUID}"]}}"#), Err(Code::Refused)),
                (OTHER, &named.replace("orgId", "ORGID"), Err(Code::Refused)),
                (OTHER, &named.replace("orgId", "targetOrgId"), Err(Code::Refused)),
            ] {
                assert_eq!(post(own, path, "application/json", body), expected, "{path} {body}");
            }
        }
        let query = format!("orgId={UUID}");
        assert_eq!(call(OTHER, (Method::POST, "workspaces", &query), ("application/json", "{}")), Err(Code::Refused));
        assert_eq!(call(OTHER, (Method::PUT, "people/p", ""), ("application/json", "{}")), Err(Code::Refused));
    }

    #[test]
    fn no_body_names_another_organisation_whatever_its_type() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"email":"x","n":1.5,"t":[true,null]}"#,
            r#"{"orgId":null}"#,
            r#"{"organization":"Acme"}"#,
            r#"{"organization":{"name":"Acme","sites":[{"name":"x"}]}}"#,
        ] {
            assert_eq!(post(UUID, "rooms", "application/json; charset=utf-8", text), Ok(String::new()), "{text}");
            assert_eq!(post(UUID, "rooms", "", text), Ok(String::new()), "{text}");
        }
        let same = format!(
            r#"{{"orgId":"{UUID}","x":{{"targetOrgId":"{LONG}"}},"managedBy":[{{"orgId":"{UUID}","id":"u","type":"user"}}]}}"#
        );
        assert_eq!(post(UUID, "rooms", "application/json", &same), Ok(String::new()));
        for text in [
            r#"{"orgId":"other"}"#.to_owned(),
            r#"{"org\u0049d":"other"}"#.to_owned(),
            r#"{"orgId\u0000":"other"}"#.to_owned(),
            r#"{"ORGID":"other"}"#.to_owned(),
            r#"{"personOrgId":"other"}"#.to_owned(),
            r#"{"organizationId":"other"}"#.to_owned(),
            r#"{"orgId":7}"#.to_owned(),
            r#"{"orgId":{"a":1}}"#.to_owned(),
            r#"{"orgId":["other"]}"#.to_owned(),
            r#"{"a":[{"targetOrgId":"other"}]}"#.to_owned(),
            r#"{"managedBy":[{"orgId":"other"}]}"#.to_owned(),
            r#"{"managedOrgs":[{"orgId":"other"}]}"#.to_owned(),
            r#"{"managedOrgs":[{"id":"other"}]}"#.to_owned(),
            r#"{"managedOrgs":[{"ID":"other"}]}"#.to_owned(),
            r#"{"organization":{"Id":"other"}}"#.to_owned(),
            r#"{"managedOrgs":[{"_id":"other"}]}"#.to_owned(),
            r#"{"managedOrgs":{"first":{"id":"other"}}}"#.to_owned(),
            r#"{"organization":{"of":[{"value":"other"}]}}"#.to_owned(),
            r#"{"Operations":[{"op":"add","path":"customerId","value":"other"}]}"#.to_owned(),
            r#"{"Operations":[{"op":"add","path":"tenant_id","value":"other"}]}"#.to_owned(),
            r#"{"managedOrgs":["other"]}"#.to_owned(),
            r#"{"urn:scim:schemas:extension:cisco:webexidentity:2.0:User:managedOrgs":[{"orgId":"other"}]}"#.to_owned(),
            r#"{"Operations":[{"op":"add","path":"managedOrgs.orgId","value":"other"}]}"#.to_owned(),
            r#"{"Operations":[{"method":"POST","path":"/identity/scim/other/v2/Users"}]}"#.to_owned(),
            format!(r#"{{"anything":"{OTHER}"}}"#),
            format!(r#"{{"orgId":"{UUID}","orgId":"other"}}"#),
            format!(r#"{{"orgId":"other","orgId":"{UUID}"}}"#),
            "not json".to_owned(),
            "{} {}".to_owned(),
            "\u{feff}{}".to_owned(),
        ] {
            for kind in [
                "application/json",
                "text/plain",
                "image/png",
                "video/x",
                "image/json",
                "multipart/form-data; boundary=x",
                "application/x-www-form-urlencoded",
                "",
            ] {
                assert_eq!(post(UUID, "rooms", kind, &text), Err(Code::Refused), "{kind} {text}");
                assert_eq!(post(UUID, "messages", kind, &text), Err(Code::Refused), "{kind} {text}");
            }
        }
        let form = "application/x-www-form-urlencoded";
        assert_eq!(post(UUID, "rooms", form, &format!("a=b&orgId={UUID}")), Ok(String::new()));
        for other in [
            r#""&orgId=other&x=""#,
            r#"{"a":"&orgId=other&b="}"#,
            "orgId=other",
            "a=b;orgId=other",
            "orgId[]=other",
            &format!("a={OTHER}"),
        ] {
            assert_eq!(post(UUID, "rooms", form, other), Err(Code::Refused), "{other}");
        }
    }

    #[test]
    fn a_coded_body_is_refused_and_files_are_sent_where_they_are_taken() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let org = OrgId::new(UUID);
        assert!(Pin(&org).body(&Method::POST, &["rooms"], &headers, b"{}", Named::default()).is_err());
        let kind = "multipart/form-data; boundary=x";
        let file = "--x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"\r\n\r\n{}\r\n--x--\r\n";
        assert_eq!(post(UUID, "messages", kind, file), Ok(String::new()));
        assert_eq!(post(UUID, "workspaces", kind, file), Err(Code::Refused));
        let field = file.replace("files", "roomId").replace("; filename=\"a\"", "");
        assert_eq!(post(UUID, "messages", kind, &field), Ok(String::new()));
        assert_eq!(post(UUID, "messages", kind, &field.replace("roomId", "orgId")), Err(Code::Refused));
    }
}
