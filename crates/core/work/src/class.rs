//! The class of a call to Webex that failed, for a program that sees only the exit code.

use lanyard_client::{CallError, SendError};
use lanyard_operation::Class;

/// The class of a failed call.
pub fn call_class(error: &CallError) -> Class {
    match error {
        CallError::Send(error) => send_class(error),
        CallError::Limited(_) => Class::Unreachable,
        CallError::Paging(..) => Class::Failed,
        CallError::Resource(error) => match error.status().map(|status| status.as_u16()) {
            Some(401 | 403) => Class::PersonMustAct,
            Some(status) if is_passing(status) => Class::Unreachable,
            _ => Class::Failed,
        },
    }
}

/// The class of a request that was not sent or not answered.
pub fn send_class(error: &SendError) -> Class {
    match error {
        SendError::ForeignOrigin(_) | SendError::Setup(_) => Class::Failed,
        SendError::NotSent(..) | SendError::Unanswered(..) | SendError::TooLong(..) => Class::Unreachable,
    }
}

/// Whether a status reports a limit or a fault of Webex: it will pass.
pub const fn is_passing(status: u16) -> bool {
    matches!(status, 423 | 429 | 500..=599)
}
