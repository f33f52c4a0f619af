//! `GET /metrics`: what the broker measures, for Prometheus.
//!
//! The parts of the broker count with atomics or keep figures of their own. A scrape reads them all and makes the families from them, so
//! that nothing is counted twice and nothing is forgotten when a part is gone.

mod credentials;
mod deliveries;
mod devices;
mod family;
mod loops;
mod process;
mod renewals;
mod requests;
mod upstream;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use futures_util::future::{Either, select};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use lanyard_credential::{Capability, CredentialId, CredentialName};
use lanyard_devices::Measured as Devices;
use lanyard_operation::{About, Caller, Code, Context, Declaration, Operation, Problem, joined, perform};
use lanyard_time::Moment;
use lanyard_work::HasQueue as _;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use self::family::Family;
use crate::extract::{Authenticated, Refusal, Serving, passed_on};
use crate::record;
use crate::shared::{BrokerDoor, Shared};

/// Where they are.
pub(crate) const PATH: &str = "/metrics";

/// The text format of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// Prometheus's own, which every reader has.
    Prometheus,
    /// `OpenMetrics`, which Prometheus asks for.
    OpenMetrics,
}

impl Format {
    /// The media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that a reader asks for.
    fn accepted(headers: &HeaderMap) -> Self {
        let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let is_open = accepted.any(|value| value.contains("application/openmetrics-text"));
        if is_open { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// Reads all metrics. A client sees the figures of the whole home, and the names of its own credentials.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadMetrics {
    format: Format,
}

/// The broker that is measured, and who reads.
#[derive(Clone)]
struct Measured {
    shared: Arc<Shared>,
    caller: Caller,
}

impl Context for Measured {
    fn acting_for(&self, caller: &Caller, _: &[(CredentialName, CredentialId)]) -> Self {
        Self { caller: caller.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl Operation for ReadMetrics {
    const DECLARED: Declaration = Declaration::read("metrics.read").needs(Capability::Metrics).in_memory();
    const ABOUT: About<'static> = About::Any;
    type Context = Measured;
    type Reply = String;
    type Error = Problem;

    async fn run(self, on: &Measured) -> Result<String, Problem> {
        let (on, due, devices) = (on.clone(), on.due().await, on.devices().await);
        // To look at every credential takes milliseconds, and would hold up the other tasks of this thread.
        let written = spawn_blocking(move || family::text_of(on.families(due, devices.as_ref()), self.format));
        joined(written).await.map_err(|error: fmt::Error| Problem::of(Code::Internal, &error))
    }
}

impl Measured {
    /// The work that is due; nothing if the store does not say so soon.
    async fn due(&self) -> Vec<(String, u64)> {
        let counted = pin!(self.shared.broker().queue().due());
        match select(counted, self.shared.sleep.sleep(PATIENCE)).await {
            Either::Left((Ok(due), _)) => due,
            // The broker reports what is wrong with its store: lanyard_ready, and the last success of each loop.
            Either::Left((Err(_), _)) | Either::Right(_) => Vec::new(),
        }
    }

    /// The figures of watched devices; nothing if the store does not say them soon.
    async fn devices(&self) -> Option<Devices> {
        let store = self.shared.broker().store();
        let read = pin!(async { lanyard_devices::measured(store, store.time().await?).await });
        match select(read, self.shared.sleep.sleep(PATIENCE)).await {
            Either::Left((found, _)) => found.ok(),
            Either::Right(_) => None,
        }
    }

    fn families(&self, due: Vec<(String, u64)>, devices: Option<&Devices>) -> Vec<Family> {
        let now = self.shared.hand_outs.now();
        let mut families = process::families(&self.shared);
        families.extend(requests::families(&self.shared.requests));
        families.extend(renewals::families(&self.shared));
        families.extend(upstream::families(&self.shared));
        families.extend(loops::families(&self.shared, due));
        families.extend(deliveries::families(&self.shared));
        families.extend(devices::families(devices));
        families.extend(credentials::families(&self.shared, |id| self.may_see(id, &now), &now));
        families
    }

    fn may_see(&self, id: CredentialId, now: &Moment) -> bool {
        self.caller.may(Capability::Metrics, Some(id), now).is_ok()
    }
}

/// How long a scrape waits for the store, which Prometheus gives ten seconds in all.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers with the metrics.
pub(crate) async fn answer(Serving(shared): Serving, Authenticated(caller): Authenticated, head: Parts) -> Response {
    let format = Format::accepted(&head.headers);
    if head.uri.query().is_some_and(|query| !query.is_empty()) {
        let problem = Problem::new(Code::BadRequest, "metrics have no parameters").hint(format!("GET {PATH}"));
        let means = ReadMetrics::DECLARED.name.into();
        return passed_on(record::refused(&shared, &caller, None, means, &problem));
    }
    let on = Measured { shared: Arc::clone(&shared), caller: caller.clone() };
    match perform(&BrokerDoor(shared), &on, &caller, ReadMetrics { format }).await {
        Ok(page) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (headers, page).into_response()
        }
        Err(problem) => Refusal::from(problem).into_response(),
    }
}
