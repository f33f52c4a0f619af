//! A planned restart, and how far it has come.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a restart has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestartState {
    /// It waits for its window, or for the end of a call in it.
    Planned,
    /// It is being sent.
    Sending,
    /// The device has accepted it.
    Restarted,
    /// The window ended before it could be sent.
    Missed,
    /// Webex or the device refused it.
    Refused,
    /// It was sent, and whether the device carried it out is not known.
    Unknown,
}

impl RestartState {
    /// Whether nothing more happens.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Restarted | Self::Missed | Self::Refused | Self::Unknown)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Sending => "sending",
            Self::Restarted => "restarted",
            Self::Missed => "missed",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for RestartState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A restart that is planned, or was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Restart {
    /// The watch that sees the device.
    pub watch: String,
    /// The id of the device.
    pub device: String,
    /// The room, or the name of the device if that is not known.
    pub room: String,
    /// The serial number.
    pub serial: Option<String>,
    /// The hours, as in `02:00-04:00`.
    pub window: String,
    /// Their time zone.
    pub time_zone: String,
    /// The beginning of the window.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub from: Timestamp,
    /// Its end.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub until: Timestamp,
    /// The caller who planned it, as the audit names them.
    pub by: String,
    /// How far it has come.
    pub state: RestartState,
    /// When it was sent, or ended.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// Why it was not sent yet, or not at all.
    pub reason: Option<String>,
}

/// How long the outcome of a restart is shown.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a restart needs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// To wait for the window.
    At(Timestamp),
    /// To be tried.
    Now,
    /// To be given up: the window is over.
    Missed,
    /// To be told as unknown: the process that sent it has ended.
    Lost,
    /// To be forgotten at that time.
    Forgotten(Timestamp),
}

impl Restart {
    /// What it needs at a time.
    pub(super) fn due(&self, now: Timestamp) -> Due {
        match self.state {
            RestartState::Sending => Due::Lost,
            state if state.is_end() => Due::Forgotten(self.at.unwrap_or(self.until) + KEPT),
            _ if now < self.from => Due::At(self.from),
            _ if now >= self.until => Due::Missed,
            _ => Due::Now,
        }
    }

    /// Its outcome, in a sentence.
    pub(super) fn said(&self) -> String {
        let Self { room, watch, window, time_zone, .. } = self;
        let why = self.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match self.state {
            RestartState::Restarted => format!("{room} was restarted, as planned for {window} ({time_zone})."),
            RestartState::Missed => format!("{room} was not restarted between {window} ({time_zone}){why}."),
            RestartState::Refused => format!("{room} was not restarted{why}."),
            RestartState::Unknown => format!("It is not known whether {room} was restarted{why}."),
            RestartState::Planned | RestartState::Sending => {
                format!("The restart of {room} of the watch {watch} is planned.")
            }
        }
    }
}

/// The key of the unit of a device.
pub(crate) fn key(watch: &str, device: &str) -> String {
    format!("{watch}/{device}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_tried_in_its_window_and_never_after_it_may_have_been_sent() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let plan = |state| Restart {
            watch: "lobby".to_owned(),
            device: "a".to_owned(),
            room: "Boardroom".to_owned(),
            serial: None,
            window: "02:00-04:00".to_owned(),
            time_zone: "UTC".to_owned(),
            from: at(2),
            until: at(4),
            by: "uid 1000".to_owned(),
            state,
            at: None,
            reason: None,
        };
        let planned = plan(RestartState::Planned);
        assert_eq!([0, 1].map(|hour| planned.due(at(hour))), [Due::At(at(2)); 2]);
        assert_eq!([2, 3].map(|hour| planned.due(at(hour))), [Due::Now; 2]);
        assert_eq!(planned.due(at(4)), Due::Missed);
        for hour in [1, 3, 5] {
            assert_eq!(plan(RestartState::Sending).due(at(hour)), Due::Lost);
            for state in [RestartState::Restarted, RestartState::Missed, RestartState::Refused, RestartState::Unknown] {
                assert_eq!(plan(state).due(at(hour)), Due::Forgotten(at(4) + KEPT));
            }
        }
    }
}
