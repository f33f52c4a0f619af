//! The rate of renewals.

use std::time::Duration;

/// The rate of renewals, and of the refresher, which begins most of them. The defaults suit 100,000 credentials of one Webex.
#[derive(Clone, Debug, PartialEq)]
pub struct RefresherOptions {
    /// How many renewals and checks begin in a second, for each app of an environment; brokers that
    /// share a store share this rate. Twenty renew 100,000 credentials in less than an
    /// hour and a half, and one of them for each 14 days needs a twelfth of one.
    pub rate: f64,
    /// How many may begin at once after a rest, for each app of an environment.
    pub burst: u32,
    /// How many of the refresher's tasks are under way at once, for each app of an environment. A task that hangs blocks only its
    /// own place.
    pub at_once: usize,
    /// After so many failures in a row, each of which says that the environment is out of order, requests to it are held back.
    pub failures: u32,
    /// For how long at first; the pause doubles with each try that fails.
    pub first_pause: Duration,
    /// The longest such pause, unless Webex itself asks for a longer one.
    pub longest_pause: Duration,
    /// How often a token that cannot be renewed is checked, and how often a grant without an authorisation is asked for again.
    pub cycle: Duration,
    /// How often the whole store is read again, whatever was told of changes meanwhile.
    pub reread: Duration,
    /// How often what could not be revoked is tried again.
    pub revocations: Duration,
    /// More than so many of one environment that fall due together are spread over a while, unless they have ended.
    pub backlog: usize,
}

impl Default for RefresherOptions {
    fn default() -> Self {
        Self {
            rate: 20.0,
            burst: 20,
            at_once: 16,
            failures: 5,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_mins(5),
            cycle: Duration::from_hours(6),
            reread: Duration::from_hours(1),
            revocations: Duration::from_hours(1),
            backlog: 200,
        }
    }
}
