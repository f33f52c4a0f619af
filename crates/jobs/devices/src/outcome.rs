//! What is known of a call to Webex that failed.

use lanyard_client::{ApiError, CallError};
use lanyard_operation::{Code, Problem};
use lanyard_protocol::ResourceError;
use lanyard_work::call_class;

/// Whether a device may have carried out a command although its call failed.
pub(crate) fn is_outcome_unknown(error: &CallError) -> bool {
    match error {
        CallError::Send(_) | CallError::Resource(ResourceError::Malformed { .. }) => true,
        CallError::Resource(ResourceError::Api(error)) => error.status.is_server_error(),
        _ => false,
    }
}

/// Whether Webex or the device refused a command, so that it is refused again if it is sent again. A token that is not accepted and a limit
/// may pass.
pub(crate) fn is_refused(error: &CallError) -> bool {
    let is_answer = matches!(error, CallError::Resource(ResourceError::Api(error)) if error.status.is_client_error());
    is_answer && !error.is_limited() && !error.is_unauthorized()
}

/// Why a call to Webex brought nothing, as the caller sees it.
pub(crate) fn called(error: ApiError<Problem>) -> Problem {
    let error = match error {
        ApiError::NoToken(problem) => return problem,
        ApiError::Call(error) => error,
    };
    if error.is_unauthorized() {
        return Problem::new(Code::PersonMustAct, "Webex does not accept the token any more")
            .hint("see which credential that is: lanyard devices watch list; then lanyard test NAME");
    }
    let limited = error.is_limited();
    let problem = Problem::of(if limited { Code::Limited } else { Code::of_class(call_class(&error)) }, &error);
    match error.retry_after() {
        Some(wait) => problem.retry_after(wait),
        None => problem,
    }
}
