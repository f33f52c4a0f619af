//! The devices that a watch covers: by kind, by Webex's tags, and by location.

use std::collections::BTreeMap;

use lanyard_protocol::{Device, Location};

use crate::places::{Place, Placed, Places};
use crate::watch::{Watch, WatchedKinds};

/// What a watch covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Covered<'a> {
    kinds: WatchedKinds,
    tags: &'a [String],
    locations: &'a BTreeMap<String, String>,
    places: Option<&'a Places>,
}

impl<'a> Covered<'a> {
    /// The devices of a watch whose places are known.
    pub(crate) fn of(watch: &'a Watch, places: &'a Places) -> Self {
        Self { kinds: watch.kinds, tags: &watch.tags, locations: &watch.locations, places: Some(places) }
    }

    /// Whether a device is covered. One whose location is not known is covered if it `was` before: nothing says that it was moved.
    pub(crate) fn covers(&self, device: &Device, was: bool) -> bool {
        self.kinds.covers(device) && self.has_tag(&device.tags) && self.is_here(device).unwrap_or(was)
    }

    /// Whether a device in a place is covered.
    pub(crate) fn covers_placed(&self, place: &Place, device: &Placed) -> bool {
        self.kinds.covers_kind(device.kind) && self.has_tag(&device.tags) && self.is_at(place)
    }

    /// The kinds of devices.
    pub(crate) const fn kinds(&self) -> WatchedKinds {
        self.kinds
    }

    /// Whether the name of a location is that of one that is covered.
    pub(crate) fn is_called(&self, location: Option<&str>) -> bool {
        let is_one = |location: &str| {
            let location = location.trim().to_lowercase();
            self.locations.values().any(|name| name.trim().to_lowercase() == location)
        };
        self.locations.is_empty() || location.is_some_and(is_one)
    }

    /// Whether one of these tags is covered.
    pub(crate) fn has_tag(&self, tags: &[String]) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|tag| is_among(tag, tags))
    }

    /// Whether a workspace is at a location that is covered.
    pub(crate) fn is_at(&self, place: &Place) -> bool {
        let key = || place.location_id.as_deref().map(Location::key);
        self.locations.is_empty() || key().is_some_and(|key| self.locations.contains_key(&key))
    }

    /// The same of a device; `None` if it is not known where that is.
    fn is_here(&self, device: &Device) -> Option<bool> {
        if self.locations.is_empty() {
            return Some(true);
        }
        Some(self.is_at(self.places?.get(device.workspace_id.as_ref()?.as_str())?))
    }
}

impl From<WatchedKinds> for Covered<'static> {
    fn from(kinds: WatchedKinds) -> Self {
        static ANYWHERE: BTreeMap<String, String> = BTreeMap::new();
        Self { kinds, tags: &[], locations: &ANYWHERE, places: None }
    }
}

/// Whether a word is among others, in any case.
pub(crate) fn is_among(word: &str, others: &[String]) -> bool {
    let word = word.trim().to_lowercase();
    others.iter().any(|other| other.trim().to_lowercase() == word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_device_is_covered_by_any_of_the_tags_at_any_of_the_locations() {
        let at = |location: Option<&str>| Place { location_id: location.map(str::to_owned), ..Place::default() };
        let places = Places::from([
            ("zrh".to_owned(), at(Some("l1"))),
            ("bern".to_owned(), at(Some("l2"))),
            ("none".to_owned(), at(None)),
        ]);
        let (tags, locations) =
            (vec!["VIP".to_owned(), "floor 2".to_owned()], BTreeMap::from([("l1".to_owned(), "Zurich".to_owned())]));
        let kinds = WatchedKinds::default();
        let of = |tags, locations| Covered { kinds, tags, locations, places: Some(&places) };
        let device = |workspace: &str, tags: &[&str]| -> Device {
            serde_json::from_value(json!({ "id": "a", "type": "roomdesk", "workspaceId": workspace, "tags": tags }))
                .unwrap()
        };
        let anywhere = BTreeMap::new();
        let covered = of(&[], &anywhere);
        assert!(covered.covers(&device("elsewhere", &[]), false));
        let tagged = of(&tags, &anywhere);
        assert!(tagged.covers(&device("bern", &["old", "vip"]), false));
        assert!(!tagged.covers(&device("bern", &["vips"]), true) && !tagged.covers(&device("bern", &[]), true));
        let here = of(&[], &locations);
        assert!(here.covers(&device("zrh", &[]), false));
        assert!(
            !here.covers(&device("bern", &[]), true) && !here.covers(&device("none", &[]), true),
            "it is known to be elsewhere"
        );
        // Where it is may not be known yet, or no longer.
        assert!(here.covers(&device("new", &[]), true) && !here.covers(&device("new", &[]), false));
        let both = of(&tags, &locations);
        assert!(both.covers(&device("zrh", &["Floor 2"]), false) && !both.covers(&device("zrh", &[]), false));
    }
}
