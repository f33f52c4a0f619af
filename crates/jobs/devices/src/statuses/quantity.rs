//! The numbers among the statuses.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Statuses, Tenths};

/// A number that a device reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// The temperature, in degrees Celsius.
    Temperature,
    /// The relative humidity, in percent.
    Humidity,
    /// The index of the air quality; lower is better.
    AirQuality,
    /// How many people the camera counts.
    People,
    /// How many calls are active.
    Calls,
}

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Temperature, Self::Humidity, Self::AirQuality, Self::People, Self::Calls];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Humidity => "humidity",
            Self::AirQuality => "air-quality",
            Self::People => "people",
            Self::Calls => "calls",
        }
    }

    /// The words for it in a sentence, after "the".
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Temperature => "temperature",
            Self::Humidity => "humidity",
            Self::AirQuality => "index of the air quality",
            Self::People => "number of people",
            Self::Calls => "number of calls",
        }
    }

    /// The number among a device's statuses.
    pub fn of(self, statuses: &Statuses) -> Option<Tenths> {
        match self {
            Self::Temperature => statuses.temperature,
            Self::Humidity => statuses.humidity,
            Self::AirQuality => statuses.air_quality,
            Self::People => statuses.people.map(Tenths::whole),
            Self::Calls => statuses.calls.map(Tenths::whole),
        }
    }

    /// A number of it with its unit, as in "23.4 C".
    pub fn show(self, number: Tenths) -> String {
        match self {
            Self::Temperature => format!("{number} C"),
            Self::Humidity => format!("{number} %"),
            Self::AirQuality => number.to_string(),
            Self::People | Self::Calls => format!("{:.0}", number.number()),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not the word for a number of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuantityError;

impl fmt::Display for QuantityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected one of: ")?;
        f.write_str(&Quantity::ALL.map(Quantity::as_str).join(", "))
    }
}

impl std::error::Error for QuantityError {}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        Self::ALL.into_iter().find(|quantity| quantity.as_str() == text).ok_or(QuantityError)
    }
}
