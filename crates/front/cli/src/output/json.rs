//! JSON for programs.

use lanyard_credential::App;
use lanyard_protocol::visible_json;
pub(crate) use lanyard_server::json::{credential, credential_among, test, time};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exit::Failure;

/// Prints a value, indented.
pub(crate) fn print(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Other { message: format!("writing JSON: {error}"), hint: None })?;
    super::write(&visible_json(&text))
}

/// An app, as every command shows it to a program.
pub(crate) fn app(app: &App) -> Value {
    json!({
        "name": app.name.as_str(),
        "id": app.id.to_string(),
        "kind": app.kind.as_str(),
        "environment": app.environment.id(),
        "client_id": app.client_id.as_str(),
        "redirect_uris": app.redirect_uris.iter().map(lanyard_protocol::oauth::RedirectUri::as_str).collect::<Vec<_>>(),
        "scopes": app.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "application_id": app.application_id,
    })
}
