//! `GET /v1/authorize` and its pages: sign-in, consent, and the way back to the app. A device's person comes through them too.

pub(super) mod device;

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use lanyard_protocol::ScopeSet;
use lanyard_secret::SecretText;
use uuid::Uuid;

use super::page::{Page, Problem, redirect};
use super::session::{SignIn, signed_in};
use crate::browsers::{AuthorizeRequest, Prompt, Purpose, Stage, Unusable, Visit};
use crate::form::Form;
use crate::routes::extract::Fields;
use crate::routes::permission::{Permission, describe};
use crate::webex::{State as Everything, Webex};
use crate::world::Account;

/// Checks the app's request and shows the first page that is needed.
pub(super) async fn start(webex: Webex, query: Form, headers: HeaderMap) -> Response {
    let mut state = webex.state();
    let request = match AuthorizeRequest::parse(&query, &state.issuer) {
        Ok(request) => request,
        Err(Unusable::Unregistered(problem)) => {
            let hint =
                "You have not been sent back to the app: an address that is not registered could belong to anyone.";
            return Problem::new(StatusCode::BAD_REQUEST, problem, hint).into_response();
        }
        Err(Unusable::Denied(denial)) => return back(&denial.location()),
    };
    if request.prompt == Prompt::None {
        return silently(&webex, &mut state, &request, &headers);
    }
    if request.prompt == Prompt::SignIn {
        return show_sign_in(&webex, &mut state, &Purpose::App(request), None);
    }
    begin(&webex, &mut state, &Purpose::App(request), &headers)
}

/// Shows the first page for whoever is at the browser: who is signed in to the pages here does not sign in again.
pub(super) fn begin(webex: &Webex, state: &mut Everything, purpose: &Purpose, headers: &HeaderMap) -> Response {
    match signed_in(webex, state, headers) {
        Some(who) => show_consent(webex, state, purpose, who.account, who.at),
        None => show_sign_in(webex, state, purpose, None),
    }
}

/// `prompt=none`: an answer without a page, which needs a session and an earlier consent (`OpenID` Connect Core, section 3.1.2.6).
fn silently(webex: &Webex, state: &mut Everything, request: &AuthorizeRequest, headers: &HeaderMap) -> Response {
    let now = webex.now();
    let Some(who) = signed_in(webex, state, headers) else {
        return back(&request.deny("login_required", "The user is not signed in.").location());
    };
    if state.issuer.blocks(who.account, &request.client) {
        return back(&request.deny("access_denied", BLOCKED).location());
    }
    if !state.issuer.has_consented(who.account, &request.client, &request.scopes, now) {
        return back(&request.deny("consent_required", "The user has not consented to this.").location());
    }
    let code = state.issuer.issue_code(request.code_request(), who.account, who.at, now, &*webex.setting().entropy);
    back(&request.accepted(&code))
}

/// Form fields: `form`, `email`, `password`.
pub(super) async fn sign_in(webex: Webex, Fields(form): Fields) -> Response {
    let now = webex.now();
    let mut state = webex.state();
    let visit = state.visits.take(form.get("form").unwrap_or_default(), now);
    let Some(Visit { purpose, .. }) = visit else { return stale() };
    let password = SecretText::new(form.get("password").unwrap_or_default());
    let email = form.get("email").unwrap_or_default();
    match webex.who_signs_in(&state, email, &password) {
        Some(account) => show_consent(&webex, &mut state, &purpose, account, now),
        None => show_sign_in(&webex, &mut state, &purpose, Some(email)),
    }
}

/// Form fields: `form`, `decision` (`accept`, `deny`, or `switch` to sign in as somebody else).
pub(super) async fn consent(webex: Webex, Fields(form): Fields) -> Response {
    let now = webex.now();
    let mut state = webex.state();
    let visit = state.visits.take(form.get("form").unwrap_or_default(), now);
    let Some(Visit { purpose, stage: Stage::Consent(account, at) }) = visit else { return stale() };
    if form.get("decision") == Some("switch") {
        return show_sign_in(&webex, &mut state, &purpose, None);
    }
    if state.issuer.blocks(account, purpose.client()) {
        return refused_by_administrator(&mut state, &purpose, now);
    }
    let accepted = form.get("decision") == Some("accept");
    match purpose {
        Purpose::Device { user_code, .. } => device::decided(&mut state, &user_code, accepted.then_some(account), now),
        Purpose::App(request) if accepted => {
            let entropy = &*webex.setting().entropy;
            let code = state.issuer.issue_code(request.code_request(), account, at, now, entropy);
            back(&request.accepted(&code))
        }
        Purpose::App(request) => back(&request.deny("access_denied", "The user denied the request.").location()),
    }
}

/// Webex's own words.
const BLOCKED: &str = "Access denied - your administrator denied access";

fn refused_by_administrator(state: &mut Everything, purpose: &Purpose, now: Timestamp) -> Response {
    match purpose {
        Purpose::App(request) => back(&request.deny("access_denied", BLOCKED).location()),
        Purpose::Device { user_code, .. } => {
            state.issuer.decide_pairing(user_code, None, now);
            let hint = "The device gets nothing. Ask your administrator to allow this integration in Control Hub.";
            Problem::new(StatusCode::FORBIDDEN, BLOCKED, hint).into_response()
        }
    }
}

fn show_sign_in(webex: &Webex, state: &mut Everything, purpose: &Purpose, refused: Option<&str>) -> Response {
    let visit = Visit { purpose: purpose.clone(), stage: Stage::SignIn };
    let nonce = state.visits.open(visit, webex.now(), &*webex.setting().entropy);
    let page = SignIn {
        organisation: &state.directory.name,
        example: &state.directory.administrator().email,
        to: purpose.app_name(),
        code: purpose.user_code(),
        email: refused.or(purpose.login_hint()).unwrap_or_default(),
        refused: refused.is_some(),
        action: "/v1/authorize/sign-in",
        hidden: &[("form", &nonce)],
    };
    Page::new(&page).leading_to(StatusCode::OK, &purpose.form_target())
}

fn show_consent(
    webex: &Webex,
    state: &mut Everything,
    purpose: &Purpose,
    account: Uuid,
    signed_in_at: Timestamp,
) -> Response {
    let now = webex.now();
    if state.issuer.blocks(account, purpose.client()) {
        return refused_by_administrator(state, purpose, now);
    }
    let visit = Visit { purpose: purpose.clone(), stage: Stage::Consent(account, signed_in_at) };
    let nonce = state.visits.open(visit, now, &*webex.setting().entropy);
    let Some(person) = state.directory.account(account) else { return stale() };
    let organisation = state.directory.name_of(person.organisation);
    let page = Consent::new(purpose.app_name(), purpose.user_code(), organisation, person, purpose.scopes(), &nonce);
    Page::new(&page).leading_to(StatusCode::OK, &purpose.form_target())
}

/// A form that was sent before, is too old, or was never shown.
fn stale() -> Response {
    let hint = "Go back to the app and start signing in again.";
    Problem::new(StatusCode::BAD_REQUEST, "This form is no longer valid.", hint).into_response()
}

fn back(location: &url::Url) -> Response {
    redirect(StatusCode::FOUND, location.as_str())
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Consent<'a> {
    app: &'a str,
    /// The code on the other device's screen, if the sign-in is for a device.
    code: Option<&'a str>,
    organisation: &'a str,
    person: &'a Account,
    own: Vec<Permission>,
    /// The permissions that reach beyond the person's own things.
    administrative: Vec<Permission>,
    form: &'a str,
}

impl<'a> Consent<'a> {
    fn new(
        app: &'a str,
        code: Option<&'a str>,
        organisation: &'a str,
        person: &'a Account,
        scopes: &ScopeSet,
        form: &'a str,
    ) -> Self {
        let (administrative, own) = scopes.iter().map(describe).partition(|permission| permission.administrative);
        Self { app, code, organisation, person, own, administrative, form }
    }
}

#[cfg(test)]
mod tests {
    use crate::routes::page::Page;
    use crate::routes::session::SignIn;

    #[test]
    fn what_an_app_or_a_person_wrote_is_text_and_never_markup() {
        let page = Page::new(&SignIn {
            to: "<script>",
            organisation: "A & B",
            example: "<u>",
            code: Some("<b>"),
            email: "\"><img>",
            refused: true,
            action: "/",
            hidden: &[("form", "\"><i>")],
        });
        for markup in ["<script>", "<img>", "<b>", "<i>", "<u>"] {
            assert!(!page.html().contains(markup), "{}", page.html());
        }
    }
}
