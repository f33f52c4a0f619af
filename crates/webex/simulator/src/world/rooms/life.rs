//! The timeline of a device, on the simulator's clock.
//!
//! Nothing runs in the background. A script becomes a list of turns, each with a moment and the device's condition from that moment. A
//! query computes the current condition from the clock. So the clock may stand, run or run fast, and twenty thousand devices cost nothing
//! between queries.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a device is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) status: Status,
    /// The error codes that Webex reports; only a device that is online has any.
    pub(crate) errors: Vec<String>,
}

/// A device's `connectionStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Connected,
    WithIssues,
    Disconnected,
    /// Not seen for so long that Webex gave it up.
    Expired,
    /// Asleep, as it was told to be.
    DeepSleep,
    /// Added, and not seen yet.
    Activating,
}

impl Status {
    pub(crate) const ALL: [Self; 6] =
        [Self::Connected, Self::WithIssues, Self::Disconnected, Self::Expired, Self::DeepSleep, Self::Activating];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::WithIssues => "connected_with_issues",
            Self::Disconnected => "disconnected",
            Self::Expired => "offline_expired",
            Self::DeepSleep => "offline_deep_sleep",
            Self::Activating => "activating",
        }
    }

    /// Whether Webex can talk to the device.
    pub(crate) fn is_online(self) -> bool {
        matches!(self, Self::Connected | Self::WithIssues)
    }
}

impl Condition {
    pub(crate) fn well() -> Self {
        Self::of(Status::Connected)
    }

    /// With an error of its own where the status speaks of one.
    pub(crate) fn of(status: Status) -> Self {
        let errors = if status == Status::WithIssues { vec![USUAL_ERROR.to_owned()] } else { Vec::new() };
        Self { status, errors }
    }

    pub(crate) fn ailing(errors: Vec<String>) -> Self {
        Self { status: Status::WithIssues, errors }
    }
}

/// The error of a device that has an issue and nobody said which.
const USUAL_ERROR: &str = "microphonemutedexternal";

/// A device's timeline.
#[derive(Debug)]
pub(crate) struct Life {
    first: Condition,
    /// In order of time.
    turns: Vec<Turn>,
}

/// From this moment on a device is like this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) at: Timestamp,
    pub(crate) condition: Condition,
}

/// A step of a device's script.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeviceStep")]
pub(crate) struct Step {
    /// When, counted from the arrival of the script.
    #[serde(default)]
    after_ms: u64,
    #[serde(rename = "do")]
    deed: Deed,
    /// How long it lasts; after that the previous condition returns. Without it, a reboot takes 90 seconds and everything else lasts.
    for_ms: Option<u64>,
    /// The error codes of `error`.
    #[serde(default)]
    codes: Vec<String>,
}

/// An event in a device's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DeviceEvent")]
pub(crate) enum Deed {
    /// It disconnects.
    Fail,
    /// It goes to sleep.
    Sleep,
    /// It disconnects and comes back without issues.
    Reboot,
    /// It is connected and reports issues.
    Error,
    /// It has been offline for so long that Webex gave it up.
    Expire,
    /// It is connected and has no issues.
    Recover,
}

/// How long a device takes to start.
pub(crate) const REBOOT: Duration = Duration::from_secs(90);

impl Step {
    /// A reboot here and now.
    pub(crate) fn reboot() -> Self {
        Self { after_ms: 0, deed: Deed::Reboot, for_ms: None, codes: Vec::new() }
    }

    fn condition(&self) -> Condition {
        match self.deed {
            Deed::Fail | Deed::Reboot => Condition::of(Status::Disconnected),
            Deed::Sleep => Condition::of(Status::DeepSleep),
            Deed::Error if self.codes.is_empty() => Condition::of(Status::WithIssues),
            Deed::Error => Condition::ailing(self.codes.clone()),
            Deed::Expire => Condition::of(Status::Expired),
            Deed::Recover => Condition::well(),
        }
    }
}

impl Life {
    pub(crate) fn new(first: Condition) -> Self {
        Self { first, turns: Vec::new() }
    }

    /// How the device is at a moment, and since when; since ever where nothing has happened to it.
    pub(crate) fn at(&self, now: Timestamp) -> (&Condition, Option<Timestamp>) {
        match self.turns[..self.past(now)].last() {
            Some(turn) => (&turn.condition, Some(turn.at)),
            None => (&self.first, None),
        }
    }

    /// The turns after a moment.
    pub(crate) fn coming(&self, now: Timestamp) -> &[Turn] {
        &self.turns[self.past(now)..]
    }

    /// How many turns a moment has behind it.
    fn past(&self, now: Timestamp) -> usize {
        self.turns.partition_point(|turn| turn.at <= now)
    }

    /// Puts a script in place of what was to come; how many turns it makes.
    pub(crate) fn follow(&mut self, steps: &[Step], now: Timestamp) -> usize {
        let past = self.past(now);
        self.turns.truncate(past);
        // What is over is forgotten, so that a device with a script a minute does not grow.
        self.turns.drain(..past.saturating_sub(1));
        let kept = self.turns.len();
        for step in steps {
            let at = later(now, Duration::from_millis(step.after_ms));
            let before = self.at(at).0.clone();
            self.turn(at, step.condition());
            let lasts = step.for_ms.map(Duration::from_millis);
            match (step.deed, lasts) {
                (Deed::Reboot, lasts) => self.turn(later(at, lasts.unwrap_or(REBOOT)), Condition::well()),
                (_, Some(lasts)) => self.turn(later(at, lasts), before),
                (_, None) => {}
            }
        }
        self.turns.len() - kept
    }

    /// Forgets every script: the device is as it was made.
    pub(crate) fn forget(&mut self) {
        self.turns.clear();
    }

    fn turn(&mut self, at: Timestamp, condition: Condition) {
        // After those of the same moment: the later line of a script wins.
        let place = self.past(at);
        self.turns.insert(place, Turn { at, condition });
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(json: &str) -> Vec<Step> {
        serde_json::from_str(json).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn status(life: &Life, second: i64) -> Status {
        life.at(at(second)).0.status
    }

    #[test]
    fn a_script_is_lived_line_by_line() {
        let mut life = Life::new(Condition::well());
        let script = steps(
            r#"[{"after_ms":10000,"do":"fail","for_ms":5000},{"after_ms":20000,"do":"error","codes":["sipregistration"]},
                {"after_ms":30000,"do":"reboot"}]"#,
        );
        assert_eq!(life.follow(&script, at(100)), 5);
        for (second, expected) in [
            (100, Status::Connected),
            (109, Status::Connected),
            (110, Status::Disconnected),
            (115, Status::Connected),
            (120, Status::WithIssues),
            (130, Status::Disconnected),
            (219, Status::Disconnected),
            (220, Status::Connected),
        ] {
            assert_eq!(status(&life, second), expected, "{second}");
        }
        assert_eq!(life.at(at(125)).0.errors, ["sipregistration"]);
        assert_eq!(life.at(at(112)).1, Some(at(110)));
        assert_eq!(life.coming(at(121)).len(), 2);
    }

    #[test]
    fn a_new_script_takes_the_place_of_what_was_to_come_and_not_of_what_is() {
        let mut life = Life::new(Condition::well());
        life.follow(&steps(r#"[{"do":"sleep"},{"after_ms":60000,"do":"expire"}]"#), at(0));
        life.follow(&steps(r#"[{"after_ms":5000,"do":"recover"}]"#), at(30));
        assert_eq!(
            (status(&life, 31), status(&life, 36), status(&life, 61)),
            (Status::DeepSleep, Status::Connected, Status::Connected)
        );
        for second in 100..10_000 {
            life.follow(&steps(r#"[{"do":"fail"}]"#), at(second));
        }
        assert!(life.turns.len() <= 2, "{}", life.turns.len());
        life.forget();
        assert_eq!(status(&life, 100), Status::Connected);
    }
}
