//! The first page of Control Hub.

use askama::Template;

use super::service_apps;
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::page::Page;
use crate::webex::Webex;
use crate::world::Licence;

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

pub(super) async fn show(webex: Webex, person: SignedIn) -> Page {
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
    let overview = Overview {
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
    Page::new(&overview)
}
