//! An event as people and systems receive it.

mod id;
mod kind;

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use id::NoticeId;
pub use kind::{NoticeError, NoticeType};
pub(crate) use kind::{PREFIX, is_word};

// Everything that a person reads of it goes through `lanyard_protocol::visible` when it is written as text.
/// An event in the envelope of `CloudEvents` 1.0.
///
/// Its texts may come from Webex or from other people, and are not changed in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// The version of `CloudEvents`.
    pub specversion: SpecVersion,
    /// The event's id. A repeated delivery has the same one.
    #[schemars(with = "String")]
    pub id: NoticeId,
    /// The part of Lanyard in which it happened, as a URI reference, such as `/lanyard/homes/…`.
    pub source: String,
    /// The type of the event.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub kind: NoticeType,
    /// The name of the thing that it is about, such as a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened (RFC 3339).
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// The media type of `data`.
    pub datacontenttype: MediaType,
    /// The name of the schema of `data`.
    pub dataschema: DataSchema,
    /// The content.
    pub data: NoticeData,
}

impl Notice {
    /// The JSON Schema of a notice.
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }

    /// Creates a notice. Its subject is the credential's name, if it is about a credential.
    pub fn new(id: NoticeId, source: impl Into<String>, kind: NoticeType, time: Timestamp, data: NoticeData) -> Self {
        Self {
            specversion: SpecVersion::V1,
            id,
            source: source.into(),
            kind,
            subject: data.credential.as_ref().map(|credential| credential.name.to_string()),
            time,
            datacontenttype: MediaType::Json,
            dataschema: DataSchema::V1,
            data,
        }
    }
}

/// The content of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeData {
    /// One plain sentence.
    pub summary: String,
    /// How urgent it is.
    pub severity: Severity,
    /// Whether it begins or ends an alert.
    pub state: AlertState,
    /// The credential that it is about, if any.
    #[serde(default)]
    pub credential: Option<NoticeCredential>,
    /// An address of the console, if there is one.
    #[serde(default)]
    pub link: Option<String>,
    /// The next command, if there is one.
    #[serde(default)]
    pub hint: Option<String>,
    /// Further facts, which differ by type.
    #[serde(default)]
    pub details: Map<String, Value>,
}

impl NoticeData {
    /// Creates content that has only a summary and a severity.
    pub fn new(summary: impl Into<String>, severity: Severity) -> Self {
        Self {
            summary: summary.into(),
            severity,
            state: AlertState::None,
            credential: None,
            link: None,
            hint: None,
            details: Map::new(),
        }
    }
}

/// A credential, as a notice names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeCredential {
    /// Its id, which never changes.
    #[schemars(with = "String")]
    pub id: CredentialId,
    /// Its name.
    #[schemars(with = "String")]
    pub name: CredentialName,
    /// Its kind, such as `service-app`.
    #[serde(with = "kind_as_text")]
    #[schemars(with = "String")]
    pub kind: Kind,
    /// The owner's own labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For information.
    Info,
    /// Something needs attention soon.
    Warning,
    /// Something does not work.
    Critical,
}

impl Severity {
    /// All severities, the least urgent first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The severity with this word.
    pub fn of(word: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == word).ok_or("expected info, warning or critical")
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Whether a notice begins or ends an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// It begins one.
    Firing,
    /// It ends one.
    Resolved,
    /// It is not an alert.
    None,
}

impl AlertState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::None => "none",
        }
    }
}

/// The version of `CloudEvents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SpecVersion {
    /// Version 1.0.
    #[serde(rename = "1.0")]
    V1,
}

/// The media type of a notice's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MediaType {
    /// JSON.
    #[serde(rename = "application/json")]
    Json,
}

/// The name of the schema of a notice's content. The schema itself is [`NoticeData`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DataSchema {
    /// The first version.
    #[serde(rename = "urn:lanyard:schema:notice:1")]
    V1,
}

/// Reads and writes a kind as its word.
mod kind_as_text {
    use std::borrow::Cow;

    use lanyard_credential::Kind;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(super) fn serialize<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(kind.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_notice_is_a_cloud_event_and_reads_back() {
        let wire = json!({
            "specversion": "1.0",
            "id": "4711",
            "source": "/lanyard/homes/a",
            "type": "lanyard.credential.expiring",
            "subject": "acme",
            "time": "2026-11-30T12:00:00Z",
            "datacontenttype": "application/json",
            "dataschema": "urn:lanyard:schema:notice:1",
            "data": {
                "summary": "Sign in again by 7 December.",
                "severity": "warning",
                "state": "firing",
                "credential": {
                    "id": "6ac7d7d6-0000-4000-8000-000000000000",
                    "name": "acme",
                    "kind": "service-app",
                    "labels": { "customer": "acme-dental" },
                },
                "link": null,
                "hint": "lanyard login acme",
                "details": { "days": 7 },
            },
        });
        let notice: Notice = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(serde_json::to_value(&notice).unwrap(), wire);
        let data = notice.data.clone();
        assert_eq!(Notice::new(notice.id.clone(), "/lanyard/homes/a", notice.kind.clone(), notice.time, data), notice);
    }

    #[test]
    fn another_envelope_is_refused() {
        let notice = Notice::new(
            "1".parse().unwrap(),
            "/lanyard",
            NoticeType::TEST,
            Timestamp::UNIX_EPOCH,
            NoticeData::new("A test.", Severity::Info),
        );
        for (field, odd) in
            [("specversion", "0.3"), ("type", "com.example.test"), ("id", "a\nb"), ("datacontenttype", "text/plain")]
        {
            let mut wire = serde_json::to_value(&notice).unwrap();
            wire[field] = odd.into();
            assert!(serde_json::from_value::<Notice>(wire).is_err(), "{field}");
        }
    }

    #[test]
    fn the_schema_describes_every_field() {
        let schema = schemars::schema_for!(Notice);
        let properties = schema.get("properties").unwrap().as_object().unwrap();
        let names: Vec<_> = properties.keys().map(String::as_str).collect();
        let mut expected =
            ["data", "datacontenttype", "dataschema", "id", "source", "specversion", "subject", "time", "type"];
        expected.sort_unstable();
        assert_eq!(
            {
                let mut names = names;
                names.sort_unstable();
                names
            },
            expected
        );
    }
}
