//! The scopes that the simulator's own apps are registered with.

use lanyard_protocol::{Scope, ScopeHolder, ScopeSet, registrable_scopes};

/// The scopes that an integration can be registered with; `machine` selects those of a service app. The seeded integration has all
/// of them, since people learn with it.
pub(crate) fn all_scopes(machine: bool) -> ScopeSet {
    registrable_scopes(if machine { ScopeHolder::ServiceApp } else { ScopeHolder::Integration })
}

/// The scopes of the seeded service app: those of its jobs with devices, Webex Calling, phones and meetings. An app that a person
/// registers may have any scope of the catalogue.
pub(crate) fn fleet_scopes() -> ScopeSet {
    set(&FLEET)
}

const FLEET: [&str; 24] = [
    "guest-issuer:read",
    "guest-issuer:write",
    "meeting:admin_participants_read",
    "meeting:admin_recordings_read",
    "meeting:admin_schedule_read",
    "meeting:admin_schedule_write",
    "meeting:admin_transcripts_read",
    "spark-admin:devices_read",
    "spark-admin:devices_write",
    "spark-admin:licenses_read",
    "spark-admin:locations_read",
    "spark-admin:organizations_read",
    "spark-admin:people_read",
    "spark-admin:people_write",
    "spark-admin:telephony_config_read",
    "spark-admin:telephony_config_write",
    "spark-admin:workspaces_read",
    "spark-admin:workspaces_write",
    "spark:applications_token",
    "spark:calls_read",
    "spark:calls_write",
    "spark:people_read",
    "spark:xapi_commands",
    "spark:xapi_statuses",
];

/// The scopes of `OpenID` Connect: any integration may ask for them, none is registered for them.
pub(crate) const OPENID: [&str; 5] = ["openid", "email", "profile", "phone", "address"];

/// The scopes of [`OPENID`], as a set.
pub(crate) fn openid_scopes() -> ScopeSet {
    set(&OPENID)
}

fn set(names: &[&str]) -> ScopeSet {
    names.iter().map(|name| name.parse::<Scope>().expect("a constant scope is well formed")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeded_service_app_has_scopes_that_a_service_app_can_have() {
        assert!(fleet_scopes().without(&all_scopes(true)).is_empty());
    }
}
