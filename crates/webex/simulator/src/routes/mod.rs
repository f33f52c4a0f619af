//! The HTTP surface; the files mirror the paths.

mod access_token;
pub(crate) mod authorize;
mod caller;
mod client_auth;
mod control;
mod form;
mod organizations;
mod people;
mod refusal;
mod revoke;
mod tracking;

use axum::Router;
use axum::routing::{get, post};

use crate::webex::Webex;

use refusal::Refusal;
pub(crate) use refusal::finish;
pub(crate) use tracking::TrackingId;

/// Everything that the simulator answers.
pub(crate) fn router(webex: Webex) -> Router {
    Router::new()
        .route("/v1/authorize", get(authorize::start))
        .route("/v1/authorize/sign-in", post(authorize::sign_in))
        .route("/v1/authorize/consent", post(authorize::consent))
        .route("/v1/authorize/style.css", get(authorize::style))
        .route("/v1/access_token", post(access_token::exchange))
        .route("/idb/oauth2/v1/revoke", post(revoke::revoke))
        .route("/v1/people", get(people::list))
        .route("/v1/people/me", get(people::me))
        .route("/v1/people/{id}", get(people::show))
        .route("/v1/organizations", get(organizations::list))
        .route("/v1/organizations/{id}", get(organizations::show))
        .nest("/_sim", control::router(webex.clone()))
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
        .with_state(webex)
}
