//! The numbers that devices reported, by hour and by day.

use jiff::{SignedDuration, Timestamp};
use lanyard_devices::{
    DeviceNumbers, NumbersView, Quantity, QuantityRange, ShowDevice, Slot, SummaryView, Tenths, keep_readings,
    read_statuses, record,
};
use lanyard_operation::Operation as _;
use lanyard_store::sql::{Statement, sql};
use lanyard_store::{About, Event, StoreError};
use serde_json::json;

use crate::organisation::Organisation;
use crate::world::{Scene, World, on_both_engines};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The beginning of today, in UTC.
async fn today(world: &World) -> Timestamp {
    let now = world.store.time().await.unwrap();
    Timestamp::from_second(now.as_second().div_euclid(86_400) * 86_400).unwrap()
}

/// A watch of devices that reported people two days ago, three times, and in the last hour of yesterday.
async fn scene<'w>(world: &'w World, name: &str) -> (Organisation, Scene<'w>, Days) {
    let webex = Organisation::new(4).await;
    let scene = world.scene_at(name, &webex.environment()).await;
    let days = Days { today: today(world).await };
    let listing = webex.list(scene.store, &scene.watch).await;
    record(scene.store, &scene.remembered, &scene.watch, &listing, days.ago(30, 0)).await.unwrap();
    for (moment, people) in
        [(days.ago(2, 480), 3), (days.ago(2, 510), 5), (days.ago(2, 550), 0), (days.ago(1, 1380), 4)]
    {
        report(&webex, &scene, moment, people).await;
    }
    (webex, scene, days)
}

struct Days {
    today: Timestamp,
}

impl Days {
    /// A minute of a day so many days ago.
    fn ago(&self, days: i64, minute: i64) -> Timestamp {
        self.today - SignedDuration::from_hours(24 * days) + SignedDuration::from_mins(minute)
    }

    /// The rows of the two days.
    fn rows(&self) -> Vec<Row> {
        vec![(self.ago(1, 0), 1, [4.0, 4.0, 4.0]), (self.ago(2, 0), 3, [0.0, 2.7, 5.0])]
    }
}

/// Every device is asked, and reports so many people and 23.4 degrees.
async fn report(webex: &Organisation, scene: &Scene<'_>, moment: Timestamp, people: i64) {
    webex.heal().await;
    let rooms = json!({ "PeopleCount": { "Current": people }, "AmbientTemperature": "23.4" });
    webex.fault_of("/v1/xapi/status", None, json!({ "merge": { "result": { "RoomAnalytics": rooms } } })).await;
    read_statuses(&webex.job(scene.store), &scene.watch, moment).await.unwrap();
}

async fn history(webex: &Organisation, scene: &Scene<'_>, since: Option<Timestamp>) -> (Slot, Vec<Row>) {
    let (device, _) = webex.devices().await.swap_remove(0);
    let list = DeviceNumbers { device, watch: None, of: Quantity::People, since };
    let NumbersView { each, rows, .. } = list.run(&webex.job(scene.store)).await.unwrap();
    let row = |from, QuantityRange { readings, lowest, mean, highest }| {
        (from, readings, [lowest, mean, highest].map(Tenths::number))
    };
    (each, rows.into_iter().map(|point| row(point.from, point.range)).collect())
}

/// When an hour or a day began, how many readings it has, the lowest, the mean and the highest.
type Row = (Timestamp, u64, [f64; 3]);

async fn write(scene: &Scene<'_>, statement: Statement) {
    let written = scene.store.write_rows(|mut tx| {
        let statement = statement.clone();
        async move {
            tx.run(statement).await?;
            tx.commit::<_, StoreError>(()).await
        }
    });
    written.await.unwrap();
}

/// How many rows of hours and of days there are.
async fn stored(scene: &Scene<'_>) -> (usize, usize) {
    let count = async |statement| scene.store.read(statement).await.unwrap().len();
    (
        count(sql("devices_hourly", "SELECT day FROM devices_hourly")).await,
        count(sql("devices_daily", "SELECT month FROM devices_daily")).await,
    )
}

async fn numbers_are_listed_by_hour_and_by_day(world: World) {
    let (webex, scene, days) = scene(&world, "listed").await;
    let hours = history(&webex, &scene, None).await;
    let last = (days.ago(1, 1380), 1, [4.0, 4.0, 4.0]);
    assert_eq!(hours, (Slot::Hour, vec![last]));
    let hours = history(&webex, &scene, Some(days.ago(2, 520))).await;
    let expected = vec![last, (days.ago(2, 540), 1, [0.0; 3]), (days.ago(2, 480), 2, [3.0, 4.0, 5.0])];
    assert_eq!(hours, (Slot::Hour, expected));
    let by_day = history(&webex, &scene, Some(days.ago(20, 0))).await;
    assert_eq!(by_day, (Slot::Day, days.rows()), "before anything is rolled up");

    let (device, _) = webex.devices().await.swap_remove(0);
    let reported = async || {
        let show = ShowDevice { device: device.clone(), watch: None, hours: None, time_zone: None };
        show.run(&webex.job(scene.store)).await.unwrap().reported
    };
    let of = |all: &[SummaryView], quantity| {
        let found = all.iter().find(|summary| summary.quantity == quantity).unwrap();
        [found.today, Some(found.month)].map(|range| range.map(|range| (range.readings, range.highest.number())))
    };
    assert_eq!(of(&reported().await, Quantity::People), [None, Some((4, 5.0))]);
    report(&webex, &scene, world.store.time().await.unwrap(), 2).await;
    let all = reported().await;
    assert_eq!(of(&all, Quantity::People), [Some((1, 2.0)), Some((5, 5.0))]);
    assert_eq!(of(&all, Quantity::Temperature), [Some((1, 23.4)), Some((5, 23.4))]);
}

async fn a_day_is_rolled_up_once_however_often_that_is_tried(world: World) {
    let (webex, scene, days) = scene(&world, "rolled").await;
    let devices = webex.devices().await.len();
    let (watch, today) = (&*scene.watch.id, days.today);
    let by_day = async || history(&webex, &scene, Some(days.ago(20, 0))).await.1;
    let keep = async |now| keep_readings(&webex.job(scene.store), watch, now).await.unwrap();

    // The day has not ended.
    keep(days.ago(2, 1439)).await;
    assert_eq!(stored(&scene).await, (2 * devices, 0));
    keep(today).await;
    // Two processes at the same time, after one that ended before it could say that it was done.
    write(&scene, sql("devices_hourly", "UPDATE devices_hourly SET rolled = 0")).await;
    let (one, other) = (webex.job(scene.store), world.again().await);
    let other = webex.job(&other);
    let (one, other) = tokio::join!(keep_readings(&one, watch, today), keep_readings(&other, watch, today));
    one.unwrap();
    other.unwrap();
    let (hourly, daily) = stored(&scene).await;
    // The two days may be in two months.
    assert!(hourly == 2 * devices && (devices..=2 * devices).contains(&daily), "{hourly} and {daily}");
    assert_eq!(by_day().await, days.rows());

    // A reading that is stored late counts.
    report(&webex, &scene, days.ago(1, 1439), 8).await;
    keep(today).await;
    // Now only the days are kept.
    keep(today + HOUR * (61 * 24)).await;
    assert_eq!(stored(&scene).await, (0, daily));
    let mut expected = days.rows();
    expected[0] = (days.ago(1, 0), 2, [4.0, 6.0, 8.0]);
    assert_eq!(by_day().await, expected);
    keep(today + HOUR * (397 * 24)).await;
    assert_eq!(by_day().await, expected);
    keep(today + HOUR * (435 * 24)).await;
    assert_eq!(stored(&scene).await, (0, 0), "they are kept for 400 days, and to the end of their month");
}

async fn hours_are_not_forgotten_before_their_day_is_rolled_up(world: World) {
    let (webex, scene, days) = scene(&world, "late").await;
    // Nothing ran for three months.
    keep_readings(&webex.job(scene.store), &scene.watch.id, days.today + HOUR * (90 * 24)).await.unwrap();
    assert_eq!(stored(&scene).await.0, 0);
    assert_eq!(history(&webex, &scene, Some(days.ago(20, 0))).await, (Slot::Day, days.rows()));
}

async fn numbers_that_were_altered_begin_again_and_a_removed_watch_leaves_none(world: World) {
    let (webex, scene, days) = scene(&world, "removed").await;
    write(&scene, sql("devices_hourly", "UPDATE devices_hourly SET numbers = 'x'")).await;
    report(&webex, &scene, days.ago(1, 1410), 2).await;
    assert_eq!(history(&webex, &scene, None).await.1, [(days.ago(1, 1380), 1, [2.0, 2.0, 2.0])]);
    keep_readings(&webex.job(scene.store), &scene.watch.id, days.today).await.unwrap();
    let (hourly, daily) = stored(&scene).await;
    assert!(hourly > 0 && daily > 0);

    let event = Event::JobChanged { job: "devices".to_owned(), what: "watch removed".to_owned() };
    let name = &scene.watch.watch.name;
    let removed = lanyard_devices::remove(scene.store, name, (&event, &About::Home), days.today).await.unwrap();
    assert!(removed.is_some());
    // A run that was under way writes nothing any more.
    report(&webex, &scene, days.ago(0, 0), 2).await;
    keep_readings(&webex.job(scene.store), &scene.watch.id, days.today + HOUR * 24).await.unwrap();
    assert_eq!(stored(&scene).await, (0, 0));
}

on_both_engines!(
    numbers_are_listed_by_hour_and_by_day,
    a_day_is_rolled_up_once_however_often_that_is_tried,
    hours_are_not_forgotten_before_their_day_is_rolled_up,
    numbers_that_were_altered_begin_again_and_a_removed_watch_leaves_none,
);
