//! Why an event was not delivered.

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

use crate::reach::RefusedAddress;
use crate::target::TargetError;

/// Why an event was not delivered. The sentence names the receiver by its host or program, and shows no secret, no path or query of an
/// address, and nothing of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeliveryError {
    /// The receiver refused the event for good.
    #[error("{receiver} refused the event: {reason}")]
    Refused {
        /// The receiver.
        receiver: String,
        /// The reason.
        reason: Cow<'static, str>,
    },
    /// The receiver may accept the event later.
    #[error("{receiver} did not accept the event: {reason}")]
    Later {
        /// The receiver.
        receiver: String,
        /// The reason.
        reason: Cow<'static, str>,
        /// How long the receiver asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// Some recipients of a mail have it, and others may accept it later.
    #[error("{receiver} did not accept the event: {reason}")]
    Partly {
        /// The receiver.
        receiver: String,
        /// The reason.
        reason: Cow<'static, str>,
        /// The recipients who have it.
        accepted: Vec<String>,
    },
    /// There is no token of the credential that posts to a space. Nothing was sent.
    #[error("nothing was sent: {reason}")]
    NoToken {
        /// The reason, which names the credential.
        reason: String,
    },
    /// The receiver has an address that this channel may not connect to. Nothing was sent.
    #[error("{receiver} is not allowed: {refused}")]
    AddressRefused {
        /// The receiver.
        receiver: String,
        /// The address.
        refused: RefusedAddress,
    },
    /// The receiver took too long. The event may have arrived.
    #[error("{receiver} took longer than {} s", .limit.as_secs())]
    TimedOut {
        /// The receiver.
        receiver: String,
        /// The time that it had.
        limit: Duration,
    },
    /// The receiver cannot be reached, or the connection broke.
    #[error("{receiver} cannot be reached: {reason}")]
    Unreachable {
        /// The receiver.
        receiver: String,
        /// The reason.
        reason: Cow<'static, str>,
    },
    /// The target is not usable. Nothing was sent.
    #[error(transparent)]
    Target(#[from] TargetError),
}

impl DeliveryError {
    /// Whether another try may succeed without a change to the channel.
    pub fn may_retry(&self) -> bool {
        match self {
            Self::Later { .. }
            | Self::Partly { .. }
            | Self::NoToken { .. }
            | Self::TimedOut { .. }
            | Self::Unreachable { .. } => true,
            Self::Refused { .. } | Self::AddressRefused { .. } | Self::Target(_) => false,
        }
    }

    /// How long the receiver asks to wait before another try, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Later { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
