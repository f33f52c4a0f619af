//! The Webex wire as values: ids, scopes, requests out, responses in. No network, no clock.
//!
//! The client turns a [`Request`] into bytes on a socket and bytes into a [`Response`]; the simulator does the reverse. Both
//! share the definitions here, and the facts behind them: each item names its source.

mod environment;
mod error;
mod id;
mod message;
pub mod oauth;
mod organization;
mod paging;
mod person;
mod scope;

pub use environment::{Environment, EnvironmentError};
pub use error::{ApiError, ErrorBody, ResourceError};
pub use id::{AppClientId, IdError, OrgId, PersonId, WebexId};
pub use message::{Method, Request, Response};
pub use organization::Organization;
pub use paging::{Page, next_link};
pub use person::{ListPeople, Person, PersonType};
pub use scope::{Scope, ScopeError, ScopeSet};
