//! The owner's operations, from the command line to a broker, over the Unix socket in the home.
//!
//! `POST /private/operations/NAME` with the request as its body and the headers `Lanyard-Version` and `Lanyard-Store`. 200 brings the
//! reply; any other status a [`Problem`](lanyard_operation::Problem), whose code the header `Lanyard-Error` names. A broker of another
//! store does nothing. The route is for the owner's socket alone: requests and replies hold secrets. Two versions of Lanyard understand
//! each other as far as they have the same operations: a request with a field that the broker does not know is refused, a reply may have
//! fields that the command does not know.

mod answer;
mod body;
mod connect;
mod error;
mod remote;
mod tokens;

use http::HeaderName;

pub(crate) use self::answer::{answer, is_for, misdirected, reply};
pub use self::body::{BodyError, whole};
pub use self::connect::ConnectError;
pub(crate) use self::connect::{is_open_to_others, open};
pub use self::remote::{Meant, Owner};
pub use self::tokens::OwnerTokens;

/// The name of an operation follows.
pub const ROUTE: &str = "/private/operations/";

/// The program's version, on both ways.
pub const VERSION: HeaderName = HeaderName::from_static("lanyard-version");

/// The store that the command means; in a refusal, the one that the broker uses.
pub const STORE: HeaderName = HeaderName::from_static("lanyard-store");

/// The header that names the code of a problem.
const ERROR: HeaderName = HeaderName::from_static("lanyard-error");

/// The version of this program.
pub const OUR_VERSION: &str = env!("CARGO_PKG_VERSION");
