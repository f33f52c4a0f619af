//! The credential that sees a whole organisation, for a watch whose own credential does not.

use lanyard_credential::{Credential, Kind};
use lanyard_operation::{Code, Problem};
use lanyard_protocol::{OrgId, Scope};
use lanyard_store::{Store, StoreError};

use crate::scope_hint::scope_hint;
use crate::watch::Watch;

/// The scope that shows all devices of an organisation.
pub(crate) const DEVICES: &str = "spark-admin:devices_read";
/// The scopes that show the workspaces of an organisation.
pub(crate) const WORKSPACES: &[&str] = &["spark-admin:workspaces_read", "spark:workspaces_read"];

/// The credential that reads the workspaces and locations for a watch; `None` if nothing can.
pub(crate) async fn comparing(
    store: &Store,
    watch: &Watch,
    own: Option<&Credential>,
) -> Result<Option<Credential>, StoreError> {
    match watch.against {
        Some(id) if own.is_none_or(|own| own.id != id) => store.credential_by_id(id).await,
        _ => Ok(own.filter(|own| can_compare(own.kind)).cloned()),
    }
}

/// Whether credentials of this kind can see a whole organisation.
pub(crate) const fn can_compare(kind: Kind) -> bool {
    !matches!(kind, Kind::Bot | Kind::Guest)
}

/// Refuses a credential that cannot see the organisation that a watch reads: `own` is the watch's credential, `org` its organisation if
/// that is another one, and one of `scopes` is needed.
pub(crate) fn check(
    other: &Credential,
    own: Option<&Credential>,
    org: Option<&OrgId>,
    scopes: &[&str],
) -> Result<(), Problem> {
    let name = &other.name;
    let bad = |what: String| Problem::new(Code::BadRequest, what);
    if !can_compare(other.kind) {
        return Err(bad(format!(
            "{name} sees only what it was granted itself, because it is a {}",
            other.kind.as_str()
        ))
        .hint(format!("compare with the credential of an administrator that has the scope {}", scopes[0])));
    }
    let has = |scope: &&str| {
        let scope: Result<Scope, _> = scope.parse();
        other.scopes.as_ref().is_none_or(|granted| scope.is_ok_and(|scope| granted.contains(&scope)))
    };
    if !scopes.iter().any(has) {
        let what = format!("{name} does not see the whole organisation: it was not granted {}", scopes[0]);
        return Err(Problem::new(Code::PersonMustAct, what).hint(scope_hint(other, scopes[0])));
    }
    let Some(own) = own else { return Ok(()) };
    if own.environment != other.environment {
        return Err(bad(format!("{name} belongs to another Webex")));
    }
    let of = |found: &Credential| found.organisation.as_ref().map(|found| found.id.clone());
    if let (None, Some(ours), Some(theirs)) = (org, of(own), of(other))
        && ours != theirs
    {
        return Err(bad(format!("{name} belongs to another organisation than {}", own.name))
            .hint("a bot sees devices of the organisation that it was created in, and no others"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lanyard_protocol::Environment;

    use super::*;

    #[test]
    fn only_a_credential_that_sees_the_organisation_is_compared_with() {
        let of = |name: &str, kind, scopes: Option<&str>| {
            let mut found = lanyard_testkit::credential(name, kind, &Environment::commercial());
            found.scopes = scopes.map(|scopes| scopes.parse().unwrap());
            found
        };
        let bot = of("lobby", Kind::Bot, None);
        let check = |other: &Credential| {
            check(other, Some(&bot), None, &[DEVICES]).map_err(|problem| problem.detail()).err().unwrap_or_default()
        };
        let cases = [
            (of("admin", Kind::Integration, Some("spark-admin:devices_read spark:kms")), ""),
            // The scopes of a personal token are not known.
            (of("admin", Kind::Personal, None), ""),
            (of("mine", Kind::Integration, Some("spark:devices_read")), "it was not granted spark-admin:devices_read"),
            (of("other", Kind::Bot, None), "because it is a bot"),
        ];
        for (other, expected) in cases {
            let said = check(&other);
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{}: {said}", other.name);
        }
        let mut elsewhere = of("admin", Kind::Personal, None);
        elsewhere.environment = Environment::fedramp();
        assert!(check(&elsewhere).contains("another Webex"));
    }
}
