//! Webex identifiers.

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Declares an id type around the text that Webex sends. The text is kept and compared as it came: Webex may change its making.
macro_rules! opaque_id {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Wraps an id as Webex wrote it.
            pub fn new(id: impl Into<Box<str>>) -> Self {
                Self(id.into())
            }

            /// The id as Webex wrote it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

opaque_id! {
    /// A person, a bot or a machine account (`ciscospark://us/PEOPLE/…`).
    PersonId;
    /// An organisation (`ciscospark://us/ORGANIZATION/…`).
    OrgId;
    /// The client id of an app: `C` and hexadecimal digits.
    AppClientId;
    /// A device (`ciscospark://urn:TEAM:us-east-1_int13/DEVICE/…`).
    DeviceId;
    /// A workspace, once called a place (`ciscospark://us/PLACES/…`).
    WorkspaceId;
    /// One token or refresh token that an app holds for a person (`ciscospark://us/AUTHORIZATION/…`).
    AuthorizationId;
}

impl OrgId {
    /// Whether two texts name the same organisation: as Webex writes its ids, padded or not, or as the bare UUID that some of its
    /// services take.
    pub fn names_same(&self, other: &str) -> bool {
        match (organisation(self.as_str()), organisation(other)) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(&b),
            _ => false,
        }
    }
}

/// The value inside an organisation's id, or the text itself where it is no Webex id. `None` for an id of something else.
fn organisation(text: &str) -> Option<String> {
    match WebexId::decode(text) {
        Ok(id) if id.kind == "ORGANIZATION" => Some(id.value),
        Ok(_) => None,
        Err(IdError) => Some(text.to_owned()).filter(|text| !text.is_empty()),
    }
}

/// The decoded form of most Webex ids, which are `ciscospark://CLUSTER/KIND/VALUE` in base64url, often without padding.
///
/// The cluster of devices and workspaces has no slash, but it contains colons (`urn:TEAM:us-east-1_int13`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebexId {
    /// `us`, or `urn:TEAM:…`.
    pub cluster: String,
    /// `PEOPLE`, `ORGANIZATION`, `DEVICE`, ….
    pub kind: String,
    /// Nearly always a UUID.
    pub value: String,
}

/// A text that is no Webex id of this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a Webex id (base64url of ciscospark://…)")]
pub struct IdError;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl WebexId {
    /// Writes the id as Webex does, without padding.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("ciscospark://{}/{}/{}", self.cluster, self.kind, self.value))
    }

    /// Reads an id, padded or not.
    pub fn decode(text: &str) -> Result<Self, IdError> {
        let bytes = LENIENT.decode(text).map_err(|_| IdError)?;
        let inner = String::from_utf8(bytes).map_err(|_| IdError)?;
        let mut parts = inner.strip_prefix("ciscospark://").ok_or(IdError)?.splitn(3, '/');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(cluster), Some(kind), Some(value)) if !kind.is_empty() && !value.is_empty() => {
                Ok(Self { cluster: cluster.into(), kind: kind.into(), value: value.into() })
            }
            _ => Err(IdError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_a_round_trip_with_and_without_padding() {
        let id = WebexId {
            cluster: "us".into(),
            kind: "PEOPLE".into(),
            value: "f5b36187-c8dd-4727-8b2f-f9c447f29046".into(),
        };
        let text = id.encode();
        assert_eq!(WebexId::decode(&text), Ok(id.clone()));
        let padded = format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        assert_eq!(WebexId::decode(&padded), Ok(id));
    }

    #[test]
    fn an_id_from_the_documentation_reads() {
        // The example of the People API's documentation.
        let id =
            WebexId::decode("Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIzNjE4Ny1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY").unwrap();
        assert_eq!(id.kind, "PEOPLE");
    }

    #[test]
    fn an_organisation_is_the_same_in_all_its_spellings() {
        let uuid = "12345678-c8dd-4727-8b2f-f9c447f29046";
        let id = |kind: &str| WebexId { cluster: "us".into(), kind: kind.into(), value: uuid.into() }.encode();
        let written = OrgId::new(id("ORGANIZATION"));
        assert!(written.names_same(written.as_str()) && written.names_same(uuid));
        let padding = "=".repeat((4 - written.as_str().len() % 4) % 4);
        assert!(written.names_same(&format!("{written}{padding}")) && written.names_same(&uuid.to_uppercase()));
        assert!(OrgId::new(uuid).names_same(written.as_str()));
        assert!(!written.names_same(&id("PEOPLE")) && !written.names_same("") && !written.names_same("me"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "me", "Y2lzY28", "%%%", "Y2lzY29zcGFyazovL3Vz"] {
            assert_eq!(WebexId::decode(text), Err(IdError), "{text}");
        }
    }
}
