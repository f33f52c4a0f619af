//! The owner's operations, from the command line to a broker, over the Unix socket in the home.
//!
//! `POST /private/operations/NAME` with the request as its body and the headers `Lanyard-Version` and `Lanyard-Store`. Status 200
//! returns the reply; any other status returns a [`Problem`](lanyard_operation::Problem), with its code in the header
//! `Lanyard-Error`. A broker of another store does nothing. Only the owner's socket has the route, because requests and replies
//! hold secrets. Two versions of Lanyard work together if both have the operation. The broker refuses a request with a field that
//! it does not have; a reply may have fields that the command does not have.

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

/// The header for the code of a problem.
const ERROR: HeaderName = HeaderName::from_static("lanyard-error");

/// The version of this program.
pub const OUR_VERSION: &str = env!("CARGO_PKG_VERSION");
