use lanyard_credential::{AppId, Mint, Order};
use lanyard_protocol::Environment;
use lanyard_testkit::credential;
use lanyard_time::{Clock as _, ManualClock, SeededEntropy};
use proptest::prelude::*;

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const CYCLE: Duration = Duration::from_hours(6);

/// An integration whose tokens were obtained now, for 14 and 90 days.
pub(in crate::refresher) fn integration(clock: &ManualClock, seed: u64) -> Credential {
    let entropy = SeededEntropy::new(seed);
    let environment = Environment::at("http://127.0.0.1:1/v1").unwrap();
    Credential {
        id: CredentialId::random(&entropy),
        app: Some(AppId::random(&SeededEntropy::new(1_000_000))),
        generation: Generation::new(1),
        validity: Some(Validity {
            obtained: clock.now(),
            access: Some(14 * DAY),
            refresh: RefreshRight::Lasting(Some(90 * DAY)),
        }),
        ..credential(&format!("integration-{seed}"), Kind::Integration, &environment)
    }
}

/// A bot whose token was obtained now, for so long.
pub(in crate::refresher) fn bot(clock: &ManualClock, seed: u64, life: Option<Duration>) -> Credential {
    let validity = Validity { obtained: clock.now(), access: life, refresh: RefreshRight::None };
    Credential { kind: Kind::Bot, app: None, validity: Some(validity), ..integration(clock, seed) }
}

pub(in crate::refresher) fn clock() -> ManualClock {
    ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
}

fn trouble(clock: &ManualClock, kind: TroubleKind, pause: Duration) -> Trouble {
    Trouble { at: clock.now(), kind, message: String::new(), failures: 1, pause }
}

fn at_once(credential: &Credential, clock: &ManualClock) -> Option<Next> {
    next(credential, Stuck::default(), &clock.now(), CYCLE)
}

fn mint() -> Mint {
    let via = CredentialId::random(&SeededEntropy::new(0));
    let organisation = lanyard_protocol::OrgId::new("organisation");
    Mint { via, order: Order::ServiceApp { organisation } }
}

#[test]
fn every_standing_and_kind_has_its_next_task() {
    let clock = clock();
    let pause = Duration::from_secs(40);
    let stalled = Standing::Stalled(trouble(&clock, TroubleKind::Unreachable, pause));
    let dead = |kind| Standing::NeedsLogin(trouble(&clock, kind, pause));
    let rotates = integration(&clock, 1);
    let service = Credential { kind: Kind::ServiceApp, mint: Some(mint()), ..rotates.clone() };
    let bot = bot(&clock, 1, None);
    let with =
        |credential: &Credential, standing: &Standing| Credential { standing: standing.clone(), ..credential.clone() };
    let task = |credential: &Credential| at_once(credential, &clock).map(|next| next.task);

    assert_eq!(task(&rotates), Some(Task::Rotate));
    assert_eq!(task(&bot), Some(Task::Check));
    assert_eq!(task(&Credential { kind: Kind::Guest, mint: Some(mint()), ..bot.clone() }), None);
    assert_eq!(at_once(&with(&rotates, &stalled), &clock), Some(Next { task: Task::Rotate, wait: pause, slow: false }));
    assert_eq!(task(&with(&rotates, &dead(TroubleKind::DeadGrant))), None);
    // Webex may have been mistaken about a token that should last.
    assert_eq!(task(&with(&bot, &dead(TroubleKind::DeadToken))), Some(Task::Check));
    let over = Validity { obtained: clock.now(), access: Some(Duration::ZERO), refresh: RefreshRight::None };
    assert_eq!(task(&Credential { validity: Some(over), ..with(&bot, &dead(TroubleKind::DeadToken)) }), None);
    for closed in [Standing::Disabled, Standing::Clearing, Standing::Pending] {
        assert_eq!(task(&with(&rotates, &closed)), None, "{closed:?}");
    }
    assert_eq!(task(&with(&service, &Standing::Disabled)), None);
    // A grant that died is had again at once; one that nobody has authorised is asked for now and then.
    let again = at_once(&with(&service, &dead(TroubleKind::DeadGrant)), &clock);
    assert_eq!(again, Some(Next { task: Task::Mint, wait: pause, slow: false }));
    assert_eq!(task(&with(&service, &dead(TroubleKind::NotAuthorised))), Some(Task::Mint));
    let pending = Credential { validity: None, ..with(&service, &Standing::Pending) };
    assert_eq!(task(&pending), Some(Task::Mint));
    // An end that nobody knows is looked for.
    let unknown = Validity { obtained: clock.now(), access: None, refresh: RefreshRight::Lasting(None) };
    assert_eq!(task(&Credential { validity: Some(unknown), ..rotates }), Some(Task::Check));
}

#[test]
fn a_share_is_the_same_everywhere_and_spreads() {
    let id: CredentialId = "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap();
    // Another number here would mean that two versions of the program disagree about every moment.
    assert_eq!(share(id, Generation::new(3)), 334_713_696);
    let mut quarters = [0; 4];
    let entropy = SeededEntropy::new(5);
    for _ in 0..4000 {
        let share = share(CredentialId::random(&entropy), Generation::new(1));
        quarters[(share >> 30) as usize] += 1;
    }
    assert!(quarters.iter().all(|count| (900..1100).contains(count)), "{quarters:?}");
}

#[test]
fn the_slow_cycle_goes_on_through_restarts() {
    let clock = clock();
    let bot = bot(&clock, 3, None);
    let first = at_once(&bot, &clock).unwrap().wait;
    assert!(first <= CYCLE);
    let part = first / 3;
    clock.advance(part);
    assert_eq!(at_once(&bot, &clock).unwrap().wait, first.saturating_sub(part));
    clock.advance(first.saturating_sub(part));
    assert_eq!(at_once(&bot, &clock).unwrap().wait, CYCLE);
}

/// The answer of Webex to one refresh.
#[derive(Clone, Copy, Debug)]
enum Reply {
    Moves,
    /// An equal value with an equal expiry.
    Repeats,
    /// A new access token, and the refresh token's end stays.
    RefreshStays,
}

fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let reply = prop_oneof![Just(Reply::Moves), Just(Reply::Repeats), Just(Reply::RefreshStays)];
    prop::collection::vec(reply, 1..40)
}

proptest! {
    #[test]
    fn it_acts_when_the_rule_says_so_and_never_after_the_end(
        seed in 0_u64..1000,
        access in 60_u64..2_000_000,
        refresh in 60_u64..8_000_000,
        age in 0_u64..2_000_000,
    ) {
        let clock = clock();
        let mut credential = integration(&clock, seed);
        let access = Duration::from_secs(access);
        let validity = Validity {
            obtained: clock.now(),
            access: Some(access),
            refresh: RefreshRight::Lasting(Some(Duration::from_secs(refresh))),
        };
        credential.validity = Some(validity.clone());
        clock.advance(Duration::from_secs(age));
        let wait = at_once(&credential, &clock).unwrap().wait;
        prop_assert!(wait <= validity.access_left(&clock.now()).unwrap());
        clock.advance(wait);
        let jitter = jitter(credential.id, credential.generation);
        prop_assert!(validity.rotation_is_due(&clock.now(), jitter));
        if !wait.is_zero() {
            let clock = self::clock();
            clock.advance((Duration::from_secs(age) + wait).saturating_sub(Duration::from_millis(1)));
            prop_assert!(!validity.rotation_is_due(&clock.now(), jitter));
        }
    }

    /// For any answers of Webex, and however short its tokens: an hour passes between two rotations, or the token that there is would end.
    #[test]
    fn replies_that_move_nothing_make_no_storm(seed in 0_u64..100, life in 60_u64..1_300_000, replies in replies()) {
        let clock = clock();
        let start = clock.now();
        let mut credential = integration(&clock, seed);
        let life = Duration::from_secs(life);
        credential.validity = Some(Validity {
            obtained: clock.now(),
            access: Some(life),
            refresh: RefreshRight::Lasting(Some(8 * life)),
        });
        let mut stuck = Stuck::default();
        for reply in replies {
            let before = credential.validity.clone().unwrap();
            let was = Ends::of(Some(&before), &clock.now(), clock.now().since(&start));
            let wait = next(&credential, stuck, &clock.now(), CYCLE).unwrap().wait;
            prop_assert!(wait <= before.access_left(&clock.now()).unwrap());
            let life_now = before.access.unwrap();
            let least = HOUR.min(if stuck.access { life_now } else { life_now * 3 / 4 });
            prop_assert!(wait + Duration::from_secs(1) >= least, "{wait:?} of {before:?}, {stuck:?}");
            clock.advance(wait);
            let left = (before.access_left(&clock.now()).unwrap(), before.refresh_left(&clock.now()).unwrap());
            if left.1.is_zero() {
                break;
            }
            let (access, refresh) = match reply {
                // A token that has ended is never repeated.
                Reply::Repeats if !left.0.is_zero() => left,
                Reply::RefreshStays => (life, left.1),
                Reply::Moves | Reply::Repeats => (life, 8 * life),
            };
            credential.validity = Some(Validity {
                obtained: clock.now(),
                access: Some(access),
                refresh: RefreshRight::Lasting(Some(refresh)),
            });
            credential.generation = credential.generation.next();
            stuck = super::stuck(&was, &Ends::of(credential.validity.as_ref(), &clock.now(), clock.now().since(&start)));
        }
    }
}
