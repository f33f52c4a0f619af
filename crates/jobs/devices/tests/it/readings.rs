//! The statuses of devices, read with what the limit of calls leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lanyard_devices::{
    ApproveDevices, DeviceView, Limit, ListDevices, Rule, RuleChanges, SetRule, StatusesView, Threshold, read_statuses,
    read_watch, record,
};
use lanyard_operation::Operation as _;
use lanyard_store::StoreError;
use lanyard_store::sql::{Statement, sql};
use serde_json::{Value, json};

use crate::organisation::Organisation;
use crate::world::{Scene, World, on_both_engines};

const STATUS: &str = "/v1/xapi/status";
const EVERY: Duration = Duration::from_mins(15);

/// The devices are listed once, as a broker does.
async fn sweep(webex: &Organisation, scene: &Scene<'_>) {
    let listing = webex.list(scene.store, &scene.watch).await;
    assert!(listing.devices.is_ok(), "{listing:?}");
    record(scene.store, &scene.remembered, &scene.watch, &listing, webex.now()).await.unwrap();
}

async fn read(webex: &Organisation, scene: &Scene<'_>, at: Timestamp) -> Duration {
    read_statuses(&webex.job(scene.store), &scene.watch, at).await.unwrap()
}

async fn views(webex: &Organisation, scene: &Scene<'_>) -> Vec<DeviceView> {
    let list = ListDevices { watch: None, labels: Vec::new(), location: None, tags: Vec::new(), availability: false };
    list.run(&webex.job(scene.store)).await.unwrap().devices
}

/// What is stored of each device's statuses, by its id.
async fn stored(webex: &Organisation, scene: &Scene<'_>) -> BTreeMap<String, StatusesView> {
    let devices = views(webex, scene).await;
    devices.into_iter().filter_map(|device| Some((device.id, device.statuses?))).collect()
}

/// The devices that were asked at this time.
async fn asked_at(webex: &Organisation, scene: &Scene<'_>, at: Timestamp) -> BTreeSet<String> {
    let stored = stored(webex, scene).await;
    stored.into_iter().filter(|(_, view)| view.tried_at == at).map(|(id, _)| id).collect()
}

/// The budget of the only account: the calls that are left, the limit that was lowered and the pause, in thousandths and milliseconds.
async fn budget(scene: &Scene<'_>) -> (i64, Option<i64>, Option<Timestamp>) {
    let select = "SELECT calls, lowered, paused_until FROM devices_budgets";
    let rows = scene.store.read(sql("devices_budgets", select)).await.unwrap();
    let [row] = &*rows else { panic!("{} budgets", rows.len()) };
    let pause = row.optional_timestamp("paused_until").unwrap();
    (row.integer("calls").unwrap(), row.optional_integer("lowered").unwrap(), pause)
}

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

async fn a_fresh_watch_reads_statuses_and_leaves_what_is_offline_alone(world: World) {
    let webex = Organisation::new(12).await;
    let scene = world.scene_at("fresh", &webex.environment()).await;
    let devices = webex.devices().await;
    let (offline, _) = &devices[0];
    webex.script(offline, &[("fail", 0, 1_000_000)]).await;
    sweep(&webex, &scene).await;
    webex.replied(STATUS).await;
    let begun = webex.now();
    assert_eq!(read(&webex, &scene, begun).await, EVERY);
    assert_eq!(webex.replied(STATUS).await, vec![200; devices.len() - 1]);
    for device in views(&webex, &scene).await {
        if device.id == *offline {
            assert_eq!(device.statuses, None, "{device:?}");
            continue;
        }
        let view = device.statuses.as_ref().unwrap();
        assert_eq!((view.read_at, view.tried_at, &view.reason), (Some(begun), begun, &None), "{device:?}");
        let (found, product) = (&view.statuses, &device.facts.product);
        assert_eq!(found.network.as_ref().unwrap().address, device.facts.ip, "{device:?}");
        let is_panel = product.contains("Navigator");
        assert_eq!(found.volume, (!is_panel).then_some(50), "{device:?}");
        assert_eq!(found.calls, (!is_panel).then_some(0), "{device:?}");
        assert_eq!(found.people.is_some(), !is_panel, "{device:?}");
        assert!(
            found.temperature.is_some() && found.humidity.is_some(),
            "its own sensors, or those of a panel: {device:?}"
        );
    }

    // Nothing is due before the interval has passed.
    read(&webex, &scene, after(begun, 600)).await;
    assert_eq!(webex.replied(STATUS).await, [0_u64; 0]);
    webex.wait_until(after(begun, 900));
    read(&webex, &scene, after(begun, 900)).await;
    assert_eq!(webex.replied(STATUS).await, vec![200; devices.len() - 1]);

    // It is back, so it is asked.
    webex.script(offline, &[("recover", 0, 1_000_000)]).await;
    for _ in 0..2 {
        webex.wait_until(after(webex.now(), 180));
        sweep(&webex, &scene).await;
    }
    read(&webex, &scene, webex.now()).await;
    assert_eq!(webex.replied(STATUS).await, [200]);
    assert!(stored(&webex, &scene).await.contains_key(offline));
}

async fn what_was_read_the_longest_ago_is_read_first_as_far_as_the_budget_goes(world: World) {
    let webex = Organisation::new(60).await;
    let scene = world.scene_at("many", &webex.environment()).await;
    sweep(&webex, &scene).await;
    let all: BTreeSet<String> = webex.devices().await.into_iter().map(|(id, _)| id).collect();
    let begun = webex.now();
    let mut batches = Vec::new();
    let mut now = begun;
    // Each run takes a part, until all have been asked.
    while batches.iter().map(BTreeSet::len).sum::<usize>() < all.len() {
        let wait = read(&webex, &scene, now).await;
        let batch = asked_at(&webex, &scene, now).await;
        assert!((1..=25).contains(&batch.len()), "{}", batch.len());
        assert!(batches.iter().all(|earlier: &BTreeSet<String>| earlier.is_disjoint(&batch)), "nobody is asked twice");
        batches.push(batch);
        now = after(now, i64::try_from(wait.as_secs()).unwrap());
    }
    assert!(batches.len() > 1);
    assert_eq!(batches.iter().flatten().cloned().collect::<BTreeSet<_>>(), all);
    // The next round has the same order.
    let next = after(begun, 900);
    assert_eq!(now, next, "the first are due again when the interval has passed");
    read(&webex, &scene, next).await;
    assert_eq!(asked_at(&webex, &scene, next).await, batches[0]);
}

async fn a_limit_halves_what_is_assumed_and_pauses_only_the_statuses(world: World) {
    let webex = Organisation::new(12).await;
    let scene = world.scene_at("limited", &webex.environment()).await;
    sweep(&webex, &scene).await;
    let begun = webex.now();
    let busy = json!({ "status": 429, "headers": { "Retry-After": "30" } });
    webex.fault_of(STATUS, None, busy).await;
    let wait = read(&webex, &scene, begun).await;
    assert_eq!(wait, Duration::from_secs(30));
    let (calls, lowered, paused_until) = budget(&scene).await;
    assert_eq!((calls, lowered, paused_until), (0, Some(50_000), Some(after(begun, 30))));
    assert!(stored(&webex, &scene).await.is_empty(), "nobody was asked who could answer");
    // The devices are listed meanwhile.
    sweep(&webex, &scene).await;
    webex.heal().await;
    webex.replied(STATUS).await;
    read(&webex, &scene, after(begun, 10)).await;
    assert_eq!(webex.replied(STATUS).await, [0_u64; 0], "Webex asked not to");
    webex.wait_until(after(begun, 60));
    let mut now = webex.now();
    for _ in 0..4 {
        read(&webex, &scene, now).await;
        now = after(now, 15);
    }
    assert_eq!(stored(&webex, &scene).await.len(), webex.devices().await.len());
    assert_eq!(budget(&scene).await.1, Some(50_000));
}

async fn what_a_product_does_not_support_is_learned_for_a_week(world: World) {
    let webex = Organisation::new(40).await;
    let scene = world.scene_at("learned", &webex.environment()).await;
    webex.behave(json!({ "refuses_unsupported_statuses": true })).await;
    sweep(&webex, &scene).await;
    let devices = views(&webex, &scene).await;
    let is_old = |device: &&DeviceView| device.facts.product == "Cisco Room Kit";
    let old = devices.iter().filter(is_old).count();
    assert!(old > 1, "the seed has several");
    let mut now = webex.now();
    let round = async |now: &mut Timestamp| {
        webex.replied(STATUS).await;
        for _ in 0..8 {
            read(&webex, &scene, *now).await;
            *now = after(*now, 15);
        }
        webex.replied(STATUS).await
    };
    let replies = round(&mut now).await;
    assert!(replies.contains(&400), "{replies:?}");
    let select = "SELECT product, name FROM devices_unsupported";
    let rows = world.store.read(sql("devices_unsupported", select)).await.unwrap();
    let learned: Vec<_> = rows.iter().map(|row| (row.text("product").unwrap(), row.text("name").unwrap())).collect();
    assert_eq!(learned, [("Cisco Room Kit".to_owned(), "Network[*].ActiveInterface".to_owned())]);
    let all = stored(&webex, &scene).await;
    assert_eq!(all.len(), devices.len());
    for device in devices.iter().filter(is_old) {
        let view = &all[&device.id];
        assert_eq!((view.statuses.volume, &view.reason), (Some(50), &None), "the others are read: {view:?}");
    }

    // Now each device takes one call.
    now = after(now, 900);
    assert_eq!(round(&mut now).await, vec![200; devices.len()]);
    // It is tried again after a week.
    now = after(now, 8 * 86_400);
    assert!(round(&mut now).await.contains(&400));
}

async fn a_hanging_answer_delays_no_list_and_a_run_that_ends_loses_only_its_readings(world: World) {
    let webex = Organisation::hanging(12).await;
    let scene = world.scene_at("hanging", &webex.environment()).await;
    sweep(&webex, &scene).await;
    webex.fault_of(STATUS, None, json!({ "delay_ms": 1000 })).await;
    let begun = webex.now();
    let asking = async {
        read(&webex, &scene, begun).await;
        panic!("nobody answers");
    };
    let listing = async {
        // Until the calls are under way, which take their part of the budget first.
        while world.store.read(sql("devices_budgets", "SELECT calls FROM devices_budgets")).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        sweep(&webex, &scene).await;
    };
    tokio::select! {
        () = listing => {}
        () = asking => {}
    }
    // The process was killed. What it took of the budget is gone, and the devices are the first of the next run.
    let devices = webex.devices().await.len();
    assert!(stored(&webex, &scene).await.is_empty());
    assert_eq!(budget(&scene).await.0, 50_000 - 1_000 * i64::try_from(devices).unwrap());
    webex.heal().await;
    read(&webex, &scene, after(begun, 60)).await;
    assert_eq!(stored(&webex, &scene).await.len(), devices);
}

async fn two_runs_at_the_same_time_share_the_calls(world: World) {
    let webex = Organisation::new(80).await;
    let scene = world.scene_at("twice", &webex.environment()).await;
    sweep(&webex, &scene).await;
    let other = world.again().await;
    let job = webex.job(&other);
    webex.replied(STATUS).await;
    let now = webex.now();
    let (_, second) = tokio::join!(read(&webex, &scene, now), read_statuses(&job, &scene.watch, now));
    second.unwrap();
    let calls = webex.replied(STATUS).await.len();
    assert_eq!(calls, 25 + 12, "each takes half of what is left");
    assert_eq!(budget(&scene).await.0, 50_000 - 1_000 * i64::try_from(calls).unwrap());
}

async fn an_answer_that_cannot_be_read_says_so_and_keeps_what_was_read_before(world: World) {
    let webex = Organisation::new(4).await;
    let scene = world.scene_at("odd", &webex.environment()).await;
    sweep(&webex, &scene).await;
    let begun = webex.now();
    let entries: Vec<_> = (0..10_000).map(|number| json!({ "Name": format!("\u{1b}[2J{number}") })).collect();
    let odd =
        json!({ "Audio": { "Volume": "60" }, "RoomAnalytics": null, "Peripherals": { "ConnectedDevice": entries } });
    webex.fault_of(STATUS, None, json!({ "merge": { "result": odd } })).await;
    read(&webex, &scene, begun).await;
    for view in stored(&webex, &scene).await.values() {
        let statuses = &view.statuses;
        assert_eq!(
            (statuses.volume, statuses.people, statuses.peripherals.as_ref().unwrap().len()),
            (Some(60), None, 16)
        );
    }
    webex.heal().await;
    webex.fault_of(STATUS, None, json!({ "status": 200, "body": "<html>" })).await;
    webex.wait_until(after(begun, 900));
    read(&webex, &scene, after(begun, 900)).await;
    let all = stored(&webex, &scene).await;
    assert!(!all.is_empty());
    for view in all.values() {
        assert_eq!((view.read_at, view.tried_at), (Some(begun), after(begun, 900)));
        assert!(view.reason.is_some() && view.statuses.volume == Some(60), "{view:?}");
    }
}

async fn a_number_that_passes_its_limit_is_told_once_and_ended_once(world: World) {
    let webex = Organisation::new(12).await;
    let scene = world.scene_at("warm", &webex.environment()).await;
    let set = |limit: &str| {
        let Limit { what, limit } = limit.parse().unwrap();
        let threshold = Some(Threshold { what, is_above: true, limit });
        let changes = RuleChanges { rule: Some(Rule::Threshold), threshold, ..RuleChanges::default() };
        let (job, name) = (webex.job(scene.store), "warm".parse().unwrap());
        async move { SetRule { name, changes }.run(&job).await.unwrap() }
    };
    set("temperature=5").await;
    let round = async || {
        webex.wait_until(after(webex.now(), 900));
        sweep(&webex, &scene).await;
        read(&webex, &scene, webex.now()).await;
        webex.wait_until(after(webex.now(), 180));
        sweep(&webex, &scene).await;
    };
    round().await;
    // A reading that is looked at twice is one.
    webex.wait_until(after(webex.now(), 180));
    sweep(&webex, &scene).await;
    assert_eq!(scene.news().await, [""; 0]);
    round().await;
    round().await;
    assert_eq!(scene.news().await, ["device.threshold"]);
    // Nobody hears of them once: that ends nothing.
    let devices = webex.devices().await;
    for (device, _) in &devices {
        webex.script(device, &[("fail", 0, 60)]).await;
    }
    webex.wait_until(after(webex.now(), 30));
    sweep(&webex, &scene).await;
    assert_eq!(scene.news().await.len(), 1);
    // Another limit is another condition, which the alert outlives as long as it is met.
    set("temperature=6").await;
    round().await;
    assert_eq!(scene.news().await.len(), 1);
    set("temperature=80").await;
    for _ in 0..3 {
        round().await;
    }
    let told = scene.told().await;
    let [(_, _, begin), (end, _, ended)] = &*told else { panic!("{told:?}") };
    assert!(begin.starts_with("12 devices of warm: temperature above 5.0 C, the first since 2026-"), "{begin}");
    assert_eq!(&**end, "device.recovered");
    assert!(ended.starts_with("Alert A-1001 has ended, after "), "{ended}");
    assert!(ended.ends_with(": none of its 12 devices reports temperature above 80.0 C any more."), "{ended}");
    // A row that Lanyard did not write affects only its device.
    let altered = "UPDATE devices_statuses SET tried_at = 9000000000000000000 WHERE device = $1";
    write(&scene, sql("devices_statuses", altered).bind(devices[0].0.as_str())).await;
    sweep(&webex, &scene).await;
    assert_eq!(views(&webex, &scene).await.len(), devices.len());
}

async fn an_altered_budget_begins_again(world: World) {
    let webex = Organisation::new(4).await;
    let scene = world.scene_at("altered", &webex.environment()).await;
    sweep(&webex, &scene).await;
    let mut now = webex.now();
    read(&webex, &scene, now).await;
    let mut alterations = vec!["UPDATE devices_budgets SET revision = 9223372036854775807, calls = 0"];
    if world.is_on_sqlite() {
        // Only SQLite stores a text in a column of numbers.
        alterations.push("UPDATE devices_budgets SET revision = 'many', calls = 0");
    }
    for alter in alterations {
        write(&scene, sql("devices_budgets", alter)).await;
        now = after(now, 900);
        read(&webex, &scene, now).await;
        assert_eq!(asked_at(&webex, &scene, now).await.len(), webex.devices().await.len(), "{alter}");
    }
}

async fn devices_that_were_asked_by_a_clock_that_was_ahead_are_asked_soon(world: World) {
    let webex = Organisation::new(60).await;
    let scene = world.scene_at("ahead", &webex.environment()).await;
    sweep(&webex, &scene).await;
    let all = webex.devices().await.len();
    let mut now = webex.now();
    while stored(&webex, &scene).await.len() < all {
        now = after(now, 15);
        read(&webex, &scene, now).await;
    }
    // The clock is set back.
    now = after(now, -7200);
    let mut asked = 0;
    while asked < all {
        let wait = read(&webex, &scene, now).await;
        asked += asked_at(&webex, &scene, now).await.len();
        assert!(asked == all || wait < Duration::from_mins(1), "{asked} of {all} were asked, and then {wait:?}");
        now = after(now, i64::try_from(wait.as_secs()).unwrap());
    }
}

async fn new_devices_wake_the_readings_of_a_watch(world: World) {
    let webex = Organisation::new(12).await;
    let mut scene = world.scene_at("woken", &webex.environment()).await;
    let (_, room) = webex.devices().await.swap_remove(0);
    let job = webex.job(scene.store);
    for kind in ["devices.readings", "devices.places"] {
        job.queue.ensure(kind, &scene.watch.id, &Value::Null).await.unwrap();
    }
    webex.grant(&room, None).await;
    read_watch(&job, &scene.watch).await.unwrap();

    rest(&scene).await;
    read_watch(&job, &scene.watch).await.unwrap();
    assert_eq!(woken(&scene).await, 0, "nothing has changed");

    webex.grant(&room, Some("read")).await;
    assert_eq!(read_watch(&job, &scene.watch).await.unwrap().changed, 0);
    assert_eq!(woken(&scene).await, 2);

    // A device that waits for approval is not asked, until it is approved.
    webex.grant(&room, None).await;
    write(&scene, sql("devices_seen", "DELETE FROM devices_seen")).await;
    let job = webex.job(scene.store);
    read_watch(&job, &scene.watch).await.unwrap();
    scene.watch.watch.approve_new = true;
    webex.grant(&room, Some("read")).await;
    rest(&scene).await;
    read_watch(&job, &scene.watch).await.unwrap();
    assert_eq!(woken(&scene).await, 0);
    let approved = ApproveDevices { devices: Vec::new(), watch: None }.run(&job).await.unwrap();
    assert_eq!((approved.is_empty(), woken(&scene).await), (false, 2));
}

/// Nothing is due for long.
async fn rest(scene: &Scene<'_>) {
    write(scene, sql("work", "UPDATE work SET due = 4000000000000")).await;
}

/// How many units are due again.
async fn woken(scene: &Scene<'_>) -> usize {
    let select = "SELECT due FROM work WHERE due < 4000000000000";
    scene.store.read(sql("work", select)).await.unwrap().len()
}

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

async fn statuses_of_forgotten_devices_are_forgotten_whatever_the_budget_is(world: World) {
    let webex = Organisation::new(4).await;
    let scene = world.scene_at("pruned", &webex.environment()).await;
    sweep(&webex, &scene).await;
    read(&webex, &scene, webex.now()).await;
    let add = "INSERT INTO devices_statuses (watch, device, tried_at) \
               SELECT watch, 'gone', tried_at FROM devices_statuses LIMIT 1";
    write(&scene, sql("devices_statuses", add)).await;
    // Some devices are always due.
    write(&scene, sql("devices_budgets", "UPDATE devices_budgets SET calls = 0")).await;
    write(&scene, sql("devices_statuses", "UPDATE devices_statuses SET tried_at = 0")).await;
    let job = webex.job(scene.store);
    read_statuses(&job, &scene.watch, webex.now()).await.unwrap();
    read_watch(&job, &scene.watch).await.unwrap();
    let rows = scene.store.read(sql("devices_statuses", "SELECT device FROM devices_statuses")).await.unwrap();
    assert_eq!(rows.len(), webex.devices().await.len());
    assert!(rows.iter().all(|row| row.str("device").unwrap() != "gone"));
}

on_both_engines!(
    a_number_that_passes_its_limit_is_told_once_and_ended_once,
    an_altered_budget_begins_again,
    devices_that_were_asked_by_a_clock_that_was_ahead_are_asked_soon,
    new_devices_wake_the_readings_of_a_watch,
    statuses_of_forgotten_devices_are_forgotten_whatever_the_budget_is,
    a_fresh_watch_reads_statuses_and_leaves_what_is_offline_alone,
    what_was_read_the_longest_ago_is_read_first_as_far_as_the_budget_goes,
    a_limit_halves_what_is_assumed_and_pauses_only_the_statuses,
    what_a_product_does_not_support_is_learned_for_a_week,
    a_hanging_answer_delays_no_list_and_a_run_that_ends_loses_only_its_readings,
    two_runs_at_the_same_time_share_the_calls,
    an_answer_that_cannot_be_read_says_so_and_keeps_what_was_read_before,
);
