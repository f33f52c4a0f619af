//! The icons that a bot can be made with.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::refusal::{Refusal, Reply};

/// Names and colours; the first one is the usual one.
pub(super) const ICONS: [(&str, &str); 4] =
    [("teal", "#0b6b58"), ("blue", "#1d5fb4"), ("violet", "#6b3fa0"), ("amber", "#b36b00")];

/// The address of an icon.
pub(super) fn url(origin: &str, name: &str) -> Option<String> {
    let (name, _) = ICONS.iter().find(|(icon, _)| *icon == name)?;
    Some(format!("{origin}/icons/{name}.svg"))
}

/// `GET /icons/{name}.svg`.
pub(super) async fn show(Path(file): Path<String>) -> Reply<Response> {
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
