//! The key of the control plane.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::AUTHORIZATION;
use lanyard_secret::SecretText;
use serde_json::json;

use crate::webex::Webex;

/// Lets a request pass that has the key, compared in constant time.
pub(super) async fn require(webex: Webex, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(SecretText::new);
    if given.is_some_and(|given| given.matches(&webex.setting().control_key)) {
        next.run(request).await
    } else {
        let error = json!({"error": "the control plane needs Authorization: Bearer and the control key"});
        (StatusCode::UNAUTHORIZED, Json(error)).into_response()
    }
}
