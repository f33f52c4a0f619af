//! Spontaneous events: devices that fail, restart and sleep, and people who come and go by the time of day.
//!
//! Everything follows from an id and the moment, so that a repeated day has equal events. Times of day are UTC.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::life::{Condition, Status};

/// How a device is at a moment when nobody scripted it, and since when; `None` on most days: then it is as it was made.
pub(super) fn condition(device: Uuid, now: Timestamp) -> Option<(Condition, Timestamp)> {
    let day = now.as_second().div_euclid(DAY);
    let fate = draw(device, day);
    let minute = now.as_second().rem_euclid(DAY) / 60;
    let spell = |start: i64, length: i64, condition: Condition| {
        let began = Timestamp::from_second(day * DAY + start * 60).ok()?;
        (start..start + length).contains(&minute).then_some((condition, began))
    };
    let (start, length) = (below(fate >> 8, 1200), below(fate >> 24, 115) + 5);
    match below(fate, 100) {
        0..=2 => spell(start, length, Condition::of(Status::Disconnected)),
        3..=6 => {
            let code = CODES[usize::try_from(below(fate >> 40, 5)).unwrap_or(0)];
            spell(start, length + 25, Condition::ailing(vec![code.to_owned()]))
        }
        // The weekly maintenance.
        7..=13 => spell(180, 4, Condition::of(Status::Disconnected)),
        // Some sleep at night.
        _ if below(draw(device, 0), 5) == 0 => spell(0, 360, Condition::of(Status::DeepSleep)),
        _ => None,
    }
}

/// How many people are in a room: at most as many as fit, by day more often than by night, and at weekends hardly any.
pub(crate) fn people(workspace: Uuid, capacity: usize, at: Timestamp) -> usize {
    let second = at.as_second();
    let slot = second.div_euclid(HALF_HOUR);
    let hour = second.rem_euclid(DAY) / 3600;
    // The first day of the epoch was a Thursday.
    let weekday = (second.div_euclid(DAY) + 3).rem_euclid(7);
    let likely = match (weekday, hour) {
        (5.., _) => 2,
        (_, 9..=11 | 13..=16) => 55,
        (_, 8 | 12 | 17) => 25,
        (_, 7 | 18) => 8,
        _ => 1,
    };
    let drawn = draw(workspace, slot);
    if below(drawn, 100) >= likely {
        return 0;
    }
    let most = i64::try_from(capacity.max(1)).unwrap_or(i64::MAX);
    usize::try_from(1 + below(drawn >> 32, most)).unwrap_or(1)
}

/// A quantity that a room's sensors measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    SoundLevel,
    AmbientNoise,
    Temperature,
    Humidity,
    Tvoc,
    PeopleCount,
}

/// A reading: decibels, degrees Celsius, percent, milligrams a cubic metre or people, with one digit after the point.
pub(crate) fn reading(sense: Sense, workspace: Uuid, capacity: usize, at: Timestamp) -> f64 {
    let present = u32::try_from(people(workspace, capacity, at)).unwrap_or(u32::MAX);
    let crowd = f64::from(present);
    let minute = at.as_second().div_euclid(SAMPLE.as_secs().cast_signed());
    let wobble = f64::from(u32::try_from(draw(workspace, minute) % 100).unwrap_or(0)) / 100.0;
    let value = match sense {
        Sense::PeopleCount => crowd,
        Sense::SoundLevel if present > 0 => 52.0 + crowd.min(12.0) + 6.0 * wobble,
        Sense::SoundLevel | Sense::AmbientNoise => 31.0 + 4.0 * wobble,
        Sense::Temperature => 20.5 + 0.15 * crowd.min(20.0) + wobble,
        Sense::Humidity => 38.0 + 0.3 * crowd.min(20.0) + 4.0 * wobble,
        Sense::Tvoc => 0.2 + 0.05 * crowd.min(20.0) + 0.1 * wobble,
    };
    (value * 10.0).round() / 10.0
}

/// How far two readings lie apart.
pub(crate) const SAMPLE: Duration = Duration::from_mins(5);

const DAY: i64 = 86_400;
const HALF_HOUR: i64 = 1_800;

/// The error codes that an online device may have.
const CODES: [&str; 5] =
    ["microphonemutedexternal", "sipprofileregistration", "touchpanelconnection", "camerapairing", "networkquality"];

/// A number that looks random and is the same for the same thing and occasion (splitmix64).
fn draw(thing: Uuid, occasion: i64) -> u64 {
    let (high, low) = thing.as_u64_pair();
    let mut value = high ^ low.rotate_left(17) ^ occasion.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A small number out of a drawn one.
fn below(drawn: u64, bound: i64) -> i64 {
    (drawn % bound.max(1).cast_unsigned()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn rooms() -> impl Iterator<Item = Uuid> {
        (1..=2000).map(|number: u128| Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
    }

    #[test]
    fn rooms_fill_by_day_and_are_empty_by_night() {
        let used = |moment: &str| rooms().filter(|room| people(*room, 8, at(moment)) > 0).count();
        let (morning, night, sunday) =
            (used("2026-03-04T10:10:00Z"), used("2026-03-04T02:10:00Z"), used("2026-03-08T10:10:00Z"));
        assert!((900..1300).contains(&morning), "{morning}");
        assert!(night < 60 && sunday < 100, "{night} {sunday}");
        assert!(rooms().all(|room| people(room, 8, at("2026-03-04T10:10:00Z")) <= 8));
    }

    #[test]
    fn a_day_brings_a_few_failures_and_the_same_ones_again() {
        let down =
            |moment: &str| -> Vec<Uuid> { rooms().filter(|device| condition(*device, at(moment)).is_some()).collect() };
        let noon = down("2026-03-04T12:00:00Z");
        assert!((1..60).contains(&noon.len()), "{}", noon.len());
        assert_eq!(noon, down("2026-03-04T12:00:00Z"));
        assert!(down("2026-03-04T04:00:00Z").len() > 200, "some sleep at night");
    }

    #[test]
    fn a_full_room_is_louder_and_warmer_than_an_empty_one() {
        let moment = at("2026-03-04T10:10:00Z");
        let full = rooms().find(|room| people(*room, 8, moment) > 6).unwrap();
        let bare = rooms().find(|room| people(*room, 8, moment) == 0).unwrap();
        for sense in [Sense::SoundLevel, Sense::Tvoc, Sense::PeopleCount] {
            assert!(reading(sense, full, 8, moment) > reading(sense, bare, 8, moment), "{sense:?}");
        }
    }
}
