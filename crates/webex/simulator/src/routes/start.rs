//! The start page: what this is, and where its two halves are.

use askama::Template;
use axum::response::{IntoResponse, Response};

use super::page::Page;
use crate::webex::Webex;

#[derive(Template)]
#[template(path = "start.html")]
struct Start<'a> {
    base_url: &'a str,
    organisation: &'a str,
    administrator: &'a str,
}

pub(super) async fn show(webex: Webex) -> Response {
    let state = webex.state();
    let start = Start {
        base_url: &webex.setting().base_url,
        organisation: &state.directory.name,
        administrator: &state.directory.administrator().email,
    };
    Page::new(&start).into_response()
}
