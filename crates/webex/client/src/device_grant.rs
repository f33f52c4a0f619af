//! The calls of the device grant. When to poll is [`Polling`](lanyard_protocol::oauth::device::Polling)'s decision.

use lanyard_protocol::oauth::ClientAuth;
use lanyard_protocol::oauth::device::{self, DeviceAuthorization, DevicePoll, DeviceRefused};
use lanyard_protocol::{AppClientId, Environment, ScopeSet};
use lanyard_secret::DeviceCode;
use lanyard_time::Moment;
use thiserror::Error;

use crate::token::LONGEST_REPLY;
use crate::{SendError, Transport};

/// The codes of a sign-in, and the moment from which their lifetime counts.
#[derive(Clone, Debug)]
pub struct DeviceBegun {
    /// When the request was sent.
    pub sent: Moment,
    /// The codes.
    pub authorization: DeviceAuthorization,
}

/// The result of one poll, and the moment from which its lifetimes count.
#[derive(Clone, Debug)]
pub struct DevicePolled {
    /// When the request was sent.
    pub sent: Moment,
    /// The result of the poll.
    pub poll: DevicePoll,
}

/// Why a sign-in by code did not begin.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// There is no whole answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Webex refused, or cannot be understood.
    #[error(transparent)]
    Refused(#[from] DeviceRefused),
}

impl Transport {
    /// Asks for the codes of a sign-in on another device. Sent once.
    pub async fn device_authorize(
        &self,
        environment: &Environment,
        client_id: &AppClientId,
        scopes: &ScopeSet,
    ) -> Result<DeviceBegun, DeviceError> {
        let request = device::authorize(environment, client_id, scopes);
        let exchange = self.send(environment, request, LONGEST_REPLY).await?;
        let authorization = DeviceAuthorization::parse(&exchange.response)?;
        Ok(DeviceBegun { sent: exchange.sent, authorization })
    }

    /// Asks once whether the person has signed in. Sent once.
    pub async fn device_poll(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        device_code: &DeviceCode,
    ) -> Result<DevicePolled, SendError> {
        let exchange = self.send(environment, device::poll(environment, auth, device_code), LONGEST_REPLY).await?;
        Ok(DevicePolled { sent: exchange.sent, poll: DevicePoll::parse(&exchange.response) })
    }
}
