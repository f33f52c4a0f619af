//! The checks before every page of the portal and of Control Hub.

use std::sync::Arc;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, OriginalUri, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};

use super::{cookie, foreign, pages};
use crate::form::Form;
use crate::routes::desk::{Frame, SignedIn};
use crate::routes::page::{Page, Problem, redirect};
use crate::webex::Webex;

/// Fields that a person always types again.
const SECRETS: [&str; 2] = ["client_secret", "password"];

/// Whether a page of this site sent it, by the browser's own word: another site could send anything.
fn is_ours(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// The longest form.
const LONGEST_FORM: usize = 64 * 1024;

/// Lets pass who is signed in; whatever changes something must carry the session's own token.
pub(in crate::routes) async fn person(
    webex: Webex,
    OriginalUri(uri): OriginalUri,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let now = webex.now();
    let known = {
        let state = webex.state();
        state.sessions.of(cookie(request.headers(), webex.setting()), now).and_then(|session| {
            let account = state.directory.account(session.who?.account).filter(|account| account.signs_in)?;
            let organisation = state.directory.name_of(account.organisation).into();
            let csrf = session.csrf.expose_secret().into();
            Some((SignedIn { account: Arc::clone(account), csrf, organisation }, session))
        })
    };
    let Some((person, session)) = known else {
        if reads {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("then", uri.path_and_query().map_or("/portal", |path| path.as_str()));
            return redirect(StatusCode::SEE_OTHER, &format!("/sign-in?{}", query.finish()));
        }
        // A form of ours, sent when its session had ended: what was typed is kept for whoever signs in.
        if is_ours(request.headers()) {
            let headers = request.headers().clone();
            let body = to_bytes(request.into_body(), LONGEST_FORM).await.unwrap_or_default();
            let fields = Form::parse(&body);
            if !fields.fields().any(|(name, _)| SECRETS.contains(&name)) {
                return pages::keep(&webex, &headers, uri.path(), &fields);
            }
        }
        return Problem::new(
            StatusCode::FORBIDDEN,
            "You are not signed in, or your session has ended.",
            "Nothing was changed. Sign in and do it again.",
        )
        .with_way("/sign-in", "Sign in")
        .into_response();
    };
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(person);
    if reads {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let body = to_bytes(body, LONGEST_FORM).await.unwrap_or_default();
    if !session.has_sent(Form::parse(&body).get("csrf")) {
        return foreign().into_response();
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

/// The page of Control Hub for people who are not administrators; the frame around it has the button to sign out.
#[derive(Template)]
#[template(path = "hub/no_administrator.html")]
struct NoAdministrator {
    frame: Frame,
}

/// Behind [`person`]: lets pass who is an administrator.
pub(in crate::routes) async fn administrator(
    Extension(person): Extension<SignedIn>,
    request: Request,
    next: Next,
) -> Response {
    if person.account.administrator {
        return next.run(request).await;
    }
    let page = NoAdministrator { frame: Frame::hub(person, "") };
    Page::new(&page).leading_to(StatusCode::FORBIDDEN, "")
}
