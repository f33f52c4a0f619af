//! The statuses of a device, as values.

mod quantity;

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::quantity::{Quantity, QuantityError};

/// The statuses that a device reported at one reading. A value is absent if the device did not report it, or not in a form that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Statuses {
    /// The standby state, in Webex's word: `Off`, `Halfwake`, `EnteringStandby` or `Standby`.
    pub standby: Option<String>,
    /// How many calls are active.
    pub calls: Option<u32>,
    /// How many people the camera counts.
    pub people: Option<u32>,
    /// The volume, from 0 to 100.
    pub volume: Option<u32>,
    /// The temperature, in degrees Celsius.
    #[schemars(with = "Option<f64>")]
    pub temperature: Option<Tenths>,
    /// The relative humidity, in percent.
    #[schemars(with = "Option<f64>")]
    pub humidity: Option<Tenths>,
    /// The index of the air quality; lower is better.
    #[schemars(with = "Option<f64>")]
    pub air_quality: Option<Tenths>,
    /// The peripherals; 16 at most.
    pub peripherals: Option<Vec<Peripheral>>,
    /// The network connection.
    pub network: Option<Network>,
}

/// A device that is attached to another one, such as a touch panel or a camera.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Peripheral {
    /// Its name, or its type if it has none.
    pub name: String,
    /// Whether it is connected; `None` if the device does not say so.
    pub connected: Option<bool>,
}

/// A network connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Network {
    /// The interface that is used.
    pub interface: Option<Interface>,
    /// The IP address.
    pub address: Option<String>,
}

/// The interface of a network connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Interface {
    /// A cable.
    Wired,
    /// Wi-Fi.
    Wifi,
}

impl Interface {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wired => "wired",
            Self::Wifi => "Wi-Fi",
        }
    }
}

/// What is known of a device's statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusesView {
    /// The statuses that it reported last.
    #[serde(flatten)]
    pub statuses: Statuses,
    /// When it reported them; `None` if it never did.
    #[schemars(with = "Option<String>")]
    pub read_at: Option<Timestamp>,
    /// When it was asked last.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub tried_at: Timestamp,
    /// Why it did not answer then.
    pub reason: Option<String>,
}

/// A number with one digit after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenths(i32);

impl Tenths {
    /// The number, rounded; `None` if it is not between these bounds.
    pub(crate) fn within(number: f64, (lowest, highest): (f64, f64)) -> Option<Self> {
        if !(lowest..=highest).contains(&number) {
            return None;
        }
        format!("{:.0}", number * 10.0).parse().ok().map(Self)
    }

    /// A whole number.
    pub(crate) fn whole(number: u32) -> Self {
        Self(i32::try_from(number).unwrap_or(i32::MAX).saturating_mul(10))
    }

    /// The number.
    pub fn number(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl From<Tenths> for i64 {
    fn from(tenths: Tenths) -> Self {
        Self::from(tenths.0)
    }
}

impl Tenths {
    /// The number of so many tenths; the nearest that there is.
    pub(crate) fn of(tenths: i64) -> Self {
        Self(i32::try_from(tenths).unwrap_or(if tenths < 0 { i32::MIN } else { i32::MAX }))
    }
}

impl fmt::Display for Tenths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1}", self.number())
    }
}

impl Serialize for Tenths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Tenths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Self::within(number, (-1e8, 1e8)).ok_or_else(|| serde::de::Error::custom("the number is out of bounds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_one_digit_after_the_point() {
        let within = |number| Tenths::within(number, (-50.0, 100.0));
        for (number, shown) in [(23.44, "23.4"), (-0.06, "-0.1"), (0.0, "0.0"), (100.0, "100.0"), (-50.0, "-50.0")] {
            let tenths = within(number).unwrap();
            assert_eq!(tenths.to_string(), shown);
            let text = serde_json::to_string(&tenths).unwrap();
            assert_eq!(serde_json::from_str::<Tenths>(&text).unwrap(), tenths, "{text}");
        }
        for number in [100.1, -51.0, f64::NAN, f64::INFINITY] {
            assert_eq!(within(number), None, "{number}");
        }
        assert!(serde_json::from_str::<Tenths>("1e300").is_err());
    }
}
