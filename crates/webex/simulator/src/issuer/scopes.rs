//! The scopes that the simulator's own apps are registered with: all that it knows, since people learn with them.

use lanyard_protocol::{Scope, ScopeSet};

/// What an integration may ask for; `machine` is for what an administrator authorises a service app for.
pub(crate) fn all_scopes(machine: bool) -> ScopeSet {
    let own = if machine { &[][..] } else { PERSONAL };
    own.iter().chain(SHARED).map(|name| name.parse::<Scope>().expect("a constant scope is well formed")).collect()
}

/// The scopes of `OpenID` Connect: any integration may ask for them, none is registered for them.
pub(crate) const OPENID: [&str; 5] = ["openid", "email", "profile", "phone", "address"];

/// The same as a set.
pub(crate) fn openid_scopes() -> ScopeSet {
    OPENID.iter().map(|name| name.parse::<Scope>().expect("a constant scope is well formed")).collect()
}

/// Only a person has these.
const PERSONAL: &[&str] = &[
    "spark:calls_read",
    "spark:calls_write",
    "spark:devices_read",
    "spark:devices_write",
    "spark:kms",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
    "spark:organizations_read",
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:workspaces_read",
    "meeting:participants_read",
    "meeting:recordings_read",
    "meeting:schedules_read",
    "meeting:transcripts_read",
];

const SHARED: &[&str] = &[
    "guest-issuer:read",
    "guest-issuer:write",
    "identity:one_time_password",
    "identity:placeonetimepassword_create",
    "identity:tokens_read",
    "identity:tokens_write",
    "meeting:admin_participants_read",
    "meeting:admin_recordings_read",
    "meeting:admin_schedule_read",
    "meeting:admin_transcripts_read",
    "spark-admin:devices_read",
    "spark-admin:devices_write",
    "spark-admin:licenses_read",
    "spark-admin:locations_read",
    "spark-admin:organizations_read",
    "spark-admin:people_read",
    "spark-admin:people_write",
    "spark-admin:roles_read",
    "spark-admin:telephony_config_read",
    "spark-admin:telephony_config_write",
    "spark-admin:workspaces_read",
    "spark-admin:workspaces_write",
    "spark:applications_token",
    "spark:people_read",
    "spark:xapi_commands",
    "spark:xapi_statuses",
];
