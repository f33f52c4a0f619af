//! Why a typed call brought nothing.

use std::time::Duration;

use http::StatusCode;
use lanyard_protocol::{PagingError, ResourceError};
use thiserror::Error;

use crate::{SendError, TrackingId};

/// Why a call brought nothing. Where something was sent the sentence ends with a tracking id: Webex's, or the one that went out.
#[derive(Debug, Error)]
pub enum CallError {
    /// There is no whole answer.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Webex refused, or cannot be understood.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// Webex asked this subject to wait, for longer than the caller would; nothing was sent.
    #[error("Webex asked to wait {} s more before the next call", .0.as_secs())]
    Limited(Duration),
    /// The pages of a list cannot be followed to their end.
    #[error("{0} (tracking id {1})")]
    Paging(PagingError, TrackingId),
}

impl CallError {
    /// Whether Webex does not accept the access token any more.
    pub fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Resource(error) if error.status() == Some(StatusCode::UNAUTHORIZED))
    }

    /// Whether Webex limits the calls, by an answer to this one or to an earlier one.
    pub fn is_limited(&self) -> bool {
        match self {
            Self::Limited(_) => true,
            Self::Resource(error) => error.status() == Some(StatusCode::TOO_MANY_REQUESTS),
            Self::Send(_) | Self::Paging(..) => false,
        }
    }

    /// How long Webex asks to wait, where it does.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited(wait) => Some(*wait),
            Self::Resource(ResourceError::Api(error)) => error.retry_after,
            _ => None,
        }
    }
}
