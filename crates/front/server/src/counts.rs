//! What this crate counts for the metrics: requests, and the successes of its loops.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use lanyard_time::{Clock, CountedDurations, Durations, Heartbeat, LOCAL};

/// The durations of the requests that were answered.
pub(crate) struct Requests {
    clock: Arc<dyn Clock>,
    /// By route and class of status. There are as many as the router has routes.
    routed: Mutex<BTreeMap<Route, Durations>>,
    /// Tokens that were in memory. No lock is taken for these.
    tokens: Durations,
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

/// A route, and a class of status.
type Route = (Cow<'static, str>, u16);

/// The route of a request that no route matches.
const NO_ROUTE: &str = "none";
/// The route of a call through the proxy.
pub(crate) const PROXY: &str = "/webex/{name}";

impl Requests {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, routed: Mutex::default(), tokens: Durations::new(&LOCAL) }
    }

    /// The time at which a request begins.
    pub(crate) fn begin(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Counts a request that is answered by a route. A streamed body may go on afterwards.
    pub(crate) fn end(&self, route: Option<Cow<'static, str>>, status: StatusCode, begun: Duration) {
        let took = self.took(begun);
        let key = (route.unwrap_or(Cow::Borrowed(NO_ROUTE)), status.as_u16() / 100);
        let mut routed = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        routed.entry(key).or_insert_with(|| Durations::new(&LOCAL)).add(took);
    }

    /// Counts a token that was handed out from memory.
    pub(crate) fn end_token(&self, begun: Duration) {
        self.tokens.add(self.took(begun));
    }

    fn took(&self, begun: Duration) -> Duration {
        self.clock.elapsed().saturating_sub(begun)
    }

    /// The durations by route and class of status.
    pub(crate) fn routed(&self) -> Vec<(Route, CountedDurations)> {
        let routed = self.routed.lock().unwrap_or_else(PoisonError::into_inner);
        routed.iter().map(|(key, durations)| (key.clone(), durations.counted())).collect()
    }

    /// The durations of the hand-outs from memory.
    pub(crate) fn tokens(&self) -> CountedDurations {
        self.tokens.counted()
    }
}

/// The last success of the loops that this crate runs.
#[derive(Debug, Default)]
pub(crate) struct Loops {
    /// Reads the changes of the store.
    pub(crate) reader: Heartbeat,
    /// Writes hand-outs to the audit.
    pub(crate) audit: Heartbeat,
    /// Removes old entries of the audit.
    pub(crate) pruning: Heartbeat,
    /// Reports the broker to the homes that share its store.
    pub(crate) registration: Arc<Heartbeat>,
}
