//! Failures on the way to Webex, in words for a client.

use std::error::Error;

use lanyard_client::{DownloadError, StreamError};
use lanyard_secret::SafeUrl;

use crate::problem::{Code, Problem};

pub(super) fn problem(error: &StreamError) -> Problem {
    let told = Problem::new(code(error), sentence(error));
    match error {
        StreamError::Limited(wait) => told.hint("all clients of this credential share its limit").retry_after(*wait),
        StreamError::ForeignOrigin(_) | StreamError::Setup(_) => told.hint("see the broker's log"),
        _ if told.code() == Code::BadRequest => told,
        StreamError::NotSent(..) => told.hint("see the network and HTTPS_PROXY of the broker: lanyard doctor"),
        StreamError::Silent(..) | StreamError::Unanswered(..) => {
            told.hint("Webex may have carried out the call; check before you repeat a call that changes anything")
        }
    }
}

/// The problem of an answer that ended before any of it was passed on.
pub(super) fn broken_off(url: &SafeUrl, error: &DownloadError) -> Problem {
    let code = if matches!(error, DownloadError::Idle(_)) { Code::UpstreamSlow } else { Code::UpstreamCut };
    Problem::new(code, format!("{url}: {error}"))
        .hint("Webex may have carried out the call; check before you repeat a call that changes anything")
}

fn code(error: &StreamError) -> Code {
    match error {
        StreamError::Limited(_) => Code::Limited,
        StreamError::ForeignOrigin(_) | StreamError::Setup(_) => Code::Internal,
        error if error.is_timeout() => Code::UpstreamSlow,
        StreamError::NotSent(..) | StreamError::Silent(..) => Code::Upstream,
        StreamError::Unanswered(_, error, _) => match because(error) {
            // The client's own body failed.
            Some(hyper) if hyper.is_user() => Code::BadRequest,
            Some(hyper) if hyper.is_parse() => Code::UpstreamGarbled,
            _ => Code::UpstreamCut,
        },
    }
}

fn sentence(error: &StreamError) -> String {
    let text = error.to_string();
    match error {
        StreamError::Unanswered(_, source, _) if because(source).is_some_and(hyper::Error::is_user) => {
            "the request's body ended early".to_owned()
        }
        StreamError::NotSent(_, source, _) => {
            // The innermost cause is the one that says something: a name that is not known, a connection refused.
            let mut cause: &dyn Error = source;
            while let Some(next) = cause.source() {
                cause = next;
            }
            format!("{text}: {cause}")
        }
        _ => text,
    }
}

/// The error of the HTTP connection itself.
fn because<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a hyper::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
            return Some(hyper);
        }
        next = error.source();
    }
    None
}
