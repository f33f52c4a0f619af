//! `/locations` and their floors, read only.

use lanyard_secret::SafeUrl;
use serde::Deserialize;
use serde_json::Value;

use crate::device::append;
use crate::lenient::{or_default, text};
use crate::{Environment, Method, OrgId, Request, WebexId};

/// A location, as `GET /locations` shows it. Fields that Lanyard does not use are left out; unknown ones are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// The id.
    pub id: String,
    /// The name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

/// A floor of a location.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Floor {
    /// The id.
    pub id: String,
    /// The name to show.
    #[serde(default, deserialize_with = "text")]
    pub display_name: Option<String>,
    /// The number; below zero in a basement.
    #[serde(default, deserialize_with = "or_default")]
    pub floor_number: Value,
}

impl Location {
    /// `GET /locations`: the locations of an organisation. It needs `spark-admin:locations_read`, `spark-admin:people_read` or
    /// `spark-admin:devices_read`, so a bot cannot read it.
    pub fn list(environment: &Environment, org: Option<&OrgId>, max: Option<u32>) -> Request {
        let mut url = environment.resource(&["locations"]).into_inner();
        let max = max.map(|max| max.to_string());
        append(&mut url, &[("orgId", org.map(OrgId::as_str)), ("max", max.as_deref())]);
        Request::new(Method::GET, SafeUrl::new(url))
    }

    /// The part of a location's id that is the same in every spelling, in which workspaces and `/locations` may differ.
    pub fn key(id: &str) -> String {
        let id = id.trim_end_matches('=');
        WebexId::decode(id).map_or_else(|_| id.to_owned(), |id| id.value.to_lowercase())
    }
}

impl Floor {
    /// `GET /locations/{id}/floors`: the floors of one location.
    pub fn list(environment: &Environment, location: &str) -> Request {
        Request::new(Method::GET, environment.resource(&["locations", location, "floors"]))
    }

    /// Its name, or its number.
    pub fn name(&self) -> Option<String> {
        let number = || self.floor_number.is_number().then(|| self.floor_number.to_string());
        self.display_name.clone().filter(|name| !name.trim().is_empty()).or_else(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_the_same_in_every_spelling_of_its_id() {
        let id = |cluster: &str, value: &str| {
            WebexId { cluster: cluster.into(), kind: "LOCATION".into(), value: value.into() }.encode()
        };
        let key = Location::key(&id("us", "0f8fad5b-d9cb-469f-a165-70867728950e"));
        assert_eq!(key, "0f8fad5b-d9cb-469f-a165-70867728950e");
        for other in [
            id("urn:TEAM:us-east-1_int13", "0f8fad5b-d9cb-469f-a165-70867728950e"),
            id("us", "0F8FAD5B-D9CB-469F-A165-70867728950E"),
            format!("{}==", id("us", "0f8fad5b-d9cb-469f-a165-70867728950e")),
        ] {
            assert_eq!(Location::key(&other), key, "{other}");
        }
        assert_eq!(Location::key("Y2lzY29z..."), "Y2lzY29z...");
    }

    #[test]
    fn a_floor_is_called_by_its_name_or_its_number() {
        for (json, expected) in [
            (r#"{"id":"f","floorNumber":-1,"displayName":"The basement"}"#, Some("The basement")),
            (r#"{"id":"f","floorNumber":-1}"#, Some("-1")),
            (r#"{"id":"f","floorNumber":2,"displayName":" "}"#, Some("2")),
            (r#"{"id":"f","floorNumber":null,"displayName":7}"#, None),
        ] {
            let floor: Floor = serde_json::from_str(json).unwrap();
            assert_eq!(floor.name().as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn a_list_asks_only_for_what_was_said() {
        let environment = Environment::commercial();
        let plain = Location::list(&environment, None, None);
        assert_eq!(plain.url.expose().as_str(), "https://webexapis.com/v1/locations");
        let query = Location::list(&environment, Some(&OrgId::new("o")), Some(9));
        assert_eq!(query.url.expose().query(), Some("orgId=o&max=9"));
    }
}
