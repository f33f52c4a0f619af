//! Integrations.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::OwnApp;
use super::apps::{AppForm, AppPage};
use crate::deeds::{AppError, NewIntegration};
use crate::routes::desk::{Frame, ShownOnce, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem};
use crate::routes::permission::{Permission, describe};
use crate::webex::Webex;

#[derive(Template)]
#[template(path = "portal/integration.html")]
struct Integration {
    frame: Frame,
    app: OwnApp,
    permissions: Vec<Permission>,
}

pub(super) async fn form(person: SignedIn) -> Page {
    Page::scripted(&AppPage::new(new(person), false, AppForm::default()))
}

pub(super) async fn create(webex: Webex, person: SignedIn, Fields(fields): Fields) -> Response {
    let form = AppForm::read(&fields, false);
    if !form.is_right() {
        return again(person, form);
    }
    let integration = NewIntegration {
        name: form.name.clone(),
        client: None,
        secret: None,
        redirect_uris: form.redirect_uris.clone(),
        scopes: form.scopes.clone(),
    };
    match webex.register_integration(Some(person.account.id), integration) {
        Ok((client, secret)) => {
            let path = format!("/portal/integrations/{client}");
            let page = ShownOnce {
                frame: new(person),
                title: "Your integration is ready",
                warning: "Copy the client secret now. If it is lost, it can only be regenerated.",
                values: &[("Client secret", secret.expose_secret()), ("Client ID", client.as_str())],
                back: (&path, "Go to the integration"),
            };
            Page::scripted(&page).into_response()
        }
        Err(error @ AppError::Redirect(_)) => again(person, form.wrong("redirect_uris", error.to_string())),
        Err(error @ AppError::Taken) => again(person, form.wrong("name", error.to_string())),
    }
}

pub(super) async fn show(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    if app.application.is_some() {
        return Err(Problem::nothing_here());
    }
    let permissions = app.scopes.iter().map(describe).collect();
    Ok(Page::new(&Integration { frame: Frame::portal(person, "/portal"), app, permissions }))
}

fn again(person: SignedIn, form: AppForm) -> Response {
    Page::scripted(&AppPage::new(new(person), false, form)).leading_to(StatusCode::BAD_REQUEST, "")
}

fn new(person: SignedIn) -> Frame {
    Frame::portal(person, "/portal/integrations/new")
}
