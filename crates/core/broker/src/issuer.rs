//! The credential that another one is minted through.

use lanyard_credential::{Credential, CredentialName, Mint, Order, Renewal, Standing, State, TroubleKind};
use lanyard_time::Moment;

/// The credential that another one is minted through, as far as a hint names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issuer {
    /// It exists, under this name.
    Named(CredentialName),
    /// It was cleared. A credential that is added again needs this.
    Gone(Order),
}

/// Why a credential cannot be minted again at present.
#[derive(Clone, Copy, Debug)]
pub enum Obstacle<'a> {
    /// The credential that it was minted through was cleared.
    Gone,
    /// That credential is unusable until someone acts on it.
    Unusable(&'a Credential),
}

impl Issuer {
    /// The issuer of a credential, among all credentials; `None` for a credential that is not minted.
    pub fn among(credential: &Credential, all: &[Credential]) -> Option<Self> {
        let mint = credential.mint.as_ref()?;
        Some(Self::of(mint, all.iter().find(|other| other.id == mint.via)))
    }

    /// The issuer of a mint, where `via` is the credential that it names.
    pub(crate) fn of(mint: &Mint, via: Option<&Credential>) -> Self {
        via.map_or_else(|| Self::Gone(mint.order.clone()), |via| Self::Named(via.name.clone()))
    }
}

/// The state of a credential, among all credentials. One that is minted cannot be renewed while its issuer is unusable.
pub fn state_among(credential: &Credential, all: &[Credential], now: &Moment) -> State {
    let state = credential.state(now);
    if state != State::Active || Obstacle::among(credential, all, now).is_none() {
        return state;
    }
    let is_valid = credential.validity.as_ref().is_some_and(|validity| !validity.access_has_ended(now));
    if is_valid { State::Expiring } else { State::Stalled }
}

impl<'a> Obstacle<'a> {
    /// The reason why a credential that is renewed by minting cannot be minted again, among all credentials.
    pub fn among(credential: &Credential, all: &'a [Credential], now: &Moment) -> Option<Self> {
        Self::within(credential, all, now, LONGEST_CHAIN)
    }

    /// The reason in words.
    pub fn words(self, now: &Moment) -> String {
        match self {
            Self::Gone => "the credential that it was minted through was cleared".to_owned(),
            Self::Unusable(via) => match via.state(now) {
                State::Active | State::Expiring => {
                    format!("{}, which it is minted through, cannot be minted itself", via.name)
                }
                state => format!("{}, which it is minted through, is {state}", via.name),
            },
        }
    }

    fn within(credential: &Credential, all: &'a [Credential], now: &Moment, links: u32) -> Option<Self> {
        let mint = credential.mint.as_ref().filter(|_| credential.renewal() == Renewal::Mint)?;
        let Some(via) = all.iter().find(|other| other.id == mint.via) else { return Some(Self::Gone) };
        // The issuer's own issuer may be the one to act on; a chain that never ends is the issuer's fault.
        let stuck = links == 0 || Self::within(via, all, now, links - 1).is_some();
        (stuck || waits_for_person(via, now)).then_some(Self::Unusable(via))
    }
}

/// How many credentials may be minted through one another. The kinds allow three; only an altered row makes a circle.
pub(crate) const LONGEST_CHAIN: u32 = 8;

/// Whether a credential obtains no more tokens until someone acts. A failure that passes is not counted.
fn waits_for_person(credential: &Credential, now: &Moment) -> bool {
    match &credential.standing {
        Standing::Stalled(trouble) => matches!(
            trouble.kind,
            TroubleKind::DeadGrant | TroubleKind::DeadToken | TroubleKind::WrongClient | TroubleKind::NotAuthorised
        ),
        Standing::Pending | Standing::NeedsLogin(_) | Standing::Clearing | Standing::Disabled => true,
        Standing::Active => matches!(credential.state(now), State::NeedsLogin | State::NeedsToken | State::Pending),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lanyard_credential::{GuestSubject, Kind, RefreshRight, Trouble, Validity};
    use lanyard_protocol::Environment;
    use lanyard_testkit::credential;
    use lanyard_time::{Clock as _, ManualClock};

    use super::*;

    fn clock() -> ManualClock {
        ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn issuer(standing: Standing) -> Credential {
        let validity = Validity {
            obtained: clock().now(),
            access: Some(Duration::from_hours(1)),
            refresh: RefreshRight::Lasting(None),
        };
        let credential = credential("fleet", Kind::ServiceApp, &Environment::commercial());
        Credential { standing, validity: Some(validity), ..credential }
    }

    fn guest_of(via: &Credential) -> Credential {
        let order =
            Order::Guest { subject: "visitor".parse::<GuestSubject>().unwrap(), display_name: "Visitor".to_owned() };
        let mut guest = issuer(Standing::Active);
        guest.kind = Kind::Guest;
        guest.name = "guest".parse().unwrap();
        guest.mint = Some(Mint { via: via.id, order });
        guest.validity.as_mut().unwrap().refresh = RefreshRight::None;
        guest
    }

    fn trouble(kind: TroubleKind) -> Trouble {
        Trouble { kind, message: String::new(), at: clock().now(), failures: 1, pause: Duration::ZERO }
    }

    fn found(credential: &Credential, all: &[Credential]) -> Option<String> {
        Obstacle::among(credential, all, &clock().now()).map(|obstacle| match obstacle {
            Obstacle::Gone => "gone".to_owned(),
            Obstacle::Unusable(via) => via.name.to_string(),
        })
    }

    #[test]
    fn a_credential_whose_issuer_is_well_or_fails_for_a_while_can_be_minted() {
        let passing = [TroubleKind::Unreachable, TroubleKind::Limited, TroubleKind::OutcomeUnknown];
        let stalled = passing.map(|kind| Standing::Stalled(trouble(kind)));
        for standing in [Standing::Active].into_iter().chain(stalled) {
            let via = issuer(standing);
            assert_eq!(found(&guest_of(&via), &[via]), None);
        }
    }

    #[test]
    fn an_issuer_that_waits_for_a_person_is_named() {
        for standing in [
            Standing::Disabled,
            Standing::Clearing,
            Standing::Pending,
            Standing::NeedsLogin(trouble(TroubleKind::DeadGrant)),
            Standing::Stalled(trouble(TroubleKind::WrongClient)),
        ] {
            let via = issuer(standing);
            assert_eq!(found(&guest_of(&via), &[via]).as_deref(), Some("fleet"));
        }
    }

    #[test]
    fn the_state_of_a_credential_shows_that_its_issuer_is_unusable() {
        for (standing, expected) in [
            (Standing::Active, [State::Active, State::Active]),
            (Standing::Stalled(trouble(TroubleKind::Unreachable)), [State::Active, State::Active]),
            (Standing::Disabled, [State::Expiring, State::Stalled]),
            (Standing::NeedsLogin(trouble(TroubleKind::DeadGrant)), [State::Expiring, State::Stalled]),
        ] {
            let via = issuer(standing);
            let (guest, mut expired) = (guest_of(&via), guest_of(&via));
            expired.validity.as_mut().unwrap().access = Some(Duration::ZERO);
            let state = |credential: &Credential, all: &[Credential]| state_among(credential, all, &clock().now());
            let all = [via];
            assert_eq!([state(&guest, &all), state(&expired, &all)], expected, "{:?}", all[0].standing);
            assert_eq!([state(&guest, &[]), state(&expired, &[])], [State::Expiring, State::Stalled]);
        }
        let mut disabled = guest_of(&issuer(Standing::Active));
        disabled.standing = Standing::Disabled;
        assert_eq!(state_among(&disabled, &[], &clock().now()), State::Disabled);
    }

    #[test]
    fn the_issuer_that_was_cleared_is_found_through_another_one() {
        let via = issuer(Standing::Active);
        let mut between = guest_of(&via);
        between.name = "between".parse().unwrap();
        let guest = guest_of(&between);
        let all = [between.clone(), guest.clone()];
        assert_eq!(found(&between, &all).as_deref(), Some("gone"));
        assert_eq!(found(&guest, &all).as_deref(), Some("between"));
        assert!(matches!(Issuer::among(&between, &all), Some(Issuer::Gone(Order::Guest { .. }))));
        assert_eq!(Issuer::among(&guest, &all), Some(Issuer::Named(between.name.clone())));
    }

    #[test]
    fn a_circle_of_issuers_ends() {
        let mut guest = guest_of(&issuer(Standing::Active));
        guest.mint.as_mut().unwrap().via = guest.id;
        assert_eq!(found(&guest, std::slice::from_ref(&guest)).as_deref(), Some("guest"));
    }
}
