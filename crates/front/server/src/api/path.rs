//! The subject that a path names.

use lanyard_credential::{CredentialName, NameError};
use lanyard_work::UnitId;

use crate::problem::{Code, Problem};

/// The subject of an endpoint, as its path names it.
pub(super) trait FromPath: Send + Sized {
    fn read(path: &str) -> Result<Self, Problem>;

    /// The credential that it is.
    fn credential(&self) -> Option<&CredentialName>;
}

/// None: the home itself.
impl FromPath for () {
    fn read(_: &str) -> Result<Self, Problem> {
        Ok(())
    }

    fn credential(&self) -> Option<&CredentialName> {
        None
    }
}

/// The credential of `/api/v1/credentials/{name}/…`, as it is written in the path.
impl FromPath for CredentialName {
    fn read(path: &str) -> Result<Self, Problem> {
        named(path.split('/').nth(4).unwrap_or_default())
    }

    fn credential(&self) -> Option<&CredentialName> {
        Some(self)
    }
}

/// The run of `/api/v1/runs/{id}/…`.
impl FromPath for UnitId {
    fn read(path: &str) -> Result<Self, Problem> {
        let id = path.split('/').nth(4).unwrap_or_default();
        id.parse().map_err(|error| Problem::new(Code::NoSuchName, format!("{id:?} is not the id of a run: {error}")))
    }

    fn credential(&self) -> Option<&CredentialName> {
        None
    }
}

/// A credential's name in a path or body.
pub(super) fn named(name: &str) -> Result<CredentialName, Problem> {
    name.parse().map_err(|error: NameError| {
        Problem::new(Code::NoSuchName, format!("{name:?} is not a credential's name: {error}"))
    })
}
