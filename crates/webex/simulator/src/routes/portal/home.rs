//! A person's apps and their personal access token.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use lanyard_protocol::PersonType;

use super::owns;
use crate::routes::desk::{Frame, ShownOnce, SignedIn};
use crate::routes::page::{Page, Problem};
use crate::webex::Webex;

#[derive(Template)]
#[template(path = "portal/home.html")]
struct Home {
    frame: Frame,
    apps: Vec<Row>,
}

struct Row {
    path: String,
    name: String,
    kind: &'static str,
    /// The address of a bot, the client id of an app.
    known_as: String,
}

pub(super) async fn show(webex: Webex, person: SignedIn) -> Page {
    let state = webex.state();
    let bots = state.directory.listed_in(person.home()).filter(|account| account.kind == PersonType::Bot);
    let bots = bots.filter(|bot| owns(&state, &person, state.issuer.owner_of(bot.id))).map(|bot| Row {
        path: format!("/portal/bots/{}", bot.email),
        name: bot.display_name.clone(),
        kind: "Bot",
        known_as: bot.email.clone(),
    });
    let apps = state.issuer.apps_where(|app| owns(&state, &person, app.owner));
    let apps = apps.into_iter().map(|(client, application, app)| {
        let (kind, folder) =
            if application.is_some() { ("Service app", "service-apps") } else { ("Integration", "integrations") };
        let path = format!("/portal/{folder}/{client}");
        Row { path, name: app.name.clone(), kind, known_as: client.to_string() }
    });
    let apps = bots.chain(apps).collect();
    Page::new(&Home { frame: Frame::portal(person.clone(), "/portal"), apps })
}

pub(super) async fn personal_token(webex: Webex, person: SignedIn) -> Result<Response, Problem> {
    let token = webex.personal_token(&person.account.email).map_err(|error| {
        Problem::new(StatusCode::CONFLICT, error.to_string(), "Revoke what is not needed, or wait for it to run out.")
            .with_way("/portal", "Back to my apps")
    })?;
    let page = ShownOnce {
        frame: Frame::portal(person, "/portal"),
        title: "Your personal access token",
        warning: "It acts as you for 12 hours and cannot be renewed. Never put it into a program that others use.",
        values: &[("Personal access token", token.expose_secret())],
        back: ("/portal", "Back to my apps"),
    };
    Ok(Page::scripted(&page).into_response())
}
