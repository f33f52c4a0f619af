//! The HTTP surface; the files mirror the paths.

mod access_token;
pub(crate) mod applications;
mod authorizations;
pub(crate) mod authorize;
mod client_auth;
mod control;
mod desk;
mod device;
mod devices;
mod events;
mod extract;
mod guests;
mod hub;
mod integrations;
mod licenses;
mod lists;
mod locations;
mod meetings;
mod openid;
mod organizations;
mod page;
pub(crate) mod people;
mod permission;
mod portal;
mod refusal;
pub(crate) mod session;
pub(crate) mod spaces;
mod workspaces;
mod xapi;

use axum::Router;
use axum::extract::{FromRequestParts as _, Request};
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, patch, post};

use crate::webex::Webex;

use refusal::Refusal;
pub(crate) use refusal::{TrackingId, finish};

/// Everything that the simulator answers.
pub(crate) fn router(webex: Webex) -> Router {
    Router::new()
        .route("/", get(page::start))
        .route("/sign-in", get(session::show).post(session::sign_in))
        .route("/sign-out", post(session::sign_out).layer(from_fn_with_state(webex.clone(), session::person)))
        .nest("/hub", hub::router(webex.clone()))
        .nest("/portal", portal::router(webex.clone()))
        .route("/v1/authorize", get(authorize::start))
        .route("/v1/authorize/sign-in", post(authorize::sign_in))
        .route("/v1/authorize/consent", post(authorize::consent))
        .route("/v1/authorize/style.css", get(page::style))
        .route("/v1/authorize/copy.js", get(page::copy_script))
        .route("/v1/authorize/filter.js", get(page::filter_script))
        .route("/icons/{file}", get(page::icon))
        .route("/v1/access_token", post(access_token::exchange))
        .route("/v1/applications/{id}/token", post(applications::token))
        .route("/v1/authorizations", get(authorizations::list).delete(authorizations::delete_all))
        .route("/v1/authorizations/tokenExpiry", get(authorizations::token_expiry))
        .route("/v1/authorizations/{id}", delete(authorizations::delete))
        .route("/v1/device", get(authorize::device::show).post(authorize::device::send))
        .route("/v1/device/authorize", post(device::authorize))
        .route("/v1/device/token", post(device::token))
        .route("/v1/guests/token", post(guests::token))
        .route("/v1/guests/count", get(guests::count))
        .route("/.well-known/openid-configuration", get(openid::discovery))
        .route("/idb/.well-known/openid-configuration", get(openid::discovery))
        .route("/v1/verification", get(openid::keys))
        .route("/v1/userinfo", get(openid::userinfo).post(openid::userinfo))
        .route("/idb/oauth2/v1/revoke", post(openid::revoke))
        .route("/v1/people", get(people::list).post(people::create))
        .route("/v1/people/me", get(people::me))
        .route("/v1/people/{id}", get(people::show).put(people::update).delete(people::delete))
        .route("/v1/roles", get(organizations::roles))
        .route("/v1/roles/{id}", get(organizations::role))
        .route("/v1/organizations", get(organizations::list))
        .route("/v1/organizations/{id}", get(organizations::show))
        .route("/v1/devices", get(devices::list).post(devices::create))
        .route("/v1/devices/activationCode", post(devices::activation_code))
        .route("/v1/devices/{id}", get(devices::show).patch(devices::tags).delete(devices::delete))
        .route("/v1/workspaces", get(workspaces::list).post(workspaces::create))
        .route("/v1/workspaces/{id}", get(workspaces::show).put(workspaces::update).delete(workspaces::delete))
        .route("/v1/workspaces/{id}/capabilities", get(workspaces::capabilities))
        .route("/v1/workspaceMetrics", get(workspaces::metrics::measured))
        .route("/v1/workspaceDurationMetrics", get(workspaces::metrics::durations))
        .route("/v1/xapi/status", get(xapi::status))
        .route("/v1/xapi/command/{name}", post(xapi::command))
        .route("/v1/events", get(events::list))
        .route("/v1/events/{id}", get(events::show))
        .route("/v1/licenses", get(licenses::list))
        .route("/v1/licenses/users", patch(licenses::assign))
        .route("/v1/licenses/{id}", get(licenses::show))
        .route("/v1/locations", get(locations::list).post(locations::create))
        .route("/v1/locations/{id}", get(locations::show).put(locations::update).delete(locations::delete))
        .route("/v1/locations/{id}/floors", get(locations::floors))
        .route("/v1/telephony/config/locations", get(locations::calling::list).post(locations::calling::enable))
        .route("/v1/telephony/config/locations/{id}", get(locations::calling::show))
        .route(
            "/v1/telephony/config/locations/{id}/numbers",
            post(locations::numbers::add).put(locations::numbers::activate).delete(locations::numbers::remove),
        )
        .route("/v1/telephony/config/numbers", get(locations::numbers::list))
        .route("/v1/telephony/calls", get(lists::calls))
        .route("/v1/telephony/calls/history", get(lists::call_history))
        .route("/v1/admin/recordings", get(lists::all_recordings))
        .route("/v1/recordings", get(lists::recordings))
        .route("/v1/meetingTranscripts", get(lists::transcripts))
        .merge(spaces::router())
        .merge(meetings::router())
        .merge(integrations::router())
        .nest("/_sim", control::router(webex.clone()))
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(wrong_method)
        .with_state(webex)
}

/// Refuses a method that a path does not have. A REST call without a valid token is told about the token first.
async fn wrong_method(webex: Webex, request: Request) -> Refusal {
    let path = request.uri().path();
    let open = |prefix: &&str| path["/v1/".len()..].starts_with(*prefix);
    if !path.starts_with("/v1/") || WITHOUT_A_TOKEN.iter().any(open) {
        return Refusal::MethodNotAllowed;
    }
    match extract::Caller::from_request_parts(&mut request.into_parts().0, &webex).await {
        Ok(_) => Refusal::MethodNotAllowed,
        Err(refusal) => refusal,
    }
}

/// The beginnings of paths that are called without a token.
const WITHOUT_A_TOKEN: [&str; 4] = ["access_token", "authorize", "device/", "verification"];
