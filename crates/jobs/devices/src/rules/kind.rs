//! What a rule looks at.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::AlertSeverity;

/// How long a device must be down.
pub const DOWN_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a device must be degraded.
pub const DEGRADED_FOR: SignedDuration = SignedDuration::from_mins(30);
/// How long a watch must be unable to read.
pub const BLIND_FOR: SignedDuration = SignedDuration::from_mins(5);
/// A device whose readings change more often than this within an hour is flapping.
pub const FLAPPING_OVER: usize = 5;
/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The watch cannot read its devices.
    Blind,
    /// A device is down.
    Down,
    /// Webex no longer lists devices, although the watch reads well.
    Coverage,
    /// A device is degraded.
    Degraded,
    /// The state of a device changes again and again.
    Flapping,
    /// A number that a device reports is too high or too low.
    Threshold,
}

impl Rule {
    /// Those of which there is a rule from the first watch on, the most urgent first.
    pub const BUILT_IN: [Self; 5] = [Self::Blind, Self::Down, Self::Coverage, Self::Degraded, Self::Flapping];
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Blind, Self::Down, Self::Coverage, Self::Degraded, Self::Flapping, Self::Threshold];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Down => "down",
            Self::Coverage => "coverage",
            Self::Degraded => "degraded",
            Self::Flapping => "flapping",
            Self::Threshold => "threshold",
        }
    }

    /// What this word stands for.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }

    /// What the rule with this name looks at, if there is one of this name from the first watch on.
    pub fn of_built_in(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|rule| rule.as_str() == name)
    }

    /// How urgent its alerts are, unless somebody changes it.
    pub const fn severity(self) -> AlertSeverity {
        match self {
            Self::Blind | Self::Down => AlertSeverity::Critical,
            Self::Coverage | Self::Degraded | Self::Flapping | Self::Threshold => AlertSeverity::Warning,
        }
    }

    /// The type of the event that begins an alert.
    pub const fn event(self) -> &'static str {
        match self {
            Self::Blind => "watch.blind",
            Self::Down => "device.down",
            Self::Coverage => "watch.coverage-fell",
            Self::Degraded => "device.degraded",
            Self::Flapping => "device.flapping",
            Self::Threshold => "device.threshold",
        }
    }

    /// The type of the event that ends an alert.
    pub const fn end_event(self) -> &'static str {
        match self {
            Self::Blind | Self::Coverage => "watch.recovered",
            Self::Down | Self::Degraded | Self::Flapping | Self::Threshold => "device.recovered",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_word_of_its_own() {
        for rule in Rule::ALL {
            assert_eq!(Rule::of_word(rule.as_str()), Some(rule));
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
    }
}
