//! The owner's calls, from the command line to a broker, over the Unix socket in the home.
//!
//! `POST /private/call/NAME` with the call as its body and the headers `Lanyard-Version`, `Lanyard-Protocol` and `Lanyard-Store`. 200
//! brings the reply; anything else an error, whose kind the header `Lanyard-Error` names. A broker of another store does nothing. The route is for the owner's socket alone: calls
//! and replies hold secrets. Both ends are Lanyard, and no other program should speak this: the form changes without notice.

mod answer;
mod body;
mod connect;
mod error;
mod remote;
mod tokens;

use http::HeaderName;

pub use self::answer::{actor, answer};
pub(crate) use self::answer::{is_for, misdirected, not_done, reply};
pub use self::body::{BodyError, whole};
pub use self::connect::ConnectError;
pub(crate) use self::connect::{is_open_to_others, open};
pub use self::remote::{Meant, Owner};
pub use self::tokens::OwnerTokens;

/// The name of a call follows.
pub const ROUTE: &str = "/private/call/";

/// The program's version, on both ways.
pub const VERSION: HeaderName = HeaderName::from_static("lanyard-version");

/// The number of the form of calls, replies and errors, on both ways: where it differs, neither understands the other.
pub const PROTOCOL: HeaderName = HeaderName::from_static("lanyard-protocol");

/// The store that the command means; in a refusal, the one that the broker uses.
pub const STORE: HeaderName = HeaderName::from_static("lanyard-store");

/// The header that names the kind of an error in a reply.
const ERROR: HeaderName = HeaderName::from_static("lanyard-error");

/// The version of this program.
pub const OUR_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The kinds of error that a reply can bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The use case failed, and the body says how.
    NotDone,
    /// The caller speaks another protocol.
    OtherProtocol,
    /// The caller means another store.
    OtherStore,
    /// There is no such call.
    NoSuchCall,
    /// The call cannot be read.
    Unreadable,
    /// The broker is at fault.
    Internal,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::NotDone, Self::OtherProtocol, Self::OtherStore, Self::NoSuchCall, Self::Unreadable, Self::Internal];

    const fn as_str(self) -> &'static str {
        match self {
            Self::NotDone => "call-not-done",
            Self::OtherProtocol => "other-protocol",
            Self::OtherStore => "other-store",
            Self::NoSuchCall => "no-such-call",
            Self::Unreadable => "unreadable-call",
            Self::Internal => "internal",
        }
    }
}
