//! The metrics of renewals.

use lanyard_broker::{BreakerState, EnvironmentReport};

use super::credentials::float;
use super::family::{Family, Labels};
use crate::shared::Shared;

/// How many environments are told apart.
const ENVIRONMENTS: usize = 20;

pub(super) fn families(shared: &Shared) -> [Family; 7] {
    let renewals = shared.broker().renewals();
    let outcomes = renewals.outcomes.into_iter().map(|(outcome, count)| (vec![("outcome", outcome.into())], count));
    let report = shared.refresher.report();
    let of_each = |value: fn(&EnvironmentReport) -> usize, join: fn(usize, usize) -> usize| {
        by_environment(&report.environments, value, join)
    };
    [
        Family::counter("renewals", "Renewals by outcome: a failure by its reason.", outcomes),
        Family::durations(
            "renewal_duration",
            "Time that a renewal takes, from when it may begin until its outcome is stored.",
            [(Vec::new(), renewals.durations)],
        ),
        Family::counter(
            "token_checks",
            "Tokens that cannot be renewed and that Webex was asked about and accepted.",
            [(Vec::new(), report.counts.checks)],
        ),
        Family::gauge(
            "renewals_due",
            "Credentials that are due and wait for their turn, by the environment.",
            of_each(|environment| environment.due, usize::saturating_add),
        ),
        Family::gauge(
            "renewals_in_progress",
            "Renewals and checks of the refresher that are under way, by the environment.",
            of_each(|environment| environment.under_way, usize::saturating_add),
        ),
        Family::gauge(
            "renewal_budget_left",
            "Renewals that may begin at once, in the app of the environment that has the fewest left.",
            of_each(|environment| usize::try_from(environment.starts_left).unwrap_or(usize::MAX), usize::min),
        ),
        Family::gauge(
            "breaker_open",
            "Whether renewals are held back because the environment is out of order: 1 or 0.",
            of_each(|environment| usize::from(!matches!(environment.breaker, BreakerState::Closed { .. })), usize::max),
        ),
    ]
}

/// A value of each environment; those beyond the first are joined to one.
fn by_environment(
    environments: &[EnvironmentReport],
    value: fn(&EnvironmentReport) -> usize,
    join: fn(usize, usize) -> usize,
) -> Vec<(Labels, f64)> {
    let (named, others) = environments.split_at(environments.len().min(ENVIRONMENTS));
    let named = named.iter().map(|found| (found.environment.id().to_owned(), value(found)));
    let others = others.iter().map(value).reduce(join).map(|joined| ("other".to_owned(), joined));
    named.chain(others).map(|(name, value)| (vec![("environment", name.into())], float(value))).collect()
}

#[cfg(test)]
mod tests {
    use lanyard_protocol::Environment;

    use super::*;

    #[test]
    fn twenty_environments_are_told_apart() {
        let report = |number: usize| EnvironmentReport {
            environment: Environment::at(&format!("https://webex-{number}.example.com/v1")).unwrap(),
            due: number,
            under_way: 0,
            breaker: BreakerState::Probing,
            starts_left: 3,
            next: None,
        };
        let environments: Vec<_> = (0..25).map(report).collect();
        let due = by_environment(&environments, |environment| environment.due, usize::saturating_add);
        assert_eq!(due.len(), ENVIRONMENTS + 1);
        assert_eq!(due[20], (vec![("environment", "other".into())], 20.0 + 21.0 + 22.0 + 23.0 + 24.0));
        assert_eq!(by_environment(&environments[..20], |environment| environment.due, usize::max).len(), ENVIRONMENTS);
    }
}
