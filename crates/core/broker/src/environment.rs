//! Which Webex a caller means.

use std::fmt::Display;

use lanyard_protocol::Environment;

use crate::Error;

/// Refuses a credential, or an app, that belongs to another Webex than the caller takes it to belong to: an address that is
/// given later is never a new destination.
pub(crate) fn expect(name: &dyn Display, stored: &Environment, expected: Option<&Environment>) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != stored => {
            Err(Error::AnotherEnvironment { name: name.to_string(), stored: stored.id().to_owned() })
        }
        _ => Ok(()),
    }
}
