//! The metrics of credentials.

use lanyard_broker::CredentialFigures;
use lanyard_credential::CredentialId;
use lanyard_time::Moment;
use prometheus_client::registry::Unit;

use super::family::Family;
use crate::shared::Shared;

/// How many credentials are named.
const NAMED: usize = 100;

/// The families, with the names of the credentials that `shown` admits.
pub(super) fn families(shared: &Shared, shown: impl Fn(CredentialId) -> bool, now: &Moment) -> [Family; 2] {
    // As long as some are missing, a number would be wrong.
    let figures = if shared.hand_outs.is_loaded() {
        shared.hand_outs.credential_figures(now, NAMED, shown)
    } else {
        CredentialFigures::default()
    };
    let by_state = figures.by_state.into_iter().map(|(state, kind, count)| {
        (vec![("state", state.as_str().into()), ("kind", kind.as_str().into())], float(count))
    });
    let soonest = figures.soonest.into_iter().map(|soon| {
        let labels = vec![("name", soon.name.to_string().into()), ("kind", soon.kind.as_str().into())];
        (labels, soon.at.as_duration().as_secs_f64())
    });
    [
        Family::gauge("credentials", "Credentials of the home, by state and kind.", by_state),
        Family::gauge(
            "credential_expiry_timestamp",
            "When the access token expires, for the hundred credentials that expire soonest and are due or cannot be renewed.",
            soonest,
        )
        .in_unit(Unit::Seconds),
    ]
}

/// A count as the value of a gauge.
pub(super) fn float(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
