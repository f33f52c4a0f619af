//! Workspaces, and which bots may use the devices in them.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use uuid::Uuid;

use super::paging::Paged;
use crate::deeds::NoAccess;
use crate::form::Form;
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::webex::{State as Everything, Webex};
use crate::world::{Access, webex_id, workspace_of};

#[derive(Template)]
#[template(path = "hub/workspaces.html")]
struct Workspaces {
    frame: Frame,
    page: Paged<Row>,
}

struct Row {
    id: String,
    name: String,
    devices: usize,
    bots: usize,
}

#[derive(Template)]
#[template(path = "hub/workspace.html")]
struct Workspace {
    frame: Frame,
    id: String,
    name: String,
    devices: Vec<Device>,
    granted: Vec<Granted>,
    /// The address that was entered, if no bot has it.
    unknown: Option<String>,
}

struct Device {
    name: String,
    product: String,
    status: String,
    connected: bool,
}

/// A bot that has access.
struct Granted {
    name: String,
    email: String,
    full: bool,
}

impl Workspace {
    fn find(state: &Everything, person: SignedIn, id: &str, now: Timestamp) -> Result<(Uuid, Self), Problem> {
        let workspace = workspace_of(id).and_then(|id| state.rooms.workspace(id));
        let ours = workspace.filter(|workspace| workspace.organisation == person.home());
        let workspace = ours.ok_or_else(Problem::nothing_here)?;
        let devices = state.rooms.devices_in(workspace.id).map(|device| {
            let (condition, _) = state.rooms.condition(device, now);
            let (status, connected) = (condition.status.as_str().replace('_', " "), condition.status.is_online());
            Device { name: device.name.clone(), product: device.product.clone(), status, connected }
        });
        let granted = state.rooms.granted(workspace.id).into_iter().filter_map(|(bot, access)| {
            let bot = state.directory.account(bot)?;
            Some(Granted { name: bot.display_name.clone(), email: bot.email.clone(), full: access == Access::Full })
        });
        let page = Self {
            frame: Frame::hub(person, "/hub/workspaces"),
            id: webex_id("PLACES", workspace.id),
            name: workspace.name.clone(),
            devices: devices.collect(),
            granted: granted.collect(),
            unknown: None,
        };
        Ok((workspace.id, page))
    }
}

pub(super) async fn list(webex: Webex, person: SignedIn, query: Form) -> Page {
    let state = webex.state();
    let all = state.rooms.workspaces().filter(|workspace| workspace.organisation == person.home());
    let holds = |workspace: &&crate::world::Workspace, wanted: &str| workspace.name.to_lowercase().contains(wanted);
    let page = Paged::of(&query, "/hub/workspaces", all, holds, |workspace| Row {
        id: webex_id("PLACES", workspace.id),
        name: workspace.name.clone(),
        devices: state.rooms.devices_in(workspace.id).count(),
        bots: state.rooms.granted(workspace.id).len(),
    });
    Page::new(&Workspaces { frame: Frame::hub(person, "/hub/workspaces"), page })
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(id): Path<String>) -> Result<Page, Problem> {
    let (_, page) = Workspace::find(&webex.state(), person, &id, webex.now())?;
    Ok(Page::new(&page))
}

/// Form fields: `email`, and `access`: `read`, `full` or `none`.
pub(super) async fn change(
    webex: Webex,
    person: SignedIn,
    Path(id): Path<String>,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    let (workspace, page) = Workspace::find(&webex.state(), person, &id, webex.now())?;
    let access = match fields.get("access") {
        Some("read") => Some(Access::Read),
        Some("full") => Some(Access::Full),
        Some("none") => None,
        _ => return Err(Problem::nothing_here()),
    };
    let typed = fields.get("email").unwrap_or_default().trim();
    // The portal asks for a bot's name without its domain; here either will do.
    let email = if typed.contains('@') { typed.to_owned() } else { format!("{typed}@webex.bot") };
    match webex.give_access(&email, workspace, access) {
        Ok(()) => Ok(redirect(StatusCode::SEE_OTHER, &format!("/hub/workspaces/{}", page.id))),
        Err(NoAccess::Bot) => {
            let page = Workspace { unknown: Some(typed.to_owned()), ..page };
            Ok(Page::new(&page).leading_to(StatusCode::BAD_REQUEST, "").into_response())
        }
        Err(NoAccess::Workspace) => Err(Problem::nothing_here()),
    }
}
