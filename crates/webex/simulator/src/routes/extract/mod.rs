//! The extractors that handlers of REST and of pages declare as their arguments.

mod body;
mod caller;
mod paging;

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::webex::Webex;

pub(super) use body::{Body, Fields, json};
pub(super) use caller::{Caller, Permitted, Scopes, scopes};
pub(super) use paging::{List, Paging, Slice};

/// The simulated Webex is the state of the router.
impl FromRequestParts<Webex> for Webex {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, webex: &Webex) -> Result<Self, Infallible> {
        Ok(webex.clone())
    }
}
