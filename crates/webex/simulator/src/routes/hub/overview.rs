//! The first page of Control Hub.

use askama::Template;
use axum::extract::{Extension, State};

use super::service_apps;
use crate::routes::desk::Frame;
use crate::routes::page::Page;
use crate::routes::session::SignedIn;
use crate::webex::Webex;

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

pub(super) async fn show(State(webex): State<Webex>, Extension(person): Extension<SignedIn>) -> Page {
    let state = webex.state();
    let home = person.home();
    let overview = Overview {
        users: state.directory.listed_in(home).filter(|account| account.is_member()).count(),
        workspaces: state.rooms.workspaces().filter(|workspace| workspace.organisation == home).count(),
        devices: state.rooms.devices().filter(|device| device.organisation == home).count(),
        pending: service_apps::rows(&state, home).iter().filter(|row| !row.authorised).count(),
        frame: Frame::hub(person, "/hub"),
    };
    Page::new(&overview)
}
