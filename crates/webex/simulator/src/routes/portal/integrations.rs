//! Integrations.

use askama::Template;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;

use super::OwnApp;
use super::app_form::{AppForm, AppPage};
use crate::deeds::{AppError, NewIntegration};
use crate::form::Form;
use crate::routes::authorize::{Permission, describe};
use crate::routes::desk::{Frame, ShownOnce};
use crate::routes::page::{Page, Problem};
use crate::routes::session::SignedIn;
use crate::webex::Webex;

#[derive(Template)]
#[template(path = "portal/integration.html")]
struct Integration {
    frame: Frame,
    app: OwnApp,
    permissions: Vec<Permission>,
}

pub(super) async fn form(Extension(person): Extension<SignedIn>) -> Page {
    Page::scripted(&AppPage::new(new(person), false, AppForm::default()))
}

pub(super) async fn create(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    body: Bytes,
) -> Response {
    let form = AppForm::read(&Form::parse(&body), false);
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

pub(super) async fn show(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    Path(client): Path<String>,
) -> Result<Page, Problem> {
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
