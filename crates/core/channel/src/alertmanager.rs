//! Alerts for Prometheus' Alertmanager (its API, version 2).

use std::collections::BTreeMap;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use lanyard_credential::LabelKey;
use lanyard_protocol::visible;
use serde::Serialize;
use url::Url;

use crate::http_post::Post;
use crate::notice::{AlertState, Notice, NoticeType, Severity};
use crate::target::{AlertmanagerTarget, TargetError};

/// The request for a notice.
///
/// # Panics
/// Never: an alert has no value that JSON lacks.
pub(crate) fn post<'a>(
    target: &'a AlertmanagerTarget,
    notice: &Notice,
    now: Timestamp,
) -> Result<Post<'a>, TargetError> {
    let mut url = target.url.expose_secret().clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["api", "v2", "alerts"]);
    }
    let mut headers = HeaderMap::new();
    if let Some(auth) = &target.auth {
        headers.insert(AUTHORIZATION, auth.header()?);
    }
    Ok(Post {
        receiver: target.url.host(),
        address: &target.url,
        allow_private: target.allow_private,
        url,
        headers,
        media_type: "application/json",
        body: serde_json::to_vec(&alerts(notice, &target.labels, now)).expect("an alert can be written as JSON"),
    })
}

/// An alert. Alertmanager recognises one by its labels.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<&'static str, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

/// The alerts of a notice. The end of an alert is reported for every type that it may have begun with, in every severity: Alertmanager
/// ignores the end of an alert that it does not have.
fn alerts(notice: &Notice, chosen: &[LabelKey], now: Timestamp) -> Vec<Alert> {
    let alert = |kind: &NoticeType, severity: Severity| {
        let (starts_at, ends_at) = times(notice, now);
        Alert {
            labels: labels(notice, kind, severity, chosen),
            annotations: annotations(notice),
            starts_at: starts_at.to_string(),
            ends_at: ends_at.to_string(),
            generator_url: link(notice),
        }
    };
    if notice.data.state != AlertState::Resolved {
        return vec![alert(&notice.kind, notice.data.severity)];
    }
    let kinds = notice.kind.resolves();
    kinds.iter().flat_map(|kind| Severity::ALL.map(|severity| alert(kind, severity))).collect()
}

/// Begin and end. Without an end, Alertmanager would end an alert after five minutes, because it expects every alert to be repeated. A
/// notice that is not an alert ends some minutes after its delivery, because Alertmanager drops alerts that have ended.
fn times(notice: &Notice, now: Timestamp) -> (Timestamp, Timestamp) {
    let from = notice.time.max(now);
    let after = |time: SignedDuration| from.saturating_add(time).unwrap_or(from);
    let end = match notice.data.state {
        AlertState::Firing => after(UNREPEATED),
        AlertState::Resolved => notice.time,
        AlertState::None => after(MOMENTARY),
    };
    (notice.time, end)
}

fn labels(notice: &Notice, kind: &NoticeType, severity: Severity, chosen: &[LabelKey]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([
        ("alertname".to_owned(), kind.as_str().to_owned()),
        ("severity".to_owned(), severity.as_str().to_owned()),
    ]);
    // Two homes may have credentials of the same name.
    if let Some((_, home)) = notice.source.rsplit_once(':') {
        labels.insert("home".to_owned(), home.to_owned());
    }
    for name in OF_DETAILS {
        if let Some(value) = notice.data.details.get(name).and_then(|value| value.as_str()) {
            labels.insert(name.to_owned(), visible(value).into_owned());
        }
    }
    let Some(credential) = &notice.data.credential else { return labels };
    labels.insert("credential".to_owned(), credential.name.to_string());
    labels.insert("kind".to_owned(), credential.kind.as_str().to_owned());
    for key in chosen {
        if let Some(value) = credential.labels.get(key.as_str()).filter(|value| !value.is_empty()) {
            // A label of the alert's own is not replaced, and of two keys that become the same name the first one counts.
            labels.entry(label_name(key.as_str())).or_insert_with(|| value.clone());
        }
    }
    labels
}

/// The key as the name of a label of Prometheus: letters, digits and underscores, not beginning with a digit. A name that the alert has
/// itself gets a prefix.
fn label_name(key: &str) -> String {
    let fitting = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = key.chars().map(fitting).collect();
    let is_taken = matches!(name.as_str(), "alertname" | "severity" | "credential" | "kind" | "home");
    let is_taken = is_taken || OF_DETAILS.contains(&&*name);
    // Two underscores in front are Prometheus' own.
    if is_taken || name.starts_with(|letter: char| letter.is_ascii_digit() || letter == '_') {
        format!("label_{name}")
    } else {
        name
    }
}

fn annotations(notice: &Notice) -> BTreeMap<&'static str, String> {
    let mut annotations =
        BTreeMap::from([("summary", visible(&notice.data.summary).into_owned()), ("event_id", notice.id.to_string())]);
    if let Some(hint) = &notice.data.hint {
        annotations.insert("hint", visible(hint).into_owned());
    }
    annotations
}

/// The link, if it is an address of a web server: Alertmanager refuses an alert with another one.
fn link(notice: &Notice) -> Option<String> {
    let url: Url = notice.data.link.as_ref()?.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

/// The details that tell alerts of one type apart. An event that ends an alert has those of the one that began it.
const OF_DETAILS: [&str; 4] = ["alert", "channel", "device", "watch"];
/// How long an alert lasts that is neither ended nor repeated: a broker may be off over a weekend.
const UNREPEATED: SignedDuration = SignedDuration::from_hours(4 * 24);
/// How long a notice is shown that is not an alert.
const MOMENTARY: SignedDuration = SignedDuration::from_mins(5);

#[cfg(test)]
mod tests {
    use lanyard_credential::Kind;
    use serde_json::{Value, json};

    use super::*;
    use crate::notice::{NoticeCredential, NoticeData};

    fn notice(kind: NoticeType, state: AlertState) -> Notice {
        let mut data = NoticeData::new("Sign in \u{202e}again.", Severity::Warning);
        data.state = state;
        data.hint = Some("lanyard login acme".to_owned());
        data.link = Some("https://lanyard.example/credentials/acme".to_owned());
        data.credential = Some(NoticeCredential {
            id: "6ac7d7d6-0000-4000-8000-000000000000".parse().unwrap(),
            name: "acme".parse().unwrap(),
            kind: Kind::ServiceApp,
            labels: [("customer.name", "Acme"), ("customer-name", "other"), ("kind", "x"), ("1st", "y"), ("empty", "")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        });
        Notice::new("7".parse().unwrap(), "/lanyard", kind, "2026-11-30T12:00:00Z".parse().unwrap(), data)
    }

    fn written(notice: &Notice, chosen: &[&str]) -> Value {
        let chosen: Vec<LabelKey> = chosen.iter().map(|key| key.parse().unwrap()).collect();
        serde_json::to_value(alerts(notice, &chosen, notice.time)).unwrap()
    }

    #[test]
    fn an_alert_has_labels_annotations_and_an_end() {
        let firing = notice(NoticeType::CREDENTIAL_NEEDS_LOGIN, AlertState::Firing);
        let chosen = ["customer.name", "customer-name", "kind", "1st", "empty", "absent"];
        assert_eq!(
            written(&firing, &chosen),
            json!([{
                "labels": {
                    "alertname": "lanyard.credential.needs-login",
                    "severity": "warning",
                    "credential": "acme",
                    "kind": "service-app",
                    "customer_name": "Acme",
                    "label_kind": "x",
                    "label_1st": "y",
                },
                "annotations": {
                    "summary": "Sign in \\u{202e}again.",
                    "hint": "lanyard login acme",
                    "event_id": "7",
                },
                "startsAt": "2026-11-30T12:00:00Z",
                "endsAt": "2026-12-04T12:00:00Z",
                "generatorURL": "https://lanyard.example/credentials/acme",
            }])
        );
    }

    #[test]
    fn a_recovery_ends_every_alert_that_it_may_end() {
        let firing = notice(NoticeType::CREDENTIAL_NEEDS_LOGIN, AlertState::Firing);
        let resolved = written(&notice(NoticeType::CREDENTIAL_RECOVERED, AlertState::Resolved), &["customer.name"]);
        let ends: Vec<_> = resolved.as_array().unwrap().iter().map(|alert| alert["labels"].clone()).collect();
        assert!(ends.contains(&written(&firing, &["customer.name"])[0]["labels"]), "{ends:?}");
        assert_eq!(ends.len(), 12);
        for alert in resolved.as_array().unwrap() {
            assert_eq!(alert["endsAt"], "2026-11-30T12:00:00Z");
        }
        let own = written(&notice("lanyard.devices.down".parse().unwrap(), AlertState::Resolved), &[]);
        assert_eq!(own[1]["labels"]["alertname"], "lanyard.devices.down");
    }

    #[test]
    fn a_link_that_is_not_an_address_is_left_out() {
        let mut odd = notice(NoticeType::TEST, AlertState::None);
        for link in ["javascript:alert(1)", "not an address", ""] {
            odd.data.link = Some(link.to_owned());
            assert_eq!(written(&odd, &[])[0].get("generatorURL"), None, "{link}");
        }
        assert_eq!(written(&odd, &[])[0]["endsAt"], "2026-11-30T12:05:00Z");
    }

    #[test]
    fn a_notice_that_arrives_late_has_not_ended() {
        let late = notice(NoticeType::KEY_CHANGED, AlertState::None);
        let now = late.time + SignedDuration::from_hours(3);
        let [alert] = &*alerts(&late, &[], now) else { panic!("one alert") };
        assert_eq!((&*alert.starts_at, &*alert.ends_at), ("2026-11-30T12:00:00Z", "2026-11-30T15:05:00Z"));
    }

    #[test]
    fn alerts_of_two_devices_are_told_apart_and_each_ends_its_own() {
        let of = |kind: NoticeType, state: AlertState, number: &str, device: &str| {
            let mut about = notice(kind, state);
            let details = json!({ "alert": number, "device": device, "watch": "lobby", "count": 1 });
            about.data.details = serde_json::from_value(details).unwrap();
            written(&about, &[])
        };
        let one = of(NoticeType::DEVICE_DOWN, AlertState::Firing, "A-1", "Room\n1");
        let other = of(NoticeType::DEVICE_DOWN, AlertState::Firing, "A-2", "Room 2");
        let labels = &one[0]["labels"];
        assert_eq!((&labels["alert"], &labels["watch"]), (&json!("A-1"), &json!("lobby")));
        assert!(!labels["device"].as_str().unwrap().contains('\n'), "{labels}");
        let ends = of(NoticeType::DEVICE_RECOVERED, AlertState::Resolved, "A-1", "Room\n1");
        let ends: Vec<_> = ends.as_array().unwrap().iter().map(|alert| &alert["labels"]).collect();
        assert!(ends.contains(&labels) && !ends.contains(&&other[0]["labels"]), "{ends:?}");
    }

    #[test]
    fn channels_and_homes_are_told_apart() {
        let of = |home: &str, channel: &str| {
            let mut failing = notice(NoticeType::CHANNEL_FAILING, AlertState::Firing);
            failing.source = format!("urn:lanyard:home:{home}");
            failing.data.details = serde_json::from_value(json!({ "channel": channel })).unwrap();
            written(&failing, &[])[0]["labels"].clone()
        };
        assert_ne!(of("a", "one"), of("a", "two"));
        assert_ne!(of("a", "one"), of("b", "one"));
    }
}
