//! JSON for programs.

pub(crate) use lanyard_broker::views::time;
use lanyard_broker::views::{CredentialView, TestView};
use lanyard_broker::{TestReport, state_among};
use lanyard_credential::Credential;
use lanyard_protocol::visible_json;
use lanyard_time::Moment;
use serde::Serialize;
use serde_json::Value;

use crate::exit::Failure;

/// Prints a value, indented.
pub(crate) fn print(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Other { message: format!("writing JSON: {error}"), hint: None })?;
    super::write(&visible_json(&text))
}

/// Prints a value in one line, for programs that read line by line.
pub(crate) fn print_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::Other { message: format!("writing JSON: {error}"), hint: None })?;
    super::write(&visible_json(&text))
}

/// Returns the JSON of a credential, with the state that it has among all credentials.
pub(crate) fn credential_among(one: &Credential, all: &[Credential], now: &Moment) -> Value {
    value(&CredentialView::in_state(one, state_among(one, all, now), now))
}

/// Returns the JSON of a credential, whose state ignores all other credentials.
pub(crate) fn credential(one: &Credential, now: &Moment) -> Value {
    value(&CredentialView::of(one, now))
}

/// Returns the JSON of a test's findings.
pub(crate) fn test(report: &TestReport, now: &Moment) -> Value {
    value(&TestView::of(report, now))
}

/// Prints a view with its members in alphabetical order.
pub(crate) fn view(view: &impl Serialize) -> Result<(), Failure> {
    print(&value(view))
}

fn value(view: &impl Serialize) -> Value {
    serde_json::to_value(view).expect("a view has only text keys")
}
