//! The errors of a stream.

use std::time::Duration;

use lanyard_secret::SafeUrl;
use thiserror::Error;

use crate::SetupError;

/// Why there is no response. Where something was sent, or tried to be, the sentence ends with the tracking id that went with it.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The address is not one of the environment's; nothing was sent.
    #[error("{0} does not belong to the credential's Webex")]
    ForeignOrigin(SafeUrl),
    /// Webex asked this subject to wait; nothing was sent.
    #[error("Webex asked to wait {} s more before the next call", .0.as_secs())]
    Limited(Duration),
    /// This side cannot send; nothing was sent.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// No connection came about; nothing was sent.
    #[error("{0} cannot be reached (tracking id {2})")]
    NotSent(SafeUrl, #[source] reqwest::Error, Box<str>),
    /// The request was sent, at least in part, and the answer never began.
    #[error("{0} gave no answer within {seconds} s (tracking id {2})", seconds = .1.as_secs())]
    Silent(SafeUrl, Duration, Box<str>),
    /// The request was sent, at least in part, and what came back is no HTTP, or nothing at all.
    #[error("{0} gave no answer that can be read (tracking id {2})")]
    Unanswered(SafeUrl, #[source] reqwest::Error, Box<str>),
}

impl StreamError {
    pub(super) fn sending(url: &SafeUrl, error: reqwest::Error, tracking_id: &str) -> Self {
        // The error's own URL would show the query.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            Self::NotSent(url.clone(), error, tracking_id.into())
        } else {
            Self::Unanswered(url.clone(), error, tracking_id.into())
        }
    }

    /// Whether it took too long, rather than failed.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Silent(..) => true,
            Self::NotSent(_, error, _) => error.is_timeout(),
            Self::ForeignOrigin(_) | Self::Limited(_) | Self::Setup(_) | Self::Unanswered(..) => false,
        }
    }

    /// The tracking id that went with the request, where one was sent or tried to be.
    pub fn tracking_id(&self) -> Option<&str> {
        match self {
            Self::NotSent(_, _, id) | Self::Silent(_, _, id) | Self::Unanswered(_, _, id) => Some(id),
            Self::ForeignOrigin(_) | Self::Limited(_) | Self::Setup(_) => None,
        }
    }
}

/// Why a response broke off.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// The connection ended before the response did.
    #[error("the answer broke off")]
    Broken(#[source] reqwest::Error),
    /// Nothing more came.
    #[error("the answer paused for more than {} s", .0.as_secs())]
    Idle(Duration),
}
