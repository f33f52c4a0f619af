//! The last days of a device, half an hour for each sign.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lanyard_devices::{DeviceState, PeriodView};

/// How many days are drawn.
const DAYS: usize = 3;
/// The width of a day's name.
const DAY: usize = 10;
/// The heading: three hours have six signs.
const HOURS: &str = "00    03    06    09    12    15    18    21";
/// How many signs a day has.
const SLOTS: i64 = 48;

/// The chart of the last days, the latest first: a heading, a line for each day, and a legend if a sign other than that of "up" occurs.
pub(super) fn lines(periods: &[PeriodView], zone: &TimeZone, now: Timestamp) -> Vec<String> {
    let name = zone.iana_name().unwrap_or_default();
    let width = name.len().max(DAY) + 2;
    let mut lines = vec![format!("{name:width$}{HOURS}")];
    let mut day = now.to_zoned(zone.clone()).date();
    let mut signs = String::new();
    for _ in 0..DAYS {
        let drawn: String = (0..SLOTS).map(|slot| sign(periods, slot_of(day, slot, zone), now)).collect();
        let change = last_change(periods, day, zone).map(|change| format!("  {change}")).unwrap_or_default();
        lines.push(format!("{:width$}{drawn}{change}", day.strftime("%a %-d %b").to_string()));
        signs.push_str(&drawn);
        let Ok(before) = day.yesterday() else { break };
        day = before;
    }
    let legend: Vec<_> = LEGEND.iter().filter(|(sign, _)| signs.contains(*sign)).collect();
    // The rest of today is not yet: that needs no explanation.
    if legend.iter().any(|(sign, _)| !matches!(sign, '#' | '.')) {
        let legend: Vec<String> = legend.iter().map(|(sign, what)| format!("{sign} {what}")).collect();
        lines.push(format!("{:width$}{}", "", legend.join("  ")));
    }
    lines
}

const LEGEND: [(char, &str); 7] =
    [('#', "up"), ('~', "degraded"), ('x', "down"), ('z', "asleep"), ('+', "new"), ('/', "unknown"), ('.', "not yet")];

/// The beginning and the end of a slot. On a day whose clocks change, it is as long as the day makes it.
fn slot_of(day: Date, slot: i64, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let begin = |day: Date| {
        zone.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible().map_or(Timestamp::MAX, |at| at.timestamp())
    };
    let (from, to) = (begin(day), day.tomorrow().map_or(Timestamp::MAX, begin));
    let part = to.duration_since(from).as_secs() / SLOTS;
    (from + SignedDuration::from_secs(part * slot), from + SignedDuration::from_secs(part * (slot + 1)))
}

/// The sign of the worst state in a slot: a short outage is seen.
fn sign(periods: &[PeriodView], (from, to): (Timestamp, Timestamp), now: Timestamp) -> char {
    if from > now {
        return '.';
    }
    let is_in = |period: &&PeriodView| period.began < to && period.ended.is_none_or(|ended| ended > from);
    let worst = periods.iter().filter(is_in).map(|period| period.state).min_by_key(|state| match state {
        DeviceState::Down => 0,
        DeviceState::Degraded => 1,
        DeviceState::Unknown => 2,
        DeviceState::New => 3,
        DeviceState::Asleep => 4,
        DeviceState::Up => 5,
    });
    match worst {
        Some(DeviceState::Up) => '#',
        Some(DeviceState::Degraded) => '~',
        Some(DeviceState::Down) => 'x',
        Some(DeviceState::Asleep) => 'z',
        Some(DeviceState::New) => '+',
        Some(DeviceState::Unknown) | None => '/',
    }
}

/// The last change for the worse of a day.
fn last_change(periods: &[PeriodView], day: Date, zone: &TimeZone) -> Option<String> {
    let is_worse = |period: &&PeriodView| matches!(period.state, DeviceState::Down | DeviceState::Degraded);
    let began = |period: &PeriodView| period.began.to_zoned(zone.clone());
    let found = periods.iter().filter(is_worse).filter(|period| began(period).date() == day);
    let last = found.max_by_key(|period| period.began)?;
    Some(format!("{} {}", last.state, began(last).strftime("%H:%M")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(state: DeviceState, began: &str, ended: Option<&str>) -> PeriodView {
        PeriodView { state, began: began.parse().unwrap(), ended: ended.map(|at| at.parse().unwrap()), cause: None }
    }

    #[test]
    fn a_short_outage_is_seen_and_the_rest_of_today_is_not_yet() {
        let periods = [
            period(DeviceState::Down, "2026-12-02T07:12:00Z", None),
            period(DeviceState::Up, "2026-11-30T10:31:00Z", Some("2026-12-02T07:12:00Z")),
            period(DeviceState::Degraded, "2026-11-30T10:02:00Z", Some("2026-11-30T10:31:00Z")),
            period(DeviceState::Up, "2026-11-30T03:00:00Z", Some("2026-11-30T10:02:00Z")),
        ];
        let zurich = TimeZone::fixed(jiff::tz::offset(1));
        let lines = lines(&periods, &zurich, "2026-12-02T09:20:00Z".parse().unwrap());
        assert_eq!(
            lines,
            [
                "            00    03    06    09    12    15    18    21",
                "Wed 2 Dec   ################xxxxx...........................  down 08:12",
                "Tue 1 Dec   ################################################",
                "Mon 30 Nov  ////////##############~~########################  degraded 11:02",
                "            # up  ~ degraded  x down  / unknown  . not yet",
            ]
        );
        // Of a device that was well there is nothing to explain.
        let well = [period(DeviceState::Up, "2026-11-01T00:00:00Z", None)];
        assert_eq!(super::lines(&well, &zurich, "2026-12-02T09:20:00Z".parse().unwrap()).len(), 4);
    }

    #[test]
    fn a_day_whose_clocks_change_has_as_many_signs_as_another() {
        let zone = TimeZone::get("Europe/Zurich").unwrap();
        let periods = [period(DeviceState::Up, "2026-10-01T00:00:00Z", None)];
        let lines = lines(&periods, &zone, "2026-10-26T12:00:00Z".parse().unwrap());
        assert!(lines[0].starts_with("Europe/Zurich  00 "), "{lines:?}");
        assert!(lines[2].starts_with("Sun 25 Oct") && lines[2].matches('#').count() == 48, "{lines:?}");
    }
}
