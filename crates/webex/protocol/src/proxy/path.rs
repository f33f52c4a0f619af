//! The path of a proxied call: read once, and sent as it was read.

use super::segment::{SegmentError, decode_segment};
use std::fmt::{self, Write as _};

use lanyard_secret::SafeUrl;
use thiserror::Error;
use url::Url;

use crate::{Environment, Upstream};

/// Where a proxied call goes: an upstream of the credential's Webex, and segments below it.
///
/// A path is decoded once, segment by segment, and written again from what was read: what a policy sees is what Webex gets,
/// whatever spelling came. Whatever two servers could understand differently is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyPath {
    upstream: Upstream,
    /// Below the upstream, decoded. Never empty.
    below: Vec<Box<str>>,
}

/// Why a path is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProxyPathError {
    /// It does not begin with the name of an upstream.
    #[error("the path begins with no service that is known")]
    UnknownUpstream,
    /// It names an upstream, and nothing below it.
    #[error("the path names nothing below its service")]
    Nothing,
    /// Two slashes follow each other.
    #[error("the path has an empty segment")]
    EmptySegment,
    /// `.` or `..`, in whatever spelling, also with a parameter behind it.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A slash or backslash inside a segment, encoded or not.
    #[error("the path has a slash or a backslash inside a segment")]
    Separator,
    /// A control character, encoded or not.
    #[error("the path has a control character")]
    Control,
    /// A `%` without two hexadecimal digits, or text that is still encoded after it was decoded once.
    #[error("the path is not percent-encoded as it should be")]
    Encoding,
    /// Bytes that are no UTF-8.
    #[error("the path is not UTF-8")]
    NotUtf8,
    /// Longer than [`ProxyPath::LONGEST`].
    #[error("the path is longer than {} bytes", ProxyPath::LONGEST)]
    TooLong,
}

impl From<SegmentError> for ProxyPathError {
    fn from(error: SegmentError) -> Self {
        match error {
            SegmentError::Encoding => Self::Encoding,
            SegmentError::NotUtf8 => Self::NotUtf8,
            SegmentError::Empty => Self::EmptySegment,
            SegmentError::Separator => Self::Separator,
            SegmentError::Control => Self::Control,
            SegmentError::Dot => Self::DotSegment,
        }
    }
}

impl ProxyPath {
    /// The longest path that is read, in bytes as it came.
    pub const LONGEST: usize = 4096;

    /// Reads the path of a request as it stands in the request line, without its query: `/v1/people/me`, `/identity/scim/…`,
    /// `/@analytics/v1/…`. One slash at its end means nothing and is taken away.
    pub fn parse(raw: &str) -> Result<Self, ProxyPathError> {
        if raw.len() > Self::LONGEST {
            return Err(ProxyPathError::TooLong);
        }
        let path = raw.strip_prefix('/').ok_or(ProxyPathError::UnknownUpstream)?;
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/').map(|segment| decode_segment(segment).map_err(ProxyPathError::from));
        let first = segments.next().unwrap_or(Err(ProxyPathError::Nothing))?;
        let below = segments.collect::<Result<Vec<_>, _>>()?;
        let named = |upstream: &Upstream| upstream.name() == &*first;
        let upstream = Upstream::ALL.into_iter().find(named).ok_or(ProxyPathError::UnknownUpstream)?;
        match below.first() {
            None => Err(ProxyPathError::Nothing),
            // For a policy it would look like another upstream.
            Some(segment) if segment.starts_with('@') => Err(ProxyPathError::UnknownUpstream),
            Some(_) => Ok(Self { upstream, below }),
        }
    }

    /// The path by which the proxy would forward to `url`, query and fragment aside. `None` where `url` is not one of the
    /// environment's, or could not be asked for through the proxy.
    pub fn of(environment: &Environment, url: &SafeUrl) -> Option<Self> {
        let bases = Upstream::ALL.into_iter().filter_map(|upstream| Some((upstream, environment.upstream(upstream)?)));
        for (upstream, base) in bases {
            let path = url.expose().path();
            if url.origin() == base.origin()
                && url.is_confidential()
                && let Some(below) = path.strip_prefix(base.expose().path())
            {
                return Self::parse(&format!("/{}/{below}", upstream.name())).ok();
            }
        }
        None
    }

    /// The upstream.
    pub fn upstream(&self) -> Upstream {
        self.upstream
    }

    /// The decoded segments that a policy is matched against. Below `/v1` they are the segments alone (`people`, `me`), elsewhere the
    /// upstream's name comes first (`identity`, `scim`, …; `@analytics`, `v1`, …). A path that Webex serves both as `/identity/…` and as
    /// `/v1/identity/…` has one form.
    pub fn segments(&self) -> Vec<&str> {
        let name = (self.upstream != Upstream::Api).then(|| self.upstream.name());
        name.into_iter().chain(self.below.iter().map(AsRef::as_ref)).collect()
    }

    /// Where the call goes, without a query; `None` where the environment has no such service.
    pub fn url(&self, environment: &Environment) -> Option<SafeUrl> {
        let mut url = environment.upstream(self.upstream)?.into_inner();
        let path = format!("{}{}", url.path(), self.canonical());
        url.set_path(&path);
        Some(SafeUrl::new(url))
    }

    /// The segments below the upstream, encoded in the one way that is sent.
    fn canonical(&self) -> String {
        let mut path = String::new();
        for (index, segment) in self.below.iter().enumerate() {
            if index > 0 {
                path.push('/');
            }
            encode(segment, &mut path);
        }
        path
    }
}

impl fmt::Display for ProxyPath {
    /// The canonical path as the proxy takes it: `/v1/people/me`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/{}", self.upstream.name(), self.canonical())
    }
}

/// Encodes a segment. The characters that RFC 3986 allows in a segment stay as they are, except for `;`, which begins a parameter for some
/// servers, and `+`, which is a space to some.
fn encode(segment: &str, path: &mut String) {
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*,=:@".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // A string can always be written to.
            let _ = write!(path, "%{byte:02X}");
        }
    }
}

/// The target of a link, resolved against the address that was asked, as the proxy would be asked for it: canonical path and
/// query. `None` where the proxy does not lead there.
pub fn proxied(environment: &Environment, asked: &SafeUrl, target: &str) -> Option<String> {
    let url = SafeUrl::new(Url::options().base_url(Some(asked.expose())).parse(target).ok()?);
    let path = ProxyPath::of(environment, &url)?;
    Some(match url.expose().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(raw: &str) -> String {
        let path = ProxyPath::parse(raw).expect(raw);
        path.url(&Environment::commercial()).unwrap().expose().to_string()
    }

    #[test]
    fn a_path_goes_to_its_upstream_in_one_spelling() {
        for (raw, url) in [
            ("/v1/people/me", "https://webexapis.com/v1/people/me"),
            ("/v1/people/me/", "https://webexapis.com/v1/people/me"),
            ("/%76%31/p%65ople", "https://webexapis.com/v1/people"),
            ("/v1/people/a%40b.c", "https://webexapis.com/v1/people/a@b.c"),
            ("/v1/x/+1%2B2;a=b", "https://webexapis.com/v1/x/%2B1%2B2%3Ba=b"),
            ("/v1/x/%C3%A4 %3f%23", "https://webexapis.com/v1/x/%C3%A4%20%3F%23"),
            ("/v1/x/100%25", "https://webexapis.com/v1/x/100%25"),
            ("/identity/scim/o/v2/Users", "https://webexapis.com/identity/scim/o/v2/Users"),
            ("/@analytics/v1/meeting/qualities", "https://analytics.webexapis.com/v1/meeting/qualities"),
            ("/%40analytics-calling/v1/cdr_feed", "https://analytics-calling.webexapis.com/v1/cdr_feed"),
        ] {
            assert_eq!(sent(raw), url, "{raw}");
        }
    }

    #[test]
    fn a_policy_sees_what_is_below_the_api_and_other_upstreams_by_name() {
        let segments = |raw: &str| ProxyPath::parse(raw).unwrap().segments().join("|");
        assert_eq!(segments("/v1/people/m%65"), "people|me");
        assert_eq!(segments("/identity/scim/o"), "identity|scim|o");
        assert_eq!(segments("/v1/identity/organizations/o"), "identity|organizations|o");
        assert_eq!(segments("/@analytics/v1/x"), "@analytics|v1|x");
    }

    #[test]
    fn what_two_servers_could_read_differently_is_refused() {
        use ProxyPathError as E;
        for (raw, error) in [
            ("", E::UnknownUpstream),
            ("/", E::EmptySegment),
            ("v1/people", E::UnknownUpstream),
            ("/people/me", E::UnknownUpstream),
            ("/V1/people", E::UnknownUpstream),
            ("/v2/people", E::UnknownUpstream),
            ("/@evil.example/v1", E::UnknownUpstream),
            ("/v1/@analytics/v1", E::UnknownUpstream),
            ("/v1", E::Nothing),
            ("/v1/", E::Nothing),
            ("//v1/people", E::EmptySegment),
            ("/v1//people", E::EmptySegment),
            ("/v1/people//", E::EmptySegment),
            ("/v1/./people", E::DotSegment),
            ("/v1/people/..", E::DotSegment),
            ("/v1/../identity/x", E::DotSegment),
            ("/v1/%2e%2E/identity", E::DotSegment),
            ("/v1/.%2e/identity", E::DotSegment),
            ("/v1/..;/identity", E::DotSegment),
            ("/v1/..%3bx/identity", E::DotSegment),
            ("/v1/;x/identity", E::DotSegment),
            ("/v1/people%2Fme", E::Separator),
            ("/v1/people%2fme", E::Separator),
            ("/v1/people\\me", E::Separator),
            ("/v1/people%5Cme", E::Separator),
            ("/v1/a%00b", E::Control),
            ("/v1/a%0d%0aHost:x", E::Control),
            ("/v1/a\u{7f}b", E::Control),
            ("/v1/a%C2%85b", E::Control),
            ("/v1/a%2", E::Encoding),
            ("/v1/a%", E::Encoding),
            ("/v1/a%zz", E::Encoding),
            ("/v1/a%+1", E::Encoding),
            ("/v1/%252e%252e/x", E::Encoding),
            ("/v1/%2561ccess_token", E::Encoding),
            ("/v1/a%ff", E::NotUtf8),
            ("/v1/a%c0%af", E::NotUtf8),
        ] {
            assert_eq!(ProxyPath::parse(raw), Err(error), "{raw}");
        }
        let long = format!("/v1/{}", "a".repeat(ProxyPath::LONGEST));
        assert_eq!(ProxyPath::parse(&long), Err(E::TooLong));
    }

    #[test]
    fn an_environment_without_a_service_is_not_asked_for_it() {
        let path = ProxyPath::parse("/@analytics/v1/x").unwrap();
        assert_eq!(path.url(&Environment::fedramp()), None);
        let local = Environment::at("http://127.0.0.1:7000/v1").unwrap();
        assert_eq!(path.url(&local).unwrap().expose().as_str(), "http://127.0.0.1:7000/@analytics/v1/x");
    }

    #[test]
    fn an_address_of_the_environment_is_found_behind_the_proxy_and_no_other() {
        let environment = Environment::commercial();
        let asked = "https://webexapis.com/v1/people?max=1".parse().unwrap();
        let found = |target: &str| proxied(&environment, &asked, target);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(found("https://webexapis.com/v1/people?cursor=a%2Fb"), some("/v1/people?cursor=a%2Fb"));
        assert_eq!(found("/identity/scim/o"), some("/identity/scim/o"));
        assert_eq!(found("?cursor=2"), some("/v1/people?cursor=2"));
        assert_eq!(found("https://analytics.webexapis.com/v1/x"), some("/@analytics/v1/x"));
        for target in [
            "https://evil.example/v1/people",
            "http://webexapis.com/v1/people",
            "https://webexapis.com:8443/v1/people",
            "https://webexapis.com/other",
            "https://webexapis.com/v1",
            "https://webexapis.com/v1/a%2Fb",
            "https://webexapis.com@evil.example/v1/x",
            "//evil.example/v1/x",
            "javascript:alert(1)",
        ] {
            assert_eq!(found(target), None, "{target}");
        }
    }

    proptest! {
        #[test]
        fn what_was_matched_is_what_is_sent(raw in "/(v1|identity|@analytics)(/[ -~äß%]{1,8}){1,4}/?") {
            if let Ok(path) = ProxyPath::parse(&raw) {
                prop_assert_eq!(ProxyPath::parse(&path.to_string()), Ok(path.clone()));
                for environment in [Environment::commercial(), Environment::at("http://[::1]:9/v1").unwrap()] {
                    let url = path.url(&environment).unwrap();
                    prop_assert!(environment.permits(&url));
                    prop_assert!(url.expose().query().is_none() && url.expose().fragment().is_none());
                    prop_assert!(url.expose().path().ends_with(&path.canonical()), "{}", url);
                    prop_assert_eq!(ProxyPath::of(&environment, &url), Some(path.clone()));
                }
            }
        }

        #[test]
        fn any_text_is_read_without_panic(raw in "\\PC{0,60}") {
            let _ = ProxyPath::parse(&raw);
        }
    }
}
