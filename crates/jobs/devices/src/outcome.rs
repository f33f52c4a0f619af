//! What is known of a command whose call failed.

use lanyard_client::CallError;
use lanyard_protocol::ResourceError;

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
