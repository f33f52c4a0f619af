//! `/workspaces`, read only.

use jiff::Timestamp;
use lanyard_secret::SafeUrl;
use serde::Deserialize;
use serde_json::Value;

use crate::device::append;
use crate::lenient::{or_default, text, timestamp};
use crate::{Device, Environment, Method, OrgId, Request, WorkspaceId};

/// A workspace, as `GET /workspaces` shows it. Fields that Lanyard does not use are left out; unknown ones are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// The id.
    pub id: WorkspaceId,
    /// The name to show.
    #[serde(default, deserialize_with = "or_default")]
    pub display_name: String,
    /// The organisation.
    #[serde(default)]
    pub org_id: Option<OrgId>,
    /// The location.
    #[serde(default, deserialize_with = "text")]
    pub location_id: Option<String>,
    /// The floor of the location.
    #[serde(default, deserialize_with = "text")]
    pub floor_id: Option<String>,
    /// `notSet`, `focus`, `huddle`, `meetingRoom`, `open`, `desk`, `other`, or a word that is new.
    #[serde(rename = "type", default, deserialize_with = "text")]
    pub workspace_type: Option<String>,
    /// How many people it is meant for.
    #[serde(default, deserialize_with = "capacity")]
    pub capacity: Option<u32>,
    /// How well its devices are; with the scope for it alone.
    #[serde(default, deserialize_with = "health")]
    pub health: WorkspaceHealth,
    /// Its devices, where they were asked for.
    #[serde(default, deserialize_with = "or_default")]
    pub devices: Vec<Device>,
}

/// How well a workspace's devices are, in Webex's own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceHealth {
    /// The level.
    pub level: HealthLevel,
    /// The issues. One that is not an object is left out.
    pub issues: Vec<WorkspaceIssue>,
}

/// An issue of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceIssue {
    /// The title, such as "Device is offline".
    #[serde(default, deserialize_with = "text")]
    pub title: Option<String>,
    /// The description.
    #[serde(default, deserialize_with = "text")]
    pub description: Option<String>,
    /// The recommended action.
    #[serde(default, deserialize_with = "text")]
    pub recommended_action: Option<String>,
    /// When it began.
    #[serde(default, deserialize_with = "timestamp")]
    pub created_at: Option<Timestamp>,
    /// The level. The schema says an object, `{"Members": "error"}`.
    #[serde(default, deserialize_with = "issue_level")]
    pub level: HealthLevel,
}

/// How bad a workspace's health, or one of its issues, is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthLevel {
    /// Nothing is the matter.
    Ok,
    /// Something is worth knowing.
    Info,
    /// Something should be looked at.
    Warning,
    /// Something does not work.
    Error,
    /// Not said, or a word that is not known here.
    #[default]
    #[serde(other)]
    Unknown,
}

/// `{"level": "error", "issues": […]}`
fn health<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<WorkspaceHealth, D::Error> {
    let mut value = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
    let level = value.get("level").map(level).unwrap_or_default();
    let issues = match value.get_mut("issues").map(Value::take) {
        Some(Value::Array(issues)) => {
            issues.into_iter().filter_map(|issue| serde_json::from_value(issue).ok()).collect()
        }
        _ => Vec::new(),
    };
    Ok(WorkspaceHealth { level, issues })
}

/// A word, or an object that has one under `Members`.
fn issue_level<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<HealthLevel, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?.unwrap_or_default();
    Ok(level(value.get("Members").unwrap_or(&value)))
}

fn level(value: &Value) -> HealthLevel {
    HealthLevel::deserialize(value).unwrap_or_default()
}

/// The schema says "number"; a fraction or a negative number is no capacity.
fn capacity<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let value = Option::<Value>::deserialize(deserializer)?;
    Ok(value.as_ref().and_then(Value::as_u64).and_then(|number| number.try_into().ok()))
}

/// `GET /workspaces`: the workspaces that the caller sees; `spark-admin:workspaces_read`. What a bot is shown is not documented:
/// it may be nothing at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListWorkspaces {
    /// Another organisation than the caller's: for partners.
    pub org_id: Option<OrgId>,
    /// Whether each comes with its devices.
    pub include_devices: bool,
    /// The page's size.
    pub max: Option<u32>,
}

impl ListWorkspaces {
    /// The first page's request; later pages are named by the `Link` header.
    pub fn request(&self, environment: &Environment) -> Request {
        let mut url = environment.resource(&["workspaces"]).into_inner();
        let max = self.max.map(|max| max.to_string());
        let pairs = [
            ("orgId", self.org_id.as_ref().map(OrgId::as_str)),
            ("includeDevices", self.include_devices.then_some("true")),
            ("max", max.as_deref()),
        ];
        append(&mut url, &pairs);
        Request::new(Method::GET, SafeUrl::new(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_of_the_documentation_reads() {
        let workspace: Workspace = serde_json::from_str(
            r#"{"id":"w","displayName":"SFO-12 Capanina","capacity":5,"type":"meetingRoom","calling":{"type":"hybridCalling"},
                "health":{"level":"error","issues":[{"id":"i","createdAt":"2026-12-02T08:12:00.000Z","title":"Device is offline",
                "recommendedAction":"Check the power.","level":{"Members":"error"}},{"level":"warning"},7]},"devices":[{"id":"d","type":"roomdesk"}]}"#,
        )
        .unwrap();
        assert_eq!((workspace.health.level, workspace.capacity), (HealthLevel::Error, Some(5)));
        assert_eq!(workspace.devices.len(), 1);
        let [offline, other] = &*workspace.health.issues else { panic!("{:?}", workspace.health) };
        assert_eq!((offline.title.as_deref(), offline.level), (Some("Device is offline"), HealthLevel::Error));
        assert!(offline.created_at.is_some() && offline.description.is_none());
        assert_eq!((other.title.as_deref(), other.level), (None, HealthLevel::Warning));
    }

    #[test]
    fn missing_null_and_unknown_fields_decode() {
        for json in [
            r#"{"id":"w"}"#,
            r#"{"id":"w","displayName":null,"capacity":null,"health":null,"devices":null,"type":null}"#,
            r#"{"id":"w","capacity":-1,"health":{"level":"poorly"}}"#,
            r#"{"id":"w","capacity":2.5,"health":{"level":null}}"#,
            r#"{"id":"w","health":7,"locationId":{},"floorId":9,"type":[]}"#,
            r#"{"id":"w","health":{"level":{},"issues":{"title":"x"}}}"#,
        ] {
            let workspace: Workspace = serde_json::from_str(json).unwrap();
            assert_eq!((workspace.health, workspace.capacity), (WorkspaceHealth::default(), None), "{json}");
            assert_eq!((workspace.location_id, workspace.floor_id), (None, None), "{json}");
        }
    }

    #[test]
    fn a_list_asks_only_for_what_was_said() {
        let environment = Environment::commercial();
        let plain = ListWorkspaces::default().request(&environment);
        assert_eq!(plain.url.expose().as_str(), "https://webexapis.com/v1/workspaces");
        let query = ListWorkspaces { include_devices: true, ..ListWorkspaces::default() }.request(&environment);
        assert_eq!(query.url.expose().query(), Some("includeDevices=true"));
    }
}
