//! Pages: rendered here, never framed and never kept. Only pages with values to copy, or a
//! long list, run a script, from a file of this site.

use std::borrow::Cow;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};

use super::refusal::{Refusal, Reply};
use crate::webex::Webex;

/// A page, rendered.
pub(super) struct Page {
    html: String,
    /// Whether it runs a script.
    scripted: bool,
}

impl Page {
    pub(super) fn new(template: &impl Template) -> Self {
        Self { html: template.render().expect("a template of texts renders"), scripted: false }
    }

    /// A page with a script of this site.
    pub(super) fn scripted(template: &impl Template) -> Self {
        Self { scripted: true, ..Self::new(template) }
    }

    #[cfg(test)]
    pub(super) fn html(&self) -> &str {
        &self.html
    }

    /// Sends it. `form-action` also governs the redirect that follows a form, so where a form leads to an app, the app's redirect
    /// URI stands in it as `target`.
    pub(super) fn leading_to(self, status: StatusCode, target: &str) -> Response {
        let script = if self.scripted { "script-src 'self'; " } else { "" };
        let policy = format!(
            "default-src 'none'; style-src 'self'; img-src 'self'; {script}form-action 'self' {target}; base-uri 'none'; frame-ancestors 'none'"
        );
        let mut response = (status, self.html).into_response();
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
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        self.leading_to(StatusCode::OK, "")
    }
}

/// A page about a problem: what is wrong, a hint, and a link to where it can be solved.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    what: Cow<'static, str>,
    hint: Cow<'static, str>,
    way: Option<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Shown<'a> {
    title: &'static str,
    problem: &'a str,
    hint: &'a str,
    /// A link: where it leads, and its text.
    way: Option<(&'static str, &'static str)>,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        what: impl Into<Cow<'static, str>>,
        hint: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, what: what.into(), hint: hint.into(), way: None }
    }

    /// With a link to a path of this site.
    pub(super) fn with_way(self, path: &'static str, text: &'static str) -> Self {
        Self { way: Some((path, text)), ..self }
    }

    /// There is nothing at this address, or nothing that this person may see.
    pub(super) fn nothing_here() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "There is no such page.",
            "It may have been removed, or it belongs to another user.",
        )
        .with_way("/", "Back to the start")
    }
}

/// The heading of the page about a problem.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Page not found",
        StatusCode::FORBIDDEN => "Not allowed",
        _ => "The request was refused",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let page =
            Page::new(&Shown { title: title(self.status), problem: &self.what, hint: &self.hint, way: self.way });
        page.leading_to(self.status, "")
    }
}

/// The pages' looks.
pub(super) async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, include_str!("../../templates/style.css")).into_response()
}

/// The script behind the buttons that copy.
pub(super) async fn copy_script() -> Response {
    script(include_str!("../../templates/copy.js"))
}

/// The script behind the field that narrows a list down.
pub(super) async fn filter_script() -> Response {
    script(include_str!("../../templates/filter.js"))
}

fn script(text: &'static str) -> Response {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, text).into_response()
}

/// Leads a browser elsewhere, by GET; an app's redirect URI, or a path of this site.
pub(super) fn redirect(status: StatusCode, location: &str) -> Response {
    let location = HeaderValue::try_from(location).expect("a serialised URL is ASCII without controls");
    let mut response = status.into_response();
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[derive(Template)]
#[template(path = "start.html")]
struct Start<'a> {
    base_url: &'a str,
    organisation: &'a str,
    administrator: &'a str,
}

/// The start page: what this is, and where its two halves are.
pub(super) async fn start(webex: Webex) -> Response {
    let state = webex.state();
    let start = Start {
        base_url: &webex.setting().base_url,
        organisation: &state.directory.name,
        administrator: &state.directory.administrator().email,
    };
    Page::new(&start).into_response()
}

/// The icons that a bot can be made with: names and colours; the first one is the usual one.
pub(super) const ICONS: [(&str, &str); 4] =
    [("teal", "#0b6b58"), ("blue", "#1d5fb4"), ("violet", "#6b3fa0"), ("amber", "#b36b00")];

/// The address of an icon.
pub(super) fn icon_url(origin: &str, name: &str) -> Option<String> {
    let (name, _) = ICONS.iter().find(|(icon, _)| *icon == name)?;
    Some(format!("{origin}/icons/{name}.svg"))
}

/// `GET /icons/{name}.svg`.
pub(super) async fn icon(Path(file): Path<String>) -> Reply<Response> {
    let icon = file.strip_suffix(".svg").and_then(|name| ICONS.iter().find(|(icon, _)| *icon == name));
    let (_, colour) = icon.ok_or(Refusal::NotFound)?;
    let headers = [(CONTENT_TYPE, "image/svg+xml"), (CACHE_CONTROL, "max-age=3600")];
    let image = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><circle cx=\"16\" cy=\"16\" r=\"16\" fill=\"{colour}\"/>\
         <rect x=\"8\" y=\"10\" width=\"16\" height=\"12\" rx=\"3\" fill=\"#fff\"/><circle cx=\"13\" cy=\"16\" r=\"1.8\" fill=\"{colour}\"/>\
         <circle cx=\"19\" cy=\"16\" r=\"1.8\" fill=\"{colour}\"/></svg>"
    );
    Ok((headers, image).into_response())
}
