//! The scopes that Webex documents, and which kinds of app may have them.
//!
//! Every scope in Cisco's API documents is here [S]; the others are those that published programs and SDKs ask for [C]. An unlisted
//! scope is not an error anywhere in the client: this table says what a developer portal offers, not what Webex knows.

use crate::ScopeSet;

/// An app that asks for scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeHolder {
    /// An integration, which acts for the person who signs in.
    Integration,
    /// A service app, which an administrator authorises.
    ServiceApp,
}

/// The scopes that an app of this kind can be registered with.
///
/// A service app may have everything except what only a person can do, such as messages and a person's own meetings.
#[expect(clippy::missing_panics_doc, reason = "the names are constants, and a test reads every one")]
pub fn registrable_scopes(holder: ScopeHolder) -> ScopeSet {
    let personal = match holder {
        ScopeHolder::Integration => PERSONAL,
        ScopeHolder::ServiceApp => &[],
    };
    let names = personal.iter().chain(SHARED);
    names.map(|name| name.parse().expect("a constant scope is well formed")).collect()
}

/// The scopes that only an integration may have.
const PERSONAL: &[&str] = &[
    "meeting:controls_read",
    "meeting:controls_write",
    "meeting:participants_read",
    "meeting:participants_write",
    "meeting:preferences_read",
    "meeting:preferences_write",
    "meeting:recordings_read",
    "meeting:recordings_write",
    "meeting:schedules_read",
    "meeting:schedules_write",
    "meeting:summaries_read",
    "meeting:transcripts_read",
    "spark:all",
    "spark:devices_read",
    "spark:devices_write",
    "spark:kms",
    "spark:memberships_read",
    "spark:memberships_write",
    "spark:messages_read",
    "spark:messages_write",
    "spark:organizations_read",
    "spark:places_read",
    "spark:places_write",
    "spark:recordings_read",
    "spark:recordings_write",
    "spark:rooms_read",
    "spark:rooms_write",
    "spark:team_memberships_read",
    "spark:team_memberships_write",
    "spark:teams_read",
    "spark:teams_write",
    "spark:webrtc_calling",
    "spark:workspaces_read",
    "spark:workspaces_write",
];

/// The scopes that integrations and service apps may have.
const SHARED: &[&str] = &[
    "Identity:Config",
    "Identity:Organization",
    "Identity:contact",
    "Identity:one_time_password",
    "analytics:read_all",
    "audit:events_read",
    "cjp:config",
    "cjp:config_read",
    "cjp:config_write",
    "guest-issuer:read",
    "guest-issuer:write",
    "identity:contact:core",
    "identity:contacts_read",
    "identity:contacts_rw",
    "identity:groups_read",
    "identity:groups_rw",
    "identity:idbroker:authnconfig",
    "identity:idbroker:pwdpolicy",
    "identity:one_time_password",
    "identity:organization:core",
    "identity:organizations_read",
    "identity:organizations_rw",
    "identity:people_read",
    "identity:people_rw",
    "identity:placeonetimepassword_create",
    "identity:tokens_read",
    "identity:tokens_write",
    "meeting:admin_config_read",
    "meeting:admin_config_write",
    "meeting:admin_participants_read",
    "meeting:admin_preferences_read",
    "meeting:admin_preferences_write",
    "meeting:admin_recordings_read",
    "meeting:admin_recordings_write",
    "meeting:admin_schedule_read",
    "meeting:admin_schedule_write",
    "meeting:admin_transcripts_read",
    "spark-admin:call_memberships_read",
    "spark-admin:call_qualities_read",
    "spark-admin:calling_cdr_read",
    "spark-admin:calls_read",
    "spark-admin:calls_write",
    "spark-admin:datasource_read",
    "spark-admin:datasource_write",
    "spark-admin:device_read",
    "spark-admin:devices_read",
    "spark-admin:devices_write",
    "spark-admin:hybrid_clusters_read",
    "spark-admin:hybrid_connectors_read",
    "spark-admin:licenses_read",
    "spark-admin:locations_read",
    "spark-admin:locations_write",
    "spark-admin:organizations_read",
    "spark-admin:organizations_write",
    "spark-admin:people_read",
    "spark-admin:people_write",
    "spark-admin:places_read",
    "spark-admin:places_write",
    "spark-admin:recordings_read",
    "spark-admin:recordings_write",
    "spark-admin:reports_read",
    "spark-admin:reports_write",
    "spark-admin:resource_group_memberships_read",
    "spark-admin:resource_group_memberships_write",
    "spark-admin:resource_groups_read",
    "spark-admin:roles_read",
    "spark-admin:telephony_config_read",
    "spark-admin:telephony_config_write",
    "spark-admin:telephony_pstn_read",
    "spark-admin:telephony_pstn_write",
    "spark-admin:workspace_locations_read",
    "spark-admin:workspace_locations_write",
    "spark-admin:workspace_metrics_read",
    "spark-admin:workspaces_read",
    "spark-admin:workspaces_write",
    "spark-compliance:events_read",
    "spark-compliance:meetings_read",
    "spark-compliance:meetings_write",
    "spark-compliance:memberships_read",
    "spark-compliance:memberships_write",
    "spark-compliance:messages_read",
    "spark-compliance:messages_write",
    "spark-compliance:recordings_read",
    "spark-compliance:recordings_write",
    "spark-compliance:rooms_read",
    "spark-compliance:rooms_write",
    "spark-compliance:team_memberships_read",
    "spark-compliance:team_memberships_write",
    "spark-compliance:teams_read",
    "spark-compliance:webhooks_read",
    "spark-compliance:webhooks_write",
    "spark:applications_token",
    "spark:calls_read",
    "spark:calls_write",
    "spark:people_read",
    "spark:people_write",
    "spark:telephony_config_read",
    "spark:telephony_config_write",
    "spark:xapi_commands",
    "spark:xapi_statuses",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Write as _;
    use std::path::PathBuf;

    use super::*;
    use crate::Scope;

    #[test]
    fn every_scope_is_listed_once_and_in_order() {
        for names in [PERSONAL, SHARED] {
            assert!(names.is_sorted_by(|one, next| one < next));
        }
        assert!(PERSONAL.iter().all(|name| !SHARED.contains(name)));
    }

    #[test]
    fn a_service_app_can_have_the_scopes_of_calling_and_people_but_not_a_persons_messages() {
        let machine = registrable_scopes(ScopeHolder::ServiceApp);
        let has = |name: &str| machine.contains(&name.parse::<Scope>().unwrap());
        assert!(has("spark:calls_read") && has("spark:people_write") && has("spark-admin:calling_cdr_read"));
        assert!(!has("spark:messages_read") && !has("spark:all"));
    }

    #[test]
    fn every_scope_in_ciscos_documents_can_be_registered() {
        let Some(folder) = std::env::var_os("LANYARD_OPENAPI").map(PathBuf::from) else {
            // Past the harness, which shows nothing of a test that does not fail.
            let line = "LEFT OUT: every_scope_in_ciscos_documents_can_be_registered: LANYARD_OPENAPI names no folder\n";
            return std::io::stderr().write_all(line.as_bytes()).unwrap();
        };
        let offered = registrable_scopes(ScopeHolder::Integration);
        let mut missing = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = std::fs::read_to_string(path).unwrap();
                missing.extend(named(&text).filter(|scope| !offered.contains(scope)));
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// The scopes that a document's prose and tables name.
    fn named(text: &str) -> impl Iterator<Item = Scope> {
        const AREAS: [&str; 8] =
            ["spark", "spark-admin", "spark-compliance", "meeting", "guest-issuer", "audit", "analytics", "identity"];
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || "_-:".contains(letter)));
        let scopes = words.map(|word| word.trim_end_matches(':')).filter(|word| {
            word.split_once(':').is_some_and(|(area, rest)| {
                AREAS.contains(&area) && rest.ends_with(|end: char| end.is_ascii_lowercase()) && rest.len() > 2
            })
        });
        scopes.filter_map(|word| word.parse().ok()).collect::<Vec<_>>().into_iter()
    }
}
