//! The paths of proxied calls: `/webex/{name}/…`.

use http::Method;
use lanyard_credential::{CredentialName, NameError};
use lanyard_protocol::ProxyPath;

use crate::problem::{Code, Problem};

/// Whom a proxied call is made as, and what it asks Webex for; as they stand in the request's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The credential's name.
    pub name: &'a str,
    /// The rest of the path, from the slash on: `/v1/people/me`.
    pub below: &'a str,
}

const ROOT: &str = "/webex/";

impl<'a> Address<'a> {
    /// Splits a path. `None` where it is not a proxied call's.
    pub fn of(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix(ROOT)?;
        let (name, below) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Some(Self { name, below })
    }

    /// The name as a credential has it.
    pub(crate) fn credential(self) -> Result<CredentialName, Problem> {
        let wrong = |error: NameError| {
            Problem::new(Code::NoSuchName, format!("{:?} is not a credential's name: {error}", self.name))
        };
        self.name.parse().map_err(wrong).map_err(|problem| problem.hint("the path is /webex/NAME/v1/…"))
    }

    /// The path, of a target that may have a query, under which a broker is asked.
    pub(crate) fn written(name: &CredentialName, target: &str) -> String {
        format!("{ROOT}{name}{target}")
    }
}

/// A call as the audit names it. Neither ids nor queries are in it, and a client cannot fill the audit with words.
#[derive(Debug)]
pub(crate) struct Means {
    /// `proxy GET people`.
    pub(crate) call: String,
    /// How the path goes on: a star for each further segment. Written only where a call is refused: each depth is a line of its own.
    pub(crate) further: String,
}

impl Means {
    /// `path` is the path after the credential's name, if it can be read.
    pub(crate) fn of(method: &Method, path: Option<&ProxyPath>) -> Self {
        let segments = path.map(ProxyPath::segments).unwrap_or_default();
        let first = segments.first().map_or("", |first| word(first));
        let further = "/*".repeat(segments.len().saturating_sub(1).min(DEEPEST));
        Self { call: format!("proxy {} {first}", known(method)).trim_end().to_owned(), further }
    }
}

/// No path of Webex has more segments.
const DEEPEST: usize = 12;

/// The first segment of a path. What is not the name of a resource or service is not repeated.
fn word(segment: &str) -> &str {
    let plain = segment.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-@_".contains(&byte));
    if plain && segment.len() <= LONGEST_WORD { segment } else { "…" }
}

/// The longest name of a resource or service that is written down; the longest that Webex has is about half of it.
const LONGEST_WORD: usize = 48;

fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "…",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_split_after_the_name() {
        let split = |path| Address::of(path).map(|address| (address.name, address.below));
        assert_eq!(split("/webex/acme/v1/people"), Some(("acme", "/v1/people")));
        assert_eq!(split("/webex/acme"), Some(("acme", "")));
        assert_eq!(split("/webex//v1"), Some(("", "/v1")));
        for other in ["/webex", "/webexacme/v1", "webex/acme", "/api/v1/webex/acme", ""] {
            assert_eq!(split(other), None, "{other}");
        }
        let name = "acme".parse().unwrap();
        assert_eq!(Address::written(&name, "/v1/people?max=1"), "/webex/acme/v1/people?max=1");
    }

    #[test]
    fn the_audit_has_no_words_of_a_clients_own() {
        for (method, below, call, further) in [
            ("GET", "/v1/people/me", "proxy GET people", "/*"),
            ("GET", "/identity/scim/o/v2/Users", "proxy GET identity", "/*/*/*/*"),
            ("GET", "/v1/S3cret/x", "proxy GET …", "/*"),
            ("GET", "/v1/..", "proxy GET", ""),
            ("SECRET", "/v1/people", "proxy … people", ""),
        ] {
            let means = Means::of(&method.parse().unwrap(), ProxyPath::parse(below).ok().as_ref());
            assert_eq!((means.call.as_str(), means.further.as_str()), (call, further), "{method} {below}");
        }
        let of = |path: String| Means::of(&Method::GET, ProxyPath::parse(&path).ok().as_ref());
        assert_eq!(of(format!("/v1/{}", "a".repeat(49))).call, "proxy GET …");
        assert_eq!(of(format!("/v1{}", "/a".repeat(40))).further.len(), 2 * DEEPEST);
    }
}
