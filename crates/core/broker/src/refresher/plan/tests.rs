use std::collections::HashSet;

use lanyard_credential::{AppId, RefreshRight};
use lanyard_time::{Clock as _, ManualClock, SeededEntropy};
use proptest::prelude::*;

use super::super::schedule::tests::{bot, clock, integration};
use super::*;
use crate::renewals::{Closed, Wanted};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const WELL: Health = Health::Well;

/// A plan and the gate that its tasks pass.
struct Planned {
    plan: Plan,
    gate: Gate,
}

impl Planned {
    fn load(&mut self, credentials: &[Credential], now: &Moment) -> Vec<CredentialId> {
        self.plan.load(credentials, &mut self.gate, now)
    }

    fn see(&mut self, credential: &Credential, now: &Moment) {
        self.plan.see(credential, &mut self.gate, now);
    }

    fn starts(&mut self, now: &Moment) -> Vec<Start> {
        self.plan.starts(&mut self.gate, now)
    }

    fn settle(&mut self, start: &Start, end: &End<'_>, now: &Moment) -> bool {
        self.plan.settle(start, end, &mut self.gate, now)
    }

    fn abandon(&mut self, start: &Start, health: Health, rest: Duration, now: &Moment) {
        self.plan.abandon(start, health, rest, &mut self.gate, now);
    }

    fn idle_for(&self, now: &Moment) -> Option<Duration> {
        self.plan.idle_for(&self.gate, now)
    }
}

fn plan(clock: &ManualClock, options: RefresherOptions) -> Planned {
    Planned { plan: Plan::new(options.clone(), clock.now()), gate: Gate::new(options, clock.now()) }
}

/// An integration whose access token lasts so long from now, altogether `life`.
fn with_left(clock: &ManualClock, seed: u64, left: Duration, life: Duration) -> Credential {
    let mut credential = integration(clock, seed);
    let mut obtained = clock.now();
    obtained.boot.boot = lanyard_time::BootId::new("earlier");
    obtained.wall = obtained.wall.checked_sub(life.saturating_sub(left)).unwrap();
    let validity = credential.validity.as_mut().unwrap();
    (validity.obtained, validity.access) = (obtained, Some(life));
    credential
}

/// The next token set, as a rotation brings it now.
fn renewed(credential: &Credential, clock: &ManualClock) -> Credential {
    let mut next = credential.clone();
    next.generation = next.generation.next();
    next.validity.as_mut().unwrap().obtained = clock.now();
    next
}

fn settled(plan: &mut Planned, start: &Start, credential: &Credential, health: Health, clock: &ManualClock) {
    let end = End { health, credential: Some(credential), rest: Duration::ZERO };
    assert!(plan.settle(start, &end, &clock.now()));
}

#[test]
fn the_most_urgent_come_first_and_checks_last() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { at_once: 100, ..RefresherOptions::default() });
    let life = 100 * HOUR;
    let cases: Vec<_> =
        [15, 3, 0, 9, 1].iter().zip(1..).map(|(left, seed)| with_left(&clock, seed, *left * HOUR, life)).collect();
    let ended = with_left(&clock, 6, Duration::ZERO, life);
    for credential in cases.iter().chain([&ended]) {
        plan.see(credential, &clock.now());
    }
    let checked = bot(&clock, 9, None);
    plan.see(&checked, &clock.now());
    let order: Vec<_> = plan.starts(&clock.now()).into_iter().map(|start| start.id).collect();
    let expected: Vec<_> = [&ended, &cases[2], &cases[4], &cases[1], &cases[3], &cases[0]].map(|it| it.id).to_vec();
    assert_eq!(order, expected);
    clock.advance(6 * HOUR);
    assert_eq!(plan.starts(&clock.now()).iter().map(|start| start.id).collect::<Vec<_>>(), [checked.id]);
}

#[test]
fn one_that_hangs_takes_one_place_and_no_more_begin_than_there_are_places() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { at_once: 3, ..RefresherOptions::default() });
    let all: Vec<_> = (0..10).map(|seed| with_left(&clock, seed, HOUR, 100 * HOUR)).collect();
    assert!(plan.load(&all, &clock.now()).is_empty());
    let starts = plan.starts(&clock.now());
    assert_eq!((starts.len(), plan.starts(&clock.now()).len()), (3, 0));
    for start in &starts[1..] {
        let credential = all.iter().find(|credential| credential.id == start.id).unwrap();
        settled(&mut plan, start, &renewed(credential, &clock), WELL, &clock);
    }
    assert_eq!(plan.starts(&clock.now()).len(), 2);
}

#[test]
fn what_changes_while_it_is_worked_on_is_read_again() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions::default());
    let credential = with_left(&clock, 1, HOUR, 100 * HOUR);
    plan.see(&credential, &clock.now());
    let start = plan.starts(&clock.now()).pop().unwrap();
    plan.see(&credential, &clock.now());
    let end = End { health: WELL, credential: Some(&credential), rest: Duration::ZERO };
    assert!(!plan.settle(&start, &end, &clock.now()));
    assert!(plan.starts(&clock.now()).is_empty());
    assert!(plan.settle(&start, &end, &clock.now()));
    assert_eq!(plan.starts(&clock.now()).len(), 1);
}

#[test]
fn what_was_read_too_early_takes_nothing_back_and_what_is_gone_is_forgotten() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions::default());
    let old = with_left(&clock, 1, HOUR, 100 * HOUR);
    plan.see(&renewed(&old, &clock), &clock.now());
    plan.see(&old, &clock.now());
    assert!(plan.starts(&clock.now()).is_empty());
    assert_eq!(plan.load(&[], &clock.now()), [old.id]);
    plan.plan.forget(old.id);
    assert_eq!((plan.plan.len(), plan.idle_for(&clock.now())), (0, None));
}

#[test]
fn a_backlog_with_time_left_is_spread_and_what_has_ended_is_not() {
    let clock = clock();
    let options =
        RefresherOptions { rate: 20.0, burst: 1000, at_once: 1000, backlog: 50, ..RefresherOptions::default() };
    let mut plan = plan(&clock, options);
    let all: Vec<_> =
        (0..400).map(|seed| with_left(&clock, seed, if seed < 30 { Duration::ZERO } else { DAY }, 10 * DAY)).collect();
    plan.load(&all, &clock.now());
    let first: HashSet<_> = plan.starts(&clock.now()).into_iter().map(|start| start.id).collect();
    let ended: HashSet<_> = all[..30].iter().map(|credential| credential.id).collect();
    assert_eq!(first, ended);
    // 370 need 18.5 seconds, and take four times that.
    let mut begun = 0;
    for _ in 0..8 {
        clock.advance(Duration::from_secs(10));
        let now = plan.starts(&clock.now()).len();
        assert!(now < 100, "{now} at once");
        begun += now;
    }
    assert_eq!(begun, 370);
}

#[test]
fn a_check_that_waits_for_its_turn_keeps_it_whenever_the_store_is_read_again() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { at_once: 1, ..RefresherOptions::default() });
    let all: Vec<_> = (0..20).map(|seed| bot(&clock, seed, None)).collect();
    plan.load(&all, &clock.now());
    for _ in 0..6 {
        clock.advance(HOUR);
        plan.load(&all, &clock.now());
    }
    let mut seen = HashSet::new();
    while let Some(start) = plan.starts(&clock.now()).pop() {
        seen.insert(start.id);
        plan.load(&all, &clock.now());
        let credential = all.iter().find(|credential| credential.id == start.id).unwrap();
        let end = End { health: WELL, credential: Some(credential), rest: Duration::ZERO };
        while !plan.settle(&start, &end, &clock.now()) {}
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(seen.len(), 20);
}

#[test]
fn a_wall_clock_that_jumps_begins_checks_and_a_long_sleep_nothing_that_is_not_due() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions::default());
    let all: Vec<_> = (0..50).map(|seed| integration(&clock, seed)).collect();
    plan.load(&all, &clock.now());
    clock.jump_wall(jiff::SignedDuration::from_hours(24 * 365));
    assert!(plan.starts(&clock.now()).is_empty());
    plan.load(&all, &clock.now());
    // A token that only the wall clock calls expired is asked about, no faster than anything else is done.
    let mut trusted = Vec::new();
    for _ in 0..60 {
        let starts = plan.starts(&clock.now());
        assert!(starts.len() <= 16, "{} at once", starts.len());
        for start in starts {
            assert_eq!(start.task, Task::Check);
            let mut credential = all.iter().find(|credential| credential.id == start.id).unwrap().clone();
            let validity = credential.validity.as_mut().unwrap();
            validity.obtained.wall = clock.now().wall - clock.now().since(&validity.obtained);
            settled(&mut plan, &start, &credential, WELL, &clock);
            trusted.push(credential);
        }
        clock.advance(Duration::from_secs(1));
    }
    let all = trusted;
    assert_eq!(all.len(), 50);
    clock.jump_wall(jiff::SignedDuration::from_hours(-24 * 800));
    plan.load(&all, &clock.now());
    assert!(plan.starts(&clock.now()).is_empty());
    clock.advance(10 * DAY);
    assert!(plan.starts(&clock.now()).is_empty());
    clock.advance(2 * DAY);
    assert_eq!(plan.starts(&clock.now()).len(), 16);
}

#[test]
fn an_environment_out_of_order_is_left_in_peace_and_another_is_not() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions::default());
    let all: Vec<_> = (0..40).map(|seed| with_left(&clock, seed, HOUR, 100 * HOUR)).collect();
    let mut elsewhere = with_left(&clock, 99, HOUR, 100 * HOUR);
    elsewhere.environment = lanyard_protocol::Environment::at("http://127.0.0.1:2/v1").unwrap();
    plan.load(&all, &clock.now());
    let ill = Health::Ill { asked: Duration::ZERO };
    for start in plan.starts(&clock.now()) {
        plan.abandon(&start, ill, DAY, &clock.now());
    }
    assert!(plan.starts(&clock.now()).is_empty());
    plan.see(&elsewhere, &clock.now());
    assert_eq!(plan.starts(&clock.now()).len(), 1);
    assert_eq!(plan.idle_for(&clock.now()), Some(Duration::from_secs(5)));
    clock.advance(Duration::from_secs(5));
    let probe = plan.starts(&clock.now());
    assert_eq!(probe.len(), 1);
    plan.abandon(&probe[0], WELL, DAY, &clock.now());
    assert_eq!(plan.starts(&clock.now()).len(), 16);
}

#[test]
fn each_app_has_a_rate_of_its_own_and_a_caller_that_waits_comes_before_what_is_due() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { rate: 1.0, burst: 2, ..RefresherOptions::default() });
    let all: Vec<_> = (0..4).map(|seed| with_left(&clock, seed, HOUR, 100 * HOUR)).collect();
    let another =
        Credential { app: Some(AppId::random(&SeededEntropy::new(7))), ..with_left(&clock, 9, HOUR, 100 * HOUR) };
    plan.load(&all, &clock.now());
    plan.see(&another, &clock.now());
    assert_eq!(plan.starts(&clock.now()).len(), 3, "two of one app, and one of the other");
    let lane = plan.gate.lane(&all[0].environment, all[0].app);
    let [first, second] = [plan.gate.queue(lane), plan.gate.queue(lane)];
    let second_passes = plan.gate.admit(second, Wanted::OnDemand, &clock.now());
    assert_eq!(second_passes.unwrap().unwrap_err(), Duration::from_secs(2));
    clock.advance(Duration::from_secs(1));
    assert!(plan.starts(&clock.now()).is_empty());
    assert!(plan.gate.admit(first, Wanted::OnDemand, &clock.now()).unwrap().is_ok());
    plan.gate.leave_queue(first);
    clock.advance(Duration::from_secs(1));
    assert!(plan.starts(&clock.now()).is_empty());
    plan.gate.leave_queue(second);
    assert_eq!(plan.starts(&clock.now()).len(), 1, "a caller that went away takes nothing");
}

#[test]
fn brokers_that_share_a_store_share_the_rate() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { rate: 8.0, burst: 1, at_once: 100, ..RefresherOptions::default() });
    let all: Vec<_> = (0..100).map(|seed| with_left(&clock, seed, HOUR, 100 * HOUR)).collect();
    plan.load(&all, &clock.now());
    let mut in_ten_seconds = |brokers| {
        plan.gate.share_among(brokers, &clock.now());
        (0..80)
            .map(|_| {
                clock.advance(Duration::from_millis(125));
                plan.starts(&clock.now()).len()
            })
            .sum::<usize>()
    };
    assert_eq!(in_ten_seconds(8), 10);
    assert_eq!(in_ten_seconds(2), 40);
}

#[test]
fn a_caller_is_refused_while_its_environment_is_out_of_order_and_a_person_is_not() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { failures: 1, ..RefresherOptions::default() });
    let credential = with_left(&clock, 1, HOUR, 100 * HOUR);
    let lane = plan.gate.lane(&credential.environment, credential.app);
    let entry = plan.gate.queue(lane);
    let mut admit = |wanted| plan.gate.admit(entry, wanted, &clock.now()).map(Result::unwrap);
    let leave = admit(Wanted::OnDemand).unwrap();
    let last = admit(Wanted::OnDemand).unwrap();
    plan.gate.end(leave, Health::Ill { asked: Duration::ZERO }, &clock.now());
    let left = Duration::from_secs(5);
    let mut admit = |wanted| plan.gate.admit(entry, wanted, &clock.now()).map(Result::unwrap);
    assert_eq!(admit(Wanted::OnDemand).unwrap_err(), Closed::OutOfOrder(left));
    let by_hand = admit(Wanted::ByHand).unwrap();
    plan.gate.end(last, Health::Unknown, &clock.now());
    plan.gate.end(by_hand, WELL, &clock.now());
    let probe = plan.gate.admit(entry, Wanted::OnDemand, &clock.now()).unwrap().unwrap();
    assert_eq!(plan.gate.admit(entry, Wanted::OnDemand, &clock.now()).unwrap_err(), Closed::OutOfOrder(left));
    plan.gate.end(probe, WELL, &clock.now());
    assert!(plan.gate.admit(entry, Wanted::OnDemand, &clock.now()).unwrap().is_ok());
}

#[test]
fn a_renewal_counts_towards_the_rate_unless_it_was_not_begun() {
    let clock = clock();
    let mut plan = plan(&clock, RefresherOptions { rate: 1.0, burst: 1, ..RefresherOptions::default() });
    let credential = with_left(&clock, 1, HOUR, 100 * HOUR);
    let lane = plan.gate.lane(&credential.environment, credential.app);
    let entry = plan.gate.queue(lane);
    let admit = |gate: &mut Gate| gate.admit(entry, Wanted::OnDemand, &clock.now()).unwrap();
    let leave = admit(&mut plan.gate).unwrap();
    plan.gate.give_back(leave, &clock.now());
    let leave = admit(&mut plan.gate).unwrap();
    plan.gate.end(leave, Health::Unknown, &clock.now());
    assert_eq!(
        admit(&mut plan.gate),
        Err(Duration::from_secs(1)),
        "Webex was asked, whatever that says about its health"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// With a rate that suffices, nothing is begun after its end, nothing twice, and nothing is left out; never more begin in a second
    /// than the bucket allows.
    #[test]
    fn with_capacity_everything_is_renewed_before_its_end(
        seed in 0_u64..1000,
        lives in prop::collection::vec(600_u64..200_000, 1..80),
        step in 1_u64..60,
    ) {
        let clock = clock();
        let options = RefresherOptions { rate: 5.0, burst: 10, ..RefresherOptions::default() };
        let mut plan = plan(&clock, options);
        let mut all: HashMap<_, _> = (0..).zip(&lives).map(|(number, life)| {
            let mut credential = integration(&clock, seed * 1000 + number);
            credential.validity.as_mut().unwrap().access = Some(Duration::from_secs(*life));
            (credential.id, credential)
        }).collect();
        plan.load(&all.values().cloned().collect::<Vec<_>>(), &clock.now());
        let mut rotations = 0;
        for _ in 0..2000 {
            let wait = plan.idle_for(&clock.now()).unwrap().max(Duration::from_secs(step));
            clock.advance(wait);
            let starts = plan.starts(&clock.now());
            prop_assert!(starts.len() <= 10);
            for start in starts {
                let credential = all.get_mut(&start.id).unwrap();
                let left = credential.validity.as_ref().unwrap().access_left(&clock.now()).unwrap();
                prop_assert!(!left.is_zero(), "{credential:?}");
                *credential = renewed(credential, &clock);
                let credential = credential.clone();
                let end = End { health: WELL, credential: Some(&credential), rest: Duration::from_secs(10) };
                prop_assert!(plan.settle(&start, &end, &clock.now()));
                rotations += 1;
            }
        }
        prop_assert!(rotations >= lives.len());
    }
}

/// How long it takes to plan 100,000 credentials, and what they weigh: `cargo test --release -p lanyard-broker -- --ignored --nocapture plan`.
#[test]
#[ignore = "a measurement"]
fn planning_100_000_credentials() {
    let clock = clock();
    let entropy = SeededEntropy::new(4);
    let pattern = integration(&clock, 1);
    let all: Vec<_> =
        (0..100_000).map(|_| Credential { id: CredentialId::random(&entropy), ..pattern.clone() }).collect();
    let mut plan = plan(&clock, RefresherOptions::default());
    let system = lanyard_time::SystemClock::new();
    let before = system.now();
    plan.load(&all, &clock.now());
    let took = system.now().since(&before);
    println!("{took:?} for {} credentials; {} bytes an entry", plan.plan.len(), size_of::<Entry>());
    assert_eq!(all[0].validity.as_ref().unwrap().refresh, RefreshRight::Lasting(Some(90 * DAY)));
}
