//! Figures about the credentials in memory.

use std::collections::{BinaryHeap, HashMap, HashSet};

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName, Kind, Renewal, StandingKind, State};
use lanyard_store::HeldToken;
use lanyard_time::Moment;

use super::HandOuts;
use crate::issuer::LONGEST_CHAIN;

/// The credentials of a home in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialFigures {
    /// How many there are of each kind in each state: all states of the kinds that exist.
    pub by_state: Vec<(State, Kind, usize)>,
    /// Those that expire soonest, in this order.
    pub soonest: Vec<SoonExpiring>,
}

/// A credential whose token expires and has no successor yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SoonExpiring {
    /// When its access token expires.
    pub at: Timestamp,
    /// Its name.
    pub name: CredentialName,
    /// Its kind.
    pub kind: Kind,
}

impl HandOuts {
    /// Returns figures about the credentials in memory, with the `most` that expire soonest among those that `shown` admits and that
    /// are due or cannot be renewed. Looks at every credential.
    pub fn credential_figures(
        &self,
        now: &Moment,
        most: usize,
        shown: impl Fn(CredentialId) -> bool,
    ) -> CredentialFigures {
        let issuers = self.issuers(now);
        let mut counts = [[0_usize; State::ALL.len()]; Kind::ALL.len()];
        let mut soonest = BinaryHeap::with_capacity(most + 1);
        self.0.by_name.for_each(|held| {
            let state = issuers.state(held, now);
            let kind = Kind::ALL.iter().position(|kind| *kind == held.kind);
            let state = State::ALL.iter().position(|one| *one == state);
            if let (Some(kind), Some(state)) = (kind, state) {
                counts[kind][state] += 1;
            }
            if let Some(expiring) = expiring(held, &issuers, now).filter(|_| shown(held.id)) {
                soonest.push(expiring);
                if soonest.len() > most {
                    soonest.pop();
                }
            }
        });
        let of_kind = |(kind, counts): (Kind, [usize; State::ALL.len()])| {
            let is_there = counts.iter().any(|count| *count > 0);
            let each = State::ALL.into_iter().zip(counts).map(move |(state, count)| (state, kind, count));
            each.filter(move |_| is_there)
        };
        let by_state = Kind::ALL.into_iter().zip(counts).flat_map(of_kind).collect();
        CredentialFigures { by_state, soonest: soonest.into_sorted_vec() }
    }

    fn issuers(&self, now: &Moment) -> Issuers {
        let mut via = HashMap::new();
        self.0.by_name.for_each(|held| via.extend(held.via.map(|issuer| (held.id, issuer))));
        let named: HashSet<CredentialId> = via.values().copied().collect();
        let mut usable = HashSet::new();
        if !named.is_empty() {
            self.0.by_name.for_each(|held| {
                if named.contains(&held.id) && is_usable(held, now) {
                    usable.insert(held.id);
                }
            });
        }
        Issuers { via, usable }
    }
}

/// The credentials that others are minted through.
struct Issuers {
    via: HashMap<CredentialId, CredentialId>,
    /// Those of them that can obtain tokens without a person.
    usable: HashSet<CredentialId>,
}

impl Issuers {
    /// The state of a credential, as [`state_among`](crate::issuer::state_among) has it.
    fn state(&self, held: &HeldToken, now: &Moment) -> State {
        let state = held.standing.state(held.kind, held.validity.as_ref(), now);
        if !is_minted_on_demand(held) {
            return state;
        }
        let is_valid = held.validity.as_ref().is_some_and(|validity| !validity.access_has_ended(now));
        match state {
            State::Active | State::Expiring | State::NeedsLogin if self.is_stuck(held.id) => {
                if is_valid {
                    State::Expiring
                } else {
                    State::Stalled
                }
            }
            State::Expiring | State::NeedsLogin => State::Active,
            state => state,
        }
    }

    /// Whether an issuer of a credential, or an issuer of that one, needs a person.
    fn is_stuck(&self, mut id: CredentialId) -> bool {
        // Only an altered row makes a circle.
        for _ in 0..LONGEST_CHAIN {
            let Some(via) = self.via.get(&id) else { return false };
            if !self.usable.contains(via) {
                return true;
            }
            id = *via;
        }
        true
    }
}

fn is_usable(held: &HeldToken, now: &Moment) -> bool {
    match held.standing {
        StandingKind::Stalled => !held.is_last,
        StandingKind::Active => {
            let state = held.standing.state(held.kind, held.validity.as_ref(), now);
            is_minted_on_demand(held) || !matches!(state, State::NeedsLogin | State::NeedsToken | State::Pending)
        }
        StandingKind::Pending | StandingKind::NeedsLogin | StandingKind::Clearing | StandingKind::Disabled => false,
    }
}

/// Whether the next token is minted on demand. Nobody has to act when this one expires.
fn is_minted_on_demand(held: &HeldToken) -> bool {
    held.renewal == Renewal::Mint && held.standing == StandingKind::Active
}

/// The expiry of a token that should have been replaced by now, or never will be.
fn expiring(held: &HeldToken, issuers: &Issuers, now: &Moment) -> Option<SoonExpiring> {
    let needs_nobody = is_minted_on_demand(held) && !issuers.is_stuck(held.id);
    let is_listed = held.is_there() && held.hands_out && !needs_nobody;
    let validity = held.validity.as_ref().filter(|_| is_listed)?;
    let is_awaited = held.renewal == Renewal::None
        || is_minted_on_demand(held)
        || held.standing != StandingKind::Active
        || validity.access_is_due(now)
        || validity.rotation_is_due(now, 0);
    let at = validity.access_expires_at().filter(|_| is_awaited)?;
    Some(SoonExpiring { at, name: held.name.clone(), kind: held.kind })
}
