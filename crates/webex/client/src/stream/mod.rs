//! One request, one response, neither held whole: how calls are made on behalf of others.

mod body;
mod error;

use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use lanyard_protocol::{Environment, Response};
use lanyard_secret::{SafeUrl, SecretBytes};
use lanyard_time::Moment;

pub use self::body::{BoxError, Download, Upload};
pub use self::error::{DownloadError, StreamError};

use self::body::Progress;
use crate::call_counts::KnownApi;
use crate::limits::Api;
use crate::patience::UNSAID;
use crate::transport::TRACKING_ID_HEADER;
use crate::{SubjectKey, Transport};

/// A request whose body may be a stream. Its `Debug` shows method and URL; never headers or body.
pub struct Outgoing {
    /// GET, POST, ….
    pub method: Method,
    /// Where to.
    pub url: SafeUrl,
    /// Headers, the secret ones marked sensitive. A `TrackingID` among them is kept.
    pub headers: HeaderMap,
    /// The body.
    pub body: Upload,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

/// A response that has begun.
#[derive(Debug)]
pub struct Streamed {
    /// The id that was sent with the request: the caller's own, or one made for it.
    pub tracking_id: Box<str>,
    /// The response; its body comes piece by piece and ends in an error where Webex falls silent.
    pub response: http::Response<Download>,
}

/// How long Webex may take to begin its answer once nothing more is sent to it.
const FIRST_BYTE: Duration = Duration::from_secs(90);
/// How long it may pause within an answer.
const IDLE: Duration = Duration::from_mins(1);
/// The longest tracking id of a caller's own that is kept.
const LONGEST_TRACKING_ID: usize = 256;

impl Transport {
    /// Sends a request once, to an address of `environment`. Nothing is repeated and no redirect is followed. The whole may take as
    /// long as it goes on: limited is how long a connection takes to come about, how long Webex says nothing at all, and how long it
    /// pauses. What waits is [`with_sleep`](Self::with_sleep)'s.
    ///
    /// Where Webex asked `subject` to wait before, through whichever call of this API, nothing is sent and the error says for how
    /// long. A 429 that comes is remembered for the next call.
    pub async fn stream(
        &self,
        environment: &Environment,
        request: Outgoing,
        subject: Option<&SubjectKey>,
    ) -> Result<Streamed, StreamError> {
        let Outgoing { method, url, mut headers, body } = request;
        if !environment.permits(&url) {
            return Err(StreamError::ForeignOrigin(url));
        }
        let (api, sent) = (Api::of(&url), self.clock.now());
        subject.map_or(Ok(()), |subject| self.limits.admit(subject, &api, &sent)).map_err(StreamError::Limited)?;
        let client = self.streaming.of(&url)?;
        let tracking_id = self.tracking_id_of(&mut headers);
        // Where a body is usual its absence is said (RFC 9110, section 8.6): some servers answer 411 otherwise.
        if matches!((&body, &method), (Upload::Empty, &Method::POST | &Method::PUT | &Method::PATCH)) {
            headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(0));
        }
        let progress = Progress::default();
        // Filled in place: a builder copies the headers one by one.
        let mut outgoing = reqwest::Request::new(method, url.expose().clone());
        *outgoing.headers_mut() = headers;
        *outgoing.body_mut() = body.counted(&progress);
        tracing::debug!(%url, %tracking_id, "request");
        let mut counted = self.counts.begin(KnownApi::of(&url), &*self.clock);
        let mut sending = pin!(client.execute(outgoing));
        let incoming = loop {
            let before = progress.count();
            match select(sending.as_mut(), self.sleep.sleep(FIRST_BYTE)).await {
                Either::Left((outcome, _)) => {
                    break outcome.map_err(|error| StreamError::sending(&url, error, &tracking_id))?;
                }
                // A long body is still on its way.
                Either::Right(_) if progress.count() != before => {}
                Either::Right(_) => return Err(StreamError::Silent(url, FIRST_BYTE, tracking_id)),
            }
        };
        counted.answered(incoming.status());
        drop(counted);
        tracing::debug!(%url, %tracking_id, status = incoming.status().as_u16(), "response begins");
        let now = self.clock.now();
        match (subject, asked_to_wait(&incoming, &now)) {
            (Some(subject), Some(wait)) => self.limits.note(subject, api, wait, &now),
            (Some(subject), None) => self.limits.answered(subject, &api, &sent),
            (None, _) => {}
        }
        let sleep = std::sync::Arc::clone(&self.sleep);
        let response = http::Response::from(incoming).map(|body| Download::new(body, sleep, IDLE));
        Ok(Streamed { tracking_id, response })
    }

    /// The caller's own id where it has one that can be looked for, or a new one.
    fn tracking_id_of(&self, headers: &mut HeaderMap) -> Box<str> {
        let usable = |id: &str| !id.is_empty() && id.len() <= LONGEST_TRACKING_ID;
        let own = headers.get(TRACKING_ID_HEADER).and_then(|value| value.to_str().ok()).filter(|id| usable(id));
        if let Some(own) = own {
            return own.into();
        }
        let made = self.tracking_id().to_string();
        if let Ok(value) = HeaderValue::from_str(&made) {
            headers.insert(TRACKING_ID_HEADER, value);
        }
        made.into()
    }
}

/// How long a 429 asks its subject to wait.
fn asked_to_wait(incoming: &reqwest::Response, now: &Moment) -> Option<Duration> {
    if incoming.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let headers = incoming.headers().clone();
    let head = Response { status: incoming.status(), headers, body: SecretBytes::new(Vec::new()) };
    Some(head.retry_after_at(now.wall).unwrap_or(UNSAID))
}
