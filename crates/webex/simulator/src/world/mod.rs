//! The world of this Webex: organisations, their people and machines, their rooms and devices.

mod account;
mod directory;
mod grants;
mod happenings;
mod hooks;
mod integrations;
mod licences;
mod lines;
mod location;
mod locations;
mod meetings;
mod names;
mod rooms;
mod seed;
mod shelf;
mod sites;
mod spaces;

use jiff::Timestamp;
use lanyard_protocol::{OrgId, WebexId};
use uuid::Uuid;

pub(crate) use account::{Account, Phone, Profile, address, person_of};
pub(crate) use directory::Directory;
pub(crate) use grants::GrantError;
pub(crate) use happenings::{Happening, Happenings};
pub(crate) use hooks::{Delivery, Event, Hook, Hooks, MOST_HOOKS};
pub(crate) use integrations::{Integrations, Provisioning, QueueBehaviour, WorkspaceIntegration};
pub(crate) use licences::{Licence, Units};
pub(crate) use lines::{Assignment, Line, LineError};
pub(crate) use location::{Address, Location, Site, location_id};
pub(crate) use locations::NumberError;
pub(crate) use meetings::{
    Invitee, Meeting, MeetingKind, MeetingPlan, Meetings, Occurrence, Part, Registrant, RegistrantStatus,
    RegistrationError, RegistrationForm, Rule, TooManyMeetings,
};
pub(crate) use rooms::{
    Access, Activation, CommandError, Condition, Device, Home, Kind, Life, Plan, Rooms, SAMPLE, Sense, Status, Step,
    Surroundings, Workspace, device_id, device_of, merge, people, reading, select, workspace_of,
};
pub(crate) use shelf::Shelf;
pub(crate) use sites::SITES;
pub(crate) use spaces::{CardAction, Member, Mentions, Message, Named, Space, Spaces, Tab, Team, TooMany, Upload};

/// The application id of a service app.
pub(crate) fn application_id(client: &lanyard_protocol::AppClientId) -> String {
    WebexId { cluster: "us".into(), kind: "APPLICATION".into(), value: client.to_string() }.encode()
}

/// An organisation's id as Webex writes it.
pub(crate) fn organisation_id(organisation: Uuid) -> OrgId {
    if organisation == CONSUMERS {
        return OrgId::new(
            WebexId { cluster: "us".into(), kind: "ORGANIZATION".into(), value: "consumer".into() }.encode(),
        );
    }
    OrgId::new(webex_id("ORGANIZATION", organisation))
}

/// The organisation of those who belong to none; Webex shows it as `consumer` [C].
pub(crate) const CONSUMERS: Uuid = Uuid::max();

/// An id of the commercial cluster.
pub(crate) fn webex_id(kind: &str, value: Uuid) -> String {
    WebexId { cluster: "us".into(), kind: kind.into(), value: value.to_string() }.encode()
}

/// The organisation that a Webex id names.
pub(crate) fn organisation_of(id: &str) -> Option<Uuid> {
    uuid_of("ORGANIZATION", id)
}

/// The UUID in a Webex id of this kind.
pub(crate) fn uuid_of(kind: &str, id: &str) -> Option<Uuid> {
    let id = WebexId::decode(id).ok().filter(|id| id.kind == kind)?;
    id.value.parse().ok()
}

/// A time as Webex writes it: UTC with milliseconds.
pub(crate) fn date(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_milliseconds() {
        assert_eq!(date(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn an_organisation_is_read_from_its_id() {
        let id = Uuid::from_u128(7);
        assert_eq!(organisation_of(&webex_id("ORGANIZATION", id)), Some(id));
        assert_eq!(organisation_of(&webex_id("PEOPLE", id)), None);
    }
}
