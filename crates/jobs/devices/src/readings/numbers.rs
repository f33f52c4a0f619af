//! The numbers that devices report, and how those of an hour or a day are kept together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::statuses::Quantity;
use crate::statuses::Tenths;

/// What a device reported of a quantity over some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuantityRange {
    /// How many readings there were.
    pub readings: u64,
    /// The lowest.
    #[schemars(with = "f64")]
    pub lowest: Tenths,
    /// The mean of the readings.
    #[schemars(with = "f64")]
    pub mean: Tenths,
    /// The highest.
    #[schemars(with = "f64")]
    pub highest: Tenths,
}

/// Readings of a quantity, in tenths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    readings: i64,
    lowest: i64,
    highest: i64,
    total: i64,
}

impl Spread {
    /// Of one reading.
    pub(super) fn of(value: Tenths) -> Self {
        let value = value.into();
        Self { readings: 1, lowest: value, highest: value, total: value }
    }

    /// Of the readings of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            readings: self.readings.saturating_add(other.readings),
            lowest: self.lowest.min(other.lowest),
            highest: self.highest.max(other.highest),
            total: self.total.saturating_add(other.total),
        }
    }

    /// Of all readings.
    pub(crate) fn of_all(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(Self::and)
    }

    /// Of these readings, as people and programs see it.
    pub(crate) fn range(self) -> QuantityRange {
        let half = self.readings / 2 * self.total.signum();
        QuantityRange {
            readings: self.readings.unsigned_abs(),
            lowest: Tenths::of(self.lowest),
            mean: Tenths::of(self.total.saturating_add(half) / self.readings),
            highest: Tenths::of(self.highest),
        }
    }
}

/// The numbers of a device in the hours of a day, or in the days of a month: for each slot in which it reported one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers(BTreeMap<Quantity, BTreeMap<u8, Spread>>);

/// As it is written: for each quantity the slot, the count, the lowest, the highest and the total.
type Written = BTreeMap<String, Vec<[i64; 5]>>;

impl Numbers {
    /// Reads what was [written](Self::written). What cannot be read is left out.
    pub(super) fn read(text: &str) -> Self {
        let written: Written = serde_json::from_str(text).unwrap_or_default();
        let mut numbers = Self::default();
        for (word, slots) in written {
            let Ok(quantity) = word.parse::<Quantity>() else { continue };
            for [slot, readings, lowest, highest, total] in slots {
                if let Ok(slot) = u8::try_from(slot)
                    && readings > 0
                {
                    numbers.add(quantity, slot, Spread { readings, lowest, highest, total });
                }
            }
        }
        numbers
    }

    /// The text that is stored.
    pub(super) fn written(&self) -> String {
        let slots = |slots: &BTreeMap<u8, Spread>| {
            slots.iter().map(|(slot, of)| [i64::from(*slot), of.readings, of.lowest, of.highest, of.total]).collect()
        };
        let written: Written = self.0.iter().map(|(quantity, of)| (quantity.as_str().to_owned(), slots(of))).collect();
        serde_json::to_string(&written).expect("numbers are written as JSON")
    }

    /// Adds readings of a quantity to a slot.
    pub(super) fn add(&mut self, quantity: Quantity, slot: u8, spread: Spread) {
        let slot = self.0.entry(quantity).or_default().entry(slot);
        slot.and_modify(|held| *held = held.and(spread)).or_insert(spread);
    }

    /// Replaces a slot by all readings of `numbers`.
    pub(super) fn set(&mut self, slot: u8, numbers: &Self) {
        for quantity in Quantity::ALL {
            match numbers.total(quantity) {
                Some(total) => drop(self.0.entry(quantity).or_default().insert(slot, total)),
                None => drop(self.0.get_mut(&quantity).and_then(|slots| slots.remove(&slot))),
            }
        }
    }

    /// The readings of a quantity in each slot.
    pub(crate) fn slots(&self, quantity: Quantity) -> impl Iterator<Item = (u8, Spread)> {
        self.0.get(&quantity).into_iter().flatten().map(|(slot, spread)| (*slot, *spread))
    }

    /// All readings of a quantity.
    pub(crate) fn total(&self, quantity: Quantity) -> Option<Spread> {
        Spread::of_all(self.slots(quantity).map(|(_, spread)| spread))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(quantity: Quantity, readings: &[(u8, f64)]) -> Numbers {
        let mut numbers = Numbers::default();
        for (slot, value) in readings {
            numbers.add(quantity, *slot, Spread::of(tenths(*value)));
        }
        numbers
    }

    fn tenths(number: f64) -> Tenths {
        Tenths::within(number, (-1e6, 1e6)).unwrap()
    }

    fn range(readings: u64, [lowest, mean, highest]: [f64; 3]) -> QuantityRange {
        QuantityRange { readings, lowest: tenths(lowest), mean: tenths(mean), highest: tenths(highest) }
    }

    #[test]
    fn readings_of_a_slot_are_kept_together_and_read_back() {
        let day = numbers(Quantity::Temperature, &[(8, 23.4), (8, 22.9), (8, 24.0), (9, -1.2)]);
        assert_eq!(day.written(), r#"{"temperature":[[8,3,229,240,703],[9,1,-12,-12,-12]]}"#);
        assert_eq!(Numbers::read(&day.written()), day);
        let (_, eight) = day.slots(Quantity::Temperature).next().unwrap();
        assert_eq!(eight.range(), range(3, [22.9, 23.4, 24.0]));
        assert_eq!(day.total(Quantity::Temperature).unwrap().range(), range(4, [-1.2, 17.3, 24.0]));
        assert_eq!(day.total(Quantity::People), None);
        let people = numbers(Quantity::People, &[(0, 0.0), (0, 5.0), (1, 0.0)]);
        assert_eq!(people.total(Quantity::People).unwrap().range(), range(3, [0.0, 1.7, 5.0]));
    }

    #[test]
    fn a_day_replaces_what_was_counted_of_it_before() {
        let (early, late) = (numbers(Quantity::People, &[(8, 2.0)]), numbers(Quantity::People, &[(8, 2.0), (17, 9.0)]));
        let mut month = numbers(Quantity::Calls, &[(3, 1.0), (4, 1.0)]);
        for day in [&early, &late, &late] {
            month.set(3, day);
        }
        let third = late.total(Quantity::People).unwrap();
        assert_eq!(month.slots(Quantity::People).collect::<Vec<_>>(), [(3, third)]);
        let fourth = Spread::of(tenths(1.0));
        assert_eq!(month.slots(Quantity::Calls).collect::<Vec<_>>(), [(4, fourth)], "there were no calls on the third");
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for text in ["", "null", "[1]", r#"{"people":"x"}"#, r#"{"people":[[8,1]]}"#] {
            assert_eq!(Numbers::read(text), Numbers::default(), "{text}");
        }
        let odd = r#"{"people":[[-1,1,1,1,1],[300,1,1,1,1],[8,0,1,1,1],[9,1,20,20,20]],"noise":[[8,1,1,1,1]]}"#;
        assert_eq!(Numbers::read(odd), numbers(Quantity::People, &[(9, 2.0)]));
        let huge = Numbers::read(&format!(r#"{{"people":[[1,{0},{0},{0},{0}],[2,{0},{0},{0},{0}]]}}"#, i64::MAX));
        assert_eq!(huge.total(Quantity::People).unwrap().range().lowest, Tenths::of(i64::MAX));
    }
}
