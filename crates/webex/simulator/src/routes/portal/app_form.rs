//! The form for an integration or a service app, new or changed: they differ in the redirect URIs.

use askama::Template;
use lanyard_protocol::{Scope, ScopeSet};

use super::OwnApp;
use crate::form::Form;
use crate::issuer::all_scopes;
use crate::routes::authorize::{Permission, describe};
use crate::routes::desk::Frame;

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
