//! Any call of Webex, with a credential's token.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lanyard_client::CallOptions;
use lanyard_credential::CredentialName;
use lanyard_operation::{About, Declaration, Operation};
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{SafeUrl, SecretBytes};
use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::renewal::RecordHandOut;
use crate::{Broker, Error, Pass};

operations![CallApi];

/// Calls Webex as a credential.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallApi {
    /// The credential.
    pub name: CredentialName,
    /// The method.
    #[serde(with = "crate::wire::text")]
    pub method: Method,
    /// The call's target.
    pub target: Target,
    /// Headers of the caller's own.
    #[serde(with = "crate::wire::headers")]
    pub headers: HeaderMap,
    /// The body; empty for none.
    #[serde(with = "lanyard_secret::travel")]
    pub body: SecretBytes,
    /// The Webex that the caller takes it to belong to; any other is refused before anything is sent or spent.
    pub expected: Option<Environment>,
}

/// Logs show every call: without values of its query and headers, which may be secret.
impl fmt::Debug for CallApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallApi")
            .field("name", &self.name)
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &self.body)
            .field("expected", &self.expected)
            .finish()
    }
}

/// Where a call goes: always to the credential's own Webex.
#[derive(Clone, Serialize, Deserialize)]
pub enum Target {
    /// A path, and what is added to its query.
    Path(ApiPath, Vec<(String, String)>),
    /// The next page, as a page named it.
    #[serde(with = "lanyard_secret::travel")]
    Next(SafeUrl),
}

/// Shows the path alone.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path, _) => write!(f, "Path({path:?})"),
            Self::Next(url) => write!(f, "Next({url})"),
        }
    }
}

/// A path below a Webex's API base, such as `people/me`, or of its `/identity` beside that. It may have a query.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiPath {
    /// Segments as they are on the wire.
    path: String,
    query: Option<String>,
}

/// Shows the path without its query.
impl fmt::Debug for ApiPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// Why a text is no such path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
pub enum ApiPathError {
    /// It names a host of its own.
    #[error(
        "pass a path such as people/me, or an address of the credential's own Webex: its token is sent nowhere else"
    )]
    Absolute,
    /// It has segments that a server may understand as another path.
    #[error("a path has no empty or dot segments, no backslashes and no control characters")]
    Segments,
    /// Nothing can be asked there.
    #[error("the path is empty")]
    Empty,
}

impl ApiPath {
    /// Reads `people/me`, `/people/me`, `/v1/people/me` or `/identity/…`, with or without a query.
    pub fn parse(text: &str) -> Result<Self, ApiPathError> {
        if text.contains("://") || text.starts_with("//") {
            return Err(ApiPathError::Absolute);
        }
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let path = path.strip_prefix('/').unwrap_or(path);
        let path = path.strip_prefix("v1/").unwrap_or(path);
        if path.is_empty() {
            return Err(ApiPathError::Empty);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        let odd = |segment: &str| {
            let plain = segment.to_ascii_lowercase().replace("%2e", ".");
            segment.is_empty()
                || plain == "."
                || plain == ".."
                || plain.contains(['\\'])
                || plain.contains("%2f")
                || plain.contains("%5c")
        };
        let control = |text: &str| text.chars().any(|c| c.is_control() || c == ' ');
        if path.split('/').any(odd) || control(path) || query.is_some_and(control) {
            return Err(ApiPathError::Segments);
        }
        Ok(Self { path: path.to_owned(), query: query.map(str::to_owned) })
    }

    /// Reads an address as Webex writes it, such as a copied link to the next page: one below `environment`, and no other.
    pub fn within(environment: &Environment, address: &str) -> Result<Self, ApiPathError> {
        let base = environment.resource(&[]).into_inner();
        let url = url::Url::parse(address).map_err(|_| ApiPathError::Absolute)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        if url.origin() != base.origin() || has_user {
            return Err(ApiPathError::Absolute);
        }
        let root = base.path().trim_end_matches('/');
        let path = match url.path().strip_prefix(root) {
            Some(below) if below.starts_with('/') => below,
            _ if url.path().starts_with("/identity/") => url.path(),
            _ => return Err(ApiPathError::Absolute),
        };
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        // Not `parse`, which would take a second `v1/` away.
        Self::parse(&format!("/v1{path}{query}").replacen("/v1/identity/", "/identity/", 1))
    }

    /// The path without its query, for a person.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    fn url(&self, environment: &Environment, more: &[(String, String)]) -> SafeUrl {
        let mut url = environment.resource(&[]).into_inner();
        let base = if self.path.starts_with("identity/") { "" } else { url.path().trim_end_matches('/') };
        let path = format!("{base}/{}", self.path);
        url.set_path(&path);
        url.set_query(self.query.as_deref());
        if !more.is_empty() {
            url.query_pairs_mut().extend_pairs(more);
        }
        SafeUrl::new(url)
    }
}

/// A reply of Webex.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApiReply {
    /// The credential that called.
    pub name: CredentialName,
    /// The Webex that was called.
    pub environment: Environment,
    /// The method that was used.
    #[serde(with = "crate::wire::text")]
    pub method: Method,
    /// The path that was asked, without its query.
    pub path: String,
    /// The whole address that was asked.
    #[serde(with = "lanyard_secret::travel")]
    pub url: SafeUrl,
    /// The status.
    #[serde(with = "crate::wire::status")]
    pub status: StatusCode,
    /// The headers.
    #[serde(with = "crate::wire::headers")]
    pub headers: HeaderMap,
    /// The body.
    #[serde(with = "lanyard_secret::travel")]
    pub body: SecretBytes,
    /// By which Cisco's support finds the call.
    pub tracking_id: Option<String>,
    /// The reason why the call is missing from the audit, if it is.
    pub unrecorded: Option<String>,
}

/// The longest answer that is read.
const LONGEST: usize = 256 * 1024 * 1024;

/// The headers that a caller may not set: the credential's and the connection's.
const OURS: [HeaderName; 6] = [
    http::header::AUTHORIZATION,
    http::header::HOST,
    http::header::CONTENT_LENGTH,
    http::header::TRANSFER_ENCODING,
    http::header::CONNECTION,
    http::header::PROXY_AUTHORIZATION,
];

impl CallApi {
    /// Whether a caller may set this header.
    pub fn may_set(name: &HeaderName) -> bool {
        !OURS.contains(name)
    }

    fn request(&self, environment: &Environment) -> Request {
        let url = match &self.target {
            Target::Path(path, query) => path.url(environment, query),
            Target::Next(url) => url.clone(),
        };
        let mut request = Request::new(self.method.clone(), url);
        if !self.body.expose_secret().is_empty() {
            request = request.body("application/json", SecretBytes::new(self.body.expose_secret().to_vec()));
        }
        for (name, value) in self.headers.iter().filter(|(name, _)| Self::may_set(name)) {
            request.headers.insert(name.clone(), HeaderValue::clone(value));
        }
        request
    }
}

impl Operation for CallApi {
    const DECLARED: Declaration = Declaration::change("webex.call").in_memory();

    type Context = Broker;
    type Reply = ApiReply;
    type Error = Error;

    fn about(&self) -> About<'_> {
        About::Named(vec![&self.name])
    }

    async fn run(self, broker: &Broker) -> Result<ApiReply, Error> {
        let tokens = broker.tokens_of(&self.name).expecting(self.expected.as_ref());
        let pass = tokens.pass().await?;
        let unrecorded = self.record(broker, &pass).await;
        let environment = Arc::clone(&pass.issued.environment);
        let request = self.request(&environment);
        let url = request.url.clone();
        let options = CallOptions { longest: LONGEST, ..CallOptions::default() };
        let response = tokens.client().call_with(pass.issued, request, &options).await?.answer.response;
        Ok(ApiReply {
            name: pass.name,
            environment: Environment::clone(&environment),
            method: self.method.clone(),
            path: url.expose().path().to_owned(),
            status: response.status,
            url,
            tracking_id: response.tracking_id().map(str::to_owned),
            headers: response.headers,
            body: response.body,
            unrecorded,
        })
    }
}

impl CallApi {
    /// Writes the call into the audit, as the proxy writes its calls: the method and the first segment. The further pages of a list
    /// belong to the call for its first. Gives the reason if that failed, which stops no call.
    async fn record(&self, broker: &Broker, pass: &Pass) -> Option<String> {
        let Target::Path(path, _) = &self.target else { return None };
        let segment = path.as_str().split('/').next().unwrap_or_default();
        let (id, name, generation) = (pass.id, pass.name.clone(), pass.generation);
        let record = RecordHandOut { id, name, generation, means: format!("api {} {segment}", self.method) };
        broker.record(record).await.err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str, more: &[(&str, &str)]) -> String {
        let environment = Environment::at("http://127.0.0.1:9/v1").expect("an environment");
        let more: Vec<_> = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ApiPath::parse(text).expect(text).url(&environment, &more).expose().to_string()
    }

    #[test]
    fn a_path_is_taken_as_people_write_it() {
        for text in ["people/me", "/people/me", "v1/people/me", "/v1/people/me", "/v1/people/me/"] {
            assert_eq!(url(text, &[]), "http://127.0.0.1:9/v1/people/me");
        }
        assert_eq!(url("people?max=3", &[("email", "a b@c")]), "http://127.0.0.1:9/v1/people?max=3&email=a+b%40c");
        assert_eq!(url("/identity/scim/0/v2/Users", &[]), "http://127.0.0.1:9/identity/scim/0/v2/Users");
        assert_eq!(url("people/a%20b", &[]), "http://127.0.0.1:9/v1/people/a%20b");
    }

    #[test]
    fn debug_shows_no_value_of_a_query_or_a_header() {
        let path = ApiPath::parse("people/me?token=canary1").expect("a path");
        let query = vec![("password".to_owned(), "canary2".to_owned())];
        let next = "https://webexapis.com/v1/people?cursor=canary3".parse().expect("a URL");
        for target in [Target::Path(path, query), Target::Next(next)] {
            let call = CallApi {
                name: "acme".parse().expect("a name"),
                method: Method::GET,
                target,
                headers: HeaderMap::from_iter([(http::header::COOKIE, HeaderValue::from_static("canary4"))]),
                body: SecretBytes::new(b"canary5".to_vec()),
                expected: None,
            };
            let shown = format!("{call:?}");
            assert!(!shown.contains("canary") && shown.contains("people") && shown.contains("cookie"), "{shown}");
        }
    }

    #[test]
    fn an_address_of_the_credentials_own_webex_is_a_path() {
        let environment = Environment::at("http://127.0.0.1:9/v1").expect("an environment");
        let path = |address: &str| {
            ApiPath::within(&environment, address).map(|path| path.url(&environment, &[]).expose().to_string())
        };
        for own in [
            "http://127.0.0.1:9/v1/people?max=3&cursor=a%2Fb",
            "http://127.0.0.1:9/v1/v1/x",
            "http://127.0.0.1:9/identity/scim/x",
        ] {
            assert_eq!(path(own).as_deref(), Ok(own));
        }
        for other in [
            "https://127.0.0.1:9/v1/people",
            "http://127.0.0.1:8/v1/people",
            "http://127.0.0.1:9/v2/people",
            "http://127.0.0.1:9/v11/people",
            "http://user@127.0.0.1:9/v1/people",
            "http://127.0.0.1:9@evil.example/v1/people",
            "nonsense",
        ] {
            assert_eq!(path(other), Err(ApiPathError::Absolute), "{other}");
        }
        assert_eq!(path("http://127.0.0.1:9/v1/a%2fb"), Err(ApiPathError::Segments));
    }

    #[test]
    fn no_path_leads_elsewhere() {
        for text in ["https://evil.example/v1/people", "//evil.example/people", "http://127.0.0.1:1/"] {
            assert_eq!(ApiPath::parse(text), Err(ApiPathError::Absolute), "{text}");
        }
        for text in ["../people", "people/../../x", "people/%2e%2E/x", "a//b", "a\\b", "a%2fb", "a%5Cb", "a\nb", "a b"]
        {
            assert_eq!(ApiPath::parse(text), Err(ApiPathError::Segments), "{text}");
        }
        for text in ["", "/", "?max=1", "#x"] {
            assert_eq!(ApiPath::parse(text), Err(ApiPathError::Empty), "{text}");
        }
    }
}
