//! The device grant: a person signs in on another device, and this one polls (RFC 8628).

mod polling;

use std::time::Duration;

use http::StatusCode;
use lanyard_secret::{DeviceCode, SafeUrl};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::basic::basic;
use super::lifetime::lifetime;
use super::said::Said;
use super::token::form;
use super::{ClientAuth, MalformedReply, Refusal, TokenReply};
use crate::error::printable;
use crate::fields::Fields;
use crate::text::Text;
use crate::{AppClientId, Environment, ErrorBody, Method, Request, Response, ScopeSet};

pub use polling::{Ending, Next, Polling};

/// The codes and addresses of a sign-in by code: some are shown to the person, and one is used by the device to poll.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeviceAuthorization {
    /// The code with which this device polls.
    #[serde(with = "lanyard_secret::travel")]
    pub device_code: DeviceCode,
    /// The code that the person types.
    pub user_code: String,
    /// Where the person goes.
    #[serde(with = "lanyard_secret::travel")]
    pub verification_uri: SafeUrl,
    /// The address with the code in it: for a QR code, or to be opened immediately.
    #[serde(with = "lanyard_secret::travel::optional")]
    pub verification_uri_complete: Option<SafeUrl>,
    /// How long all this lasts from the moment at which the request was sent; `None` where the reply did not say.
    pub expires_in: Option<Duration>,
    /// How long to wait between two polls; 5 s where the reply did not say (RFC 8628, section 3.2).
    pub interval: Duration,
}

/// Why a device may not begin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeviceRefused {
    /// The client id is unknown, or the app may not use this grant.
    #[error("Webex does not accept the app's client id for a sign-in by code ({0})")]
    Client(Refusal),
    /// A scope is unknown, or not one of the app's. Those of Login with Webex (`openid`, …) are not supported here.
    #[error("Webex does not accept the scopes ({0})")]
    Scope(Refusal),
    /// Too many calls; nothing was done.
    #[error("Webex limits the calls of this app or person")]
    Limited {
        /// How long Webex asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// An answer that fits no shape, or a server's error.
    #[error("the outcome is unclear ({0})")]
    Unclear(Refusal),
    /// Success, but no codes in it.
    #[error("Webex answered with success, but {0}")]
    Malformed(MalformedReply),
}

/// The result of one poll.
#[derive(Clone, Debug)]
pub enum DevicePoll {
    /// The person has signed in.
    Granted(TokenReply),
    /// Not yet.
    Pending,
    /// Not yet, and the polls come too fast.
    SlowDown,
    /// The person, or an administrator, said no.
    Denied,
    /// The codes are too old, or spent.
    Expired,
    /// Too many calls.
    Limited {
        /// How long Webex asks to wait, if it says.
        retry_after: Option<Duration>,
    },
    /// The client id or the client secret is wrong.
    WrongClient(Refusal),
    /// Another refusal: further polls would bring the same.
    Refused(Refusal),
    /// A server's error: a later poll may bring something else.
    Unclear(Refusal),
    /// Success, but no token set in it.
    Malformed(MalformedReply),
}

/// The interval where a reply names none (RFC 8628, section 3.2).
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);

/// `POST /device/authorize`: asks for the codes.
pub fn authorize(environment: &Environment, client_id: &AppClientId, scopes: &ScopeSet) -> Request {
    let scopes = scopes.to_string();
    let body = form([("client_id", client_id.as_str()), ("scope", scopes.as_str())].into_iter());
    Request::new(Method::POST, environment.resource(&["device", "authorize"]))
        .body("application/x-www-form-urlencoded", body)
}

/// `POST /device/token`: asks whether the person has signed in. Webex takes the app's secret as HTTP Basic only.
pub fn poll(environment: &Environment, auth: &ClientAuth, device_code: &DeviceCode) -> Request {
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", device_code.expose_secret()),
        ("client_id", auth.client_id.as_str()),
    ];
    let request = Request::new(Method::POST, environment.resource(&["device", "token"]))
        .body("application/x-www-form-urlencoded", form(fields.into_iter()));
    basic(request, auth)
}

impl DeviceAuthorization {
    /// Reads the answer to [`authorize`].
    pub fn parse(response: &Response) -> Result<Self, DeviceRefused> {
        if !response.status.is_success() {
            return Err(refused(response));
        }
        let malformed = || DeviceRefused::Malformed(MalformedReply::not_json(response));
        let text = Text::of(response.body.expose_secret()).without_controls();
        let fields = Fields::of(&text).ok_or_else(malformed)?;
        let text = |name| fields.last(&[name], |text: &String| !text.is_empty());
        // A person's browser is sent there.
        let page = |name| text(name)?.parse::<SafeUrl>().ok().filter(SafeUrl::is_confidential);
        let lasts = |name| fields.last(&[name], |value| lifetime(value).is_some()).as_ref().and_then(lifetime);
        Ok(Self {
            device_code: fields.last(&["device_code"], |code: &DeviceCode| !code.is_empty()).ok_or_else(malformed)?,
            user_code: printable(&text("user_code").ok_or_else(malformed)?),
            verification_uri: page("verification_uri").ok_or_else(malformed)?,
            verification_uri_complete: page("verification_uri_complete"),
            expires_in: lasts("expires_in"),
            interval: lasts("interval").unwrap_or(DEFAULT_INTERVAL),
        })
    }
}

fn refused(response: &Response) -> DeviceRefused {
    let body = ErrorBody::parse(response.body.expose_secret());
    let refusal = Refusal::of(response, &body);
    let said = Said::of(&body);
    match response.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => {
            DeviceRefused::Limited { retry_after: response.retry_after() }
        }
        status if !status.is_client_error() => DeviceRefused::Unclear(refusal),
        _ if said.any(&["scope"]) => DeviceRefused::Scope(refusal),
        _ if said.names_the_client() => DeviceRefused::Client(refusal),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => DeviceRefused::Client(refusal),
        _ => DeviceRefused::Unclear(refusal),
    }
}

impl DevicePoll {
    /// Reads the answer to [`poll`]. Webex says "not yet" with 428 in the gateway's shape; RFC 8628, section 3.5, with 400 and a
    /// word. Both are understood, and the words wherever they stand.
    pub fn parse(response: &Response) -> Self {
        if response.status.is_success() {
            return TokenReply::read(response).map_or_else(Self::Malformed, Self::Granted);
        }
        let body = ErrorBody::parse(response.body.expose_secret());
        let refusal = Refusal::of(response, &body);
        let said = Said::of(&body);
        match response.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED => Self::Limited { retry_after: response.retry_after() },
            status if status.is_server_error() => Self::Unclear(refusal),
            status if !status.is_client_error() => Self::Refused(refusal),
            _ if said.any(&["slow_down", "slow down"]) => Self::SlowDown,
            _ if said.any(&["authorization_pending", "authorization pending"]) => Self::Pending,
            StatusCode::PRECONDITION_REQUIRED => Self::Pending,
            _ if said.any(&["access_denied", "access denied"]) => Self::Denied,
            _ if said.names_the_client() => Self::WrongClient(refusal),
            _ if said.any(&["expired", "invalid_grant"]) => Self::Expired,
            StatusCode::UNAUTHORIZED => Self::WrongClient(refusal),
            _ => Self::Refused(refusal),
        }
    }
}

#[cfg(test)]
mod tests;
