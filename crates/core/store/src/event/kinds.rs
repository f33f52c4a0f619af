//! The events that the journal records.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lanyard_credential::{Generation, Grant};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares the events with their kinds. A kind is a word that never changes; fields may be added to an event, never taken away.
macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $word:literal { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => {
        /// Something that happened. As JSON: its kind, and its fields as the payload.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", content = "payload")]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $word)] $name { $($(#[$field_doc])* $field: $type,)* },)+
            /// An event that an earlier version recorded as a sentence.
            #[serde(rename = "earlier")]
            Earlier {
                /// Its kind.
                was: EventKind,
                /// The sentence.
                detail: String,
            },
        }

        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $word)] $name,)+
        }

        impl Event {
            /// Its kind.
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$name { .. } => EventKind::$name,)+
                    Self::Earlier { was, .. } => *was,
                }
            }
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

events! {
    /// The home was created.
    HomeCreated = "home-created" {
        /// The id of its key.
        key: String,
        /// Where the key is kept.
        kept_in: String,
    }
    /// The journal of this version began, after the chains of an earlier one.
    JournalBegun = "journal-begun" {
        /// The ends of those chains.
        chains: Vec<ChainEnd>,
    }
    /// Old entries were removed. The journal is verified from the entry after the last of them.
    JournalPruned = "journal-pruned" {
        /// The number of the last entry that was removed.
        up_to: u64,
        /// The mac to which the next entry is chained, in hexadecimal digits.
        mac: String,
        /// How many entries were removed, by kind.
        entries: BTreeMap<String, u64>,
        /// The time of the oldest of them.
        first: Timestamp,
        /// The time of the latest of them.
        last: Timestamp,
        /// The mac of the entry of the pruning before, in hexadecimal digits.
        previous: Option<String>,
        /// The retention that was in force, in seconds.
        keep_seconds: u64,
        /// The chains of an earlier version, as far as they were removed, while some of their entries are kept.
        chains: Vec<ChainEnd>,
    }
    /// The time for which entries are kept was changed.
    RetentionChanged = "retention-changed" {
        /// The time in seconds; `None` for forever.
        keep_seconds: Option<u64>,
        /// The earlier time.
        before_seconds: Option<u64>,
        /// When it takes effect.
        from: Timestamp,
    }
    /// A next key for the home was offered to the brokers of its store.
    KeyOffered = "key-offered" {
        /// The id of the key in force.
        key: String,
        /// The id of the key that was offered.
        next: String,
        /// Where that is kept.
        kept_in: String,
    }
    /// The offer of a next key was withdrawn. Nothing was wrapped under it.
    KeyOfferWithdrawn = "key-offer-withdrawn" {
        /// The id of the key in force.
        key: String,
        /// The id of the key that was offered.
        next: String,
    }
    /// The replacement of the home's key began.
    KeyRotationBegun = "key-rotation-begun" {
        /// The id of the key in force.
        key: String,
        /// The id of the next key.
        next: String,
        /// Where the next key is kept.
        kept_in: String,
    }
    /// The home's key was replaced: no row is wrapped under the old one any more.
    KeyRotated = "key-rotated" {
        /// The id of the old key.
        key: String,
        /// The id of the key in force.
        next: String,
        /// Where it is kept.
        kept_in: String,
        /// How many rows were wrapped again.
        rows: u64,
    }
    /// Every row that holds secrets got a new data key.
    DataKeysRenewed = "data-keys-renewed" {
        /// How many rows.
        rows: u64,
        /// How many rows could not be opened.
        not_opened: usize,
    }
    /// A backup of the store was made.
    BackedUp = "backed-up" {
        /// Its file.
        to: String,
    }
    /// The home was restored from a backup, and is paused.
    Restored = "restored" {
        /// Its file.
        from: String,
    }
    /// The store was moved from a home's file into the database of a server.
    StoreMoved = "moved" {
        /// The file that it was in.
        from: String,
        /// The address of the database.
        to: String,
    }
    /// The home was resumed.
    Resumed = "resumed" {}
    /// An app was added.
    AppAdded = "app-added" {
        /// Its name.
        name: String,
        /// Its kind.
        kind: String,
        /// The environment's id.
        environment: String,
    }
    /// An app's scopes, redirect URIs or application id were changed.
    AppChanged = "app-changed" {
        /// Its name.
        name: String,
        /// The new values, by what they are.
        changed: String,
    }
    /// An app was removed.
    AppRemoved = "app-removed" {
        /// Its name.
        name: String,
    }
    /// An app's client secret was replaced.
    AppSecretReplaced = "app-secret-replaced" {
        /// Its name.
        name: String,
    }
    /// A client was added.
    ClientAdded = "client-added" {
        /// Its policy.
        policy: ClientPolicy,
    }
    /// The policy of a client was changed.
    ClientChanged = "client-changed" {
        /// The new policy.
        policy: ClientPolicy,
    }
    /// A client was removed.
    ClientRemoved = "client-removed" {
        /// Its name.
        name: String,
    }
    /// Clients of a version that kept no list of them were added to the list.
    ClientsAdopted = "clients-adopted" {
        /// Their names.
        names: Vec<String>,
    }
    /// The apps and credentials of a version that did not seal its rows were sealed.
    RowsSealed = "rows-sealed" {
        /// Their names.
        names: Vec<String>,
    }
    /// A credential was added.
    Added = "added" {
        /// Its kind.
        kind: String,
        /// The environment's id.
        environment: String,
    }
    /// A credential was signed in again.
    SignedIn = "signed-in" {
        /// The number of the sign-in.
        grant: Grant,
        /// The generation that it made.
        generation: Generation,
    }
    /// A refresh token was pasted; the next renewal shows whether Webex accepts it.
    RefreshTokenStored = "refresh-token-stored" {
        /// The number of the grant.
        grant: Grant,
        /// The generation that it made.
        generation: Generation,
    }
    /// A pasted refresh token was not accepted, and the earlier tokens were put back.
    TokensPutBack = "tokens-put-back" {
        /// The number of the grant.
        grant: Grant,
        /// The generation that it made.
        generation: Generation,
    }
    /// A grant was minted through another credential.
    Minted = "minted" {
        /// The number of the grant.
        grant: Grant,
        /// The generation that it made.
        generation: Generation,
    }
    /// A credential was renamed.
    Renamed = "renamed" {
        /// Its earlier name.
        was: String,
    }
    /// A credential's labels were changed.
    Labelled = "labelled" {
        /// New or changed labels.
        set: BTreeMap<String, String>,
        /// The keys of removed labels.
        removed: Vec<String>,
    }
    /// A credential was disabled.
    Disabled = "disabled" {
        /// Its standing.
        standing: StandingNote,
    }
    /// A credential was enabled.
    Enabled = "enabled" {
        /// Its standing.
        standing: StandingNote,
    }
    /// A credential's standing was changed otherwise.
    StandingChanged = "standing-changed" {
        /// Its standing.
        standing: StandingNote,
    }
    /// A token was checked at Webex, and the answer changed what is known about it.
    Checked = "checked" {
        /// The credential's standing.
        standing: StandingNote,
    }
    /// A credential that failed because of its app may be renewed at once.
    RetryAllowed = "retry-allowed" {}
    /// Webex ended an access token before its time.
    AccessEnded = "access-ended" {
        /// The generation of the token.
        generation: Generation,
        /// How long it was valid, in seconds.
        lasted_seconds: u64,
    }
    /// Webex accepts a token that is expired by the wall clock alone; its age is counted by the boot clock.
    ClockTrusted = "clock-trusted" {
        /// The generation of the token.
        generation: Generation,
    }
    /// Webex did not accept a token that should have been valid.
    TokenRefused = "token-refused" {
        /// The generation of the token.
        generation: Generation,
    }
    /// A token was handed out, or a call made with it.
    HandedOut = "handed-out" {
        /// How: `token`, `exec` with the program, `proxy` with the method and the first segment.
        means: String,
        /// The generation of the token.
        generation: Generation,
        /// How often, within the time that the entry covers.
        times: u32,
    }
    /// A hand-out, or another request, was refused.
    Refused = "refused" {
        /// The request.
        means: String,
        /// The reason.
        why: String,
        /// How often, within the time that the entry covers.
        times: u32,
    }
    /// A request that changes nothing was answered.
    Answered = "answered" {
        /// The request.
        means: String,
        /// How often, within the time that the entry covers.
        times: u32,
    }
    /// An exchange was begun.
    Intent = "intent" {
        /// The generation that it replaces.
        generation: Generation,
        /// The number of the attempt.
        attempt: u32,
        /// Whether it uses the spare refresh token.
        spare: bool,
    }
    /// An exchange was begun in place of another process's.
    Recovered = "recovered" {
        /// The generation that it replaces.
        generation: Generation,
        /// The number of the attempt.
        attempt: u32,
        /// Whether it uses the spare refresh token.
        spare: bool,
        /// The id of that process.
        process: Option<u32>,
        /// The state of that process: `gone`, `presumed-gone` or, if a person did not wait for it, `taken-over`.
        writer: Option<String>,
    }
    /// A token set was replaced by the next.
    Rotated = "rotated" {
        /// The generation that was replaced.
        generation: Generation,
        /// The next one.
        next: Generation,
        /// Whether the spare refresh token was used.
        spare: bool,
    }
    /// An answer came after another one had been stored.
    Overtaken = "overtaken" {
        /// The generation that it was to replace.
        generation: Generation,
        /// The generation that was stored.
        by: Generation,
    }
    /// The refresh token of such an answer was kept.
    SpareKept = "spare-kept" {
        /// The current generation.
        generation: Generation,
    }
    /// A rotation failed.
    Failed = "failed" {
        /// The generation that it was to replace.
        generation: Generation,
        /// The number of the attempt.
        attempt: u32,
        /// The credential's standing.
        standing: StandingNote,
    }
    /// Clearing began.
    Clearing = "clearing" {
        /// How many tokens are to be revoked.
        tokens: usize,
        /// How many tokens could not be opened, and so cannot be revoked.
        unreadable: usize,
    }
    /// A credential was cleared: deleted with its data key.
    Cleared = "cleared" {
        /// Its kind; empty in entries of earlier versions.
        #[serde(default)]
        kind: String,
        /// Its labels.
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    /// A credential was deleted and nothing was revoked.
    Removed = "removed" {
        /// Its kind; empty in entries of earlier versions.
        #[serde(default)]
        kind: String,
        /// Its labels.
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }
    /// A token was revoked.
    Revoked = "revoked" {
        /// Its kind: `access` or `refresh`.
        token: String,
        /// The means of the revocation, if it was not the app's own secret.
        through: Option<String>,
    }
    /// The state of something changed in a way that people are told of.
    Alert = "alert" {
        /// The new state, such as `expiring`, `needs-login` or `recovered`.
        state: String,
        /// The state that people were told of before.
        was: Option<String>,
        /// When the token expires, for `expiring`.
        expires_at: Option<Timestamp>,
        /// The reason, in a sentence.
        why: Option<String>,
    }
    /// A channel for events was added.
    ChannelAdded = "channel-added" {
        /// Its name.
        name: String,
        /// The kind of its target.
        target: String,
    }
    /// A channel was changed.
    ChannelChanged = "channel-changed" {
        /// Its name.
        name: String,
        /// The changes, in words.
        changed: String,
    }
    /// A channel was removed.
    ChannelRemoved = "channel-removed" {
        /// Its name.
        name: String,
    }
    /// Deliveries through a channel fail.
    ChannelFailing = "channel-failing" {
        /// Its name.
        name: String,
        /// The reason.
        why: String,
    }
    /// Deliveries through a channel succeed again.
    ChannelRecovered = "channel-recovered" {
        /// Its name.
        name: String,
    }
    /// A caller started a run.
    RunStarted = "run-started" {
        /// The id of the run.
        run: String,
        /// The operation.
        operation: String,
    }
    /// A run ended.
    RunEnded = "run-ended" {
        /// The id of the run.
        run: String,
        /// The operation.
        operation: String,
        /// How it ended: `done`, `failed` or `cancelled`.
        how: String,
        /// The reason, if it failed.
        why: Option<String>,
    }
    /// The settings of a job were changed.
    JobChanged = "job-changed" {
        /// The job.
        job: String,
        /// The change, in words.
        what: String,
    }
    /// A job tells people of something, as an alert that begins or ends.
    JobAlert = "job-alert" {
        /// The job.
        job: String,
        /// The type of the event that people receive, such as `device.down`.
        news: String,
        /// Whether it begins an alert, `firing`, or ends one, `resolved`.
        state: String,
        /// The severity: `info`, `warning` or `critical`.
        severity: String,
        /// The sentence.
        summary: String,
        /// The next command.
        hint: Option<String>,
        /// Further facts, which differ by type.
        details: BTreeMap<String, Value>,
    }
    /// A token was not revoked, and is not tried any more.
    NotRevoked = "not-revoked" {
        /// Its kind: `access` or `refresh`.
        token: String,
        /// The reason.
        why: String,
    }
}

/// The end of a chain of an earlier version, in which each writer had its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEnd {
    /// Whose chain.
    pub writer: String,
    /// The place of its last entry.
    pub sequence: u64,
    /// That entry's mac, in hexadecimal digits.
    pub mac: String,
}

/// A credential's standing in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingNote {
    /// The word for it.
    pub standing: String,
    /// The kind of trouble that is the reason.
    pub trouble: Option<String>,
}

/// A client's whole policy, so that the journal tells later what it was allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientPolicy {
    /// The client's name.
    pub name: String,
    /// The actions that the client may perform.
    pub capabilities: String,
    /// The names of the credentials that it may use; `None` for all.
    pub credentials: Option<Vec<String>>,
    /// The methods that it may use; `None` for any.
    pub methods: Option<String>,
    /// The paths that it may call; `None` for any.
    pub paths: Option<Vec<String>>,
    /// The organisation that it is limited to.
    pub organisation: Option<String>,
    /// When it expires.
    pub until: Option<Timestamp>,
    /// The user of the machine that it is.
    pub uid: Option<u32>,
}

/// The part of the store that a reader of the journal has to read again because of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touches {
    Nothing,
    /// The credential that the event is about.
    Credential,
    /// The list of clients.
    Clients,
}

impl EventKind {
    /// The kind with that word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    pub(crate) const fn touches(self) -> Touches {
        match self {
            Self::Added
            | Self::SignedIn
            | Self::RefreshTokenStored
            | Self::TokensPutBack
            | Self::Minted
            | Self::Renamed
            | Self::Labelled
            | Self::Disabled
            | Self::Enabled
            | Self::StandingChanged
            | Self::Checked
            | Self::RetryAllowed
            | Self::AccessEnded
            | Self::ClockTrusted
            | Self::Rotated
            | Self::SpareKept
            | Self::Failed
            | Self::Clearing
            | Self::Cleared
            | Self::Removed => Touches::Credential,
            Self::ClientAdded | Self::ClientChanged | Self::ClientRemoved | Self::ClientsAdopted => Touches::Clients,
            Self::HomeCreated
            | Self::JournalBegun
            | Self::JournalPruned
            | Self::RetentionChanged
            | Self::KeyOffered
            | Self::KeyOfferWithdrawn
            | Self::KeyRotationBegun
            | Self::KeyRotated
            | Self::DataKeysRenewed
            | Self::BackedUp
            | Self::Restored
            | Self::StoreMoved
            | Self::Resumed
            | Self::AppAdded
            | Self::AppChanged
            | Self::AppRemoved
            | Self::AppSecretReplaced
            | Self::RowsSealed
            | Self::TokenRefused
            | Self::HandedOut
            | Self::Refused
            | Self::Answered
            | Self::Intent
            | Self::Recovered
            | Self::Overtaken
            | Self::Revoked
            | Self::Alert
            | Self::ChannelAdded
            | Self::ChannelChanged
            | Self::ChannelRemoved
            | Self::ChannelFailing
            | Self::ChannelRecovered
            | Self::RunStarted
            | Self::RunEnded
            | Self::JobChanged
            | Self::JobAlert
            | Self::NotRevoked => Touches::Nothing,
        }
    }
}
