//! The store: engines, transactions, migrations, intents, presence, the journal, credentials.
//!
//! [`Store`] keeps what the processes of a home share. Each of its methods that changes something is one transaction, recorded in
//! the journal within the same transaction, and durable when the method returns. Tokens are sealed before they come near the
//! engine; the store opens them one at a time, when it is asked to.

mod adoption;
mod alerts;
mod apps;
mod channels;
mod clearing;
mod clients;
mod copy;
mod credentials;
mod diagnosis;
mod document;
mod encode;
mod engine;
mod envelope;
mod error;
mod event;
mod fail_points;
mod first_sights;
mod gate;
mod grant;
mod hand_out;
mod held;
mod holder;
mod in_flight;
mod intent;
mod journal;
mod keys;
mod labels;
mod limits;
mod meant;
mod migration;
mod names;
mod opening;
mod owned;
mod pause;
mod presence;
mod record;
mod relocation;
mod resume;
mod rewrap;
mod rotation;
mod schema;
mod seal;
mod sealed;
mod sealed_rows;
mod store;
mod unavailable;
mod upgrade;
mod write;

pub use alerts::Alert;
pub use apps::{NewApp, RemoveAppError};
pub use clearing::{PendingRevocation, RevocableToken, RevocationOutcome, TokenKind};
pub use clients::{AddClientError, ChangeClientError, ClientList, HandOutCount, KeyedClient, Refusal, RefusedClient};
pub use copy::{CopyError, StoreCopy, create_file, remove_unfinished_copies};
pub use credentials::{Check, NameError, NewCredential};
pub use diagnosis::Diagnosis;
pub use document::DocumentPlace;
pub use engine::{StoreAddress, StoreAddressError, StoreIdentity, StoreIdentityError, beside};
pub use error::StoreError;
pub use event::{About, ChainEnd, ClientPolicy, Event, EventKind, JournalRecord, StandingNote};
pub use fail_points::fail_point;
pub use grant::{EarlierGrant, NewTokens};
pub use hand_out::HandOut;
pub use held::{HeldToken, Shared};
pub use in_flight::InFlight;
pub use intent::{EXCHANGE, HOLD, MARGIN};
pub use journal::{
    AuditVerdict, Changes, DEFAULT_RETENTION, Fault, Head, HeadError, JournalEntry, JournalPage, Position, Pruned,
    PrunedNote, Retention, SHORTEST_RETENTION, Verified,
};
pub use keys::{Fetched, HomeKeys, KeySupply, NextKey};
pub use limits::LONGEST_LIMIT;
pub use names::Names;
pub use opening::{Database, DatabasePlace, LockedStore, OpenDatabaseError};
pub use pause::Pause;
pub use relocation::{Relocated, RelocationError};
pub use rewrap::{BrokerId, DamagedRow, DataKeysRenewed, RewrapError, RunningBroker, TakenUp, this_host};
pub use rotation::{Begun, Claim, Commit, Declared, Failure, LimitNews, RotatedTokens, RotationView, UnderWay};
pub use sealed_rows::{SealedRow, SealedTable};
pub use store::{Parts, Store, StoreDurations};
pub use unavailable::KeyUnavailable;
pub use upgrade::Upgrade;

/// Tables of other crates in the same database: [`Migrations`](sql::Migrations) make them when a home is opened with them,
/// [`Store::write`] changes them in one transaction with its events, and [`Store::read`] reads them.
pub mod sql {
    pub use crate::engine::{Row, Statement, Value, sql};
    pub use crate::owned::{Migrations, OwnedSchema, Step, StepCode};
    pub use crate::write::{Done, Tx};
}
