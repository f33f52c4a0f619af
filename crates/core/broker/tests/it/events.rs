//! What people are told, and through which channels, on a clock that the test moves.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use lanyard_broker::{
    AddChannel, AddToken, Broker, ChangeLabels, Channel, ChannelSettings, Clear, ListChannels, ListEvents,
    PauseChannel, RemoveChannel, begin_work, work,
};
use lanyard_channel::{
    AlertmanagerTarget, CommandTarget, MailTarget, Rules, SpaceTarget, Target, WebhookSecret, WebhookTarget,
};
use lanyard_credential::Kind;
use lanyard_protocol::Method;
use lanyard_secret::AccessToken;
use lanyard_store::{About, Event, JournalRecord};
use lanyard_testkit::{Mail, MailServer, MailTls, wait};
use lanyard_time::{Clock as _, SystemEntropy};
use lanyard_work::{Handlers, HasQueue as _, Worker};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::sink::{Answers, Sink};
use crate::world::{Call as _, World};

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);

/// The background work of a broker. To abort the task is the death of its process.
fn begin(broker: &Broker) -> JoinHandle<()> {
    let broker = broker.clone();
    tokio::spawn(async move {
        begin_work(&broker).await.unwrap();
        let parts = broker.parts();
        let mut handlers = Handlers::default();
        work(&mut handlers, &broker.door(), &broker);
        let worker = Worker::new(broker.queue(), handlers, Arc::clone(&parts.sleep));
        let reader = async {
            loop {
                broker.journal_reached(broker.store().journal_end().await.unwrap());
                parts.sleep.sleep(SECOND / 4).await;
            }
        };
        tokio::select! {
            ended = worker.run(std::future::pending()) => ended.unwrap(),
            () = reader => {}
        }
    })
}

/// Lets time pass, a second at a time, until something has come. Deliveries need real time, so each second takes some.
async fn until(world: &World, what: &str, reached: impl Fn() -> bool) {
    for _ in 0..600 {
        for _ in 0..20 {
            if reached() {
                return;
            }
            wait(Duration::from_millis(2));
        }
        world.advance(SECOND);
    }
    let entries = world.broker.store().audit(30).await.unwrap();
    let entries: Vec<_> =
        entries.iter().map(|entry| format!("{} {}", entry.record.event.kind().as_str(), entry.record.event)).collect();
    let channels = world.broker.call(ListChannels {}).await.unwrap();
    panic!("{what} did not happen: {entries:#?} {channels:#?}");
}

/// Lets some seconds pass, in which whatever is to happen happens.
fn pass(world: &World, seconds: u32) {
    for _ in 0..seconds {
        world.advance(SECOND);
        wait(Duration::from_millis(40));
    }
}

fn webhook(sink: &Sink) -> Target {
    let url = sink.url("/hook").parse().unwrap();
    Target::Webhook(WebhookTarget { url, secret: WebhookSecret::random(&SystemEntropy), allow_private: true })
}

async fn add(broker: &Broker, name: &str, target: Target) {
    let name = name.parse().unwrap();
    let call = AddChannel { name, target, rules: Rules::default(), heartbeat: None, test: false };
    broker.call(call).await.unwrap();
}

/// How many events a mail server was told of. A mail that came again has the same Message-ID.
fn told(server: &MailServer) -> usize {
    let mails = server.mails();
    let ids = mails.iter().map(|mail| mail.text.lines().find(|line| line.starts_with("Message-ID: ")).unwrap());
    ids.collect::<HashSet<_>>().len()
}

/// A token that the administrator copied from the portal, which lasts for half a day.
async fn personal(world: &World, replace: bool) {
    let whose = json!({ "subject": world.admin() });
    let copied = world.control(Method::POST, "/personal", Some(whose)).await;
    let token = AccessToken::new(copied["access_token"].as_str().unwrap());
    let name = "me".parse().unwrap();
    let environment = world.environment();
    world.broker.call(AddToken { name, kind: Kind::Personal, environment, token, replace }).await.unwrap();
}

async fn clear(world: &World, name: &str) {
    world.broker.call(Clear { name: name.parse().unwrap(), expected: None }).await.unwrap();
}

async fn world() -> World {
    World::new(lanyard_simulator::Options::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_is_told_by_every_means_from_the_first_warning_to_the_recovery() {
    let mut world = world().await;
    let mail = MailServer::start(MailTls::Never, &[]);
    let (hook, alerts) = (Sink::new().await, Sink::new().await);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("told");
    // The command comes from the settings file, and everything else from commands.
    let script = format!("cat >> {}", file.display());
    let command = Channel {
        name: "pager".parse().unwrap(),
        target: Target::Command(CommandTarget {
            argv: vec!["sh".to_owned(), "-c".to_owned(), script].try_into().unwrap(),
        }),
        rules: Rules::default(),
        heartbeat: None,
        paused_at: None,
        skipped: Vec::new(),
    };
    let link = Some("https://lanyard.example".to_owned());
    let settings = ChannelSettings { in_file: vec![command], link, ..ChannelSettings::default() };
    world.broker = world.broker.clone().with_channels(settings).unwrap();
    let bot = world.bot().await;
    let room = world.room_with_bot().await;
    add(&world.broker, "hook", webhook(&hook)).await;
    let url = alerts.url("/").parse().unwrap();
    let target = AlertmanagerTarget { url, auth: None, labels: Vec::new(), allow_private: true };
    add(&world.broker, "alerts", Target::Alertmanager(target)).await;
    add(&world.broker, "space", Target::Space(SpaceTarget { credential: bot.id, room: room.parse().unwrap() })).await;
    let target = MailTarget {
        server: format!("smtp://127.0.0.1:{}", mail.port()).parse().unwrap(),
        username: None,
        password: None,
        from: "lanyard@example.com".parse().unwrap(),
        to: vec!["rota@example.com".parse().unwrap()],
        allow_private: false,
        allow_plaintext: true,
    };
    add(&world.broker, "mail", Target::Mail(target)).await;
    personal(&world, false).await;
    let running = begin(&world.broker);
    pass(&world, 3);
    assert_eq!(hook.types(), [""; 0], "a token that was added just now is no news");

    // Half a day later there is a warning, then the end of the token, and then a person acts.
    world.advance(11 * HOUR + 10 * 60 * SECOND);
    until(&world, "the warning", || hook.types() == ["credential.expiring"] && told(&mail) == 1).await;
    world.advance(HOUR);
    until(&world, "the expiry", || hook.types().len() == 2 && told(&mail) == 2).await;
    personal(&world, true).await;
    let all = ["credential.expiring", "credential.needs-login", "credential.authorised", "credential.recovered"];
    until(&world, "the recovery", || hook.types() == all).await;
    until(&world, "the mails", || told(&mail) == 4).await;
    until(&world, "the alerts", || alerts.bodies().len() >= 4).await;
    until(&world, "the command", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.matches("specversion").count() >= 4)
    })
    .await;

    // Each is told once, under one id by every means.
    let mut ids: Vec<Value> = hook.bodies().iter().map(|(body, _)| body["id"].clone()).collect();
    ids.dedup();
    let commands = std::fs::read_to_string(&file).unwrap();
    for id in &ids {
        let id = id.as_str().unwrap();
        let is_about = |mail: &Mail| mail.text.contains(id) && mail.to == ["rota@example.com"];
        assert!(mail.mails().iter().any(is_about), "{id}: {:?}", mail.mails());
        assert!(commands.contains(id), "{id}: {commands}");
    }
    let first = &hook.bodies()[0].0;
    assert_eq!((&first["data"]["credential"]["name"], &first["subject"]), (&json!("me"), &json!("me")));
    assert_eq!((&first["data"]["severity"], &first["data"]["state"]), (&json!("warning"), &json!("firing")));
    assert_eq!(first["data"]["link"], json!("https://lanyard.example"));
    assert!(mail.mails()[0].text.contains("Content-Type: text/html"), "{}", mail.mails()[0].text);
    let mut messages = world.messages(&room).await;
    messages.dedup();
    assert_eq!(messages.len(), 4, "{messages:?}");
    assert!(messages[3].contains("me expires"), "{messages:?}");
    let ends = alerts.bodies().iter().filter(|(body, _)| body.to_string().contains("endsAt")).count();
    assert!(ends >= 1, "{:?}", alerts.bodies());

    // The same through the list, for programs and people without a channel.
    let page = world.broker.call(ListEvents::default()).await.unwrap();
    let listed: Vec<_> = page.events.iter().map(|event| json!(event.id.as_str())).collect();
    assert_eq!(listed, ids);
    let channels = world.broker.call(ListChannels {}).await.unwrap();
    assert_eq!(channels.len(), 5);
    assert!(
        channels.iter().all(|channel| channel.state == "delivering" && channel.delivered_at.is_some()),
        "{channels:?}"
    );
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_fails_for_a_day_gets_everything_in_the_end_and_others_are_told() {
    let world = world().await;
    let (bad, good) = (Sink::new().await, Sink::new().await);
    add(&world.broker, "bad", webhook(&bad)).await;
    add(&world.broker, "good", webhook(&good)).await;
    personal(&world, false).await;
    let running = begin(&world.broker);
    pass(&world, 2);
    for answers in [Answers::Hangs, Answers::Status(500), Answers::Redirects, Answers::Closes] {
        bad.answers(answers);
        if answers == Answers::Hangs {
            world.advance(11 * HOUR + 10 * 60 * SECOND);
        }
        // The first of these may have been answered as before.
        let attempts = bad.bodies().len() + 2;
        until(&world, "an attempt", || bad.bodies().len() >= attempts).await;
    }
    until(&world, "the failure", || good.types().contains(&"channel.failing".to_owned())).await;
    let listed = world.broker.call(ListChannels {}).await.unwrap();
    assert_eq!((listed[0].state.as_str(), listed[1].state.as_str()), ("failing", "delivering"), "{listed:?}");
    assert!(listed[0].reason.as_ref().unwrap().contains("127.0.0.1"), "{listed:?}");
    // A day of failures is a bounded number of attempts.
    for _ in 0..48 {
        world.advance(HOUR / 2);
        pass(&world, 1);
    }
    assert!(bad.bodies().len() < 300, "{}", bad.bodies().len());
    assert_eq!(bad.types(), [""; 0]);
    bad.answers(Answers::Ok);
    world.advance(HOUR);
    until(&world, "the delivery", || bad.types().iter().any(|kind| kind == "credential.needs-login")).await;
    until(&world, "the recovery", || good.types().contains(&"channel.recovered".to_owned())).await;
    assert_eq!(
        bad.types(),
        ["credential.expiring", "credential.needs-login"],
        "each once, and nothing of its own failure"
    );
    let failing = good.types().iter().filter(|kind| *kind == "channel.failing").count();
    assert_eq!(failing, 1, "{:?}", good.types());
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_in_the_middle_of_a_delivery_is_replaced_and_the_id_stays() {
    let world = world().await;
    let sink = Sink::new().await;
    add(&world.broker, "hook", webhook(&sink)).await;
    personal(&world, false).await;
    let first = begin(&world.broker);
    pass(&world, 2);
    sink.answers(Answers::Hangs);
    world.advance(11 * HOUR + 10 * 60 * SECOND);
    until(&world, "an attempt", || sink.bodies().len() == 1).await;
    first.abort();
    let _ = first.await;
    sink.answers(Answers::Ok);
    let other = world.elsewhere().await;
    let second = begin(&other);
    // Nobody can see that the first process is gone: its claims expire.
    until(&world, "the delivery", || sink.types() == ["credential.expiring"]).await;
    pass(&world, 5);
    let bodies = sink.bodies();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    assert_eq!(bodies[0].0["id"], bodies[1].0["id"]);
    second.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_paused_channel_is_delivered_when_it_is_resumed() {
    let world = world().await;
    let sink = Sink::new().await;
    add(&world.broker, "hook", webhook(&sink)).await;
    let name = || "hook".parse().unwrap();
    personal(&world, false).await;
    let running = begin(&world.broker);
    pass(&world, 2);
    sink.answers(Answers::Status(503));
    world.advance(11 * HOUR + 10 * 60 * SECOND);
    until(&world, "an attempt", || !sink.bodies().is_empty()).await;
    world.broker.call(PauseChannel { name: name(), pause: true }).await.unwrap();
    world.advance(HOUR);
    pass(&world, 4);
    sink.answers(Answers::Ok);
    world.broker.call(PauseChannel { name: name(), pause: false }).await.unwrap();
    world.advance(HOUR);
    until(&world, "the delivery", || sink.types() == ["credential.expiring"]).await;
    pass(&world, 4);
    assert_eq!(sink.types().len(), 1, "the event of the pause is skipped");
    // The end of an alert is not: its begin was delivered.
    world.broker.call(PauseChannel { name: name(), pause: true }).await.unwrap();
    pass(&world, 2);
    personal(&world, true).await;
    pass(&world, 4);
    world.broker.call(PauseChannel { name: name(), pause: false }).await.unwrap();
    until(&world, "the end", || sink.types().last().is_some_and(|kind| kind == "credential.recovered")).await;
    assert_eq!(sink.types(), ["credential.expiring", "credential.recovered"]);
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_channel_gets_nothing_and_a_removed_one_ends() {
    let world = world().await;
    let sink = Sink::new().await;
    add(&world.broker, "hook", webhook(&sink)).await;
    let name = || "hook".parse().unwrap();
    world.broker.call(PauseChannel { name: name(), pause: true }).await.unwrap();
    personal(&world, false).await;
    let running = begin(&world.broker);
    pass(&world, 2);
    world.advance(11 * HOUR + 10 * 60 * SECOND);
    pass(&world, 4);
    assert_eq!(sink.bodies(), []);
    world.broker.call(PauseChannel { name: name(), pause: false }).await.unwrap();
    pass(&world, 2);
    world.advance(HOUR);
    until(&world, "the expiry", || sink.types() == ["credential.needs-login"]).await;
    world.broker.call(RemoveChannel { name: name() }).await.unwrap();
    personal(&world, true).await;
    pass(&world, 4);
    assert_eq!(sink.bodies().len(), 1);
    assert!(world.broker.call(ListChannels {}).await.unwrap().is_empty());
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_delivered_after_a_channel_was_paused_or_removed_in_the_middle_of_a_page() {
    for removes in [false, true] {
        let world = world().await;
        let sink = Sink::new().await;
        add(&world.broker, "hook", webhook(&sink)).await;
        let name = || "hook".parse().unwrap();
        world.bot().await;
        personal(&world, false).await;
        sink.answers(Answers::Waits);
        // Two events wait, and are read as one page.
        clear(&world, "me").await;
        clear(&world, "bot").await;
        let running = begin(&world.broker);
        until(&world, "an attempt", || sink.bodies().len() == 1).await;
        if removes {
            world.broker.call(RemoveChannel { name: name() }).await.unwrap();
        } else {
            world.broker.call(PauseChannel { name: name(), pause: true }).await.unwrap();
        }
        sink.answers(Answers::Ok);
        pass(&world, 20);
        assert_eq!(sink.bodies().len(), 1, "removed: {removes}");
        if !removes {
            world.broker.call(PauseChannel { name: name(), pause: false }).await.unwrap();
            until(&world, "the rest", || sink.types() == ["credential.revoked"; 2]).await;
        }
        running.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_an_alarm_reaches_channels_by_kind_and_label_even_if_the_credential_is_gone() {
    let world = world().await;
    let (bots, acme, other, alerts) = (Sink::new().await, Sink::new().await, Sink::new().await, Sink::new().await);
    let only = |kinds: &[Kind], label: Option<&str>| Rules {
        kinds: kinds.to_vec(),
        labels: label.iter().map(|label| label.parse().unwrap()).collect(),
        ..Rules::default()
    };
    let url = alerts.url("/").parse().unwrap();
    let labels = vec!["customer".parse().unwrap()];
    let alertmanager = Target::Alertmanager(AlertmanagerTarget { url, auth: None, labels, allow_private: true });
    for (name, target, rules) in [
        ("bots", webhook(&bots), only(&[Kind::Personal], None)),
        ("acme", webhook(&acme), only(&[], Some("customer=acme"))),
        ("other", webhook(&other), only(&[Kind::Bot], Some("customer=acme"))),
        ("alerts", alertmanager, Rules::default()),
    ] {
        let name = name.parse().unwrap();
        world.broker.call(AddChannel { name, target, rules, heartbeat: None, test: false }).await.unwrap();
    }
    personal(&world, false).await;
    let set = vec!["customer=acme".parse().unwrap()];
    let id = world.broker.call(ChangeLabels { name: "me".parse().unwrap(), set, remove: Vec::new() }).await.unwrap().id;
    let running = begin(&world.broker);
    pass(&world, 2);
    world.advance(13 * HOUR);
    until(&world, "the expiry", || acme.types() == ["credential.needs-login"] && alerts.bodies().len() == 1).await;
    clear(&world, "me").await;
    let all = ["credential.needs-login", "credential.revoked", "credential.recovered"];
    until(&world, "the end", || acme.types() == all && bots.types() == all).await;
    until(&world, "the end of the alert", || alerts.bodies().len() == 3).await;
    let ended = &acme.bodies()[2].0["data"];
    assert_eq!((&ended["state"], &ended["credential"]["id"]), (&json!("resolved"), &json!(id)));
    let firing = &alerts.bodies()[0].0[0]["labels"];
    assert_eq!((&firing["customer"], &firing["kind"]), (&json!("acme"), &json!("personal")));
    let ends = alerts.bodies()[2].0.clone();
    let is_end = |alert: &Value| alert["labels"] == *firing && alert["endsAt"] == alert["startsAt"];
    assert!(ends.as_array().unwrap().iter().any(is_end), "{ends}");
    assert_eq!(other.bodies(), []);
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_and_what_waits_are_counted_where_the_work_is_done() {
    let world = world().await;
    let (bad, good) = (Sink::new().await, Sink::new().await);
    add(&world.broker, "bad", webhook(&bad)).await;
    add(&world.broker, "good", webhook(&good)).await;
    bad.answers(Answers::Status(500));
    let webhooks = || world.broker.counted_deliveries().into_iter().find(|of| of.kind == "webhook").unwrap();
    assert_eq!((world.broker.last_watch(), world.broker.last_delivery()), (None, None));
    let running = begin(&world.broker);
    world.bot().await;
    personal(&world, false).await;
    clear(&world, "me").await;
    let first = world.clock.now().wall;
    clear(&world, "bot").await;
    until(&world, "attempts", || webhooks().failed >= 2 && webhooks().delivered == 2).await;
    let counted = webhooks();
    assert_eq!((counted.failing, counted.waiting, counted.given_up), (1, 2, 0), "{counted:?}");
    assert!(counted.oldest.unwrap() <= first, "{counted:?}");
    for last in [world.broker.last_watch(), world.broker.last_delivery()] {
        assert!(last.is_some_and(|last| last >= first), "{last:?}");
    }
    bad.answers(Answers::Ok);
    until(&world, "the deliveries", || bad.types().len() == 2).await;
    until(&world, "the recovery", || webhooks().failing == 0).await;
    assert_eq!((webhooks().waiting, webhooks().oldest), (0, None));
    running.abort();
    let _ = running.await;
    pass(&world, 1);
    assert_eq!((world.broker.last_watch(), world.broker.last_delivery()), (None, None), "nothing runs any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_a_channel_wants_waits_for_it() {
    let world = world().await;
    let bad = Sink::new().await;
    let rules = Rules { types: vec!["credential.needs-login".parse().unwrap()], ..Rules::default() };
    let (name, target) = ("bad".parse().unwrap(), webhook(&bad));
    world.broker.call(AddChannel { name, target, rules, heartbeat: None, test: false }).await.unwrap();
    bad.answers(Answers::Status(500));
    personal(&world, false).await;
    let running = begin(&world.broker);
    pass(&world, 2);
    world.advance(11 * HOUR + 10 * 60 * SECOND);
    pass(&world, 3);
    world.advance(HOUR);
    until(&world, "an attempt", || !bad.bodies().is_empty()).await;
    let webhooks = || world.broker.counted_deliveries().into_iter().find(|of| of.kind == "webhook").unwrap();
    until(&world, "the count", || webhooks().waiting == 1).await;
    let listed = world.broker.call(ListEvents::default()).await.unwrap().events;
    assert!(listed.len() > 1, "there were others: {listed:?}");
    assert_eq!(webhooks().oldest, Some(bad_time(&bad)));
    running.abort();
}

/// When the event happened that a receiver was sent last.
fn bad_time(sink: &Sink) -> jiff::Timestamp {
    sink.bodies().last().unwrap().0["time"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_and_events_that_are_given_up_count_real_time() {
    let world = world().await;
    let (bad, good) = (Sink::new().await, Sink::new().await);
    add(&world.broker, "bad", webhook(&bad)).await;
    add(&world.broker, "good", webhook(&good)).await;
    bad.answers(Answers::Status(500));
    let refuse = async || {
        let event = Event::Refused { means: "token".to_owned(), why: "no".to_owned(), times: 1 };
        let record =
            JournalRecord { at: world.clock.now().wall, about: About::Home, actor: "client panel".to_owned(), event };
        world.broker.store().append(&record).await.unwrap();
    };
    let running = begin(&world.broker);
    pass(&world, 2);
    refuse().await;
    until(&world, "the refusal", || good.types() == ["client.refused"]).await;
    until(&world, "an attempt", || !bad.bodies().is_empty()).await;
    // A wall clock that is set forward by a week is no reason to tell people again, or to give an event up.
    world.clock.jump_wall(SignedDuration::from_hours(24 * 7));
    refuse().await;
    world.advance(HOUR / 4);
    pass(&world, 20);
    assert_eq!(good.types().iter().filter(|kind| *kind == "client.refused").count(), 1);
    // Nor does one that is set back stop anything.
    world.clock.jump_wall(SignedDuration::from_hours(-24 * 30));
    world.advance(HOUR);
    refuse().await;
    until(&world, "the refusal", || good.types().iter().filter(|kind| *kind == "client.refused").count() == 2).await;
    bad.answers(Answers::Ok);
    world.advance(HOUR);
    until(&world, "the delivery", || bad.types().iter().filter(|kind| *kind == "client.refused").count() == 2).await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_lasts_is_repeated_to_alertmanager_each_day_until_it_ends() {
    let world = world().await;
    let (alerts, hook) = (Sink::new().await, Sink::new().await);
    let url = alerts.url("/").parse().unwrap();
    let target = AlertmanagerTarget { url, auth: None, labels: Vec::new(), allow_private: true };
    add(&world.broker, "alerts", Target::Alertmanager(target)).await;
    add(&world.broker, "hook", webhook(&hook)).await;
    personal(&world, false).await;
    let running = begin(&world.broker);
    pass(&world, 2);
    let repeated = |from: usize| {
        let bodies: Vec<Value> = alerts.bodies().into_iter().skip(from).map(|(body, _)| body).collect();
        let all: Vec<Value> = bodies.iter().flat_map(|body| body.as_array().unwrap().clone()).collect();
        all
    };
    world.advance(13 * HOUR);
    until(&world, "the alert", || alerts.bodies().len() == 1).await;
    let first = repeated(0);
    assert_eq!(first[0]["labels"]["alertname"], "lanyard.credential.needs-login");
    world.advance(25 * HOUR);
    until(&world, "the repetition", || alerts.bodies().len() == 2).await;
    let second = repeated(1);
    for same in ["labels", "startsAt", "annotations"] {
        assert_eq!(first[0][same], second[0][same], "{same}");
    }
    assert!(first[0]["endsAt"].as_str() < second[0]["endsAt"].as_str(), "{first:?} {second:?}");

    personal(&world, true).await;
    until(&world, "the end", || hook.types().last().is_some_and(|kind| kind == "credential.recovered")).await;
    until(&world, "the end", || repeated(2).iter().any(|alert| alert["labels"] == first[0]["labels"])).await;
    let count = alerts.bodies().len();
    world.advance(HOUR);
    pass(&world, 15);
    let of_first = |alerts: &[Value]| alerts.iter().filter(|alert| alert["labels"] == first[0]["labels"]).count();
    world.advance(25 * HOUR);
    until(&world, "a later event", || hook.types().last().is_some_and(|kind| kind == "credential.needs-login")).await;
    pass(&world, 15);
    // It began again, and is told and repeated as a new one.
    assert!(of_first(&repeated(count)) >= 1);
    assert_eq!(hook.types().iter().filter(|kind| *kind == "credential.needs-login").count(), 2, "{:?}", hook.types());
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_whose_place_in_the_journal_is_gone_is_told_and_tested() {
    let world = world().await;
    let (lost, good) = (Sink::new().await, Sink::new().await);
    add(&world.broker, "lost", webhook(&lost)).await;
    add(&world.broker, "good", webhook(&good)).await;
    let running = begin(&world.broker);
    pass(&world, 2);
    running.abort();
    let _ = running.await;
    // Its place is an entry that the journal does not have.
    let channels = world.broker.store().channels().await.unwrap();
    let id = channels.into_iter().map(Result::unwrap).find(|channel| channel.name == "lost").unwrap().id;
    let queue = world.broker.queue();
    queue.remove("channel.deliver", &id).await.unwrap();
    let place = json!({ "number": 900, "mac": "0".repeat(64), "delivered_at": null, "failing": null });
    queue.ensure("channel.deliver", &id, &place).await.unwrap();
    let running = begin(&world.broker);
    until(&world, "the end", || good.types() == ["channel.failing", "channel.recovered"]).await;
    let told = good.bodies()[0].0["data"]["summary"].to_string();
    assert!(told.contains("channel lost") && told.contains("events may be missing"), "{told}");
    assert_eq!(lost.types(), ["test"], "that it works is found out at once");
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_alert_of_a_channel_ends_with_the_channel_and_with_a_test_after_its_event_was_given_up() {
    let world = world().await;
    let (bad, good) = (Sink::new().await, Sink::new().await);
    add(&world.broker, "bad", webhook(&bad)).await;
    add(&world.broker, "good", webhook(&good)).await;
    bad.answers(Answers::Status(400));
    let running = begin(&world.broker);
    world.bot().await;
    clear(&world, "bot").await;
    until(&world, "the failure", || good.types().contains(&"channel.failing".to_owned())).await;
    // Nothing else happens while it fails for three days; then its receiver is mended.
    world.advance(73 * HOUR);
    let state = async || world.broker.call(ListChannels {}).await.unwrap()[0].state.clone();
    pass(&world, 15);
    assert_eq!(state().await, "failing");
    assert_eq!(bad.types(), [""; 0]);
    bad.answers(Answers::Ok);
    world.advance(HOUR);
    until(&world, "the end", || good.types().contains(&"channel.recovered".to_owned())).await;
    assert_eq!(bad.types(), ["test"], "the event was given up");
    assert_eq!(state().await, "delivering");

    bad.answers(Answers::Status(400));
    personal(&world, false).await;
    clear(&world, "me").await;
    let ends = |kind: &str| good.types().iter().filter(|told| *told == kind).count();
    until(&world, "the failure", || ends("channel.failing") == 2).await;
    world.broker.call(RemoveChannel { name: "bad".parse().unwrap() }).await.unwrap();
    until(&world, "the end", || ends("channel.recovered") == 2).await;
    running.abort();
}
