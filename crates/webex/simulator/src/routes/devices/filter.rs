//! The filters of a list of devices.

use std::borrow::Cow;

use super::view::{PLANNED_MAINTENANCE, Shown, UPGRADE_CHANNEL};
use crate::form::Form;
use crate::world::webex_id;

/// The filters of the reference that the simulator has something to compare with. What cannot be read fits nothing.
pub(super) struct Filter {
    equals: Vec<(Read, String)>,
    /// All of them.
    tags: Vec<String>,
    error: Option<String>,
}

/// Reads what a filter compares.
type Read = for<'a> fn(&'a Shown<'_>) -> Cow<'a, str>;

impl Filter {
    pub(super) fn of(query: &Form) -> Self {
        let known: [(&str, Read); 16] = [
            ("workspaceId", |shown| id("PLACES", shown.device.workspace)),
            ("locationId", |shown| shown.location.unwrap_or_default().into()),
            ("workspaceLocationId", |shown| shown.location.unwrap_or_default().into()),
            ("personId", |shown| id("PEOPLE", shown.device.person)),
            ("displayName", |shown| shown.device.name.as_str().into()),
            ("product", |shown| shown.device.product.as_str().into()),
            ("type", |shown| shown.device.kind.as_str().into()),
            ("connectionStatus", |shown| shown.condition.status.as_str().into()),
            ("serial", |shown| shown.device.serial.as_str().into()),
            ("mac", |shown| shown.device.mac.replace(':', "").into()),
            ("software", |shown| shown.device.software().into()),
            ("upgradeChannel", |_| UPGRADE_CHANNEL.into()),
            ("capability", |shown| if shown.device.has_xapi() { "xapi" } else { "" }.into()),
            ("permission", |shown| shown.access.permission().into()),
            ("plannedMaintenance", |_| PLANNED_MAINTENANCE.into()),
            ("devicePlatform", |_| "cisco".into()),
        ];
        let asked = known.into_iter().filter_map(|(name, read)| {
            let wanted = query.get(name)?;
            let wanted = match name {
                // An address is found however its bytes are separated [C: live tests of wxc_sdk].
                "mac" => wanted.replace([':', '-', '.'], ""),
                name if name.ends_with("Id") => wanted.trim_end_matches('=').to_owned(),
                _ => wanted.to_owned(),
            };
            Some((read, wanted))
        });
        let tags = query.every("tag").flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_owned());
        Self { equals: asked.collect(), tags: tags.collect(), error: query.get("errorCode").map(str::to_owned) }
    }

    pub(super) fn fits(&self, shown: &Shown<'_>) -> bool {
        self.equals.iter().all(|(read, wanted)| read(shown).eq_ignore_ascii_case(wanted))
            && self.tags.iter().all(|tag| shown.device.tags.contains(tag))
            && self.error.as_ref().is_none_or(|code| shown.condition.errors.contains(code))
    }
}

fn id(kind: &str, value: Option<uuid::Uuid>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed(""), |value| webex_id(kind, value).into())
}
