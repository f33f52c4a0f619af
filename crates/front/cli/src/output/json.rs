//! JSON for programs.

use jiff::Timestamp;
use lanyard_credential::{App, Credential};
use lanyard_time::Moment;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::exit::Failure;

/// Prints a value, indented.
pub(crate) fn print(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Other { message: format!("writing JSON: {error}"), hint: None })?;
    super::line(&text)
}

/// A credential, as every command shows it to a program.
pub(crate) fn credential(credential: &Credential, now: &Moment) -> Value {
    let subject = credential.subject.known();
    let trouble = credential.standing.trouble();
    json!({
        "name": credential.name.as_str(),
        "id": credential.id.to_string(),
        "kind": credential.kind.as_str(),
        "state": credential.state(now).as_str(),
        "environment": credential.environment.id(),
        "subject": {
            "type": subject.map(|subject| subject.account.as_str()),
            "display_name": subject.map(|subject| &subject.display_name),
            "email": subject.and_then(|subject| subject.email.as_ref()),
        },
        "organisation": {
            "id": credential.organisation.as_ref().map(|organisation| organisation.id.as_str()),
            "name": credential.organisation.as_ref().and_then(|organisation| organisation.name.as_ref()),
        },
        "scopes": credential.scopes.as_ref().map(|scopes| scopes.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "generation": credential.generation.number(),
        "access_token_expires_at": time(credential.validity.as_ref().and_then(lanyard_credential::Validity::access_expires_at)),
        "refresh_token_expires_at": time(credential.validity.as_ref().and_then(lanyard_credential::Validity::refresh_expires_at)),
        "last_rotated_at": time(credential.last_rotated_at),
        "last_error": trouble.map(|trouble| json!({
            "at": time(Some(trouble.when())),
            "kind": trouble.kind.as_str(),
            "message": trouble.message,
            "hint": lanyard_broker::advice(credential, trouble, now),
        })),
        "labels": credential.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>(),
    })
}

/// An app, as every command shows it to a program.
pub(crate) fn app(app: &App) -> Value {
    json!({
        "name": app.name.as_str(),
        "id": app.id.to_string(),
        "kind": app.kind.as_str(),
        "environment": app.environment.id(),
        "client_id": app.client_id.as_str(),
        "redirect_uris": app.redirect_uris.iter().map(url::Url::as_str).collect::<Vec<_>>(),
        "scopes": app.scopes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "application_id": app.application_id,
    })
}

/// RFC 3339, in whole seconds.
pub(crate) fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| format!("{at:.0}"))
}
