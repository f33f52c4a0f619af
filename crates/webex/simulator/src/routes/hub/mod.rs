//! Control Hub, `/hub`: what a full administrator allows in their own organisation.

mod integrations;
mod licences;
mod overview;
mod paging;
mod service_apps;
mod users;
mod workspaces;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::page::Problem;
use super::session::{administrator, person};
use crate::webex::Webex;

/// Everything under `/hub`; the layer that is added last is asked first.
pub(super) fn router(webex: Webex) -> Router<Webex> {
    Router::new()
        .route("/", get(overview::show))
        .route("/users", get(users::list))
        .route("/users/{id}", get(users::show))
        .route("/users/{id}/licenses/add", post(licences::give))
        .route("/users/{id}/licenses/remove", post(licences::take))
        .route("/licenses", get(licences::list))
        .route("/workspaces", get(workspaces::list))
        .route("/workspaces/{id}", get(workspaces::show))
        .route("/workspaces/{id}/access", post(workspaces::change))
        .route("/apps/service-apps", get(service_apps::list))
        .route("/apps/service-apps/{client}", get(service_apps::show))
        .route("/apps/service-apps/{client}/authorize", post(service_apps::authorise))
        .route("/apps/service-apps/{client}/token", post(service_apps::token))
        .route("/apps/service-apps/{client}/withdraw", post(service_apps::withdraw))
        .route("/apps/integrations", get(integrations::list))
        .route("/apps/integrations/{client}", get(integrations::show))
        .route("/apps/integrations/block", get(integrations::ask).post(integrations::block))
        .route("/apps/integrations/allow", post(integrations::allow))
        .fallback(async || Problem::nothing_here())
        .layer(axum::middleware::from_fn(administrator))
        .layer(from_fn_with_state(webex, person))
}
