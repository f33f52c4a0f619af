//! How meetings are shown.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::Everything;
use super::find::scheduled_id;
use crate::world::{Meeting, MeetingKind, MeetingPlan, Occurrence, Part};

/// From where meetings are seen.
pub(super) struct View<'a> {
    pub(super) state: &'a Everything,
    pub(super) now: Timestamp,
    /// The zone of the times.
    pub(super) zone: &'a TimeZone,
    /// The caller's role in the meeting.
    pub(super) part: Option<Part>,
}

/// How long before its start a scheduled meeting is ready [?].
const READY: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

impl View<'_> {
    /// A series as a call for it alone shows it.
    pub(super) fn whole(&self, meeting: &Meeting) -> Value {
        let mut shown = self.series(meeting, false);
        if meeting.form.is_some() {
            let site = self.state.directory.site_of(meeting.organisation);
            shown["registerLink"] = json!(format!("https://{site}/weblink/register/r{}", meeting.id.simple()));
        }
        shown
    }

    /// A series with the times of its first scheduled meeting, or of the current one.
    pub(super) fn series(&self, meeting: &Meeting, current: bool) -> Value {
        let coming = meeting.current(self.now);
        let MeetingPlan { start, end, .. } = meeting.plan;
        let times = coming.filter(|_| current).map_or((start, end), |coming| (coming.start, coming.end));
        let mut shown = self.common(meeting, &meeting.plan, times);
        shown.insert("id".to_owned(), json!(meeting.id.simple().to_string()));
        shown.insert("meetingType".to_owned(), json!("meetingSeries"));
        shown.insert("state".to_owned(), json!(if coming.is_some() { "active" } else { "expired" }));
        if let Some(rule) = &meeting.rule {
            shown.insert("recurrence".to_owned(), json!(rule.text));
        }
        Value::Object(shown)
    }

    /// One scheduled meeting of a series.
    pub(super) fn scheduled(&self, meeting: &Meeting, occurrence: &Occurrence<'_>) -> Value {
        let mut shown = self.common(meeting, occurrence.plan, (occurrence.start, occurrence.end));
        for (name, value) in [
            ("id", json!(scheduled_id(meeting.id, occurrence.slot))),
            ("meetingSeriesId", json!(meeting.id.simple().to_string())),
            ("meetingType", json!("scheduledMeeting")),
            ("state", json!(state_of(occurrence, self.now))),
            ("isModified", json!(occurrence.modified)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        Value::Object(shown)
    }

    fn common(
        &self,
        meeting: &Meeting,
        plan: &MeetingPlan,
        (start, end): (Timestamp, Timestamp),
    ) -> Map<String, Value> {
        let directory = &self.state.directory;
        let site = directory.site_of(meeting.organisation);
        let mut shown = plan.settings.clone();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("meetingNumber", json!(meeting.number));
        put("title", json!(plan.title));
        put("timezone", json!(self.zone.iana_name().unwrap_or("UTC")));
        put("start", json!(self.time(start)));
        put("end", json!(self.time(end)));
        put("scheduledType", json!(meeting.kind.word()));
        put("siteUrl", json!(site));
        put("webLink", json!(web_link(meeting, &site)));
        put("sipAddress", json!(format!("{}@{site}", meeting.number)));
        // An address of the block for documentation (RFC 5737).
        put("dialInIpAddress", json!("192.0.2.100"));
        put(
            "telephony",
            json!({
                "accessCode": meeting.number,
                "callInNumbers": [{ "label": "US Toll", "callInNumber": "+1-415-555-0100", "tollType": "toll" }],
            }),
        );
        if let Some(host) = directory.account(meeting.host) {
            put("hostUserId", json!(host.webex_id()));
            put("hostDisplayName", json!(host.display_name));
            put("hostEmail", json!(host.email));
        }
        if let Some(agenda) = &plan.agenda {
            put("agenda", json!(agenda));
        }
        if let Some(form) = &meeting.form {
            put("registration", json!(form));
        }
        put("password", json!(plan.password));
        put("phoneAndVideoSystemPassword", json!(meeting.numeric_password));
        if self.part >= Some(Part::CoHost) {
            put("hostKey", json!(meeting.host_key));
            if meeting.kind == MeetingKind::Webinar {
                put("panelistPassword", json!(plan.password));
                put("phoneAndVideoSystemPanelistPassword", json!(meeting.numeric_password));
            }
        }
        shown
    }

    /// A time as the reference writes it, in the zone that was asked for.
    pub(super) fn time(&self, at: Timestamp) -> String {
        if *self.zone == TimeZone::UTC {
            return at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        }
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

/// The state of a scheduled meeting. None was ever started here.
pub(super) fn state_of(occurrence: &Occurrence<'_>, now: Timestamp) -> &'static str {
    if occurrence.end <= now {
        "missed"
    } else if occurrence.start.duration_since(now) <= READY {
        "ready"
    } else {
        "scheduled"
    }
}

/// The page of a meeting, on a site that does not exist.
pub(super) fn web_link(meeting: &Meeting, site: &str) -> String {
    format!("https://{site}/{}/j.php?MTID=m{}", site_name(site), meeting.id.simple())
}

/// A site's name: the first label of its host.
pub(super) fn site_name(site: &str) -> &str {
    site.split('.').next().unwrap_or(site)
}
