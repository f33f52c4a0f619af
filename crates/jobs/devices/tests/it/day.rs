//! A simulated day of five organisations with 200 devices each: what is stored and told is what the script says, to the sample. The long
//! form is in `docs/proofs.md`.
//!
//! Meanwhile a token is regenerated, an organisation cannot be reached, Webex answers 429 again and again, and grants are withdrawn.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lanyard_protocol::Device;
use lanyard_store::Event;
use lanyard_store::sql::sql;

use crate::world::{Scene, World, at, device, on_both_engines};

/// Readings in a day, three minutes apart.
const DAY: usize = 480;
const DEVICES: usize = 200;
/// This many devices have an outage of their own; those that follow are special.
const OUTAGES: usize = 150;

/// What happens to an organisation besides the outages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// The token is refused for an hour.
    Regenerated,
    /// Nobody answers for half an hour, in which a device goes down.
    Unreachable,
    /// Every 17th reading fails.
    Limited,
    /// Eight devices are not listed for two hours.
    Withdrawn,
}

const ORGANISATIONS: [Trouble; 5] =
    [Trouble::None, Trouble::Regenerated, Trouble::Unreachable, Trouble::Limited, Trouble::Withdrawn];

/// A number of the long form, or that of the short one.
fn number(variable: &str, short: usize) -> usize {
    std::env::var(variable).ok().map_or(short, |text| text.parse().expect("a number"))
}

fn days() -> usize {
    number("LANYARD_DEVICE_DAYS", 1)
}

impl Trouble {
    /// Why a reading fails.
    fn failure(self, sample: usize) -> Option<&'static str> {
        let sample = sample % DAY;
        match self {
            Self::Regenerated if (100..120).contains(&sample) => Some("Webex does not accept the token any more"),
            Self::Unreachable if (200..210).contains(&sample) => Some("Webex did not answer"),
            Self::Limited if sample % 17 == 16 => Some("Webex answered 429"),
            _ => None,
        }
    }
}

/// The status of a device in a reading; `None` if Webex does not list it. Each day is like the one before.
fn status(trouble: Trouble, number: usize, sample: usize) -> Option<&'static str> {
    let sample = sample % DAY;
    let within = |first: usize, count: usize| (first..first + count).contains(&sample);
    let is_down = match number {
        // From one reading to twelve, each beginning at another time.
        0..OUTAGES => within(10 + number * 37 % 380, 1 + number % 12),
        // Down before nobody answers, and after.
        150 => trouble == Trouble::Unreachable && within(195, 30),
        // Down while nobody answers, and after.
        151 => trouble == Trouble::Unreachable && within(203, 30),
        // Thirty at once.
        160..190 => within(440, 10),
        199 => within(300, 20) && sample.is_multiple_of(2),
        _ => false,
    };
    match number {
        190..198 if trouble == Trouble::Withdrawn && within(150, 40) => None,
        198 if within(50, 15) => Some("connected_with_issues"),
        _ if is_down => Some("disconnected"),
        _ => Some("connected"),
    }
}

/// A period: its beginning, its end and the state.
type Span = (Timestamp, Option<Timestamp>, &'static str);

/// What the script means for one device, worked out sample by sample.
#[derive(Default)]
struct Expected {
    periods: Vec<Span>,
    /// Since when it was down, for each time that people are told.
    downs: BTreeSet<Timestamp>,
}

fn expected(trouble: Trouble, number: usize) -> Expected {
    let word = |status: Option<&str>| match status {
        None => "unknown",
        Some("connected") => "up",
        Some("disconnected") => "down",
        Some(_) => "degraded",
    };
    let mut found = Expected::default();
    let (mut state, mut since) = ("", at(0));
    let mut before: Option<(&'static str, Timestamp)> = None;
    let (mut last_read, mut was_blind) = (at(0), false);
    for sample in 0..days() * DAY {
        let now = at(3 * i64::try_from(sample).unwrap());
        if trouble.failure(sample).is_some() {
            if !was_blind {
                found.periods.last_mut().unwrap().1 = Some(last_read);
            }
            (was_blind, before) = (true, None);
            continue;
        }
        let seen = word(status(trouble, number, sample));
        if state.is_empty() {
            (state, since) = (seen, now);
            found.periods.push((now, None, state));
        } else if std::mem::take(&mut was_blind) {
            found.periods.push((now, None, state));
        }
        match before {
            _ if seen == state => before = None,
            Some((word, first)) if word == seen => {
                let last = found.periods.last_mut().unwrap();
                if last.0 == first {
                    // The first reading after a time of which nothing is known was of the new state already.
                    last.2 = seen;
                } else {
                    last.1 = Some(first);
                    found.periods.push((first, None, seen));
                }
                (state, since, before) = (seen, first, None);
            }
            _ => before = Some((seen, now)),
        }
        if state == "down" && before.is_none() && now.duration_since(since).as_mins() >= 5 {
            found.downs.insert(since);
        }
        last_read = now;
    }
    found
}

fn id(number: usize) -> String {
    format!("{number:04}")
}

async fn live(scene: &Scene<'_>, trouble: Trouble) {
    for sample in 0..days() * DAY {
        let minute = 3 * i64::try_from(sample).unwrap();
        if let Some(why) = trouble.failure(sample) {
            scene.fail(minute, why).await;
            continue;
        }
        let of = |number: usize| status(trouble, number, sample).map(|status| device(&id(number), status));
        let listed: Vec<Device> = (0..DEVICES).filter_map(of).collect();
        scene.read(minute, &listed).await;
    }
}

/// The periods that are stored, by device.
async fn stored(scene: &Scene<'_>) -> BTreeMap<String, Vec<(Timestamp, Option<Timestamp>, String)>> {
    let select = "SELECT device, began, ended, state FROM devices_periods WHERE watch = $1 ORDER BY device, began";
    let rows = scene.store.read(sql("devices_periods", select).bind(scene.watch.id.as_str())).await.unwrap();
    let mut periods: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for row in rows {
        let period =
            (row.timestamp("began").unwrap(), row.optional_timestamp("ended").unwrap(), row.text("state").unwrap());
        periods.entry(row.text("device").unwrap()).or_default().push(period);
    }
    periods
}

/// What people were told of a watch: the type, how many devices, the one that it is about, and since when.
async fn told(scene: &Scene<'_>, after: u64) -> Vec<(String, u64, Option<String>, Timestamp)> {
    let entries = scene.store.told_after(after, None, 1_000_000).await.unwrap();
    let of_watch = entries.into_iter().filter_map(|entry| match entry.record.event {
        Event::JobAlert { news, details, .. } if details["watch"] == scene.watch.watch.name.as_str() => {
            let device = details.get("device_id").map(|id| id.as_str().unwrap().to_owned());
            let since = details["since"].as_str().unwrap().parse().unwrap();
            Some((news, details["count"].as_u64().unwrap(), device, since))
        }
        _ => None,
    });
    of_watch.collect()
}

async fn a_day_is_stored_and_told_as_it_was(world: World) {
    let count = number("LANYARD_DEVICE_ORGANISATIONS", ORGANISATIONS.len());
    for (number, trouble) in ORGANISATIONS.into_iter().cycle().take(count).enumerate() {
        let scene = world.scene(&format!("organisation-{number}")).await;
        let before = scene.store.journal_end().await.unwrap().number;
        live(&scene, trouble).await;
        let (stored, told) = (stored(&scene).await, told(&scene, before).await);
        let mut downs = BTreeSet::new();
        for number in 0..DEVICES {
            let expected = expected(trouble, number);
            let found: Vec<Span> =
                stored[&id(number)].iter().map(|(began, ended, state)| (*began, *ended, word(state))).collect();
            assert_eq!(found, expected.periods, "{trouble:?}, device {number}");
            let is_single = !(160..190).contains(&number) && number != 199;
            downs.extend(expected.downs.into_iter().filter(|_| is_single).map(|since| (id(number), since)));
        }
        // No false alert, and none missed.
        let of = |kind: &str| told.iter().filter(|(news, ..)| news == kind).cloned().collect::<Vec<_>>();
        let single: Vec<_> =
            of("device.down").into_iter().filter_map(|(.., device, since)| Some((device?, since))).collect();
        assert_eq!(single.iter().cloned().collect::<BTreeSet<_>>(), downs, "{trouble:?}");
        assert_eq!(single.len(), downs.len(), "nobody is told twice: {trouble:?}");
        assert!(downs.len() > 100, "{trouble:?}: {}", downs.len());
        let shared: Vec<u64> = of("device.down")
            .into_iter()
            .filter(|(.., device, _)| device.is_none())
            .map(|(_, count, ..)| count)
            .collect();
        assert_eq!(shared, vec![30; days()], "{trouble:?}");
        assert_eq!(of("device.degraded").len(), days(), "{trouble:?}");
        assert_eq!(of("device.flapping").len(), days(), "{trouble:?}");
        let raised = downs.len() + 3 * days();
        assert_eq!(of("device.recovered").len(), raised, "each one has ended: {trouble:?}");
        let blind = days() * usize::from(matches!(trouble, Trouble::Regenerated | Trouble::Unreachable));
        assert_eq!(of("watch.blind").len(), blind, "{trouble:?}");
        let lost: Vec<u64> = of("watch.coverage-fell").into_iter().map(|(_, count, ..)| count).collect();
        assert_eq!(lost, if trouble == Trouble::Withdrawn { vec![8; days()] } else { vec![] }, "{trouble:?}");
        assert_eq!(of("watch.recovered").len(), blind + lost.len(), "{trouble:?}");
    }
}

fn word(state: &str) -> &'static str {
    ["up", "down", "degraded", "unknown"].into_iter().find(|word| *word == state).unwrap()
}

on_both_engines!(a_day_is_stored_and_told_as_it_was);
