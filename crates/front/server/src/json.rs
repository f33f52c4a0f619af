//! How things look to programs, on the command line and over HTTP alike.

use jiff::Timestamp;
use lanyard_broker::{JobReport, NeedVerdict, TestReport, TokenFinding, Troubled, state_among};
use lanyard_credential::{Credential, Validity};
use lanyard_time::Moment;
use serde_json::{Map, Value, json};

/// A credential, with the state that it has among all credentials.
pub fn credential_among(one: &Credential, all: &[Credential], now: &Moment) -> Value {
    let mut shown = credential(one, now);
    shown["state"] = state_among(one, all, now).as_str().into();
    shown
}

/// A credential by itself.
pub fn credential(credential: &Credential, now: &Moment) -> Value {
    let subject = credential.subject.known();
    let organisation = credential.organisation.as_ref();
    let validity = credential.validity.as_ref();
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
            "id": organisation.map(|organisation| organisation.id.as_str()),
            "name": organisation.and_then(|organisation| organisation.name.as_ref()),
        },
        "scopes": credential.scopes.as_ref().map(|scopes| scopes.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "generation": credential.generation.number(),
        "access_token_expires_at": time(validity.and_then(Validity::access_expires_at)),
        "refresh_token_expires_at": time(validity.and_then(Validity::refresh_expires_at)),
        "last_rotated_at": time(credential.last_rotated_at),
        "last_error": credential.standing.trouble().map(|trouble| json!({
            "at": time(Some(trouble.when())),
            "kind": trouble.kind.as_str(),
            "message": trouble.message,
            "hint": lanyard_broker::advice(&Troubled::of(credential), trouble, now),
        })),
        "labels": credential.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>(),
    })
}

/// The findings of a test.
pub fn test(report: &TestReport, now: &Moment) -> Value {
    let (token, reason) = match &report.token {
        TokenFinding::Accepted => ("accepted", None),
        TokenFinding::Renewed => ("renewed", None),
        TokenFinding::Refused(trouble) => ("refused", Some(trouble.message.clone())),
        TokenFinding::None(error) => ("none", Some(error.to_string())),
        TokenFinding::Unknown(why) => ("unknown", Some(why.clone())),
    };
    json!({
        "credential": credential(&report.credential, now),
        "ok": report.class().is_none(),
        "token": { "finding": token, "reason": reason },
        "jobs": report.jobs.iter().map(job).collect::<Vec<_>>(),
        "sees": report.sight.as_ref().map(|sight| json!({
            "devices": sight.devices, "full_access": sight.full, "reason": sight.unknown,
        })),
        "coverage": report.coverage.as_ref().map(|coverage| json!({
            "against": coverage.against.as_str(),
            "workspaces": coverage.workspaces,
            "granted": coverage.granted,
            "not_granted": coverage.not_granted.iter().map(|workspace| json!({
                "name": workspace.name,
                "id": workspace.id.as_str(),
                "devices": workspace.devices,
                "seen": workspace.seen,
            })).collect::<Vec<_>>(),
            "without_devices": coverage.without_devices,
            "personal_devices": coverage.personal,
        })),
    })
}

fn job(report: &JobReport) -> Value {
    let needs: Vec<_> = report
        .needs
        .iter()
        .map(|need| {
            let (verdict, reason) = match &need.verdict {
                NeedVerdict::Granted(why) => ("granted", why.clone()),
                NeedVerdict::Missing(why) => ("missing", why.clone()),
                NeedVerdict::Unknown(why) => ("unknown", why.clone()),
            };
            json!({ "what": need.what, "scopes": need.scopes, "verdict": verdict, "reason": reason })
        })
        .collect();
    json!({ "job": report.job.as_str(), "impossible": report.impossible, "needs": needs })
}

/// RFC 3339, in whole seconds.
pub fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| format!("{at:.0}"))
}
