//! The page where a person types the code of a device, signs in and decides: one form, and the answer to it.

use askama::Template;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use lanyard_secret::SecretText;

use crate::routes::authorize::{Page, Permission, describe, plain_page};
use crate::routes::form::Form;
use crate::webex::Webex;

#[derive(Template)]
#[template(path = "device.html")]
struct Device<'a> {
    organisation: &'a str,
    user_code: &'a str,
    problem: &'a str,
    email: &'a str,
    /// What the device asks for, once the code is known.
    asks: Option<Asks>,
}

struct Asks {
    app: String,
    scopes: Vec<Permission>,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct Done<'a> {
    title: &'a str,
    text: &'a str,
}

pub(in crate::routes) async fn show(State(webex): State<Webex>, OriginalUri(uri): OriginalUri) -> Response {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes());
    form(&webex, query.get("user_code").unwrap_or_default(), "", "")
}

/// Form fields: `user_code`; then `email`, `password` and `decision` beside it.
pub(in crate::routes) async fn send(State(webex): State<Webex>, body: Bytes) -> Response {
    let fields = Form::parse(&body);
    let user_code = fields.get("user_code").unwrap_or_default().trim();
    let email = fields.get("email").unwrap_or_default();
    let Some(decision) = fields.get("decision") else { return form(&webex, user_code, "", email) };
    let password = SecretText::new(fields.get("password").unwrap_or_default());
    let now = webex.now();
    let account = webex
        .state()
        .directory
        .by_email(email)
        .filter(|account| account.signs_in && password.matches(&webex.setting().password))
        .map(|account| account.id);
    let Some(account) = account else {
        return form(&webex, user_code, "The email address or the password is wrong.", email);
    };
    let accepted = decision == "accept";
    if !webex.state().issuer.decide_pairing(user_code, accepted.then_some(account), now) {
        return form(&webex, user_code, "This code is not known, or no longer good.", email);
    }
    let done = if accepted {
        Done { title: "Signed in", text: "You may close this page and go back to the device." }
    } else {
        Done { title: "Denied", text: "The device gets nothing. You may close this page." }
    };
    plain_page(StatusCode::OK, &Page::new(&done))
}

fn form(webex: &Webex, user_code: &str, problem: &str, email: &str) -> Response {
    let now = webex.now();
    let state = webex.state();
    let asks = state
        .issuer
        .pairing(user_code, now)
        .map(|pairing| Asks { app: pairing.app_name.clone(), scopes: pairing.scopes.iter().map(describe).collect() });
    let unknown = asks.is_none() && !user_code.is_empty() && problem.is_empty();
    let page = Device {
        organisation: &state.directory.name,
        user_code,
        problem: if unknown { "This code is not known, or no longer good." } else { problem },
        email,
        asks,
    };
    plain_page(StatusCode::OK, &Page::new(&page))
}
