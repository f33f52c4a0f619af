//! Figures about the credentials in memory.

use std::collections::BinaryHeap;

use jiff::Timestamp;
use lanyard_credential::{CredentialId, CredentialName, Kind, Renewal, StandingKind, State};
use lanyard_store::HeldToken;
use lanyard_time::Moment;

use super::HandOuts;

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
        let mut counts = [[0_usize; State::ALL.len()]; Kind::ALL.len()];
        let mut soonest = BinaryHeap::with_capacity(most + 1);
        self.0.by_name.for_each(|held| {
            let state = match held.standing.state(held.kind, held.validity.as_ref(), now) {
                State::Expiring | State::NeedsLogin if is_minted_on_demand(held) => State::Active,
                state => state,
            };
            let kind = Kind::ALL.iter().position(|kind| *kind == held.kind);
            let state = State::ALL.iter().position(|one| *one == state);
            if let (Some(kind), Some(state)) = (kind, state) {
                counts[kind][state] += 1;
            }
            if let Some(expiring) = expiring(held, now).filter(|_| shown(held.id)) {
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
}

/// Whether the next token is minted when somebody asks for it, so that the end of this one needs nobody.
fn is_minted_on_demand(held: &HeldToken) -> bool {
    held.renewal == Renewal::Mint && held.standing == StandingKind::Active
}

/// The expiry of a token that should have been replaced by now, or never will be.
fn expiring(held: &HeldToken, now: &Moment) -> Option<SoonExpiring> {
    let is_listed = held.is_there() && held.hands_out && !is_minted_on_demand(held);
    let validity = held.validity.as_ref().filter(|_| is_listed)?;
    let is_awaited = held.renewal == Renewal::None
        || held.standing != StandingKind::Active
        || validity.access_is_due(now)
        || validity.rotation_is_due(now, 0);
    let at = validity.access_expires_at().filter(|_| is_awaited)?;
    Some(SoonExpiring { at, name: held.name.clone(), kind: held.kind })
}
