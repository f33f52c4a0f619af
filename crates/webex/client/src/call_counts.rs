//! Counts the calls to Webex, without a lock.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;
use lanyard_secret::SafeUrl;
use lanyard_time::{Clock, CountedDurations, Durations, REMOTE};

/// The calls of a transport. What was not used takes no memory.
pub(crate) struct CallCounts([OnceLock<Box<OfApi>>; APIS.len()]);

struct OfApi {
    outcomes: [AtomicU64; OUTCOMES.len()],
    durations: Durations,
}

/// The calls of one of Webex's APIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedCalls {
    /// The first words of the path, such as `people` or `telephony/config`; `other` for any that is not on a fixed list.
    pub api: String,
    /// How many there were by outcome: `2xx`, `3xx`, `4xx`, `429`, `5xx`, or `none` if no whole answer came.
    pub outcomes: Vec<(&'static str, u64)>,
    /// How long they took, those without an answer included. A streamed answer counts until it begins.
    pub durations: CountedDurations,
}

const OUTCOMES: [&str; 6] = ["2xx", "3xx", "4xx", "429", "5xx", "none"];

/// An API that is counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownApi(usize);

impl KnownApi {
    /// The API that an address belongs to.
    pub(crate) fn of(url: &SafeUrl) -> Self {
        let mut words = url.expose().path_segments().into_iter().flatten().filter(|word| !word.is_empty());
        let mut first = words.next().unwrap_or_default();
        if first == "v1" {
            first = words.next().unwrap_or_default();
        }
        let second = words.next().unwrap_or_default();
        let find = |second: &str| APIS.binary_search(&(first, second));
        Self(find(second).or_else(|_| find("")).unwrap_or(OTHER))
    }
}

/// A call that was begun. If it is dropped before it is answered, it counts as one without an answer.
pub(crate) struct BegunCall<'a> {
    counts: &'a CallCounts,
    clock: &'a dyn Clock,
    api: KnownApi,
    begun: Duration,
    status: Option<StatusCode>,
}

impl BegunCall<'_> {
    /// Notes the status of the answer.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for BegunCall<'_> {
    fn drop(&mut self) {
        self.counts.add(self.api, self.status, self.clock.elapsed().saturating_sub(self.begun));
    }
}

impl Default for CallCounts {
    fn default() -> Self {
        Self([const { OnceLock::new() }; APIS.len()])
    }
}

impl fmt::Debug for CallCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallCounts")
    }
}

impl CallCounts {
    /// Begins a call, which is counted when the returned value is dropped.
    pub(crate) fn begin<'a>(&'a self, api: KnownApi, clock: &'a dyn Clock) -> BegunCall<'a> {
        BegunCall { counts: self, clock, api, begun: clock.elapsed(), status: None }
    }

    fn add(&self, KnownApi(api): KnownApi, status: Option<StatusCode>, took: Duration) {
        let counts = self.0[api]
            .get_or_init(|| Box::new(OfApi { outcomes: Default::default(), durations: Durations::new(&REMOTE) }));
        let outcome = match status.map(|status| status.as_u16()) {
            Some(429) => 3,
            Some(100..=299) => 0,
            Some(300..=399) => 1,
            Some(400..=499) => 2,
            Some(_) => 4,
            None => 5,
        };
        counts.outcomes[outcome].fetch_add(1, Ordering::Relaxed);
        counts.durations.add(took);
    }

    /// Returns the calls of each API that was called.
    pub(crate) fn counted(&self) -> Vec<CountedCalls> {
        let used = APIS.iter().zip(&self.0).filter_map(|(names, counts)| Some((names, counts.get()?)));
        let counted = used.map(|((first, second), counts)| {
            let outcomes = OUTCOMES.into_iter().zip(&counts.outcomes);
            let outcomes = outcomes.map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)));
            CountedCalls {
                api: if second.is_empty() { (*first).to_owned() } else { format!("{first}/{second}") },
                outcomes: outcomes.filter(|(_, count)| *count > 0).collect(),
                durations: counts.durations.counted(),
            }
        });
        counted.collect()
    }
}

/// The APIs that are counted separately, by the first words of their paths, in order.
const APIS: &[(&str, &str)] = &[
    ("Schemas", ""),
    ("access_token", ""),
    ("admin", ""),
    ("admin", "meeting"),
    ("admin", "recordings"),
    ("adminAudit", ""),
    ("analytics", ""),
    ("applications", ""),
    ("attachment", ""),
    ("authorizations", ""),
    ("authorize", ""),
    ("broadworks", ""),
    ("cdr_feed", ""),
    ("classifications", ""),
    ("contacts", ""),
    ("dataSources", ""),
    ("device", ""),
    ("deviceConfigurations", ""),
    ("devices", ""),
    ("events", ""),
    ("group", ""),
    ("groups", ""),
    ("guests", ""),
    ("hds", ""),
    ("hotdesk", ""),
    ("hybrid", ""),
    ("identity", ""),
    ("identity", "organizations"),
    ("identity", "scim"),
    ("licenses", ""),
    ("livemonitoring", ""),
    ("locations", ""),
    ("meeting", ""),
    ("meetingClosedCaptions", ""),
    ("meetingInvitees", ""),
    ("meetingParticipants", ""),
    ("meetingPreferences", ""),
    ("meetingReports", ""),
    ("meetingSummaries", ""),
    ("meetingTranscripts", ""),
    ("meetings", ""),
    ("memberships", ""),
    ("messages", ""),
    ("organizations", ""),
    ("other", ""),
    ("partner", ""),
    ("people", ""),
    ("recordingReport", ""),
    ("recordings", ""),
    ("report", ""),
    ("reports", ""),
    ("resourceGroup", ""),
    ("resourceGroups", ""),
    ("roles", ""),
    ("room", ""),
    ("rooms", ""),
    ("settings", ""),
    ("slido", ""),
    ("team", ""),
    ("teams", ""),
    ("telephony", ""),
    ("telephony", "calls"),
    ("telephony", "config"),
    ("videoMesh", ""),
    ("webhooks", ""),
    ("wholesale", ""),
    ("workspaceDurationMetrics", ""),
    ("workspaceLocations", ""),
    ("workspaceMetrics", ""),
    ("workspaces", ""),
    ("xapi", ""),
];

/// The place of any other API. A test holds it to the list.
const OTHER: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    fn api(path: &str) -> &'static (&'static str, &'static str) {
        &APIS[KnownApi::of(&format!("https://webexapis.com{path}").parse().unwrap()).0]
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(APIS.is_sorted_by(|one, next| one < next), "{APIS:?}");
        assert_eq!(APIS[OTHER], ("other", ""));
    }

    #[test]
    fn an_api_is_known_by_the_first_words_of_its_path_and_any_other_is_other() {
        for (path, known) in [
            ("/v1/people/me", ("people", "")),
            ("/v1/people?max=1", ("people", "")),
            ("/v1/telephony/config/people/x", ("telephony", "config")),
            ("/v1/telephony/pstn", ("telephony", "")),
            ("/identity/scim/x/v2/Users", ("identity", "scim")),
            ("/v1/access_token", ("access_token", "")),
            ("/v1/admin/securityAudit/events", ("admin", "")),
            ("/v1", ("other", "")),
            ("/", ("other", "")),
            ("/v1/rooms%2Fx", ("other", "")),
            ("/v1/other", ("other", "")),
        ] {
            assert_eq!(*api(path), known, "{path}");
        }
    }

    #[test]
    fn whatever_is_called_the_apis_are_few() {
        let counts = CallCounts::default();
        for number in 0..200 {
            let url = format!("https://webexapis.com/v1/odd-{number}/{number}").parse().unwrap();
            counts.add(KnownApi::of(&url), Some(StatusCode::OK), Duration::ZERO);
        }
        let counted = counts.counted();
        assert_eq!(counted.len(), 1);
        assert_eq!((counted[0].api.as_str(), counted[0].outcomes.as_slice()), ("other", &[("2xx", 200)][..]));
        assert_eq!(counted[0].durations.count(), 200);
    }

    #[test]
    fn a_limit_is_told_from_another_refusal_and_a_lost_answer_from_an_error() {
        let (counts, url) = (CallCounts::default(), "https://webexapis.com/v1/rooms".parse().unwrap());
        for status in [Some(204), Some(302), Some(404), Some(429), Some(503), None] {
            let status = status.map(|status| StatusCode::from_u16(status).unwrap());
            counts.add(KnownApi::of(&url), status, Duration::from_secs(1));
        }
        assert_eq!(counts.counted()[0].outcomes, OUTCOMES.map(|outcome| (outcome, 1)));
    }
}
