//! Changing the name, the redirect URIs and the scopes of an integration or a service app.

use axum::extract::{Extension, Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;

use super::OwnApp;
use super::app_form::{AppForm, AppPage};
use crate::deeds::AppError;
use crate::form::Form;
use crate::routes::desk::Frame;
use crate::routes::page::{Page, Problem, redirect};
use crate::routes::session::SignedIn;
use crate::webex::Webex;

pub(super) async fn form(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    Path(client): Path<String>,
) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let filled = AppForm::of(&app);
    Ok(Page::scripted(&page(person, &app, filled)))
}

/// Form fields: as for a new one.
pub(super) async fn change(
    State(webex): State<Webex>,
    Extension(person): Extension<SignedIn>,
    Path(client): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let form = AppForm::read(&Form::parse(&body), app.application.is_some());
    let form = if form.is_right() {
        match webex.change_app(&app.client, &form.name, &form.redirect_uris, &form.scopes) {
            Ok(()) => return Ok(redirect(StatusCode::SEE_OTHER, &app.path())),
            Err(error @ AppError::Redirect(_)) => form.wrong("redirect_uris", error.to_string()),
            Err(error @ AppError::Taken) => form.wrong("name", error.to_string()),
        }
    } else {
        form
    };
    Ok(Page::scripted(&page(person, &app, form)).leading_to(StatusCode::BAD_REQUEST, ""))
}

fn page(person: SignedIn, app: &OwnApp, form: AppForm) -> AppPage {
    AppPage::new(Frame::portal(person, "/portal"), app.application.is_some(), form).editing(app.path())
}
