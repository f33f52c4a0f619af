//! The page where a person types the code of a device; signing in and deciding are the pages of every app.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use jiff::Timestamp;
use uuid::Uuid;

use super::begin;
use crate::browsers::Purpose;
use crate::form::Form;
use crate::routes::extract::Fields;
use crate::routes::page::Page;
use crate::webex::{State as Everything, Webex};

#[derive(Template)]
#[template(path = "device.html")]
struct Device<'a> {
    user_code: &'a str,
    unknown: bool,
}

#[derive(Template)]
#[template(path = "device_done.html")]
struct Done<'a> {
    title: &'a str,
    text: &'a str,
}

/// With a code in the query, as the device's QR code has it, the code need not be typed.
pub(in crate::routes) async fn show(webex: Webex, query: Form, headers: HeaderMap) -> Response {
    proceed(&webex, query.get("user_code"), &headers)
}

/// Form field: `user_code`.
pub(in crate::routes) async fn send(webex: Webex, headers: HeaderMap, Fields(fields): Fields) -> Response {
    proceed(&webex, fields.get("user_code"), &headers)
}

fn proceed(webex: &Webex, user_code: Option<&str>, headers: &HeaderMap) -> Response {
    let Some(user_code) = user_code.map(str::trim) else { return ask("", false) };
    let now = webex.now();
    let mut state = webex.state();
    let Some(pairing) = state.issuer.pairing(user_code, now) else { return ask(user_code, true) };
    let purpose = Purpose::Device {
        client: pairing.client.clone(),
        app_name: pairing.app_name.clone(),
        scopes: pairing.scopes.clone(),
        user_code: pairing.user_code.clone(),
    };
    begin(webex, &mut state, &purpose, headers)
}

/// The person has decided: `Some` is who said yes.
pub(in crate::routes) fn decided(
    state: &mut Everything,
    user_code: &str,
    account: Option<Uuid>,
    now: Timestamp,
) -> Response {
    if !state.issuer.decide_pairing(user_code, account, now) {
        return ask(user_code, true);
    }
    let done = if account.is_some() {
        Done { title: "Signed in", text: "You may close this page and go back to the device." }
    } else {
        Done { title: "Denied", text: "The device gets nothing. You may close this page." }
    };
    Page::new(&done).into_response()
}

fn ask(user_code: &str, unknown: bool) -> Response {
    Page::new(&Device { user_code, unknown }).into_response()
}
