//! The way to a scope that a credential lacks.

use std::collections::BTreeSet;

use lanyard_credential::{Credential, Kind};
use lanyard_protocol::Scope;

/// The next step to give a credential another scope: each kind gets its scopes elsewhere.
pub(crate) fn scope_hint(credential: &Credential, scope: &str) -> String {
    let (name, pages) = (&credential.name, credential.environment.pages());
    match credential.kind {
        Kind::Integration => {
            let granted = credential.scopes.iter().flat_map(lanyard_protocol::ScopeSet::iter).map(Scope::as_str);
            let all: BTreeSet<&str> = granted.chain([scope]).collect();
            let all = all.into_iter().collect::<Vec<_>>().join(" ");
            let who = if scope.starts_with("spark-admin:") { " as an administrator" } else { "" };
            format!(
                "add the scope to the integration at {}, then sign in again{who} and ask for it: lanyard login {name} --scope '{all}'",
                pages.apps
            )
        }
        Kind::ServiceApp => format!(
            "add the scope to the service app at {}; then an administrator authorises it again: {}",
            pages.apps, pages.service_apps
        ),
        Kind::WorkspaceIntegration => {
            let options = if scope == COMMANDS { " --command NAME" } else { "" };
            format!(
                "add the scope to the manifest (lanyard devices manifest{options}), upload it again in Control Hub with a higher version, and \
                 have an administrator approve the update there"
            )
        }
        Kind::Bot | Kind::Personal | Kind::Guest => "use a credential of another kind that has the scope".to_owned(),
    }
}

/// The scope that sends commands to devices.
pub(crate) const COMMANDS: &str = "spark:xapi_commands";

#[cfg(test)]
mod tests {
    use lanyard_protocol::Environment;

    use super::*;

    #[test]
    fn each_kind_gets_a_scope_where_its_scopes_are() {
        let hint = |kind| {
            let mut found = lanyard_testkit::credential("rooms", kind, &Environment::commercial());
            found.scopes = Some("spark:xapi_statuses".parse().unwrap());
            scope_hint(&found, COMMANDS)
        };
        let signed_in = hint(Kind::Integration);
        assert!(
            signed_in.contains("lanyard login rooms --scope 'spark:xapi_commands spark:xapi_statuses'"),
            "{signed_in}"
        );
        for kind in [Kind::ServiceApp, Kind::WorkspaceIntegration, Kind::Bot, Kind::Personal] {
            assert!(!hint(kind).contains("login"), "nobody signs in with a {}", kind.as_str());
        }
        assert!(hint(Kind::WorkspaceIntegration).contains("lanyard devices manifest --command NAME"));
    }
}
