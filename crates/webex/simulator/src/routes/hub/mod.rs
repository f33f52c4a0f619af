//! Control Hub, `/hub`: what a full administrator allows in their own organisation.

mod integrations;
mod licences;
mod paging;
mod service_apps;
mod users;
mod workspaces;

use askama::Template;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::page::Problem;
use super::session::{administrator, person};
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::page::Page;
use crate::webex::Webex;
use crate::world::Licence;

/// Everything under `/hub`; the layer that is added last is asked first.
pub(super) fn router(webex: Webex) -> Router<Webex> {
    Router::new()
        .route("/", get(overview))
        .route("/users", get(users::list))
        .route("/users/{id}", get(users::show))
        .route("/users/{id}/licenses/add", post(users::give_licence))
        .route("/users/{id}/licenses/remove", post(users::take_licence))
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

#[derive(Template)]
#[template(path = "hub/overview.html")]
struct Overview {
    frame: Frame,
    tiles: Vec<Tile>,
    /// Service apps that wait for an answer.
    pending: usize,
}

/// A place of Control Hub, and how much is there.
struct Tile {
    path: &'static str,
    name: &'static str,
    text: String,
}

/// The first page of Control Hub.
async fn overview(webex: Webex, person: SignedIn) -> Page {
    let state = webex.state();
    let home = person.home();
    let users = state.directory.listed_in(home).filter(|account| account.is_member()).count();
    let units = Licence::all().map(|licence| state.directory.units(home, licence));
    let (used, total) = units.fold((0, 0), |(used, total), units| (used + units.consumed, total + units.total));
    let workspaces = state.rooms.workspaces().filter(|workspace| workspace.organisation == home).count();
    let devices = state.rooms.devices().filter(|device| device.organisation == home).count();
    let apps = service_apps::rows(&state, home);
    let pending = apps.iter().filter(|row| !row.authorised).count();
    let integrations = state.issuer.consented_in(home, webex.now()).len();
    let tile = |path, name, text| Tile { path, name, text };
    let page = Overview {
        tiles: vec![
            tile("/hub/users", "Users", users.to_string()),
            tile("/hub/licenses", "Licenses", format!("{used} of {total} units used")),
            tile("/hub/workspaces", "Workspaces", format!("{workspaces}; the organization has {devices} devices")),
            tile(
                "/hub/apps/service-apps",
                "Service apps",
                format!("{} authorized, {pending} pending", apps.len() - pending),
            ),
            tile("/hub/apps/integrations", "Integrations", format!("{integrations} in use")),
        ],
        pending,
        frame: Frame::hub(person, "/hub"),
    };
    Page::new(&page)
}
