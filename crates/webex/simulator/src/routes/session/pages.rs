//! Signing in to the portal and to Control Hub, and out.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use lanyard_secret::SecretText;

use super::{cookie, foreign, set_cookie, signed_in};
use crate::browsers::Session;
use crate::form::Form;
use crate::routes::extract::Fields;
use crate::routes::page::{Page, redirect};
use crate::webex::{State as Everything, Webex};

/// The page where somebody signs in: for an app, for a device, or for the pages here.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(in crate::routes) struct SignIn<'a> {
    pub(in crate::routes) organisation: &'a str,
    /// The address of somebody who can sign in.
    pub(in crate::routes) example: &'a str,
    /// Where it leads to.
    pub(in crate::routes) to: &'a str,
    /// The code on the other device's screen.
    pub(in crate::routes) code: Option<&'a str>,
    pub(in crate::routes) email: &'a str,
    pub(in crate::routes) refused: bool,
    pub(in crate::routes) action: &'a str,
    /// Names and values.
    pub(in crate::routes) hidden: &'a [(&'a str, &'a str)],
}

/// A page that keeps the fields of a form whose session ended, so that the person can send it again.
#[derive(Template)]
#[template(path = "resume.html")]
struct Resume<'a> {
    csrf: &'a str,
    /// Where the form was sent.
    action: &'a str,
    /// Names and values.
    fields: Vec<(&'a str, &'a str)>,
}

/// Asks to sign in, and keeps a form's fields in the page: in no address, and nowhere here.
pub(super) fn keep(webex: &Webex, headers: &HeaderMap, path: &str, fields: &Form) -> Response {
    let kept = fields.without(&["csrf"]).finish();
    let now = webex.now();
    let mut state = webex.state();
    let then = destination(Some(path));
    if let Some(session) = state.sessions.of(cookie(headers, webex.setting()), now) {
        return form(&state, &session, &then, None, Some(&kept));
    }
    let (value, session) = state.sessions.open(None, now, &*webex.setting().entropy);
    with_cookie(form(&state, &session, &then, None, Some(&kept)), &set_cookie(webex.setting(), &value))
}

pub(in crate::routes) async fn show(webex: Webex, query: Form, headers: HeaderMap) -> Response {
    let then = destination(query.get("then"));
    let now = webex.now();
    let mut state = webex.state();
    if signed_in(&webex, &state, &headers).is_some() {
        return redirect(StatusCode::SEE_OTHER, &then);
    }
    if let Some(session) = state.sessions.of(cookie(&headers, webex.setting()), now) {
        return form(&state, &session, &then, None, None);
    }
    let (value, session) = state.sessions.open(None, now, &*webex.setting().entropy);
    with_cookie(form(&state, &session, &then, None, None), &set_cookie(webex.setting(), &value))
}

/// Form fields: `csrf`, `email`, `password`, `then`, `kept`.
pub(in crate::routes) async fn sign_in(webex: Webex, headers: HeaderMap, Fields(fields): Fields) -> Response {
    let then = destination(fields.get("then"));
    let now = webex.now();
    let mut state = webex.state();
    let session = state.sessions.of(cookie(&headers, webex.setting()), now);
    let Some(session) = session.filter(|session| session.has_sent(fields.get("csrf"))) else {
        return foreign().into_response();
    };
    let email = fields.get("email").unwrap_or_default();
    let password = SecretText::new(fields.get("password").unwrap_or_default());
    let Some(account) = webex.who_signs_in(&state, email, &password) else {
        return form(&state, &session, &then, Some(email), fields.get("kept"));
    };
    state.sessions.end(cookie(&headers, webex.setting()));
    let (value, session) = state.sessions.open(Some(account), now, &*webex.setting().entropy);
    if let Some(kept) = fields.get("kept") {
        let kept = Form::parse(kept.as_bytes());
        let page = Resume { csrf: session.csrf.expose_secret(), action: &then, fields: kept.fields().collect() };
        return with_cookie(Page::new(&page).into_response(), &set_cookie(webex.setting(), &value));
    }
    with_cookie(redirect(StatusCode::SEE_OTHER, &then), &set_cookie(webex.setting(), &value))
}

/// Behind the guard: the form carried the session's own token.
pub(in crate::routes) async fn sign_out(webex: Webex, headers: HeaderMap) -> Response {
    webex.state().sessions.end(cookie(&headers, webex.setting()));
    redirect(StatusCode::SEE_OTHER, "/")
}

fn form(state: &Everything, session: &Session, then: &str, refused: Option<&str>, kept: Option<&str>) -> Response {
    let mut hidden = vec![("csrf", session.csrf.expose_secret()), ("then", then)];
    hidden.extend(kept.map(|kept| ("kept", kept)));
    let page = SignIn {
        organisation: &state.directory.name,
        example: &state.directory.administrator().email,
        to: if then.starts_with("/hub") { "Control Hub" } else { "the developer portal" },
        code: None,
        email: refused.unwrap_or_default(),
        refused: refused.is_some(),
        action: "/sign-in",
        hidden: &hidden,
    };
    Page::new(&page).into_response()
}

/// A page of the portal or of Control Hub, and nothing else: a link could name any address.
fn destination(then: Option<&str>) -> String {
    let ours = |path: &&str| {
        let inside =
            |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        (inside("/portal") || inside("/hub")) && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    then.filter(ours).unwrap_or("/portal").to_owned()
}

fn with_cookie(mut response: Response, cookie: &HeaderValue) -> Response {
    response.headers_mut().insert(SET_COOKIE, cookie.clone());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_a_page_of_this_site_and_nowhere_else() {
        for good in ["/portal", "/hub/users?search=a%20b", "/portal?x=1"] {
            assert_eq!(destination(Some(good)), good);
        }
        for wrong in ["", "//evil.example/portal", "https://evil.example", "/portalx", "/hub\r\nx: y", "/v1/authorize"]
        {
            assert_eq!(destination(Some(wrong)), "/portal", "{wrong}");
        }
    }
}
