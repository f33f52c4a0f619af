//! One request, one response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use http::{HeaderName, HeaderValue};
use lanyard_protocol::{Environment, Request, Response};
use lanyard_secret::{SafeUrl, SecretBytes};
use lanyard_time::{Clock, Entropy, Moment, Sleep, SystemSleep};
use thiserror::Error;

use crate::call_counts::{CallCounts, CountedCalls, KnownApi};
use crate::clients::{Clients, SetupError};
use crate::coding;
use crate::limits::Limits;

/// Sends requests. Cheap to make: the machinery of TLS is built when the first request needs it.
#[derive(Debug)]
pub struct Transport {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) sleep: Arc<dyn Sleep>,
    pub(crate) limits: Limits,
    pub(crate) counts: CallCounts,
    clients: Clients,
    /// Without a limit on the whole of an exchange.
    pub(crate) streaming: Clients,
}

/// A response, and when its request was sent.
#[derive(Debug)]
pub struct Exchange {
    /// The moment just before sending: lifetimes in the response count from it.
    pub sent: Moment,
    /// The id that was sent with the request. Webex may answer with another; see [`Response::tracking_id`].
    pub tracking_id: TrackingId,
    /// The response.
    pub response: Response,
}

/// The id of one request, by which Cisco's support finds it. Kept as a number: it is part of every error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackingId(u64);

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LANYARD_{:016X}", self.0)
    }
}

/// Why there is no response. Where something was sent, or tried to be, the sentence ends with the id that went with it.
#[derive(Debug, Error)]
pub enum SendError {
    /// The address is not one of the environment's; nothing was sent.
    #[error("{0} does not belong to the credential's Webex")]
    ForeignOrigin(SafeUrl),
    /// This side cannot send; nothing was sent.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No connection came about; nothing was sent.
    #[error("{0} cannot be reached (tracking id {2})")]
    NotSent(SafeUrl, #[source] reqwest::Error, TrackingId),
    /// The request was sent, at least in part, and no whole response came back.
    #[error("{0} gave no whole answer (tracking id {2})")]
    Unanswered(SafeUrl, #[source] reqwest::Error, TrackingId),
    /// The response is longer than anything that Webex sends for such a request.
    #[error("the answer of {0} is longer than {1} bytes and was not read (tracking id {2})")]
    TooLong(SafeUrl, usize, TrackingId),
}

impl SendError {
    /// Whether Webex had not answered when the time for the whole exchange was over.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Unanswered(_, error, _) if error.is_timeout())
    }

    /// Whether Webex cannot have seen the request.
    pub fn nothing_was_sent(&self) -> bool {
        matches!(self, Self::ForeignOrigin(_) | Self::Setup(_) | Self::NotSent(..))
    }
}

/// How long a whole exchange may take. The deadline of an intent is longer than this.
const WHOLE: Duration = Duration::from_secs(30);
pub(crate) const TRACKING_ID_HEADER: HeaderName = HeaderName::from_static("trackingid");

impl Transport {
    /// The longest that [`send`](Self::send) takes.
    pub const LONGEST: Duration = Duration::from_secs(40);

    /// A transport that has no connections yet. It waits on tokio's timer.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let sleep = Arc::new(SystemSleep);
        Self {
            clock,
            entropy,
            sleep,
            limits: Limits::default(),
            counts: CallCounts::default(),
            clients: Clients::new(Some(WHOLE)),
            streaming: Clients::per_runtime(),
        }
    }

    /// Another way to wait between the tries of a call.
    #[must_use]
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// Sends a request once, to an address of `environment`, and reads at most `limit` bytes of the answer, which are also
    /// counted after decompression. Nothing is repeated and no redirect is followed.
    pub async fn send(&self, environment: &Environment, request: Request, limit: usize) -> Result<Exchange, SendError> {
        let url = request.url;
        if !(environment.permits(&url) || environment.revoke() == Some(&url)) {
            return Err(SendError::ForeignOrigin(url));
        }
        if let Some(odd) = request.unsendable {
            return Err(SetupError::Token(odd).into());
        }
        let client = self.clients.of(&url)?;
        let tracking_id = self.tracking_id();
        let mut outgoing = client.request(request.method, url.expose().clone()).headers(request.headers);
        if let Ok(value) = HeaderValue::from_str(&tracking_id.to_string()) {
            outgoing = outgoing.header(TRACKING_ID_HEADER, value);
        }
        if !request.body.expose_secret().is_empty() {
            outgoing = outgoing.body(request.body.expose_secret().to_vec());
        }
        tracing::debug!(%url, %tracking_id, "request");
        let mut counted = self.counts.begin(KnownApi::of(&url), &*self.clock);
        let sent = self.clock.now();
        // The error's own URL would show the query.
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            if error.is_connect() || error.is_builder() {
                SendError::NotSent(url.clone(), error, tracking_id)
            } else {
                SendError::Unanswered(url.clone(), error, tracking_id)
            }
        };
        let incoming = outgoing.send().await.map_err(failed)?;
        let status = incoming.status();
        let mut headers = incoming.headers().clone();
        let body = read(incoming, &url, limit, tracking_id).await?;
        let body = coding::decoded(&mut headers, body, limit)
            .map_err(|coding::TooLong| SendError::TooLong(url.clone(), limit, tracking_id))?;
        counted.answered(status);
        tracing::debug!(%url, %tracking_id, status = status.as_u16(), "response");
        Ok(Exchange { sent, tracking_id, response: Response { status, headers, body } })
    }

    /// The calls that were made so far.
    pub fn calls(&self) -> Vec<CountedCalls> {
        self.counts.counted()
    }

    /// How many subjects Webex has asked to wait, each counted once for each API.
    pub fn limited(&self) -> usize {
        self.limits.count(&self.clock.now())
    }

    /// Lets go of the connections that are kept open: their buffers hold what was sent last. Calls under way go on.
    pub fn forget(&self) {
        self.clients.forget();
        self.streaming.forget();
    }

    /// An id that Webex echoes and Cisco's support can look for.
    pub(crate) fn tracking_id(&self) -> TrackingId {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        TrackingId(u64::from_be_bytes(bytes))
    }
}

async fn read(
    incoming: reqwest::Response,
    url: &SafeUrl,
    limit: usize,
    tracking_id: TrackingId,
) -> Result<SecretBytes, SendError> {
    let too_long = || SendError::TooLong(url.clone(), limit, tracking_id);
    let declared = incoming.content_length().and_then(|length| usize::try_from(length).ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    // Large enough from the start where the length is known, so that no outgrown copy of a token stays in memory.
    let mut body = zeroize::Zeroizing::new(Vec::with_capacity(declared.unwrap_or(16 * 1024)));
    let mut chunks = incoming.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| SendError::Unanswered(url.clone(), error.without_url(), tracking_id))?;
        if body.len() + chunk.len() > limit {
            return Err(too_long());
        }
        if body.len() + chunk.len() > body.capacity() {
            let mut larger = zeroize::Zeroizing::new(Vec::with_capacity(2 * (body.len() + chunk.len())));
            larger.extend_from_slice(&body);
            body = larger;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(SecretBytes::new(std::mem::take(&mut *body)))
}
