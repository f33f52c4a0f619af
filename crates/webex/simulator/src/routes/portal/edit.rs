//! Changing the name, the redirect URIs and the scopes of an integration or a service app.

use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;

use super::OwnApp;
use super::app_form::{AppForm, AppPage};
use crate::deeds::AppError;
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::webex::Webex;

pub(super) async fn form(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let filled = AppForm::of(&app);
    Ok(Page::scripted(&page(person, &app, filled)))
}

/// Form fields: as for a new one.
pub(super) async fn change(
    webex: Webex,
    person: SignedIn,
    Path(client): Path<String>,
    Fields(fields): Fields,
) -> Result<Response, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let form = AppForm::read(&fields, app.application.is_some());
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
