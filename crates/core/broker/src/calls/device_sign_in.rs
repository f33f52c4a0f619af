//! Signing in by code: the device grant of RFC 8628, for a machine without a browser.

use std::sync::Arc;

use lanyard_client::{DeviceError, ExchangeError, Obtained, SendError};
use lanyard_operation::{Declaration, Operation};
use lanyard_protocol::oauth::device::{DeviceAuthorization, DevicePoll, DeviceRefused, Ending, Next, Polling};
use lanyard_protocol::oauth::{ClientAuth, Rejection, TokenError};
use lanyard_secret::SafeUrl;
use lanyard_time::Moment;
use serde::{Deserialize, Serialize};

use super::sign_in::{SignIn, SignedIn};
use crate::error::Again;
use crate::{Broker, Error};

operations![BeginDeviceSignIn, AwaitDevice];

/// Asks Webex for the code that a person types elsewhere.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginDeviceSignIn {
    /// The sign-in.
    pub sign_in: SignIn,
}

/// A sign-in that waits for a person with another device.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceSignIn {
    sign_in: SignIn,
    authorization: DeviceAuthorization,
    asked: Moment,
}

impl DeviceSignIn {
    /// The code that the user types.
    pub fn user_code(&self) -> &str {
        &self.authorization.user_code
    }

    /// Where the person goes.
    pub fn page(&self) -> &SafeUrl {
        &self.authorization.verification_uri
    }

    /// The page with the code in its address, for a QR code.
    pub fn page_with_code(&self) -> Option<&SafeUrl> {
        self.authorization.verification_uri_complete.as_ref()
    }

    /// How long the code is good.
    pub fn expires_in(&self) -> Option<std::time::Duration> {
        self.authorization.expires_in
    }
}

impl Operation for BeginDeviceSignIn {
    const DECLARED: Declaration = Declaration::part("sign-in.begin-device");

    type Context = Broker;
    type Reply = DeviceSignIn;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<DeviceSignIn, Error> {
        let SignIn { name, app, scopes, .. } = &self.sign_in;
        let again = Again::device(name, &app.name);
        let asked_for = broker.transport.device_authorize(&app.environment, &app.client_id, scopes).await;
        let begun = asked_for.map_err(|error| match error {
            DeviceError::Refused(DeviceRefused::Client(refusal)) => {
                Error::ClientRefused { again: Box::new(again), refusal }
            }
            error => Error::DeviceRefused(Box::new(error)),
        })?;
        Ok(DeviceSignIn { sign_in: self.sign_in, authorization: begun.authorization, asked: begun.sent })
    }
}

/// Polls until the person has signed in, has refused, or was too slow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwaitDevice {
    /// The sign-in.
    pub device: DeviceSignIn,
}

impl Operation for AwaitDevice {
    const DECLARED: Declaration = Declaration::change("sign-in.await-device").slow();

    type Context = Broker;
    type Reply = SignedIn;
    type Error = Error;

    async fn run(self, broker: &Broker) -> Result<SignedIn, Error> {
        let name = self.device.sign_in.name.clone();
        let finished = self.finish(broker).await;
        broker.or_kept(&name, finished).await
    }
}

impl AwaitDevice {
    async fn finish(self, broker: &Broker) -> Result<SignedIn, Error> {
        let device = Arc::new(self.device);
        let sign_in = &device.sign_in;
        let app = &sign_in.app;
        let again = Again::device(&sign_in.name, &app.name);
        let auth = Arc::new(broker.auth(app.id, &app.environment).await?);
        let elapsed = || broker.clock.now().since(&device.asked);
        let mut polling = Polling::begin(&device.authorization);
        let mut next = polling.first(elapsed());
        loop {
            let Next::Wait(pause) = next else {
                return Err(Error::DeviceExpired { name: sign_in.name.clone(), again: Box::new(again) });
            };
            broker.sleep.sleep(pause).await;
            let (device, auth) = (Arc::clone(&device), Arc::clone(&auth));
            // Each poll may be the one that is granted; the process may end in the pauses between them.
            let poll = match broker.finish(async move |broker| device.poll(&broker, &auth).await).await? {
                Polled::SignedIn(signed_in) => return Ok(*signed_in),
                Polled::Answered(poll) => poll,
                // An answer that did not come says nothing: the person may be at it.
                Polled::Unanswered(error) => {
                    tracing::warn!(%error, "a poll brought no answer");
                    next = polling.unanswered(elapsed());
                    continue;
                }
            };
            next = polling.answered(&poll, elapsed());
            let Next::Over(ending) = next else { continue };
            return match (poll, ending) {
                (_, Ending::Denied) => Err(Error::SignInRefused {
                    again: Box::new(again),
                    error: "access_denied".to_owned(),
                    description: None,
                }),
                (DevicePoll::WrongClient(refusal), _) => Err(Error::ClientRefused { again: Box::new(again), refusal }),
                (DevicePoll::Refused(refusal), _) => {
                    Err(Error::exchange(again, ExchangeError::Token(TokenError::Rejected(Rejection::Grant(refusal)))))
                }
                (DevicePoll::Malformed(reply), _) => {
                    Err(Error::exchange(again, ExchangeError::Token(TokenError::Malformed(reply))))
                }
                _ => Err(Error::DeviceExpired { name: sign_in.name.clone(), again: Box::new(again) }),
            };
        }
    }
}

/// The outcome of one poll.
enum Polled {
    /// The tokens that it brought are stored.
    SignedIn(Box<SignedIn>),
    /// Anything else that Webex answered.
    Answered(DevicePoll),
    /// No answer came.
    Unanswered(SendError),
}

impl DeviceSignIn {
    /// Polls once, and stores the tokens that it brings. Only called within [`Broker::finish`].
    async fn poll(&self, broker: &Broker, auth: &ClientAuth) -> Result<Polled, Error> {
        let environment = &self.sign_in.app.environment;
        let polled = match broker.transport.device_poll(environment, auth, &self.authorization.device_code).await {
            Ok(polled) => polled,
            Err(error) => return Ok(Polled::Unanswered(error)),
        };
        let DevicePoll::Granted(reply) = polled.poll else { return Ok(Polled::Answered(polled.poll)) };
        let signed_in = broker.conclude(&self.sign_in, auth, Obtained { sent: polled.sent, reply }).await?;
        Ok(Polled::SignedIn(Box::new(signed_in)))
    }
}
