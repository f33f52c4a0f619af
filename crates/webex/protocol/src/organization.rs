//! `/organizations`.

use serde::{Deserialize, Serialize};

use crate::{Environment, Method, OrgId, Request};

/// An organisation, as `GET /organizations/{id}` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Organization {
    /// The id.
    pub id: OrgId,
    /// The name to show.
    pub display_name: String,
}

impl Organization {
    /// `GET /organizations`: the caller's own, and those that a partner manages. Needs the same scope; it is not paged.
    pub fn list(environment: &Environment) -> Request {
        Request::new(Method::GET, environment.resource(&["organizations"]))
    }

    /// `GET /organizations/{id}`: needs a scope of its own (`spark-admin:organizations_read`).
    pub fn show(environment: &Environment, id: &OrgId) -> Request {
        Request::new(Method::GET, environment.resource(&["organizations", id.as_str()]))
    }
}
