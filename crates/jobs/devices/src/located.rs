//! The locations that a watch covers, by the names that a person gives.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_credential::Credential;
use lanyard_operation::{Code, Problem};
use lanyard_work::JobContext;

use crate::comparing::comparing;
use crate::place_reading::locations;
use crate::watch::{Watch, stored};

/// How many locations are named.
const SHOWN: usize = 8;

/// The locations with these names, as a watch keeps them: it covers the same locations if they are renamed.
pub(crate) async fn located(
    job: &JobContext,
    watch: &Watch,
    own: Option<&Credential>,
    names: &[String],
) -> Result<BTreeMap<String, String>, Problem> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Some(with) = comparing(&job.store, watch, own).await.map_err(|error| stored(&error))? else {
        return Err(unknown("a bot cannot read them, and the watch has no credential that can")
            .hint("name an administrator's credential: --against CREDENTIAL"));
    };
    let all = locations(job, &with, watch.org.as_ref()).await.map_err(|problem| {
        let what = unknown(&format!("{} cannot read them: {problem}", with.name));
        match problem.next_step() {
            Some(hint) => what.hint(hint.to_owned()),
            None => what,
        }
    })?;
    let mut found = BTreeMap::new();
    for name in names {
        let plain = name.trim().to_lowercase();
        let before = found.len();
        found.extend(
            all.iter()
                .filter(|(_, name)| name.trim().to_lowercase() == plain)
                .map(|(key, name)| (key.clone(), name.clone())),
        );
        if found.len() == before && !found.values().any(|name| name.trim().to_lowercase() == plain) {
            return Err(no_location(name, all.values().map(String::as_str)));
        }
    }
    Ok(found)
}

fn unknown(why: &str) -> Problem {
    Problem::new(Code::PersonMustAct, format!("the locations of the organisation are not known, because {why}"))
}

/// The problem of a name that no location has.
pub(crate) fn no_location<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Problem {
    let all: BTreeSet<&str> = all.collect();
    let shown = all.iter().take(SHOWN).copied().collect::<Vec<_>>().join("; ");
    let more = all.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Problem::new(Code::NoSuchName, format!("no location is called {name:?}"))
        .hint(format!("the locations are: {shown}{more}"))
}
