//! The metrics of calls to Webex.

use super::credentials::float;
use super::family::Family;
use crate::shared::Shared;

pub(super) fn families(shared: &Shared) -> [Family; 3] {
    let calls = shared.broker().calls();
    let outcomes = calls.iter().flat_map(|of_api| {
        of_api
            .outcomes
            .iter()
            .map(|(outcome, count)| (vec![("api", of_api.api.clone().into()), ("status", (*outcome).into())], *count))
    });
    let outcomes: Vec<_> = outcomes.collect();
    let durations = calls.into_iter().map(|of_api| (vec![("api", of_api.api.into())], of_api.durations));
    [
        Family::counter(
            "webex_calls",
            "Calls to Webex by API (the first words of the path) and status; none if no whole answer came.",
            outcomes,
        ),
        Family::durations(
            "webex_call_duration",
            "Time that a call to Webex takes, by API. A proxied call counts until its answer begins.",
            durations,
        ),
        Family::gauge(
            "webex_limited_subjects",
            "Subjects whose calls Webex has asked to wait, each counted once for each API.",
            [(Vec::new(), float(shared.broker().limited_subjects()))],
        ),
    ]
}
