//! The pages that integrations and service apps share: the form for a new or changed app, and regenerating its client secret.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use lanyard_protocol::{Scope, ScopeSet};

use super::OwnApp;
use crate::deeds::AppError;
use crate::form::Form;
use crate::issuer::all_scopes;
use crate::routes::desk::{Confirm, Frame, ShownOnce, SignedIn};
use crate::routes::extract::Fields;
use crate::routes::page::{Page, Problem, redirect};
use crate::routes::permission::{Permission, describe};
use crate::webex::Webex;

/// The values entered so far, and the problem with them.
#[derive(Default)]
pub(super) struct AppForm {
    pub(super) name: String,
    pub(super) redirect_uris: Vec<String>,
    pub(super) scopes: ScopeSet,
    problem: Option<Fault>,
}

/// The field at fault, and what is wrong with it.
struct Fault {
    field: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "portal/app_new.html")]
pub(super) struct AppPage {
    frame: Frame,
    service_app: bool,
    /// The page of the app that is changed; `None` for a new one.
    edits: Option<String>,
    form: AppForm,
    /// A heading, and the scopes under it.
    groups: [(&'static str, Vec<Choice>); 2],
}

/// A box to tick.
struct Choice {
    permission: Permission,
    chosen: bool,
}

impl AppForm {
    /// An app as it is.
    pub(super) fn of(app: &OwnApp) -> Self {
        let (name, redirect_uris, scopes) = (app.name.clone(), app.redirect_uris.clone(), app.scopes.clone());
        Self { name, redirect_uris, scopes, problem: None }
    }

    /// Form fields: `name`, `redirect_uris` (one a line; not for a service app), `scope` (as often as there are boxes ticked).
    pub(super) fn read(fields: &Form, service_app: bool) -> Self {
        let name = fields.get("name").unwrap_or_default().trim().to_owned();
        let lines = fields.get("redirect_uris").unwrap_or_default().lines();
        let redirect_uris: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        let scopes: Result<ScopeSet, _> = fields.every("scope").map(str::parse::<Scope>).collect();
        let known = scopes.ok().filter(|scopes| scopes.without(&all_scopes(service_app)).is_empty());
        let form = Self { name, redirect_uris, scopes: known.clone().unwrap_or_default(), problem: None };
        let fault = if form.name.is_empty() {
            Some(("name", "The app needs a name."))
        } else if !service_app && form.redirect_uris.is_empty() {
            Some((
                "redirect_uris",
                "An integration needs a redirect URI: an address of yours that people come back to.",
            ))
        } else if known.is_none_or(|scopes| scopes.is_empty()) {
            Some(("scope", "Tick at least one scope."))
        } else {
            None
        };
        match fault {
            Some((field, text)) => form.wrong(field, text.to_owned()),
            None => form,
        }
    }

    pub(super) fn is_right(&self) -> bool {
        self.problem.is_none()
    }

    pub(super) fn wrong(self, field: &'static str, text: String) -> Self {
        Self { problem: Some(Fault { field, text }), ..self }
    }

    /// Whether this field is at fault.
    fn is_wrong(&self, field: &str) -> bool {
        self.problem.as_ref().is_some_and(|fault| fault.field == field)
    }
}

impl AppPage {
    pub(super) fn new(frame: Frame, service_app: bool, form: AppForm) -> Self {
        let choice = |scope: &Scope| Choice { permission: describe(scope), chosen: form.scopes.contains(scope) };
        let all = all_scopes(service_app);
        let (wide, own): (Vec<_>, Vec<_>) = all.iter().map(choice).partition(|choice| choice.permission.administrative);
        let own_words = if service_app { "For the app's own account" } else { "For the person who signs in" };
        let groups = [(own_words, own), ("As an administrator", wide)];
        Self { frame, service_app, edits: None, form, groups }
    }

    /// Turns this page into the form for an existing app.
    pub(super) fn editing(self, app: String) -> Self {
        Self { edits: Some(app), ..self }
    }

    /// Where the form is sent.
    fn action(&self) -> String {
        match (&self.edits, self.service_app) {
            (Some(app), _) => format!("{app}/edit"),
            (None, true) => "/portal/service-apps/new".to_owned(),
            (None, false) => "/portal/integrations/new".to_owned(),
        }
    }

    fn title(&self) -> &'static str {
        match (self.edits.is_some(), self.service_app) {
            (true, true) => "Edit the service app",
            (true, false) => "Edit the integration",
            (false, true) => "Create a service app",
            (false, false) => "Create an integration",
        }
    }
}

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

pub(super) async fn ask(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let back = app.path();
    Ok(Page::new(&Confirm {
        frame: Frame::portal(person, "/portal"),
        title: &format!("Regenerate the client secret of {}?", app.name),
        text: "The client secret that the app has now is wrong at once, and its tokens cannot be refreshed until the new one is in \
               place. The new one is shown once.",
        action: &format!("{back}/secret"),
        hidden: &[],
        button: "Yes, regenerate",
        back: &back,
    }))
}

pub(super) async fn replace(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let secret = webex.replace_secret(&app.client, None).ok_or_else(Problem::nothing_here)?;
    Ok(Page::scripted(&ShownOnce {
        frame: Frame::portal(person, "/portal"),
        title: "A new client secret",
        warning: "Copy it now, and put it into every program that uses the app: the old one no longer works.",
        values: &[("Client secret", secret.expose_secret()), ("Client ID", app.client.as_str())],
        back: (&app.path(), "Back to the app"),
    }))
}
