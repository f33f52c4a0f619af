//! Where each call of Webex takes an organisation.

use http::Method;
use lanyard_protocol::shape;

/// Where a call takes an organisation, by Cisco's documents. Where one names none, Webex answers for the token's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the query, under this name.
    Query(&'static str),
    /// In the body, under this name.
    Body(&'static str),
    /// Nowhere, and what it answers is the same for all organisations.
    Nothing,
    /// Nowhere: it is about the token's own organisation, or about something that has an id.
    Own,
    /// Nowhere, and it is about several organisations.
    Several,
    /// In the path, and it is about that organisation's customers too.
    Customers,
}

/// A row of the table: methods, a pattern of segments, and the place. The first row that fits counts.
///
/// `*` is any segment and `**` at the end any number of them. A pattern is compared with the segments as they are, in case too: another
/// spelling is another call, of which nothing is known. Calling has more operations than are listed anywhere, and nearly all of
/// those below `/telephony/config` take `orgId` in the query.
type Row = (&'static str, &'static str, Place);

const ORG: Place = Place::Query("orgId");

const TABLE: &[Row] = &[
    // Calls about several organisations at once.
    ("GET", "organizations", Place::Several),
    ("*", "partner/**", Place::Several),
    ("*", "identity/organizations", Place::Several),
    ("*", "hds/organizations/*/tenants/**", Place::Customers),
    // Replies that are equal for all callers.
    ("GET", "Schemas/**", Place::Nothing),
    ("GET", "roles", Place::Nothing),
    ("GET", "roles/*", Place::Nothing),
    ("GET", "adminAudit/eventCategories", Place::Nothing),
    ("GET", "xapi/schema", Place::Nothing),
    // In the body.
    ("POST", "applications/*/token", Place::Body("targetOrgId")),
    ("POST", "groups", Place::Body("orgId")),
    ("PATCH", "licenses/users", Place::Body("orgId")),
    ("POST", "people", Place::Body("orgId")),
    // A call of `me` is about the token's own person.
    ("*", "people/me/**", Place::Own),
    ("PUT", "people/*", Place::Body("orgId")),
    ("POST", "workspaces", Place::Body("orgId")),
    // In the query.
    ("GET", "admin/securityAudit/events", ORG),
    ("GET", "adminAudit/events", ORG),
    ("DELETE", "authorizations", ORG),
    ("GET POST", "devices", ORG),
    ("POST", "devices/activationCode", ORG),
    ("GET PATCH DELETE", "devices/*", ORG),
    ("GET", "groups", ORG),
    ("GET", "hotdesk/sessions", ORG),
    ("GET", "hybrid/clusters", ORG),
    ("GET", "hybrid/clusters/*", ORG),
    ("GET", "hybrid/connectors", ORG),
    ("GET", "licenses", ORG),
    ("GET POST", "locations", ORG),
    ("GET PUT DELETE", "locations/*", ORG),
    ("GET", "people", ORG),
    ("*", "people/*/features/**", ORG),
    ("GET", "resourceGroup/memberships/v2", ORG),
    ("GET", "resourceGroups", ORG),
    ("GET", "slido/compliance/events", Place::Query("sessionOrgId")),
    ("*", "telephony/calls/members/me/**", Place::Own),
    ("*", "telephony/calls/members/*/**", ORG),
    ("*", "telephony/config/people/me/**", Place::Own),
    ("GET", "telephony/config/jobs/devices/callDeviceSettings/*", Place::Own),
    ("GET", "telephony/config/jobs/devices/dynamicDeviceSettings/*", Place::Own),
    ("*", "telephony/config/**", ORG),
    ("GET", "videoMesh/callRedirects", ORG),
    ("GET", "videoMesh/clientTypeDistribution", ORG),
    ("GET", "videoMesh/cloudOverflow", ORG),
    ("GET", "videoMesh/clusters", ORG),
    ("GET", "videoMesh/clusters/availability", ORG),
    ("GET", "videoMesh/eventThresholds", ORG),
    ("GET", "videoMesh/testResults/mediaHealthMonitorTest", ORG),
    ("GET", "videoMesh/testResults/networkTest", ORG),
    ("GET", "videoMesh/testResults/reachabilityTest", ORG),
    ("GET", "videoMesh/utilization", ORG),
    ("GET", "workspaceLocations", ORG),
    ("GET", "workspaces", ORG),
    ("*", "workspaces/*/features/**", ORG),
];

/// The first segments of calls that are about several organisations. A service provider's customers at Webex (`wholesale`, `broadworks`)
/// are organisations of their own, and Cisco describes those calls elsewhere than the others. The last ones are in no document: they are
/// what such calls are likely to be named.
const SEVERAL: [&str; 11] = [
    "organizations",
    "partner",
    "wholesale",
    "broadworks",
    "partners",
    "subpartners",
    "customers",
    "resellers",
    "tenants",
    "managedorgs",
    "serviceproviders",
];

impl Place {
    /// Where this call takes an organisation.
    pub(super) fn of(method: &Method, segments: &[&str]) -> Self {
        // A HEAD is a GET whose answer is not wanted whole.
        let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
        let fits = |row: &&Row| (row.0 == "*" || row.0.split(' ').any(|own| own == method)) && matches(row.1, segments);
        match TABLE.iter().find(fits) {
            Some((_, _, place)) => *place,
            // However it is spelt.
            None if segments.first().is_some_and(|first| SEVERAL.contains(&&*shape(first))) => Self::Several,
            None => Self::Own,
        }
    }
}

fn matches(pattern: &str, segments: &[&str]) -> bool {
    let (pattern, is_open) = match pattern.strip_suffix("/**") {
        Some(before) => (before, true),
        None => (pattern, false),
    };
    let mut rest = segments.iter();
    pattern.split('/').all(|own| rest.next().is_some_and(|segment| own == "*" || own == *segment))
        && (is_open || rest.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_an_organisation_in_one_place() {
        for (method, path, place) in [
            (Method::GET, "people", ORG),
            (Method::HEAD, "people", ORG),
            (Method::GET, "people/me", Place::Own),
            (Method::DELETE, "people/p", Place::Own),
            (Method::PUT, "people/p", Place::Body("orgId")),
            (Method::POST, "people", Place::Body("orgId")),
            (Method::GET, "People", Place::Own),
            (Method::GET, "people;x", Place::Own),
            (Method::GET, "organizations", Place::Several),
            (Method::GET, "Organizations;x", Place::Several),
            (Method::GET, "partner/reports", Place::Several),
            (Method::GET, "wholesale/customers", Place::Several),
            (Method::GET, "wholesale/customers/c", Place::Several),
            (Method::POST, "wholesale/subscribers", Place::Several),
            (Method::GET, "Wholesale;x/billing/reports", Place::Several),
            (Method::GET, "broadworks/enterprises", Place::Several),
            (Method::PUT, "broadworks/enterprises/e/broadworksDirectorySync", Place::Several),
            (Method::DELETE, "broadworks/subscribers/s", Place::Several),
            (Method::GET, "managed-orgs", Place::Several),
            (Method::GET, "hds/organizations/o/tenants", Place::Customers),
            (Method::GET, "hds/organizations/o/database", Place::Own),
            (Method::GET, "telephony/config/people/me/settings/x", Place::Own),
            (Method::PUT, "telephony/config/people/p/devices/settings", ORG),
            (Method::POST, "telephony/config/queues", ORG),
            (Method::GET, "telephony/calls/members/me/calls", Place::Own),
            (Method::GET, "telephony/calls", Place::Own),
            (Method::GET, "roles/r", Place::Nothing),
            (Method::GET, "rooms", Place::Own),
            (Method::GET, "devices/a/b", Place::Own),
        ] {
            let segments: Vec<_> = path.split('/').collect();
            assert_eq!(Place::of(&method, &segments), place, "{method} {path}");
        }
    }
}
