//! `GET /v1/authorize` and its pages: sign-in, consent, and the way back to the app.

mod page;
mod request;
mod visits;
mod words;

use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use lanyard_secret::SecretText;

use super::form::Form;
use crate::webex::{State as Everything, Webex};

pub(super) use page::Page;
use page::{Consent, Problem, SignIn};
use request::{AuthorizeRequest, Unusable};
pub(crate) use visits::Visits;
use visits::{Stage, Visit};
pub(super) use words::{Permission, describe};

/// Checks the app's request and shows the sign-in page.
pub(crate) async fn start(State(webex): State<Webex>, OriginalUri(uri): OriginalUri) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    let mut state = webex.state();
    match AuthorizeRequest::parse(&query, &state.issuer) {
        Ok(request) => {
            let visit = Visit { request, stage: Stage::SignIn };
            show_sign_in(&webex, &mut state, visit, None)
        }
        Err(Unusable::Unregistered(problem)) => problem_page(
            problem,
            "You have not been sent back to the app: an address that is not registered could belong to anyone.",
        ),
        Err(Unusable::Denied(denial)) => redirect(&denial.location()),
    }
}

/// Form fields: `form`, `email`, `password`.
pub(crate) async fn sign_in(State(webex): State<Webex>, body: Bytes) -> Response {
    let form = Form::parse(&body);
    let now = webex.now();
    let mut state = webex.state();
    let Some(visit) = state.visits.take(form.get("form").unwrap_or_default(), now) else {
        return stale();
    };
    let password = SecretText::new(form.get("password").unwrap_or_default());
    let email = form.get("email").unwrap_or_default();
    let account = state
        .directory
        .by_email(email)
        .filter(|account| account.signs_in && password.matches(&webex.setting().password))
        .cloned();
    let Some(account) = account else {
        let visit = Visit { stage: Stage::SignIn, ..visit };
        return show_sign_in(&webex, &mut state, visit, Some(email));
    };
    let visit = Visit { stage: Stage::Consent(account.id), ..visit };
    let request = visit.request.clone();
    let nonce = state.visits.open(visit, webex.now(), &*webex.setting().entropy);
    let consent = Consent {
        app: &request.app_name,
        organisation: &state.directory.name,
        person: &account.display_name,
        email: &account.email,
        scopes: request.scopes.iter().map(describe).collect(),
        form: &nonce,
    };
    page(StatusCode::OK, &Page::new(&consent), Some(&request))
}

/// Form fields: `form`, `decision` (`accept` or `deny`).
pub(crate) async fn consent(State(webex): State<Webex>, body: Bytes) -> Response {
    let form = Form::parse(&body);
    let now = webex.now();
    let visit = webex.state().visits.take(form.get("form").unwrap_or_default(), now);
    let Some(Visit { request, stage: Stage::Consent(account) }) = visit else {
        return stale();
    };
    if form.get("decision") != Some("accept") {
        return redirect(&request.deny("access_denied", "The user denied the request.").location());
    }
    let code = webex.decide(|issuer, _, terms| issuer.issue_code(request.code_request(), account, terms));
    redirect(&request.accepted(&code))
}

/// The pages' looks.
pub(crate) async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, include_str!("../../../templates/style.css")).into_response()
}

fn show_sign_in(webex: &Webex, state: &mut Everything, visit: Visit, refused: Option<&str>) -> Response {
    let request = visit.request.clone();
    let nonce = state.visits.open(visit, webex.now(), &*webex.setting().entropy);
    let sign_in = SignIn {
        app: &request.app_name,
        organisation: &state.directory.name,
        email: refused.or(request.login_hint.as_deref()).unwrap_or_default(),
        refused: refused.is_some(),
        form: &nonce,
    };
    page(StatusCode::OK, &Page::new(&sign_in), Some(&request))
}

/// A form that was sent before, is too old, or was never shown.
fn stale() -> Response {
    problem_page("This form is no longer valid.", "Go back to the app and start signing in again.")
}

fn problem_page(problem: &str, hint: &str) -> Response {
    page(StatusCode::BAD_REQUEST, &Page::new(&Problem { problem, hint }), None)
}

/// A page that leads back to no app.
pub(super) fn plain_page(status: StatusCode, content: &Page) -> Response {
    page(status, content, None)
}

/// Sends a page that nothing may frame, keep or extend. `form-action` also governs the redirect that follows a form, so the
/// app's redirect URI stands in it.
fn page(status: StatusCode, page: &Page, request: Option<&AuthorizeRequest>) -> Response {
    let target = request.map(AuthorizeRequest::form_target).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {target}; base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = (status, page.html().to_owned()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert(
        "content-security-policy",
        HeaderValue::try_from(policy).expect("an origin in ASCII form is a header value"),
    );
    response
}

fn redirect(location: &url::Url) -> Response {
    let location = HeaderValue::try_from(location.as_str()).expect("a serialised URL is ASCII without controls");
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
