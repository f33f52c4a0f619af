//! The first page of Control Hub, and the licences.

use askama::Template;
use axum::extract::{Extension, State};

use super::service_apps;
use crate::routes::desk::Frame;
use crate::routes::page::Page;
use crate::routes::session::SignedIn;
use crate::webex::Webex;
use crate::world::Licence;

#[derive(Template)]
#[template(path = "hub/overview.html")]
struct Overview {
    frame: Frame,
    users: usize,
    workspaces: usize,
    devices: usize,
    /// Service apps that wait for an answer.
    pending: usize,
}

#[derive(Template)]
#[template(path = "hub/licenses.html")]
struct Licences {
    frame: Frame,
    licences: Vec<(&'static str, usize, usize)>,
}

pub(super) async fn show(State(webex): State<Webex>, Extension(person): Extension<SignedIn>) -> Page {
    let state = webex.state();
    let home = person.home();
    let overview = Overview {
        users: state.directory.listed_in(home).filter(|account| account.signs_in).count(),
        workspaces: state.rooms.workspaces().filter(|workspace| workspace.organisation == home).count(),
        devices: state.rooms.devices().filter(|device| device.organisation == home).count(),
        pending: service_apps::rows(&state, home).iter().filter(|row| !row.authorised).count(),
        frame: Frame::hub(person, "/hub"),
    };
    Page::new(&overview)
}

pub(super) async fn licences(State(webex): State<Webex>, Extension(person): Extension<SignedIn>) -> Page {
    let state = webex.state();
    let licences = Licence::all().map(|licence| {
        let units = state.directory.units(person.home(), licence);
        (licence.name(), units.total, units.consumed)
    });
    let licences = licences.collect();
    Page::new(&Licences { frame: Frame::hub(person, "/hub/licenses"), licences })
}
