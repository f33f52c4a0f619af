//! `/v1/devices`: lists, filters, and which devices a caller sees.

mod view;
mod write;

use std::borrow::Cow;

use axum::Json;
use axum::extract::Path;
use axum::response::Response;
use uuid::Uuid;

use crate::form::Form;
use crate::routes::extract::{Caller, Slice};
use crate::routes::refusal::{Refusal, Reply};
use crate::webex::{State as Everything, Webex};
use crate::world::{Access, Device, device_of, webex_id};
use view::{PLANNED_MAINTENANCE, UPGRADE_CHANNEL};

pub(super) use view::Shown;
pub(super) use write::{activation_code, create, delete, tags};

pub(super) async fn list(webex: Webex, caller: Caller, slice: Slice<100, 1000>, query: Form) -> Reply<Response> {
    let filter = Filter::of(&query);
    let now = webex.now();
    let state = webex.state();
    let sight = Sight::of(&caller, caller.reach(&state)?)?;
    let found = state.rooms.devices().filter_map(|device| {
        let access = sight.permission(&state, device)?;
        let shown = Shown::of(&state, device, access, now);
        filter.fits(&shown).then_some(shown)
    });
    Ok(slice.reply(found, |shown| shown.json()))
}

pub(super) async fn show(webex: Webex, caller: Caller, Path(id): Path<String>) -> Reply {
    let now = webex.now();
    let state = webex.state();
    let device = device_of(&id).and_then(|id| state.rooms.device(id)).ok_or(Refusal::NotFound)?;
    let sight = Sight::of(&caller, caller.reach_of(&state, device.organisation)?)?;
    let access = sight.permission(&state, device).ok_or(Refusal::NotFound)?;
    Ok(Json(Shown::of(&state, device, access, now).json()))
}

/// Whose devices a caller sees.
pub(super) enum Sight {
    /// An organisation's.
    Organisation(Uuid),
    /// Those of workspaces that a bot was granted, whoever's they are.
    Granted { bot: Uuid },
    /// The caller's own.
    Own { person: Uuid },
}

impl Sight {
    /// The devices of an organisation that a caller sees.
    pub(super) fn of(caller: &Caller, organisation: Uuid) -> Result<Self, Refusal> {
        Self::with(caller, organisation, "spark-admin:devices_read", "spark:devices_read")
    }

    /// The devices of an organisation that a caller may change.
    fn writing(caller: &Caller, organisation: Uuid) -> Result<Self, Refusal> {
        if caller.is_bot() {
            return Err(Refusal::Forbidden);
        }
        Self::with(caller, organisation, "spark-admin:devices_write", "spark:devices_write")
    }

    fn with(caller: &Caller, organisation: Uuid, all: &str, own: &str) -> Result<Self, Refusal> {
        if caller.is_bot() {
            return Ok(Self::Granted { bot: caller.account.id });
        }
        if caller.has_any(&[all]) {
            return Ok(Self::Organisation(organisation));
        }
        caller.needs_any(&[own])?;
        Ok(Self::Own { person: caller.account.id })
    }

    /// The caller's access to a device; `None` if the caller does not see it.
    pub(super) fn permission(&self, state: &Everything, device: &Device) -> Option<Access> {
        match *self {
            Self::Organisation(id) => (device.organisation == id).then_some(Access::Full),
            Self::Granted { bot } => state.rooms.access(bot, device.workspace),
            Self::Own { person } => (device.person == Some(person)).then_some(Access::Full),
        }
    }
}

/// The filters of the reference that the simulator has something to compare with. What cannot be read fits nothing.
struct Filter {
    equals: Vec<(Read, String)>,
    /// All of them.
    tags: Vec<String>,
    error: Option<String>,
}

/// Reads what a filter compares.
type Read = for<'a> fn(&'a Shown<'_>) -> Cow<'a, str>;

impl Filter {
    fn of(query: &Form) -> Self {
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

    fn fits(&self, shown: &Shown<'_>) -> bool {
        self.equals.iter().all(|(read, wanted)| read(shown).eq_ignore_ascii_case(wanted))
            && self.tags.iter().all(|tag| shown.device.tags.contains(tag))
            && self.error.as_ref().is_none_or(|code| shown.condition.errors.contains(code))
    }
}

fn id(kind: &str, value: Option<uuid::Uuid>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed(""), |value| webex_id(kind, value).into())
}
