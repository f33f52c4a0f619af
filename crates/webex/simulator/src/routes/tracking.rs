//! Tracking ids, by which Cisco's support finds a call.

use http::HeaderMap;
use lanyard_time::Entropy;

use crate::random;

/// The request's own id, or one made for it.
#[derive(Clone, Debug)]
pub(crate) struct TrackingId(String);

impl TrackingId {
    pub(crate) fn of(headers: &HeaderMap, entropy: &dyn Entropy) -> Self {
        let own = headers.get("trackingid").and_then(|value| value.to_str().ok());
        Self(match own {
            Some(own) if !own.trim().is_empty() => own.trim().to_owned(),
            _ => format!("ROUTER_{}", random::uuid(entropy).hyphenated().to_string().to_uppercase()),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the reply's header; a capture of Webex shows it twice.
    pub(crate) fn header(&self, doubled: bool) -> String {
        if doubled { format!("{0}, {0}", self.0) } else { self.0.clone() }
    }
}
