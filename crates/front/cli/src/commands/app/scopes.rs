//! Scopes on a command line.

use lanyard_protocol::{Scope, ScopeHolder, ScopeSet, registrable_scopes};

use crate::exit::Failure;
use crate::output;

/// Scopes as they are given: one, or several separated by white space or commas, any number of times.
pub(crate) fn of(given: &[String]) -> Result<Vec<Scope>, Failure> {
    if given.iter().any(|text| text.trim().is_empty()) {
        return Err(Failure::Usage {
            message: "a scope is empty".to_owned(),
            hint: "omit --scope, or name one: --scope spark:people_read".to_owned(),
        });
    }
    given
        .iter()
        .flat_map(|text| text.split([' ', ',', '\t', '\n', '\r']))
        .filter(|scope| !scope.is_empty())
        .map(|text| {
            text.parse().map_err(|error: lanyard_protocol::ScopeError| Failure::Usage {
                message: error.to_string(),
                hint: "scopes look like spark:people_read; see the app's page in the developer portal".to_owned(),
            })
        })
        .collect()
}

/// Warns of scopes that Webex does not document, or that this kind of app cannot have: a sign-in would fail with them. `replace` is
/// the command that replaces the scopes, if they were stored.
///
/// It is no error, because Webex may have scopes that the catalogue lacks.
pub(crate) fn warn(scopes: &[Scope], holder: ScopeHolder, replace: Option<&str>) {
    let (offered, all) = (registrable_scopes(holder), registrable_scopes(ScopeHolder::Integration));
    let mut corrected = Vec::new();
    let mut is_corrected = true;
    let mut warned = false;
    for scope in scopes {
        if offered.contains(scope) {
            corrected.push(scope.clone());
            continue;
        }
        warned = true;
        if all.contains(scope) {
            output::note(&format!("warning: Webex offers the scope {scope} to integrations only"));
            continue;
        }
        if let Some(near) = nearest(scope, &offered) {
            output::note(&format!("warning: Webex documents no scope {scope}; did you mean {near}?"));
            corrected.push(near);
        } else {
            output::note(&format!("warning: Webex documents no scope {scope}"));
            is_corrected = false;
        }
    }
    let Some(replace) = replace.filter(|_| warned) else { return };
    if is_corrected && !corrected.is_empty() {
        let corrected: ScopeSet = corrected.into_iter().collect();
        output::note(&format!("hint: to correct that: {replace} --scope '{corrected}'"));
    } else {
        output::note(&format!(
            "hint: compare it with the app's page in the developer portal; to replace the scopes: {replace} --scope SCOPES"
        ));
    }
}

/// The scope that lacks nothing but its area in this text, or is spelt most like it.
fn nearest(scope: &Scope, offered: &ScopeSet) -> Option<Scope> {
    let wanted = scope.as_str();
    let completed = ["spark", "spark-admin"].map(|area| format!("{area}:{wanted}").parse().ok());
    if let Some(known) = completed.into_iter().flatten().find(|scope| offered.contains(scope)) {
        return Some(known);
    }
    let distance = |known: &Scope| strsim::damerau_levenshtein(wanted, known.as_str());
    let near = offered.iter().map(|known| (distance(known), known)).min()?;
    (near.0 * LIKENESS <= wanted.len()).then(|| near.1.clone())
}

/// One letter in so many may differ.
const LIKENESS: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_scope_is_like_the_one_that_was_meant() {
        let offered = registrable_scopes(ScopeHolder::Integration);
        for (wanted, expected) in [
            ("spark:people_raed", Some("spark:people_read")),
            ("spark:people_reads", Some("spark:people_read")),
            ("spark:pepole_read", Some("spark:people_read")),
            ("SPARK:people_read", None),
            ("spark_admin:devices_read", Some("spark-admin:devices_read")),
            ("xapi_commands", Some("spark:xapi_commands")),
            ("spark:wholly_unknown", None),
            ("x", None),
        ] {
            let near = nearest(&wanted.parse().unwrap(), &offered);
            assert_eq!(near.as_ref().map(Scope::as_str), expected, "{wanted}");
        }
    }
}
