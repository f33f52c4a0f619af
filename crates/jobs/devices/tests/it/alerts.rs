//! Alerts: told once, ended once, and lost by nothing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use jiff::SignedDuration;
use lanyard_devices::{AlertSeverity, Remembered, Rule, RuleChanges, SetRule, read_at, record};
use lanyard_operation::Operation as _;
use lanyard_protocol::Device;
use lanyard_store::sql::sql;
use lanyard_store::{About, Event, JournalEntry};
use serde_json::json;

use crate::organisation::Organisation;
use crate::world::{Scene, World, at, device, device_with, on_both_engines};

const OFFLINE: &str = "disconnected";

fn all(count: usize, status: &str) -> Vec<Device> {
    (0..count).map(|number| device(&format!("{number:04}"), status)).collect()
}

async fn a_device_that_is_down_is_told_once_and_ended_once(world: World) {
    let scene = world.scene("lobby").await;
    let (up, down) =
        ([device("1", "connected"), device("2", "connected")], [device("1", OFFLINE), device("2", "connected")]);
    scene.read(0, &up).await;
    scene.read(3, &down).await;
    // It counts, and for less than five minutes.
    assert_eq!(scene.read(6, &down).await.changed, 1);
    assert!(scene.told().await.is_empty());
    assert_eq!(scene.read(9, &down).await.raised, 1);
    for minute in [12, 15] {
        assert_eq!(scene.read(minute, &down).await.raised, 0);
    }
    scene.read(18, &up).await;
    assert_eq!(scene.read(21, &up).await.ended, 1);
    scene.read(24, &up).await;
    let told = scene.told().await;
    let [(down, first, what), (recovered, last, end)] = &*told else { panic!("{told:?}") };
    assert_eq!((&**down, &**recovered), ("device.down", "device.recovered"));
    assert_eq!((&**first, first), ("A-1001", last), "the id is stable");
    assert_eq!(
        what,
        "Room 1 is down: the Room Bar has been offline since 2026-11-30 08:03 UTC. The other device of lobby is well."
    );
    assert_eq!(end, "Room 1 is up again, after 18 min.");
}

async fn a_degraded_device_that_goes_down_has_not_recovered(world: World) {
    let scene = world.scene("lobby").await;
    let issues = [device_with("1", "connected_with_issues", &json!({ "errorCodes": ["camera lost"] }))];
    for minute in [0, 3, 27] {
        scene.read(minute, &issues).await;
    }
    assert!(scene.told().await.is_empty());
    scene.read(30, &issues).await;
    for minute in [33, 36] {
        scene.read(minute, &[device("1", OFFLINE)]).await;
    }
    assert_eq!(scene.news().await, ["device.degraded"]);
    scene.read(39, &[device("1", OFFLINE)]).await;
    let told = scene.told().await;
    let news: Vec<_> = told.iter().map(|(news, alert, _)| (&**news, &**alert)).collect();
    assert_eq!(news, [("device.degraded", "A-1001"), ("device.recovered", "A-1001"), ("device.down", "A-1002")]);
    assert_eq!(told[0].2, "Room 1 is degraded: the Room Bar has reported \"camera lost\" since 2026-11-30 08:00 UTC.");
    assert_eq!(told[1].2, "Room 1 is down, no longer degraded, after 39 min.");
}

async fn many_devices_that_go_down_together_share_one_alert(world: World) {
    let scene = world.scene("lobby").await;
    scene.read(0, &all(12, "connected")).await;
    for minute in [3, 6, 9] {
        scene.read(minute, &all(12, OFFLINE)).await;
    }
    let told = scene.told().await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        told[0].2,
        "12 devices of lobby are down, the first since 2026-11-30 08:03 UTC: Room 0000, Room 0001, Room 0002, Room 0003, Room 0004 and 7 \
         more. These are all devices of lobby."
    );
    // Eleven recover: it goes on. The last one recovers: it ends.
    let but_one: Vec<_> = all(11, "connected").into_iter().chain([device("0011", OFFLINE)]).collect();
    for minute in [12, 15, 18] {
        assert_eq!(scene.read(minute, &but_one).await.ended, 0);
    }
    scene.read(21, &all(12, "connected")).await;
    assert_eq!(scene.read(24, &all(12, "connected")).await.ended, 1);
    let told = scene.told().await;
    assert_eq!((told.len(), &*told[1].0, &told[1].1), (2, "device.recovered", &told[0].1), "{told:?}");
    // Five have an alert each.
    let five: Vec<_> = all(12, "connected").split_off(5).into_iter().chain(all(5, OFFLINE)).collect();
    for minute in [27, 30, 33] {
        scene.read(minute, &five).await;
    }
    assert_eq!(scene.told().await.len(), 2 + 5);
}

async fn a_withdrawn_grant_is_a_loss_of_coverage_and_no_device_down(world: World) {
    let scene = world.scene("lobby").await;
    scene.read(0, &all(3, "connected")).await;
    scene.read(3, &all(1, "connected")).await;
    assert!(scene.told().await.is_empty(), "one reading is no proof");
    assert_eq!(scene.read(6, &all(1, "connected")).await.raised, 1);
    scene.read(9, &all(1, "connected")).await;
    // One is granted again, then the other.
    for minute in [12, 15] {
        scene.read(minute, &all(2, "connected")).await;
    }
    assert_eq!(scene.news().await, ["watch.coverage-fell"]);
    for minute in [18, 21] {
        scene.read(minute, &all(3, "connected")).await;
    }
    let told = scene.told().await;
    assert_eq!(
        told[0].2,
        "lobby no longer sees 2 devices: Room 0001, Room 0002. Webex has not listed them since 2026-11-30 08:03 UTC, because grants were \
         withdrawn or the devices were removed. Their states are unknown."
    );
    assert_eq!((told.len(), &*told[1].0, &told[1].1), (2, "watch.recovered", &told[0].1), "{told:?}");
}

async fn a_watch_that_cannot_read_is_one_alert_and_takes_no_device_down(world: World) {
    let scene = world.scene("lobby").await;
    scene.read(0, &all(40, "connected")).await;
    for minute in [3, 6] {
        scene.fail(minute, "Webex does not accept the token any more").await;
    }
    assert!(scene.told().await.is_empty(), "a failure that ends within minutes is no news");
    for minute in [9, 12, 15] {
        scene.fail(minute, "Webex does not accept the token any more").await;
    }
    assert_eq!(scene.news().await, ["watch.blind"]);
    scene.read(18, &all(40, "connected")).await;
    let told = scene.told().await;
    assert_eq!(
        told[0].2,
        "The watch lobby has not been able to read its devices since 2026-11-30 08:03 UTC: Webex does not accept the token any more. The \
         states of its 40 devices are unknown, not down."
    );
    assert_eq!((told.len(), &*told[1].2), (2, "The watch lobby reads its devices again, after 15 min."), "{told:?}");
}

async fn a_device_whose_readings_keep_changing_is_one_alert(world: World) {
    let scene = world.scene("lobby").await;
    let reading = |minute: i64| [device("1", if minute / 6 % 2 == 0 { "connected" } else { OFFLINE })];
    // Down for six minutes, up for six minutes, again and again.
    let mut minute = 0;
    while minute < 120 {
        scene.read(minute, &reading(minute)).await;
        minute += 3;
    }
    assert_eq!(scene.news().await, ["device.flapping"]);
    while minute < 160 {
        scene.read(minute, &[device("1", "connected")]).await;
        minute += 3;
    }
    assert_eq!(scene.news().await, ["device.flapping", "device.recovered"]);
    assert_eq!(scene.told().await[1].2, "Room 1 has been stable for 30 minutes: it is up.");
}

async fn maintenance_withholds_an_alert_and_not_the_fact(world: World) {
    let scene = world.scene("lobby").await;
    let planned = |mode: &str| [device_with("1", OFFLINE, &json!({ "plannedMaintenance": { "mode": mode } }))];
    scene.read(0, &[device("1", "connected")]).await;
    for minute in [3, 6, 9, 12] {
        scene.read(minute, &planned("on")).await;
    }
    assert!(scene.told().await.is_empty());
    scene.read(15, &planned("off")).await;
    let told = scene.told().await;
    assert_eq!(told.len(), 1);
    assert!(told[0].2.contains("offline since 2026-11-30 08:03 UTC"), "{told:?}");
}

async fn figures_count_the_devices_of_a_blind_watch_as_unknown(world: World) {
    let (one, other) = (world.scene("one").await, world.scene("other").await);
    for minute in [0, 6] {
        one.read(minute, &[device("1", OFFLINE), device("2", "connected")]).await;
        other.read(minute, &all(3, "connected")).await;
    }
    let states = async || {
        let found = lanyard_devices::measured(&world.store, at(9)).await.unwrap();
        let devices = found.devices.into_iter().filter(|(_, count)| *count > 0);
        let alerts = found.alerts.into_iter().filter(|(_, count)| *count > 0);
        let devices: Vec<_> = devices.map(|(state, count)| (state.to_string(), count)).collect();
        (devices, alerts.map(|(rule, count)| (rule.to_string(), count)).collect::<Vec<_>>(), found.oldest_reading)
    };
    let of = |pairs: &[(&str, u64)]| pairs.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(states().await, (of(&[("down", 1), ("up", 4)]), of(&[("down", 1)]), Some(at(6))));
    one.read(9, &[device("1", OFFLINE), device("2", "connected")]).await;
    other.fail(9, "Webex did not answer").await;
    assert_eq!(states().await, (of(&[("down", 1), ("unknown", 3), ("up", 1)]), of(&[("down", 1)]), Some(at(6))));
}

async fn a_removed_watch_ends_its_alerts(world: World) {
    let scene = world.scene("lobby").await;
    for minute in [0, 6] {
        scene.read(minute, &[device("1", OFFLINE)]).await;
    }
    let event = Event::JobChanged { job: "devices".to_owned(), what: "watch removed".to_owned() };
    let about = About::credential(&scene.credential.id, &scene.credential.name);
    lanyard_devices::remove(&world.store, &scene.watch.watch.name, (&event, &about), at(8)).await.unwrap();
    assert_eq!(scene.news().await, ["device.down", "device.recovered"]);
    assert_eq!(scene.told().await[1].2, "Alert A-1001 has ended, because the watch lobby was removed.");
}

async fn a_device_that_is_no_longer_watched_has_not_recovered(world: World) {
    let mut scene = world.scene("lobby").await;
    scene.watch.watch.kinds.personal = true;
    let own = |status: &str| device_with("1", status, &json!({ "workspaceId": null, "personId": "p" }));
    for minute in [0, 3, 6] {
        scene.read(minute, &[own(OFFLINE), device("2", "connected")]).await;
    }
    scene.watch.watch.kinds.personal = false;
    assert_eq!(scene.read(9, &[own(OFFLINE), device("2", "connected")]).await.ended, 1);
    assert_eq!(scene.told().await[1].2, "Alert A-1001 has ended, because Room 1 is no longer watched.");
}

async fn the_alerts_of_a_paused_watch_end_and_come_again(world: World) {
    let scene = world.scene("lobby").await;
    for minute in [0, 6] {
        scene.read(minute, &[device("1", OFFLINE)]).await;
    }
    let about = About::credential(&scene.credential.id, &scene.credential.name);
    lanyard_devices::end_alerts(&world.store, &scene.watch, &about, at(8)).await.unwrap();
    assert_eq!(scene.told().await[1].2, "Alert A-1001 has ended, because the watch lobby was paused.");
    assert_eq!(scene.read(60, &[device("1", OFFLINE)]).await.raised, 1);
    assert_eq!(scene.news().await, ["device.down", "device.recovered", "device.down"]);
}

/// More devices than one transaction writes, at a time that is finer than what is stored.
async fn of_many_devices_each_is_written(world: World) {
    let scene = world.scene("lobby").await;
    let odd = SignedDuration::from_nanos(123_456_789);
    let reading = async |minute: i64, listed: &[Device]| {
        let read_before = lanyard_devices::read_at(scene.store, &scene.watch.id).await.unwrap();
        let listing = scene.listing(read_before, Ok(listed));
        record(scene.store, &scene.remembered, &scene.watch, &listing, at(minute) + odd).await.unwrap()
    };
    let up = all(1234, "connected");
    reading(0, &up).await;
    let rows = async |table: &str| {
        let count = match table {
            "seen" => "SELECT COUNT(*) AS n FROM devices_seen",
            _ => "SELECT COUNT(*) AS n FROM devices_periods WHERE ended IS NULL",
        };
        world.store.read(sql("devices", count)).await.unwrap()[0].integer("n").unwrap()
    };
    assert_eq!((rows("seen").await, rows("periods").await), (1234, 1234));
    scene.fail(3, "Webex did not answer").await;
    reading(6, &up).await;
    assert_eq!(rows("periods").await, 1234, "each begins again");
    let down = all(1234, OFFLINE);
    for minute in [9, 12, 15, 18] {
        reading(minute, &down).await;
    }
    assert_eq!(scene.news().await, ["device.down"], "{:?}", scene.told().await);
}

const MEMBERS: &str = "SELECT COUNT(*) AS members FROM devices_seen AS seen JOIN devices_alerts AS alert \
     ON alert.number = seen.alert AND alert.ended IS NULL WHERE seen.watch = $1";

/// Ends after so many polls, like a process that is killed. `None` if the future was not ready by then.
async fn killed_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

async fn a_process_that_is_killed_at_any_point_loses_no_alert(world: World) {
    let mut killed = 0;
    let mut polls = 0;
    loop {
        polls += 1 + polls / 2;
        let name = format!("lobby-{polls}");
        let scene = world.scene(&name).await;
        let told = scene.store.journal_end().await.unwrap().number;
        // More devices than one transaction writes, and one alone.
        let listed = |status: &str| all(600, status);
        scene.read(0, &listed("connected")).await;
        scene.read(3, &listed(OFFLINE)).await;
        // The state counts, and the alert is due, in one reading: after ten minutes.
        let read_before = read_at(scene.store, &scene.watch.id).await.unwrap();
        let listed = listed(OFFLINE);
        let listing = scene.listing(read_before, Ok(&listed));
        let reading = record(scene.store, &scene.remembered, &scene.watch, &listing, at(10));
        let ended = killed_after(polls, reading).await;
        killed += usize::from(ended.is_none());
        // The next process.
        for minute in [13, 16] {
            scene.read(minute, &listed).await;
        }
        let entries = scene.store.told_after(told, None, 1000).await.unwrap();
        let news = |entry: &JournalEntry| match &entry.record.event {
            Event::JobAlert { news, details, .. } => (news.clone(), details["count"].as_u64().unwrap()),
            other => panic!("{other:?}"),
        };
        let news: Vec<_> = entries.iter().map(news).collect();
        assert!(news.iter().all(|(news, _)| news == "device.down"), "{news:?}");
        assert!(!news.is_empty(), "after {polls} polls nobody was told");
        let members = sql("devices_seen", MEMBERS).bind(scene.watch.id.as_str());
        let members = scene.store.read(members).await.unwrap()[0].integer("members").unwrap();
        assert_eq!(
            members, 600,
            "after {polls} polls: every device belongs to an alert that people were told of: {news:?}"
        );
        if ended.is_some() {
            assert_eq!(news, [("device.down".to_owned(), 600)]);
            break;
        }
    }
    assert!(killed > 2, "no process was killed: {killed}");
}

async fn a_watch_that_is_removed_during_a_reading_leaves_nothing(world: World) {
    let mut polls = 0;
    let mut interrupted = 0;
    loop {
        polls += 1 + polls / 2;
        let scene = world.scene(&format!("lobby-{polls}")).await;
        let told = scene.store.journal_end().await.unwrap().number;
        // More devices than one transaction writes.
        let listed = |status: &str| all(600, status);
        scene.read(0, &listed("connected")).await;
        scene.read(3, &listed(OFFLINE)).await;
        let read_before = read_at(scene.store, &scene.watch.id).await.unwrap();
        let listed = listed(OFFLINE);
        let listing = scene.listing(read_before, Ok(&listed));
        let mut reading = Box::pin(record(scene.store, &scene.remembered, &scene.watch, &listing, at(10)));
        let is_over = killed_after(polls, reading.as_mut()).await.is_some();
        let event = Event::JobChanged { job: "devices".to_owned(), what: "watch removed".to_owned() };
        let about = About::credential(&scene.credential.id, &scene.credential.name);
        let name = &scene.watch.watch.name;
        let removing = lanyard_devices::remove(scene.store, name, (&event, &about), at(11));
        if is_over {
            assert!(removing.await.unwrap().is_some());
        } else {
            let (read, removed) = tokio::join!(reading, removing);
            assert!(read.is_ok() && removed.unwrap().is_some());
            interrupted += 1;
        }
        for table in LEFT {
            let left = scene.store.read(sql("devices", table).bind(scene.watch.id.as_str())).await.unwrap();
            assert_eq!(left[0].integer("n").unwrap(), 0, "after {polls} polls: {table}");
        }
        let entries = scene.store.told_after(told, None, 1000).await.unwrap();
        let news =
            |entry: &JournalEntry| matches!(&entry.record.event, Event::JobAlert { state, .. } if state == "firing");
        let firing = entries.iter().filter(|entry| news(entry)).count();
        assert_eq!(firing * 2, entries.len(), "after {polls} polls: each alert has ended");
        if is_over {
            break;
        }
    }
    assert!(interrupted > 2, "no reading was interrupted: {interrupted}");
}

const LEFT: [&str; 4] = [
    "SELECT COUNT(*) AS n FROM devices_alerts WHERE watch = $1",
    "SELECT COUNT(*) AS n FROM devices_seen WHERE watch = $1",
    "SELECT COUNT(*) AS n FROM devices_periods WHERE watch = $1",
    "SELECT COUNT(*) AS n FROM devices_readings WHERE watch = $1",
];

async fn the_end_of_an_alert_is_told_like_its_beginning_even_without_the_credential(world: World) {
    let scene = world.scene("lobby").await;
    scene.read(0, &[device("1", "connected")]).await;
    for minute in [3, 6, 9] {
        scene.read(minute, &[device("1", OFFLINE)]).await;
    }
    let event = Event::JobChanged { job: "devices".to_owned(), what: "watch removed".to_owned() };
    // The credential was removed before.
    lanyard_devices::remove(scene.store, &scene.watch.watch.name, (&event, &About::Home), at(12)).await.unwrap();
    // It looks at the credential of each.
    assert_eq!(scene.news().await, ["device.down", "device.recovered"]);
}

async fn set(scene: &Scene<'_>, name: &str, changes: RuleChanges) {
    // The rules are those of the home, whatever Webex is called.
    let webex = Organisation::new(1).await;
    SetRule { name: name.parse().unwrap(), changes }.run(&webex.job(scene.store)).await.unwrap();
}

async fn a_more_urgent_rule_takes_over_and_nobody_is_told_that_all_is_well(world: World) {
    let scene = world.scene("lobby").await;
    let info = || RuleChanges { severity: Some(AlertSeverity::Info), ..RuleChanges::default() };
    let urgent = || RuleChanges { severity: Some(AlertSeverity::Critical), ..RuleChanges::default() };
    set(&scene, "down", info()).await;
    set(&scene, "coverage", info()).await;
    let listed: Vec<_> = all(8, OFFLINE);
    scene.read(0, &[all(8, OFFLINE), vec![device("lost", "connected")]].concat()).await;
    for minute in [3, 6] {
        scene.read(minute, &listed).await;
    }
    assert_eq!(scene.news().await, ["device.down", "watch.coverage-fell"]);
    set(&scene, "down", urgent()).await;
    set(&scene, "coverage", urgent()).await;
    scene.read(9, &listed).await;
    let told = scene.told().await.split_off(2);
    let told: Vec<_> = told.iter().map(|(news, _, what)| (&**news, &**what)).collect();
    assert_eq!(
        told[..2],
        [
            ("device.recovered", "A more urgent alert takes the place of A-1001, about 8 devices of lobby."),
            ("watch.recovered", "A more urgent alert takes the place of A-1002, about Room lost."),
        ]
    );
    assert_eq!([told[2].0, told[3].0], ["device.down", "watch.coverage-fell"]);
    scene.read(12, &listed).await;
    assert_eq!(scene.told().await.len(), 6);
}

async fn a_more_urgent_rule_about_a_blind_watch_takes_over_and_one_that_is_switched_off_ends_its_alert(world: World) {
    let scene = world.scene("lobby").await;
    let early = RuleChanges {
        rule: Some(Rule::Blind),
        severity: Some(AlertSeverity::Info),
        lasts_seconds: Some(60),
        ..RuleChanges::default()
    };
    set(&scene, "early", early).await;
    scene.read(0, &all(2, "connected")).await;
    for minute in [3, 6] {
        scene.fail(minute, "refused").await;
    }
    assert_eq!(scene.news().await, ["watch.blind"]);
    let swept = scene.fail(9, "refused").await;
    assert_eq!((swept.raised, swept.ended), (1, 1));
    assert_eq!(scene.fail(12, "refused").await.raised, 0);
    let told = scene.told().await;
    assert_eq!(told[1].2, "A more urgent alert takes the place of A-1001, about the watch lobby.");
    assert_eq!((&*told[2].0, told.len()), ("watch.blind", 3));
    for rule in ["early", "blind"] {
        set(&scene, rule, RuleChanges { is_off: Some(true), ..RuleChanges::default() }).await;
    }
    assert_eq!(scene.fail(15, "refused").await.ended, 1);
    let told = scene.told().await;
    assert_eq!(told[3].2, "Alert A-1002 has ended, because the rule blind no longer looks at the watch lobby.");
    assert_eq!(scene.read(18, &all(2, "connected")).await.ended, 0);
}

async fn an_error_is_told_after_its_own_time_and_ended_when_it_is_gone(world: World) {
    let scene = world.scene("lobby").await;
    let camera = RuleChanges {
        rule: Some(Rule::Degraded),
        error: Some("camera".to_owned()),
        lasts_seconds: Some(240),
        ..RuleChanges::default()
    };
    set(&scene, "camera", camera).await;
    set(&scene, "degraded", RuleChanges { is_off: Some(true), ..RuleChanges::default() }).await;
    let with = |errors: &[&str]| [device_with("1", "connected_with_issues", &json!({ "errorCodes": errors }))];
    for (minute, errors) in
        [(0, &["audio"][..]), (3, &["audio"]), (60, &["audio", "camera lost"]), (63, &["camera lost"])]
    {
        assert_eq!(scene.read(minute, &with(errors)).await.raised, 0, "{minute}");
    }
    // Another process goes on.
    let scene = Scene { remembered: Remembered::default(), ..scene };
    assert_eq!(scene.read(66, &with(&["camera lost"])).await.raised, 1);
    // Left out once.
    for (minute, errors) in [(69, &["audio"][..]), (72, &["camera lost"]), (75, &["audio"])] {
        assert_eq!(scene.read(minute, &with(errors)).await.ended, 0, "{minute}");
    }
    assert_eq!(scene.read(78, &with(&["audio"])).await.ended, 1);
    let told = scene.told().await;
    assert_eq!(
        [&*told[0].2, &*told[1].2],
        [
            "Room 1 is degraded: the Room Bar has reported \"camera lost\" since 2026-11-30 09:00 UTC.",
            "Room 1 no longer reports \"camera\", after 18 min."
        ]
    );
}

on_both_engines!(
    a_more_urgent_rule_takes_over_and_nobody_is_told_that_all_is_well,
    a_more_urgent_rule_about_a_blind_watch_takes_over_and_one_that_is_switched_off_ends_its_alert,
    an_error_is_told_after_its_own_time_and_ended_when_it_is_gone,
    a_watch_that_is_removed_during_a_reading_leaves_nothing,
    the_end_of_an_alert_is_told_like_its_beginning_even_without_the_credential,
    a_device_that_is_down_is_told_once_and_ended_once,
    a_degraded_device_that_goes_down_has_not_recovered,
    many_devices_that_go_down_together_share_one_alert,
    a_withdrawn_grant_is_a_loss_of_coverage_and_no_device_down,
    a_watch_that_cannot_read_is_one_alert_and_takes_no_device_down,
    a_device_whose_readings_keep_changing_is_one_alert,
    maintenance_withholds_an_alert_and_not_the_fact,
    figures_count_the_devices_of_a_blind_watch_as_unknown,
    a_removed_watch_ends_its_alerts,
    a_device_that_is_no_longer_watched_has_not_recovered,
    the_alerts_of_a_paused_watch_end_and_come_again,
    of_many_devices_each_is_written,
    a_process_that_is_killed_at_any_point_loses_no_alert,
);
