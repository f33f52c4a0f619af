//! The places where devices stand: rooms, locations, floors and seats, and what Webex says is wrong there.
//!
//! A bot cannot read any of it. A credential that sees the whole organisation can, such as an administrator's.

mod stored;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use lanyard_protocol::{Device, DeviceType, HealthLevel, Location, Workspace, WorkspaceIssue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::stored::{PlacesReading, all, forget_all, note, of_watch, reading_of, readings, write};

/// A workspace, as a credential that sees the whole organisation reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Place {
    /// The name of the workspace.
    pub room: String,
    /// The name of its location.
    pub location: Option<String>,
    /// The id of its location; `None` if it has none.
    pub location_id: Option<String>,
    /// The name of its floor.
    pub floor: Option<String>,
    /// The id of its floor.
    pub floor_id: Option<String>,
    /// The number of seats.
    pub seats: Option<u32>,
    /// What Webex says is wrong there, in its own words.
    pub issues: Vec<Issue>,
    /// The devices in it, as a credential that sees the whole organisation lists them; none if that was never read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub(crate) devices: Vec<Placed>,
}

/// A device in a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Placed {
    /// Its id.
    pub(crate) id: String,
    /// The kind.
    pub(crate) kind: DeviceType,
    /// Its tags.
    pub(crate) tags: Vec<String>,
}

/// A fault that Webex reports of a workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Issue {
    /// The title, or the description if there is none.
    pub title: String,
    /// The recommended action.
    pub advice: Option<String>,
    /// The level: `error`, `warning` or `info`.
    pub level: Option<String>,
    /// Since when.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

/// Places, by the id of the workspace.
pub(crate) type Places = HashMap<String, Place>;

/// How many issues of a workspace are kept, and how many characters of each text.
const MOST_ISSUES: usize = 8;
const LONGEST: usize = 200;
/// How many devices of a workspace are kept, and how many tags of each.
const MOST_DEVICES: usize = 100;
const MOST_TAGS: usize = 32;
/// The longest id of a workspace that is kept: PostgreSQL has no index over longer ones.
const LONGEST_ID: usize = 512;

impl Place {
    /// The location as people see it: its name, "-" if the workspace has none, "?" if its name is not known.
    pub fn location_shown(&self) -> &str {
        match (&self.location, &self.location_id) {
            (Some(name), _) => name,
            (None, Some(_)) => "?",
            (None, None) => "-",
        }
    }

    /// A workspace without the names of its location and floor.
    fn of(workspace: &Workspace) -> Self {
        Self {
            room: short(&workspace.display_name),
            location: None,
            location_id: workspace.location_id.as_deref().map(short),
            floor: None,
            floor_id: workspace.floor_id.as_deref().map(short),
            seats: workspace.capacity,
            issues: workspace.health.issues.iter().filter_map(Issue::of).take(MOST_ISSUES).collect(),
            devices: Vec::new(),
        }
    }

    /// The place as it is shown with one of its devices.
    pub(crate) fn of_device(&self) -> Self {
        Self { devices: Vec::new(), ..self.clone() }
    }
}

impl Issue {
    /// An issue, unless Webex says nothing about it.
    fn of(issue: &WorkspaceIssue) -> Option<Self> {
        let said = |text: &Option<String>| text.as_deref().map(short).filter(|text| !text.trim().is_empty());
        let level = match issue.level {
            HealthLevel::Error => Some("error"),
            HealthLevel::Warning => Some("warning"),
            HealthLevel::Info => Some("info"),
            HealthLevel::Ok | HealthLevel::Unknown => None,
        };
        Some(Self {
            title: said(&issue.title).or_else(|| said(&issue.description))?,
            advice: said(&issue.recommended_action),
            level: level.map(str::to_owned),
            since: issue.created_at,
        })
    }
}

/// The names that a reading found besides the workspaces.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The names of locations, by the [key](Location::key) of their ids.
    pub(crate) locations: HashMap<String, String>,
    /// The names of floors, by their ids.
    pub(crate) floors: HashMap<String, String>,
}

/// The places after a reading. Names that could not be read stay as they were, and so do workspaces that were not reached if the reading
/// was not `complete`.
pub(crate) fn merge(known: &Places, workspaces: &[Workspace], names: &Names, complete: bool) -> Places {
    let mut places: Places = workspaces
        .iter()
        .filter(|workspace| workspace.id.as_str().len() <= LONGEST_ID)
        .map(|workspace| {
            let (id, mut place) = (workspace.id.as_str(), Place::of(workspace));
            let before = known.get(id);
            let kept = before.filter(|before| before.location_id == place.location_id);
            let found = place.location_id.as_ref().and_then(|id| names.locations.get(&Location::key(id)));
            place.location = found.map(|name| short(name)).or_else(|| kept?.location.clone());
            let kept = before.filter(|before| before.floor_id == place.floor_id);
            let found = place.floor_id.as_ref().and_then(|id| names.floors.get(id));
            place.floor = found.map(|name| short(name)).or_else(|| kept?.floor.clone());
            place.devices = before.map(|before| before.devices.clone()).unwrap_or_default();
            (id.to_owned(), place)
        })
        .collect();
    if !complete {
        for (id, place) in known {
            places.entry(id.clone()).or_insert_with(|| place.clone());
        }
    }
    places
}

/// Puts the devices of an organisation into their workspaces, in place of those that were there.
pub(crate) fn put_devices(places: &mut Places, devices: &[Device]) {
    for place in places.values_mut() {
        place.devices.clear();
    }
    for device in devices {
        let place = device.workspace_id.as_ref().and_then(|id| places.get_mut(id.as_str()));
        let id = device.id.as_ref().map(|id| id.as_str().to_owned()).filter(|id| id.len() <= LONGEST_ID);
        let (Some(place), Some(id)) = (place, id) else { continue };
        if place.devices.len() < MOST_DEVICES {
            let tags = device.tags.iter().take(MOST_TAGS).map(|tag| short(tag)).collect();
            place.devices.push(Placed { id, kind: device.device_type, tags });
        }
    }
    // As they are compared with what is stored.
    for place in places.values_mut() {
        place.devices.sort_by(|a, b| a.id.cmp(&b.id));
    }
}

/// The ids of locations that have floors whose names are not known yet, without duplicates.
pub(crate) fn unnamed_floors(known: &Places, workspaces: &[Workspace]) -> Vec<String> {
    let named = known.values().filter(|place| place.floor.is_some()).filter_map(|place| place.floor_id.as_deref());
    let named: std::collections::HashSet<&str> = named.collect();
    let unnamed = workspaces
        .iter()
        .filter(|workspace| workspace.floor_id.as_deref().is_some_and(|id| !named.contains(short(id).as_str())));
    let ids: BTreeMap<String, String> =
        unnamed.filter_map(|workspace| workspace.location_id.clone()).map(|id| (Location::key(&id), id)).collect();
    ids.into_values().collect()
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn workspaces(values: &[Value]) -> Vec<Workspace> {
        values.iter().map(|value| serde_json::from_value(value.clone()).unwrap()).collect()
    }

    fn names(locations: &[(&str, &str)], floors: &[(&str, &str)]) -> Names {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        Names { locations: map(locations), floors: map(floors) }
    }

    #[test]
    fn a_place_has_the_names_of_its_location_and_floor() {
        let listed = workspaces(&[
            json!({ "id": "a", "displayName": "1.04 Boardroom", "locationId": "zrh==", "floorId": "f1", "capacity": 8,
                "health": { "level": "error", "issues": [
                    { "title": "Device is offline", "recommendedAction": "Check the power.", "level": { "Members": "error" } },
                    { "description": "only this" }, { "title": " " } ] } }),
            json!({ "id": "b", "displayName": "Foyer", "locationId": "bern" }),
            json!({ "id": "c", "displayName": "Nowhere" }),
            json!({ "id": "x".repeat(600), "displayName": "too long an id" }),
        ]);
        let places = merge(&Places::new(), &listed, &names(&[("zrh", "Zurich HQ")], &[("f1", "Floor 1")]), true);
        assert_eq!(places.len(), 3);
        let boardroom = &places["a"];
        assert_eq!((boardroom.location_shown(), boardroom.floor.as_deref()), ("Zurich HQ", Some("Floor 1")));
        assert_eq!(boardroom.seats, Some(8));
        let said: Vec<_> = boardroom.issues.iter().map(|issue| (&*issue.title, issue.level.as_deref())).collect();
        assert_eq!(said, [("Device is offline", Some("error")), ("only this", None)]);
        assert_eq!((places["b"].location_shown(), places["c"].location_shown()), ("?", "-"));
    }

    #[test]
    fn what_could_not_be_read_stays_as_it_was() {
        let listed = workspaces(&[
            json!({ "id": "a", "displayName": "A", "locationId": "zrh", "floorId": "f1" }),
            json!({ "id": "b", "displayName": "B", "locationId": "zrh" }),
        ]);
        let before = merge(&Places::new(), &listed, &names(&[("zrh", "Zurich HQ")], &[("f1", "Floor 1")]), true);
        // The names cannot be read any more, and a page is missing.
        let moved = workspaces(&[json!({ "id": "a", "displayName": "A2", "locationId": "bsl", "floorId": "f1" })]);
        let after = merge(&before, &moved, &Names::default(), false);
        assert_eq!((&*after["a"].room, after["a"].location_shown()), ("A2", "?"), "it is at another location now");
        assert_eq!((after["a"].floor.as_deref(), after["b"].location_shown()), (Some("Floor 1"), "Zurich HQ"));
        let complete = merge(&before, &listed[..1], &Names::default(), true);
        assert_eq!((complete.len(), complete["a"].location_shown()), (1, "Zurich HQ"));
    }

    #[test]
    fn floors_are_asked_for_once() {
        let listed = workspaces(&[
            json!({ "id": "a", "locationId": "zrh", "floorId": "f1" }),
            json!({ "id": "b", "locationId": "zrh", "floorId": "f2" }),
            json!({ "id": "c", "locationId": "bsl" }),
            json!({ "id": "d", "floorId": "f3" }),
        ]);
        assert_eq!(unnamed_floors(&Places::new(), &listed), ["zrh"]);
        let known = merge(&Places::new(), &listed, &names(&[], &[("f1", "1"), ("f2", "2")]), true);
        assert_eq!(unnamed_floors(&known, &listed), [""; 0]);
    }
}
