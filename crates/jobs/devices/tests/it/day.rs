//! A day of organisations with 200 devices each, at the simulator and on its clock: what is stored and told is what the script says, to the
//! sample. The long form is in `docs/proofs.md`.
//!
//! Meanwhile a token is regenerated, an organisation cannot be reached, Webex answers 429 again and again, grants are withdrawn, and a
//! queue loses and repeats messages.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, Unit};
use lanyard_devices::record;
use lanyard_store::Event;
use lanyard_store::sql::sql;
use serde_json::json;
use tokio::task::JoinSet;

use crate::organisation::Organisation;
use crate::pushes::Pushes;
use crate::world::{Scene, World, at};

/// Readings in a day, three minutes apart.
const DAY: usize = 480;
/// The roles that devices have. So many have an outage of their own; those that follow are special.
const ROLES: usize = 200;
const OUTAGES: usize = 150;
/// The roles of the devices that fail at once.
const THIRTY: Range<usize> = 160..190;
/// The roles of the devices in the rooms whose grant is withdrawn for two hours.
const WITHDRAWN: Range<usize> = 190..198;

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
    /// Devices are also read when a message of a queue says so, which loses and repeats messages.
    Pushed,
}

const ORGANISATIONS: [Trouble; 6] =
    [Trouble::None, Trouble::Regenerated, Trouble::Unreachable, Trouble::Limited, Trouble::Withdrawn, Trouble::Pushed];

/// A number of the long form, or that of the short one.
fn number(variable: &str, short: usize) -> usize {
    std::env::var(variable).ok().map_or(short, |text| text.parse().expect("a number"))
}

fn days() -> usize {
    number("LANYARD_DEVICE_DAYS", 1)
}

/// The roles of an organisation's devices: fewer devices are fewer outages.
fn roles() -> Vec<usize> {
    let special = ROLES - OUTAGES;
    let outages = number("LANYARD_DEVICES_EACH", ROLES).saturating_sub(special).min(OUTAGES);
    (0..outages).chain(OUTAGES..ROLES).collect()
}

/// What begins or ends at Webex before a reading.
#[derive(Clone, Copy, Debug)]
enum Mishap {
    None,
    NewToken,
    TokenAdopted,
    /// Every connection is cut.
    Cut,
    /// So many calls are answered with 429 and this `Retry-After`, in seconds; without a number, every call of this reading.
    Busy(Option<u64>, u32),
    /// The rooms of the devices from 190 to 197.
    Granted(Option<&'static str>),
    Healed,
}

impl Trouble {
    fn mishap(self, sample: usize) -> Mishap {
        match (self, sample) {
            (Self::Regenerated, 100) => Mishap::NewToken,
            (Self::Regenerated, 120) => Mishap::TokenAdopted,
            (Self::Unreachable, 200) => Mishap::Cut,
            (Self::Unreachable, 210) => Mishap::Healed,
            (Self::Limited, sample) if sample % 17 == 16 => Mishap::Busy(None, 60),
            (Self::Limited, sample) if sample % 5 == 4 => Mishap::Busy(Some(2), 7),
            (Self::Withdrawn, 150) => Mishap::Granted(None),
            (Self::Withdrawn, 190) => Mishap::Granted(Some("read")),
            _ => Mishap::None,
        }
    }

    /// Whether a reading fails. A few waits are no failure.
    fn fails(self, sample: usize) -> bool {
        match self {
            Self::Regenerated => (100..120).contains(&sample),
            Self::Unreachable => (200..210).contains(&sample),
            Self::Limited => sample % 17 == 16,
            Self::None | Self::Withdrawn | Self::Pushed => false,
        }
    }
}

/// What a device is scripted to do on a day: an event of the simulator's, the first reading that sees it, and how many do.
type Happening = (&'static str, usize, usize);

/// What happens to a device each day.
fn happenings(trouble: Trouble, number: usize) -> Vec<Happening> {
    match number {
        // Unseen by one reading to twelve, each at another time.
        0..OUTAGES => vec![("fail", 10 + number * 37 % 380, 1 + number % 12)],
        // Down before nobody answers, and after.
        150 if trouble == Trouble::Unreachable => vec![("fail", 195, 30)],
        // Down while nobody answers, and after.
        151 if trouble == Trouble::Unreachable => vec![("fail", 203, 30)],
        // Thirty at once.
        number if THIRTY.contains(&number) => vec![("fail", 440, 10)],
        198 => vec![("error", 50, 15)],
        // What is read between would change the count.
        199 if trouble != Trouble::Pushed => (0..10).map(|flap| ("fail", 300 + 2 * flap, 1)).collect(),
        _ => Vec::new(),
    }
}

/// How many seconds before the first reading that sees them the events of a device come.
const fn before(number: usize) -> usize {
    10 + number * 53 % 100
}

/// The number of the reading of the interval to which a device at this moment belongs.
fn sample_at(number: usize, now: Timestamp) -> usize {
    let passed = now.duration_since(at(0)).as_secs();
    (usize::try_from(passed).unwrap() + before(number)) / 180
}

/// The readings of a day in which the devices from 190 to 197 are not granted.
fn is_withdrawn(trouble: Trouble, sample: usize) -> bool {
    trouble == Trouble::Withdrawn && (150..190).contains(&(sample % DAY))
}

/// The state of a device in a reading; `None` if Webex does not list it. Each day is like the one before.
fn state(trouble: Trouble, number: usize, sample: usize) -> Option<&'static str> {
    if WITHDRAWN.contains(&number) && is_withdrawn(trouble, sample) {
        return None;
    }
    let happens = happenings(trouble, number);
    let now = happens.iter().find(|(_, first, count)| (*first..first + count).contains(&(sample % DAY)));
    Some(now.map_or("up", |(what, ..)| if *what == "fail" { "down" } else { "degraded" }))
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

fn expected(trouble: Trouble, number: usize, readings: &[Reading]) -> Expected {
    let mut found = Expected::default();
    let (mut counts, mut since) = ("", at(0));
    let mut before: Option<(&'static str, Timestamp)> = None;
    let (mut last_read, mut was_blind) = (at(0), false);
    for reading in readings {
        let now = reading.at;
        if !reading.is_read {
            if !was_blind {
                found.periods.last_mut().unwrap().1 = Some(last_read);
            }
            (was_blind, before) = (true, None);
            continue;
        }
        let seen = state(trouble, number, sample_at(number, now)).unwrap_or("unknown");
        if counts.is_empty() {
            (counts, since) = (seen, now);
            found.periods.push((now, None, counts));
        } else if std::mem::take(&mut was_blind) {
            found.periods.push((now, None, counts));
        }
        match before {
            _ if seen == counts => before = None,
            Some((word, first)) if word == seen => {
                let last = found.periods.last_mut().unwrap();
                if last.0 == first {
                    // The first reading after a time of which nothing is known was of the new state already.
                    last.2 = seen;
                } else {
                    last.1 = Some(first);
                    found.periods.push((first, None, seen));
                }
                (counts, since, before) = (seen, first, None);
            }
            _ => before = Some((seen, now)),
        }
        if counts == "down" && before.is_none() && now.duration_since(since).as_mins() >= 5 {
            found.downs.insert(since);
        }
        last_read = now;
    }
    found
}

/// A reading that took place.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Timestamp,
    is_read: bool,
}

/// The devices of an organisation, by their role, and their rooms.
async fn numbered(webex: &Organisation) -> BTreeMap<usize, (String, String)> {
    let mut devices = webex.devices().await;
    let count = |devices: &[(String, String)], room: &str| devices.iter().filter(|(_, other)| other == room).count();
    // A grant is that of a room: those that are withdrawn have all devices of theirs.
    let mut rooms = BTreeSet::new();
    let mut left = WITHDRAWN.len();
    for (_, room) in &devices {
        let inside = count(&devices, room);
        if !rooms.contains(room) && inside <= left {
            left -= inside;
            rooms.insert(room.clone());
        }
    }
    assert_eq!(left, 0);
    let (withdrawn, rest): (Vec<_>, Vec<_>) = devices.drain(..).partition(|(_, room)| rooms.contains(room));
    let (mut withdrawn, mut rest) = (withdrawn.into_iter(), rest.into_iter());
    let device = |role: usize| {
        let device = if WITHDRAWN.contains(&role) { withdrawn.next() } else { rest.next() };
        (role, device.expect("a device for each role"))
    };
    roles().into_iter().map(device).collect()
}

/// Scripts a day of all devices, which begins with a reading at `first`. Each event comes a while before the first reading that sees it.
async fn script(webex: &Organisation, devices: &BTreeMap<usize, (String, String)>, trouble: Trouble, first: Timestamp) {
    // Scripts are written in whole seconds.
    let second = webex.now().round(Unit::Second).unwrap();
    webex.wait_until(if second < webex.now() { second + SignedDuration::from_secs(1) } else { second });
    // The last reading of the day before may have waited for Webex.
    let passed = webex.now().duration_since(first - SignedDuration::from_mins(3)).as_secs().unsigned_abs();
    for (&number, (device, _)) in devices {
        let before = before(number) as u64;
        let step =
            |(what, first, count): Happening| (what, 180 * (first as u64 + 1) - before - passed, 180 * count as u64);
        let steps: Vec<_> = happenings(trouble, number).into_iter().map(step).collect();
        if !steps.is_empty() {
            webex.script(device, &steps).await;
        }
    }
}

/// Reads all devices once, as the broker of each scene does. What Webex answers is the same for all.
async fn read(webex: &Organisation, scenes: &[Scene<'_>]) -> Reading {
    let listing = webex.list(scenes[0].store, &scenes[0].watch).await;
    let now = webex.now();
    for scene in scenes {
        let read_before = lanyard_devices::read_at(scene.store, &scene.watch.id).await.unwrap();
        let listed = listing.devices.as_deref().map_err(String::as_str);
        record(scene.store, &scene.remembered, &scene.watch, &scene.listing(read_before, listed), now).await.unwrap();
    }
    Reading { at: now, is_read: listing.devices.is_ok() }
}

/// Reads all devices again and again, and between that as often as the queue says.
async fn live(
    webex: &Organisation,
    devices: &BTreeMap<usize, (String, String)>,
    scenes: &[Scene<'_>],
    trouble: Trouble,
) -> Vec<Reading> {
    let mut readings = Vec::new();
    let mut renewed = None;
    let pushes = if trouble == Trouble::Pushed { Some(Pushes::new(webex).await) } else { None };
    let mut heard = 0;
    for sample in 0..days() * DAY {
        let due = at(3 * i64::try_from(sample).unwrap());
        if sample % DAY == 0 {
            script(webex, devices, trouble, due).await;
        }
        webex.wait_until(due);
        match trouble.mishap(sample % DAY) {
            Mishap::None => {}
            Mishap::NewToken => renewed = Some(webex.regenerate().await),
            Mishap::TokenAdopted => webex.adopt(renewed.take().unwrap()),
            Mishap::Cut => webex.fault(None, json!({ "cut": "before" })).await,
            Mishap::Busy(times, seconds) => {
                webex.fault(times, json!({ "status": 429, "headers": { "Retry-After": seconds.to_string() } })).await;
            }
            Mishap::Granted(access) => {
                let rooms: BTreeSet<_> = devices.range(WITHDRAWN).map(|(_, (_, room))| room).collect();
                for room in rooms {
                    webex.grant(room, access).await;
                }
            }
            Mishap::Healed => webex.heal().await,
        }
        let reading = read(webex, scenes).await;
        assert_eq!(reading.is_read, !trouble.fails(sample % DAY), "{trouble:?}, reading {sample}");
        readings.push(reading);
        if let Some(pushes) = pushes.as_ref().filter(|_| sample % 8 == 7) {
            // Most events come in the minutes that follow. A broker reads when it hears of one, and 11 seconds later.
            webex.wait_until(due + SignedDuration::from_secs(100 + i64::try_from(sample % 40).unwrap()));
            let messages = pushes.wait(webex).await;
            if messages > 0 {
                readings.push(read(webex, scenes).await);
                webex.wait_until(webex.now() + SignedDuration::from_secs(11));
                readings.push(read(webex, scenes).await);
            }
            heard += messages;
        }
        if matches!(trouble.mishap(sample % DAY), Mishap::Busy(None, _)) {
            webex.heal().await;
        }
    }
    assert_eq!(heard > 50 * days(), pushes.is_some(), "{heard}");
    readings
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

/// What is stored of an organisation, and what people were told of it, is what its script means.
async fn is_as_it_was(
    scene: &Scene<'_>,
    devices: &BTreeMap<usize, (String, String)>,
    readings: &[Reading],
    trouble: Trouble,
    before: u64,
) {
    let (stored, told) = (stored(scene).await, told(scene, before).await);
    let mut downs = BTreeSet::new();
    for (&number, (id, _)) in devices {
        let expected = expected(trouble, number, readings);
        let found: Vec<Span> = stored[id].iter().map(|(began, ended, state)| (*began, *ended, word(state))).collect();
        let differ = found.iter().zip(&expected.periods).find(|(found, expected)| found != expected);
        assert_eq!(differ, None, "{trouble:?}, device {number}");
        assert_eq!(found.len(), expected.periods.len(), "{trouble:?}, device {number}");
        let is_single = !THIRTY.contains(&number) && number != 199;
        downs.extend(expected.downs.into_iter().filter(|_| is_single).map(|since| (id.clone(), since)));
    }
    // No false alert, and none missed.
    let of = |kind: &str| told.iter().filter(|(news, ..)| news == kind).cloned().collect::<Vec<_>>();
    let (shared, single): (Vec<_>, Vec<_>) =
        of("device.down").into_iter().partition(|(.., device, _)| device.is_none());
    let single = single.into_iter().filter_map(|(.., device, since)| Some((device?, since)));
    let thirty: BTreeSet<&str> = devices.range(THIRTY).map(|(_, (id, _))| id.as_str()).collect();
    let (of_thirty, single): (Vec<_>, Vec<_>) = single.partition(|(device, _)| thirty.contains(device.as_str()));
    let told: BTreeSet<_> = single.iter().cloned().collect();
    assert_eq!(told.symmetric_difference(&downs).next(), None, "{trouble:?}");
    assert_eq!(single.len(), downs.len(), "nobody is told twice: {trouble:?}");
    assert!(downs.len() > devices.len() / 2, "{trouble:?}: {}", downs.len());
    let shared: Vec<u64> = shared.into_iter().map(|(_, count, ..)| count).collect();
    if trouble == Trouble::Pushed {
        // A reading between their events sees a part of them.
        let of_thirty = u64::try_from(of_thirty.len()).unwrap();
        assert_eq!(shared.iter().sum::<u64>() + of_thirty, 30 * u64::try_from(days()).unwrap(), "{trouble:?}");
    } else {
        assert_eq!((shared.clone(), of_thirty.len()), (vec![30; days()], 0), "{trouble:?}");
    }
    assert_eq!(of("device.degraded").len(), days(), "{trouble:?}");
    let flapping = of("device.flapping").len();
    assert_eq!(flapping, if trouble == Trouble::Pushed { 0 } else { days() }, "{trouble:?}");
    let raised = single.len() + shared.len() + of_thirty.len() + flapping + days();
    assert_eq!(of("device.recovered").len(), raised, "each one has ended: {trouble:?}");
    let blind = days() * usize::from(matches!(trouble, Trouble::Regenerated | Trouble::Unreachable));
    assert_eq!(of("watch.blind").len(), blind, "{trouble:?}");
    let lost: Vec<u64> = of("watch.coverage-fell").into_iter().map(|(_, count, ..)| count).collect();
    assert_eq!(lost, if trouble == Trouble::Withdrawn { vec![8; days()] } else { vec![] }, "{trouble:?}");
    assert_eq!(of("watch.recovered").len(), blind + lost.len(), "{trouble:?}");
}

/// The week of one organisation, on every engine that there is.
async fn lives(worlds: Arc<Vec<World>>, number: usize, trouble: Trouble) {
    // Some are phones or accessories, which the watch does not cover.
    let webex = Organisation::new(7 * roles().len() / 5).await;
    let devices = numbered(&webex).await;
    let mut scenes = Vec::new();
    let mut begun = Vec::new();
    // In the long form each organisation is recorded by one engine, and in the short form by both.
    let by_one = number >= ORGANISATIONS.len() || days() > 1;
    for (_, world) in worlds.iter().enumerate().filter(|(engine, _)| !by_one || number % worlds.len() == *engine) {
        let scene = world.scene_at(&format!("organisation-{number}"), &webex.environment()).await;
        begun.push(scene.store.journal_end().await.unwrap().number);
        scenes.push(scene);
    }
    let readings = live(&webex, &devices, &scenes, trouble).await;
    for (scene, before) in scenes.iter().zip(begun) {
        is_as_it_was(scene, &devices, &readings, trouble, before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_is_stored_and_told_as_it_was() {
    let mut worlds = vec![World::on_sqlite().await.unwrap()];
    worlds.extend(World::on_postgres().await);
    let worlds = Arc::new(worlds);
    let count = number("LANYARD_DEVICE_ORGANISATIONS", ORGANISATIONS.len());
    let all: Vec<_> = ORGANISATIONS.into_iter().cycle().take(count).enumerate().collect();
    for some in all.chunks(AT_ONCE) {
        let mut living = JoinSet::new();
        for (number, trouble) in some {
            living.spawn(lives(Arc::clone(&worlds), *number, *trouble));
        }
        living.join_all().await;
    }
}

/// How many organisations live at the same time.
const AT_ONCE: usize = 6;

fn word(state: &str) -> &'static str {
    ["up", "down", "degraded", "unknown"].into_iter().find(|word| *word == state).unwrap()
}
