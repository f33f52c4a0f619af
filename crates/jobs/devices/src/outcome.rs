//! Whether a command was carried out, if its call failed.

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
