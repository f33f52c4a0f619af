//! One POST, and the judgement of its answer.

use std::borrow::Cow;
use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use lanyard_protocol::{Response, visible};
use lanyard_secret::SecretBytes;
use lanyard_time::{Moment, Sleep};
use reqwest::Client;
use url::Url;

use crate::error::DeliveryError;
use crate::outbound::{Outbound, find, reason};
use crate::reach::RefusedAddress;
use crate::target::{Address, TargetError};

/// A POST to the address of a target.
#[derive(Debug)]
pub(crate) struct Post<'a> {
    /// The receiver, as errors name it.
    pub(crate) receiver: String,
    /// The target's address, which decides what may be reached.
    pub(crate) address: &'a Address,
    pub(crate) allow_private: bool,
    /// The URL, on the same host as the address.
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) media_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Post<'_> {
    /// Sends it once. The answer's status alone says how it went; its body is not kept.
    pub(crate) async fn send(self, outbound: &Outbound, at: &Moment, sleep: &dyn Sleep) -> Result<(), DeliveryError> {
        let reach = self.address.reach(self.allow_private).map_err(|error| match error {
            TargetError::AddressRefused { host, refused } => DeliveryError::AddressRefused { receiver: host, refused },
            other => other.into(),
        })?;
        let answer = self.ask(outbound.client(reach)?).await?;
        let verdict = judge(&self.receiver, &self.url, answer.status(), answer.headers(), at);
        tracing::debug!(receiver = self.receiver, status = answer.status().as_u16(), "delivered over HTTP");
        // A receiver may stop its work if its answer is not taken; but nothing depends on that.
        tokio::select! {
            () = drain(answer) => {}
            () = sleep.sleep(LONGEST_DRAIN) => {}
        }
        verdict
    }

    async fn ask(&self, client: &Client) -> Result<reqwest::Response, DeliveryError> {
        let request = client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static(self.media_type))
            .body(self.body.clone());
        request.send().await.map_err(|error| {
            let receiver = self.receiver.clone();
            match find::<RefusedAddress>(&error) {
                Some(refused) => DeliveryError::AddressRefused { receiver, refused: *refused },
                None if error.is_connect() => DeliveryError::Unreachable { receiver, reason: reason(&error).into() },
                None => {
                    let reason = "it gave no valid answer".into();
                    DeliveryError::Later { receiver, reason, retry_after: None }
                }
            }
        })
    }
}

/// Decides by status and headers.
fn judge(receiver: &str, url: &Url, status: StatusCode, headers: &HeaderMap, at: &Moment) -> Result<(), DeliveryError> {
    let receiver = receiver.to_owned();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        let reason = redirect(url, status, headers).into();
        return Err(DeliveryError::Refused { receiver, reason });
    }
    let reason: Cow<'static, str> = format!("it answered with {status}").into();
    let is_temporary = matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if status.is_client_error() && !is_temporary {
        return Err(DeliveryError::Refused { receiver, reason });
    }
    let answer = Response { status, headers: headers.clone(), body: SecretBytes::new(Vec::new()) };
    Err(DeliveryError::Later { receiver, reason, retry_after: answer.retry_after_at(at.wall) })
}

/// Names a redirect by the host it leads to; its path and query may be secrets.
fn redirect(url: &Url, status: StatusCode, headers: &HeaderMap) -> String {
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| url.join(location).ok());
    match target.as_ref().and_then(Url::host_str) {
        Some(host) => format!(
            "it answered with a redirect to {} ({}), and redirects are not followed",
            visible(host),
            status.as_u16()
        ),
        None => format!("it answered with a redirect ({}), and redirects are not followed", status.as_u16()),
    }
}

/// Reads the answer to its end, or as far as is reasonable.
async fn drain(mut answer: reqwest::Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > LONGEST_ANSWER {
            return;
        }
    }
}

/// How much of an answer is read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;
/// How long the body of an answer is waited for.
pub(crate) const LONGEST_DRAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    fn judged(status: u16, headers: &[(&'static str, &'static str)]) -> Result<(), DeliveryError> {
        let at = ManualClock::at("1994-11-06T08:49:37Z".parse().unwrap()).now();
        let headers =
            headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect();
        let url = "https://hooks.example/canary?canary".parse().unwrap();
        judge("hooks.example", &url, StatusCode::from_u16(status).unwrap(), &headers, &at)
    }

    #[test]
    fn the_status_decides() {
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status, &[]), Ok(()), "{status}");
        }
        for status in [400, 401, 403, 404, 410, 413, 422, 451] {
            let error = judged(status, &[("retry-after", "5")]).unwrap_err();
            assert!(matches!(error, DeliveryError::Refused { .. }) && !error.may_retry(), "{status}: {error}");
        }
        for status in [408, 429, 500, 502, 503, 504, 507] {
            let error = judged(status, &[]).unwrap_err();
            assert!(matches!(error, DeliveryError::Later { retry_after: None, .. }) && error.may_retry(), "{status}");
        }
        assert_eq!(
            judged(404, &[]).unwrap_err().to_string(),
            "hooks.example refused the event: it answered with 404 Not Found"
        );
    }

    #[test]
    fn a_wait_is_read_in_seconds_and_as_a_date() {
        let wait = |value| judged(429, &[("retry-after", value)]).unwrap_err().retry_after();
        assert_eq!(wait("120"), Some(Duration::from_mins(2)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:37 GMT"), Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_redirect_is_named_by_its_host_alone() {
        for (location, said) in [
            ("https://other.example/canary?canary", "a redirect to other.example (302)"),
            ("http://169.254.169.254/canary", "a redirect to 169.254.169.254 (302)"),
            ("/canary", "a redirect to hooks.example (302)"),
            ("//canary:canary@evil.example/", "a redirect to evil.example (302)"),
            ("http://[", "a redirect (302)"),
        ] {
            let error = judged(302, &[("location", location)]).unwrap_err();
            let expected =
                format!("hooks.example refused the event: it answered with {said}, and redirects are not followed");
            assert_eq!(error.to_string(), expected);
            assert!(!format!("{error:?}").contains("canary"));
        }
        assert!(judged(304, &[]).is_err());
    }
}
