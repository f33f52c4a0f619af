//! One Webex: where its API and its identity broker are.

use std::borrow::Cow;

use lanyard_secret::SafeUrl;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use url::Url;

use crate::Upstream;

/// The origins and endpoints of one Webex. A token goes to these and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    api: SafeUrl,
    revoke: Option<SafeUrl>,
}

/// Why an address cannot be a Webex.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// It is no absolute URL.
    #[error("{0:?} is not a URL")]
    NotAUrl(String),
    /// It would carry tokens in the clear.
    #[error("{0} would carry tokens unencrypted; use https (http is allowed to a loopback address only)")]
    NotConfidential(SafeUrl),
    /// It has a user name, a query or a fragment.
    #[error("{0} must have neither user name, query nor fragment")]
    NotABase(SafeUrl),
}

impl Environment {
    /// Webex as nearly everyone has it.
    ///
    /// # Panics
    /// Never: the addresses are constants.
    pub fn commercial() -> Self {
        Self {
            api: constant("https://webexapis.com/v1/"),
            revoke: Some(constant("https://idbroker.webex.com/idb/oauth2/v1/revoke")),
        }
    }

    /// Webex for the government of the United States. Its revocation endpoint is not publicly documented.
    ///
    /// # Panics
    /// Never: the address is a constant.
    pub fn fedramp() -> Self {
        Self { api: constant("https://api-usgov.webex.com/v1/"), revoke: None }
    }

    /// A Webex at an address of its own, such as a simulator: `api` is its base and ends in `/v1`; the identity broker's
    /// revocation is expected on the same origin under `/idb/oauth2/v1/revoke`.
    ///
    /// The two well-known bases give [`commercial`](Self::commercial) and [`fedramp`](Self::fedramp).
    pub fn at(api: &str) -> Result<Self, EnvironmentError> {
        let mut base = Url::parse(api).map_err(|_| EnvironmentError::NotAUrl(without_secrets(api)))?;
        let shown = SafeUrl::new(base.clone());
        if !base.username().is_empty()
            || base.password().is_some()
            || base.query().is_some()
            || base.fragment().is_some()
        {
            return Err(EnvironmentError::NotABase(shown));
        }
        if !shown.is_confidential() {
            return Err(EnvironmentError::NotConfidential(shown));
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let known = [Self::commercial(), Self::fedramp()];
        if let Some(known) = known.into_iter().find(|known| known.api.expose() == &base) {
            return Ok(known);
        }
        let mut revoke = base.clone();
        revoke.set_path("/idb/oauth2/v1/revoke");
        Ok(Self { api: SafeUrl::new(base), revoke: Some(SafeUrl::new(revoke)) })
    }

    /// The environment's identity: its API base without the slash at the end. Stored with everything that belongs to it and
    /// bound into every sealed value.
    pub fn id(&self) -> &str {
        self.api.expose().as_str().trim_end_matches('/')
    }

    /// Where a person signs in (`GET /authorize`).
    pub fn authorize(&self) -> SafeUrl {
        self.resource(&["authorize"])
    }

    /// Where codes and refresh tokens are exchanged (`POST /access_token`).
    pub fn token(&self) -> SafeUrl {
        self.resource(&["access_token"])
    }

    /// Where tokens are revoked with an app's own id and secret; `None` where no such endpoint is known.
    pub fn revoke(&self) -> Option<&SafeUrl> {
        self.revoke.as_ref()
    }

    /// A resource below the API base; each segment is encoded as one segment whatever it holds.
    pub fn resource(&self, segments: &[&str]) -> SafeUrl {
        let mut url = self.api.expose().clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        SafeUrl::new(url)
    }

    /// The base of one of its services, which ends in a slash; `None` where it has none that is known. The hosts are those that
    /// `wxc-sdk` goes to and names. A Webex at an address of its own has all of them on its own origin, under the names that the
    /// proxy has for them.
    pub fn upstream(&self, upstream: Upstream) -> Option<SafeUrl> {
        let beside = || {
            let mut url = self.api.expose().clone();
            url.set_path(&format!("/{}/", upstream.name()));
            SafeUrl::new(url)
        };
        match (upstream, self.id()) {
            (Upstream::Api, _) => Some(self.api.clone()),
            (Upstream::Identity, _) => Some(beside()),
            (Upstream::Analytics, COMMERCIAL) => Some(constant("https://analytics.webexapis.com/")),
            (Upstream::AnalyticsCalling, COMMERCIAL) => Some(constant("https://analytics-calling.webexapis.com/")),
            (Upstream::AnalyticsCallingEu, COMMERCIAL) => Some(constant("https://analytics-calling-eu.webexapis.com/")),
            (Upstream::AnalyticsCallingIn, COMMERCIAL) => Some(constant("https://analytics-calling-in.webexapis.com/")),
            (Upstream::AnalyticsCallingAu, COMMERCIAL) => Some(constant("https://analytics-calling-au.webexapis.com/")),
            (Upstream::AnalyticsCalling, FEDRAMP) => Some(constant("https://analytics-calling-gov.webexapis.com/")),
            (_, FEDRAMP) => None,
            _ => Some(beside()),
        }
    }

    /// The address of the keys that sign for the workspace integrations of a region; `None` for a region that is not known. A code
    /// without a region is of the first one, as in Cisco's own code. A Webex at an address of its own has them on its own origin.
    pub fn integration_keys(&self, region: Option<&str>) -> Option<SafeUrl> {
        let region = region.map_or(REGIONS[0].0, |region| region.rsplit('_').next().unwrap_or(region));
        match self.id() {
            FEDRAMP => (region == FEDRAMP_REGION || region == REGIONS[0].0).then(|| self.integrations_at("")),
            _ => REGIONS.iter().find(|(name, _)| *name == region).map(|(_, host)| self.integrations_at(host)),
        }
    }

    /// The address of the keys at one of the hosts for workspace integrations.
    fn integrations_at(&self, host: &str) -> SafeUrl {
        let url = match self.id() {
            COMMERCIAL => format!("https://{host}.wbx2.com/jwks"),
            FEDRAMP => "https://xapi.gov.ciscospark.com/jwks".to_owned(),
            _ => {
                let mut url = self.api.expose().clone();
                url.set_path(&format!("/{host}/jwks"));
                return SafeUrl::new(url);
            }
        };
        constant(&url)
    }

    /// Whether this environment's tokens may be sent to `url`: to the origins of its services only. (The identity broker's
    /// revocation takes the app's secret and the token in its body, and goes to [`revoke`](Self::revoke) alone.)
    pub fn permits(&self, url: &SafeUrl) -> bool {
        // Almost always it is the API's own, for which nothing is allocated.
        let mut bases = Upstream::ALL.into_iter().filter_map(|upstream| self.upstream(upstream));
        let mut integrations = REGIONS.iter().map(|(_, host)| self.integrations_at(host));
        url.is_confidential()
            && (self.api.is_same_origin(url)
                || bases.any(|base| base.is_same_origin(url))
                || integrations.any(|base| base.is_same_origin(url)))
    }
}

/// Written as its id.
impl Serialize for Environment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::at(&Cow::<'de, str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
/// The API bases of the well-known environments.
const COMMERCIAL: &str = "https://webexapis.com/v1";
const FEDRAMP: &str = "https://api-usgov.webex.com/v1";

/// The regions of workspace integrations, by the end of their names, and their hosts, from Cisco's own code.
const REGIONS: [(&str, &str); 4] = [("a", "xapi-a"), ("r", "xapi-r"), ("k", "xapi-k"), ("int13", "xapi-intb")];
const FEDRAMP_REGION: &str = "a1";

fn constant(url: &str) -> SafeUrl {
    url.parse().expect("a constant URL is well formed")
}

/// Cuts a typed text, which may hold a password, at its first `?` or `#`, and after 80 characters. Of a text with an `@`, only the scheme is left:
/// everything before the `@` may be the password, whichever characters that has.
fn without_secrets(text: &str) -> String {
    if text.contains('@') {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        let scheme = scheme.filter(|scheme| scheme.chars().all(|character| character.is_ascii_alphabetic()));
        return format!("{}…", scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default());
    }
    let end = text.find(['?', '#']).unwrap_or(text.len());
    text[..end].chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_reads_the_same_with_and_without_its_last_slash() {
        let a = Environment::at("http://127.0.0.1:7000/v1").unwrap();
        let b = Environment::at("http://127.0.0.1:7000/v1/").unwrap();
        assert_eq!(a, b);
        assert_eq!(a.id(), "http://127.0.0.1:7000/v1");
        assert_eq!(a.token().expose().as_str(), "http://127.0.0.1:7000/v1/access_token");
        assert_eq!(a.revoke().unwrap().expose().as_str(), "http://127.0.0.1:7000/idb/oauth2/v1/revoke");
    }

    #[test]
    fn the_well_known_bases_are_recognised() {
        assert_eq!(Environment::at("https://webexapis.com/v1").unwrap(), Environment::commercial());
        assert_eq!(Environment::at("https://api-usgov.webex.com/v1/").unwrap(), Environment::fedramp());
    }

    #[test]
    fn an_address_that_would_leak_is_refused() {
        assert!(matches!(Environment::at("http://webexapis.com/v1"), Err(EnvironmentError::NotConfidential(_))));
        assert!(matches!(Environment::at("https://user:canary@webexapis.com/v1"), Err(EnvironmentError::NotABase(_))));
        for text in [
            "user:canary@nowhere?x",
            "https://user:canary@bad host",
            "https://user:canary#@bad host",
            "https://user:a@canary@bad host",
            "bad host?canary",
        ] {
            let error = Environment::at(text).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn a_token_may_go_to_the_environments_own_origins_only() {
        let environment = Environment::commercial();
        let permits = |url: &str| environment.permits(&url.parse().unwrap());
        assert!(permits("https://webexapis.com/v1/people?cursor=2"));
        assert!(permits("https://webexapis.com:443/v1/people"));
        assert!(permits("https://analytics.webexapis.com/v1/meeting/qualities"));
        assert!(permits("https://analytics-calling.webexapis.com/v1/cdr_feed"));
        assert!(permits("https://xapi-r.wbx2.com/xapi/api/apps/1"));
        assert!(!permits("https://other.wbx2.com/jwks"));
        assert!(!permits("http://analytics.webexapis.com/v1/meeting/qualities"));
        assert!(!permits("https://status.webex.com/v1/x"));
        assert!(!Environment::fedramp().permits(&"https://analytics.webexapis.com/v1/x".parse().unwrap()));
        assert!(!permits("http://webexapis.com/v1/people"));
        assert!(!permits("https://webexapis.com:8443/v1/people"));
        assert!(!permits("https://webexapis.com.evil.example/v1/people"));
        assert!(!permits("https://webexapis.com@evil.example/v1/people"));
    }

    #[test]
    fn each_region_has_its_keys_and_an_unknown_one_has_none() {
        let keys = |environment: &Environment, region: Option<&str>| {
            environment.integration_keys(region).map(|url| url.expose().to_string())
        };
        let commercial = Environment::commercial();
        for (region, host) in [
            (None, "xapi-a"),
            (Some("us-east-2_a"), "xapi-a"),
            (Some("us-west-2_r"), "xapi-r"),
            (Some("eu-central-1_k"), "xapi-k"),
            (Some("us-east-1_int13"), "xapi-intb"),
        ] {
            assert_eq!(keys(&commercial, region), Some(format!("https://{host}.wbx2.com/jwks")));
        }
        assert_eq!(keys(&commercial, Some("us-gov-west-1_a1")), None);
        assert_eq!(keys(&commercial, Some("evil.example/_x")), None);
        let gov = Some("https://xapi.gov.ciscospark.com/jwks".to_owned());
        assert_eq!(keys(&Environment::fedramp(), Some("us-gov-west-1_a1")), gov);
        let local = Environment::at("http://127.0.0.1:7000/v1").unwrap();
        assert_eq!(keys(&local, Some("us-west-2_r")).as_deref(), Some("http://127.0.0.1:7000/xapi-r/jwks"));
    }

    #[test]
    fn a_segment_stays_one_segment() {
        let url = Environment::commercial().resource(&["people", "../a/b?c"]);
        assert_eq!(url.expose().as_str(), "https://webexapis.com/v1/people/..%2Fa%2Fb%3Fc");
    }
}
