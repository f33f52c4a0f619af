//! The names under which Webex takes an organisation.

/// The meaning of the value under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// The id of an organisation: `orgId`, `sessionOrgId`, `organizationId`.
    Id,
    /// Organisations, as ids or as objects that have one: `managedOrgs`.
    Organisations,
    /// One organisation, as an object that has an id or as the free text of its name: SCIM's `organization`.
    Organisation,
    /// Managers, each with an organisation: `managedBy`.
    Managers,
    /// The name of an attribute or the path of a request, inside a body: SCIM's `path`.
    Path,
    /// Anything else.
    Other,
}

impl Holds {
    /// Judges by the letters and digits of the name alone, without regard to case: `org_id`, `filter[orgId]` and `orgId[]` hold what
    /// `orgId` holds. A number at the end counts places. A name with dots, which may be a path into an object, also holds what each of
    /// its parts holds: `managedOrgs.id`.
    pub(super) fn of(name: &str) -> Self {
        let whole = Self::of_word(name);
        let mut parts = name.split('.').map(Self::of_word);
        if whole == Self::Other { parts.find(|part| *part != Self::Other).unwrap_or(whole) } else { whole }
    }

    fn of_word(name: &str) -> Self {
        let letters = letters(name);
        let word = letters.trim_end_matches(|end: char| end.is_ascii_digit());
        let ends = |words: &[&str]| words.iter().any(|end| word.ends_with(end));
        if word == "org" || ends(&IDS) {
            Self::Id
        } else if ends(&["orgs", "organizations", "organisations"]) {
            Self::Organisations
        } else if ends(&["org", "organization", "organisation"]) {
            Self::Organisation
        } else if ends(&["managedby"]) {
            Self::Managers
        } else if word == "path" {
            Self::Path
        } else {
            Self::Other
        }
    }
}

/// Partners' calls also name an organisation as a customer or a tenant.
const IDS: [&str; 13] = [
    "orguuid",
    "organizationuuid",
    "organisationuuid",
    "orgid",
    "orgids",
    "organizationid",
    "organizationids",
    "organisationid",
    "organisationids",
    "customerid",
    "customerids",
    "tenantid",
    "tenantids",
];

/// Whether an attribute's name or a path, inside a body, leads to an organisation.
pub(super) fn leads_to_organisation(path: &str) -> bool {
    let letters = letters(path);
    let words = ["managedorgs", "managedby", "organizations", "scim"];
    words.iter().chain(&IDS).any(|word| letters.contains(word))
}

/// Whether a member of an organisation holds its id: SCIM calls it a value.
pub(super) fn is_own_id(name: &str) -> bool {
    matches!(letters(name).as_str(), "id" | "uuid" | "value")
}

/// Whether a name is written so that every server reads it as the same one.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisation_is_known_by_the_end_of_its_name() {
        for (name, holds) in [
            ("orgId", Holds::Id),
            ("ORGID", Holds::Id),
            ("org_id", Holds::Id),
            ("targetOrgId", Holds::Id),
            ("sessionOrgId", Holds::Id),
            ("personOrgId", Holds::Id),
            ("onBehalfOfSubPartnerOrgId", Holds::Id),
            ("organizationId", Holds::Id),
            ("orgId[]", Holds::Id),
            ("orgId[0]", Holds::Id),
            ("filter[orgId]", Holds::Id),
            ("orgId\0", Holds::Id),
            ("org\u{200b}Id", Holds::Id),
            ("orgIds", Holds::Id),
            ("managedOrgs", Holds::Organisations),
            ("urn:scim:schemas:extension:cisco:webexidentity:2.0:User:managedOrgs", Holds::Organisations),
            ("managedBy", Holds::Managers),
            ("managedOrgs.id", Holds::Organisations),
            ("managedOrgs.0.value", Holds::Organisations),
            ("managedBy.id", Holds::Managers),
            ("meta.path", Holds::Path),
            ("name.familyName", Holds::Other),
            ("customerId", Holds::Id),
            ("targetCustomerId", Holds::Id),
            ("tenantId", Holds::Id),
            ("customerName", Holds::Other),
            ("path", Holds::Path),
            ("orgPublicSpaces", Holds::Other),
            ("organization", Holds::Organisation),
            ("customerOrg", Holds::Organisation),
            ("organization.id", Holds::Id),
            ("org", Holds::Id),
            ("orgUuid", Holds::Id),
            ("Organizer", Holds::Other),
            ("max", Holds::Other),
            ("", Holds::Other),
        ] {
            assert_eq!(Holds::of(name), holds, "{name:?}");
        }
    }
}
