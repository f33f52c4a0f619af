//! Credentials that are renewed ahead of their end.

use std::time::Duration;

use lanyard_broker::{BreakerState, HandOut, Refresh, RefresherOptions};
use lanyard_credential::{Credential, Generation, Kind, Standing, TroubleKind};
use lanyard_protocol::Method;
use lanyard_simulator::{Options, RefreshBehaviour};
use serde_json::json;

use crate::world::{Call as _, Running, World};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const LIFE: Duration = Duration::from_secs(1_209_599);

async fn generations(world: &World, credentials: &[Credential]) -> Vec<u32> {
    let mut all = Vec::new();
    for credential in credentials {
        all.push(world.now(credential).await.generation.number());
    }
    all
}

#[tokio::test]
async fn fifty_that_fall_due_together_go_at_the_rate() {
    let world = World::new(Options::default()).await;
    let all = world.grants(50, LIFE).await;
    let running = world.renew(RefresherOptions { rate: 2.0, burst: 5, at_once: 3, ..RefresherOptions::default() });
    running.quiet(&world.clock).await;
    assert_eq!(running.refresher.report().credentials, 50);
    world.pass(10 * DAY, 10 * DAY, &[&running]).await;
    assert_eq!(world.refreshes().await.len(), 0);
    world.pass(2 * DAY, 2 * DAY, &[&running]).await;
    assert_eq!(running.refresher.report().counts.rotations, 5);
    world.pass(10 * SECOND, SECOND, &[&running]).await;
    assert_eq!(running.refresher.report().counts.rotations, 25);
    world.pass(15 * SECOND, SECOND, &[&running]).await;
    assert_eq!(generations(&world, &all).await, [2; 50]);
    assert_eq!((world.refreshes().await.len(), running.refresher.report().counts.rotations), (50, 50));
    running.stop().await;
}

#[tokio::test]
async fn an_environment_out_of_order_is_left_in_peace_tokens_stay_and_it_goes_on_afterwards() {
    let world = World::new(Options::default()).await;
    let all = world.grants(12, LIFE).await;
    world.fault(None, json!({ "status": 500 })).await;
    let running = world.renew(RefresherOptions { at_once: 1, ..RefresherOptions::default() });
    running.quiet(&world.clock).await;
    world.pass(12 * DAY, 12 * DAY, &[&running]).await;
    let breaker = |running: &Running| running.refresher.report().environments[0].breaker;
    let failures = |running: &Running| running.refresher.report().counts.failures_of(TroubleKind::OutcomeUnknown);
    assert_eq!((failures(&running), breaker(&running)), (5, BreakerState::Open { left: 5 * SECOND }));
    let mut stalled = 0;
    for credential in &all {
        if matches!(world.now(credential).await.standing, Standing::Stalled(_)) {
            let call = HandOut { name: credential.name.clone(), min_validity: Duration::ZERO, expected: None };
            assert_eq!(world.broker.call(call).await.unwrap().credential.generation, Generation::new(1));
            stalled += 1;
        }
    }
    assert_eq!(stalled, 5);
    // What was sent without an answer that can be understood was sent once more, and no more than that.
    assert_eq!(world.refreshes().await.len(), 10);
    world.pass(4 * SECOND, SECOND, &[&running]).await;
    assert_eq!(failures(&running), 5);
    world.pass(SECOND, SECOND, &[&running]).await;
    assert_eq!((failures(&running), breaker(&running)), (6, BreakerState::Open { left: 10 * SECOND }));
    assert_eq!(running.refresher.report().counts.rotations, 0);

    world.repair().await;
    world.pass(30 * MINUTE, 10 * SECOND, &[&running]).await;
    assert_eq!(breaker(&running), BreakerState::Closed { failures: 0 });
    assert_eq!(generations(&world, &all).await, [2; 12]);
    for credential in &all {
        assert_eq!(world.now(credential).await.standing, Standing::Active);
    }
    running.stop().await;
}

#[tokio::test]
async fn what_fails_on_demand_counts_and_what_succeeds_ends_the_pause() {
    let world = World::new(Options::default()).await;
    let all = world.grants(6, LIFE).await;
    world.fault(None, json!({ "status": 500 })).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    let broker = &world.broker;
    let refresh = |credential: &Credential| Refresh {
        name: credential.name.clone(),
        force: true,
        take_over: false,
        expected: None,
    };
    let breaker = |running: &Running| running.refresher.report().environments[0].breaker;
    for (failures, credential) in (1..).zip(&all[..4]) {
        broker.call(refresh(credential)).await.unwrap_err();
        assert_eq!(breaker(&running), BreakerState::Closed { failures });
    }
    let ended = HandOut { name: all[4].name.clone(), min_validity: LIFE.saturating_sub(SECOND), expected: None };
    world.advance(2 * SECOND);
    let handed = broker.call(ended).await.unwrap();
    assert!(handed.shortfall.is_some(), "it was renewed in vain, and the valid token is handed out");
    assert_eq!(breaker(&running), BreakerState::Open { left: 5 * SECOND });
    let sent = world.refreshes().await.len();
    let min_validity = LIFE.saturating_sub(SECOND);
    let short = HandOut { name: all[5].name.clone(), min_validity, expected: None };
    let handed = broker.call(short).await.unwrap();
    assert!(handed.shortfall.is_some(), "Webex is not asked, and the valid token is handed out");
    assert_eq!(world.refreshes().await.len(), sent);
    world.repair().await;
    broker.call(refresh(&all[5])).await.unwrap();
    assert_eq!(breaker(&running), BreakerState::Open { left: Duration::ZERO });
    assert_eq!(running.refresher.report().counts.rotations, 0, "it counts what it did itself");
    running.stop().await;
}

#[tokio::test]
async fn a_limit_is_respected_for_as_long_as_webex_asks_and_stops_nothing_else() {
    let world = World::new(Options::default()).await;
    world.grants(8, LIFE).await;
    world.fault(None, json!({ "status": 429, "headers": { "Retry-After": "600" } })).await;
    let running = world.renew(RefresherOptions { at_once: 1, ..RefresherOptions::default() });
    running.quiet(&world.clock).await;
    world.pass(12 * DAY, 12 * DAY, &[&running]).await;
    assert_eq!(running.refresher.report().environments[0].breaker, BreakerState::Closed { failures: 0 });
    assert_eq!(world.refreshes().await.len(), 8, "each is told so itself, and waits");
    world.repair().await;
    world.pass(590 * SECOND, 10 * SECOND, &[&running]).await;
    assert_eq!(world.refreshes().await.len(), 8);
    world.pass(5 * MINUTE, 10 * SECOND, &[&running]).await;
    assert_eq!(running.refresher.report().counts.rotations, 8);
    running.stop().await;
}

#[tokio::test]
async fn a_dead_grant_is_no_fault_of_the_environment() {
    let world = World::new(Options::default()).await;
    let all = world.grants(8, LIFE).await;
    let app = json!({ "client_id": world.client_id() });
    world.control(Method::POST, "/grants/revoke", Some(app)).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    world.pass(12 * DAY, 12 * DAY, &[&running]).await;
    let report = running.refresher.report();
    assert_eq!(report.environments[0].breaker, BreakerState::Closed { failures: 0 });
    assert_eq!(report.counts.failures_of(TroubleKind::DeadGrant), 8);
    for credential in &all {
        assert!(matches!(world.now(credential).await.standing, Standing::NeedsLogin(_)));
    }
    // A person must act: nothing is asked again.
    world.pass(DAY, HOUR, &[&running]).await;
    assert_eq!(world.refreshes().await.len(), 8);
    running.stop().await;
}

#[tokio::test]
async fn two_refreshers_on_one_store_exchange_each_token_once() {
    let world = World::new(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await;
    let all = world.grants(20, LIFE).await;
    let elsewhere = world.elsewhere().await;
    let options = RefresherOptions { burst: 40, ..RefresherOptions::default() };
    let running = [Running::start(&world.broker, options.clone()), Running::start(&elsewhere, options)];
    for running in &running {
        running.quiet(&world.clock).await;
    }
    world.pass(12 * DAY, 12 * DAY, &[&running[0], &running[1]]).await;
    world.pass(5 * MINUTE, 20 * SECOND, &[&running[0], &running[1]]).await;
    let rotations: u64 = running.iter().map(|running| running.refresher.report().counts.rotations).sum();
    assert_eq!((world.refreshes().await.len(), rotations), (20, 20));
    assert_eq!(generations(&world, &all).await, [2; 20]);
    for credential in &all {
        assert_eq!(world.now(credential).await.standing, Standing::Active);
    }
    for running in running {
        running.stop().await;
    }
}

#[tokio::test]
async fn two_tasks_of_one_process_that_renew_one_credential_take_turns() {
    let world = World::new(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await;
    let credential = world.grant("acme", LIFE).await;
    world.advance(12 * DAY);
    let renew = || {
        let (broker, name) = (world.broker.clone(), credential.name.clone());
        tokio::spawn(async move { broker.call(Refresh { name, force: false, take_over: false, expected: None }).await })
    };
    let tasks = [renew(), renew(), renew()];
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        tokio::task::yield_now().await;
        // Those that wait for their turn look again when one has had it.
        if tasks.iter().any(tokio::task::JoinHandle::is_finished) {
            world.advance(Duration::from_micros(100));
        }
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(world.refreshes().await.len(), 1);
    assert_eq!(world.now(&credential).await.generation, Generation::new(2));
}

#[tokio::test]
async fn a_bot_whose_token_was_regenerated_needs_a_new_one_within_a_cycle() {
    let world = World::new(Options::default()).await;
    let bot = world.bot().await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    world.pass(6 * HOUR, 30 * MINUTE, &[&running]).await;
    assert_eq!(running.refresher.report().counts.checks, 1);
    let seen = world.now(&bot).await;
    assert!(seen.standing == Standing::Active && seen.subject.known().is_some(), "{seen:?}");
    world.regenerate_bot().await;
    world.pass(6 * HOUR, 30 * MINUTE, &[&running]).await;
    let seen = world.now(&bot).await;
    assert!(
        matches!(&seen.standing, Standing::NeedsLogin(trouble) if trouble.kind == TroubleKind::DeadToken),
        "{seen:?}"
    );
    // That is found once.
    world.pass(DAY, HOUR, &[&running]).await;
    let counts = running.refresher.report().counts;
    assert_eq!((counts.checks, counts.failures_of(TroubleKind::DeadToken)), (1, 1));
    running.stop().await;
}

#[tokio::test]
async fn a_bot_that_webex_refused_by_mistake_is_well_again_within_a_cycle() {
    let world = World::new(Options::default()).await;
    let bot = world.bot().await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    let refusing = json!({ "path": "/v1/people/me", "count": null, "action": { "status": 401 } });
    world.control(Method::POST, "/faults", Some(refusing)).await;
    world.pass(6 * HOUR, 30 * MINUTE, &[&running]).await;
    let seen = world.now(&bot).await;
    assert!(matches!(seen.standing, Standing::NeedsLogin(_)), "{seen:?}");
    world.repair().await;
    world.pass(6 * HOUR, 30 * MINUTE, &[&running]).await;
    let seen = world.now(&bot).await;
    assert_eq!(seen.standing, Standing::Active, "{seen:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_strict_server_and_short_lives_lose_nothing_and_no_token_ever_ends() {
    let options = Options { refresh: RefreshBehaviour::RotateStrict, access_token_ttl: HOUR, ..Options::default() };
    let world = World::new(options).await;
    let all = world.grants(4, HOUR).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    for _ in 0..100 {
        world.pass(5 * MINUTE, 5 * MINUTE, &[&running]).await;
        for credential in &all {
            let now = world.now(credential).await;
            assert_eq!(now.standing, Standing::Active);
            assert!(!now.validity.unwrap().access_has_ended(&lanyard_time::Clock::now(&world.clock)));
        }
    }
    let rotations = running.refresher.report().counts.rotations;
    assert_eq!(world.refreshes().await.len() as u64, rotations);
    // 500 minutes, and a rotation after 45 to 50 of them.
    assert!((40..=44).contains(&rotations), "{rotations}");
    running.stop().await;
}

#[tokio::test]
async fn an_expiry_that_does_not_move_makes_no_storm() {
    let options = Options { noop_refresh_window: Some(DAY), access_token_ttl: 10 * HOUR, ..Options::default() };
    let world = World::new(options).await;
    let credential = world.grant("stuck", 10 * HOUR).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    world.pass(3 * DAY, 5 * MINUTE, &[&running]).await;
    let moments = world.refreshes().await;
    assert!((8..30).contains(&moments.len()), "{moments:?}");
    // An hour between two, but for the one that comes when the token ends.
    for three in moments.windows(3) {
        assert!(three[2].duration_since(three[0]) >= jiff::SignedDuration::from_hours(1), "{moments:?}");
    }
    assert_eq!(world.now(&credential).await.standing, Standing::Active);
    running.stop().await;
}

#[tokio::test]
async fn one_that_hangs_delays_no_other() {
    let world = World::new(Options::default()).await;
    let all = world.grants(6, LIFE).await;
    world.fault(Some(1), json!({ "delay_ms": 5000 })).await;
    let running = world.renew(RefresherOptions { at_once: 2, ..RefresherOptions::default() });
    running.quiet(&world.clock).await;
    world.advance(12 * DAY);
    running.until(|report| report.counts.rotations == 5 && report.environments[0].under_way == 1).await;
    world.pass(10 * SECOND, 5 * SECOND, &[&running]).await;
    assert_eq!(generations(&world, &all).await, [2; 6]);
    running.stop().await;
}

#[tokio::test]
async fn to_stop_begins_nothing_more_and_waits_for_what_is_being_spent() {
    let world = World::new(Options { refresh: RefreshBehaviour::RotateStrict, ..Options::default() }).await;
    let all = world.grants(5, LIFE).await;
    world.fault(None, json!({ "delay_after_ms": 5000 })).await;
    let running = world.renew(RefresherOptions { at_once: 1, ..RefresherOptions::default() });
    running.quiet(&world.clock).await;
    world.advance(12 * DAY);
    running.until(|_| world.broker.must_finish()).await;
    while world.refreshes().await.is_empty() {}
    let ending = running.ask_to_stop();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert!(!ending.is_finished());
    world.advance(5 * SECOND);
    ending.await.unwrap();
    assert!(!world.broker.must_finish());
    assert_eq!(generations(&world, &all).await.iter().filter(|generation| **generation == 2).count(), 1);
    assert_eq!(world.refreshes().await.len(), 1);
}

#[tokio::test]
async fn what_comes_later_is_renewed_too_and_what_is_gone_is_forgotten() {
    let world = World::new(Options::default()).await;
    let gone = world.grant("gone", LIFE).await;
    let running = world.renew(RefresherOptions { reread: 1000 * DAY, ..RefresherOptions::default() });
    running.quiet(&world.clock).await;
    let told = world.grant("told", LIFE).await;
    let seen = world.grant("seen", LIFE).await;
    running.refresher.changed([told.id]);
    running.refresher.see(seen.id, Some(&seen));
    world.broker.store().remove_credential(gone.id).await.unwrap();
    world.pass(12 * DAY, 12 * DAY, &[&running]).await;
    assert_eq!(generations(&world, &[told, seen]).await, [2, 2]);
    assert_eq!(running.refresher.report().credentials, 2);
    running.stop().await;
}

#[tokio::test]
async fn a_wall_clock_that_is_set_starts_no_storm() {
    let world = World::new(Options::default()).await;
    world.grants(5, LIFE).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    // The first tokens are known to nobody.
    world.pass(12 * DAY, 12 * DAY, &[&running]).await;
    // Each token is asked about once, and then counted by the boot clock.
    for (days, checks) in [(400, 5), (-800, 5), (400, 5), (500, 10)] {
        world.clock.jump_wall(jiff::SignedDuration::from_hours(24 * days));
        world.pass(HOUR, MINUTE, &[&running]).await;
        assert_eq!(world.refreshes().await.len(), 5, "{days}");
        assert_eq!(running.refresher.report().counts.checks, checks, "{days}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_token_that_ended_while_the_machine_stood_still_is_renewed() {
    let world = World::new(Options::default()).await;
    let all = world.grants(3, LIFE).await;
    let running = world.renew(RefresherOptions::default());
    world.pass(12 * DAY, 12 * DAY, &[&running]).await;
    // Paused from outside: the boot clock stood still, and Webex's time went on.
    world.stand_still(20 * DAY).await;
    world.pass(HOUR, MINUTE, &[&running]).await;
    assert_eq!(generations(&world, &all).await, [3, 3, 3]);
    assert_eq!(world.refreshes().await.len(), 6);
    running.stop().await;
}

#[tokio::test]
async fn what_a_process_that_died_left_half_done_is_done_at_once_though_it_is_not_due() {
    let world = World::new(Options { refresh: RefreshBehaviour::Rotate, ..Options::default() }).await;
    let (before, later) = (world.grant("before", LIFE).await, world.grant("later", LIFE).await);
    world.abandon(&before).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    assert_eq!(generations(&world, &[before.clone(), later.clone()]).await, [2, 1]);
    world.abandon(&later).await;
    world.pass(20 * SECOND, SECOND, &[&running]).await;
    assert_eq!(generations(&world, &[before, later]).await, [2, 2]);
    world.pass(HOUR, MINUTE, &[&running]).await;
    assert_eq!(world.refreshes().await.len(), 2);
    running.stop().await;
}

#[tokio::test]
async fn a_service_app_that_nobody_had_authorised_is_asked_for_again_and_a_dead_grant_is_had_anew() {
    let world = World::new(Options { access_token_ttl: 10 * HOUR, ..Options::default() }).await;
    let admin = world.plain("admin", Kind::Personal, world.personal(), None).await;
    let fleet = world.minted_through("fleet", &admin, &world.environment()).await;
    let running = world.renew(RefresherOptions::default());
    running.quiet(&world.clock).await;
    world.pass(6 * HOUR, 30 * MINUTE, &[&running]).await;
    let first = world.now(&fleet).await;
    assert_eq!((first.standing, first.generation.number()), (Standing::Active, 1));
    world.control(Method::POST, "/grants/revoke", Some(json!({ "client_id": world.client_id() }))).await;
    // The administrator's first token would have ended by then.
    world.plain_again(&admin).await;
    world.pass(8 * HOUR, 8 * HOUR, &[&running]).await;
    let second = world.now(&fleet).await;
    assert_eq!((second.standing, second.generation.number()), (Standing::Active, 2));
    assert_eq!(running.refresher.report().counts.mints, 2);
    running.stop().await;
}
