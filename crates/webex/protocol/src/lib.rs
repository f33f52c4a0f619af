//! The Webex wire as values: ids, scopes, requests out, responses in. No network, no clock.
//!
//! The client turns a [`Request`] into bytes on a socket and bytes into a [`Response`]; the simulator does the reverse. Both
//! share the definitions here, and the facts behind them: each item names its source.

#[macro_use]
mod as_text;

mod authorization;
mod device;
mod environment;
mod error;
mod fields;
mod guest;
mod id;
mod lenient;
mod location;
mod message;
pub mod oauth;
mod organization;
mod page;
mod pages;
mod paging;
mod person;
mod proxy;
mod scope;
mod scope_catalogue;
mod text;
mod token_expiry;
mod upstream;
mod visible;
mod walk;
mod workspace;
pub mod workspace_integration;
mod xapi;

pub use authorization::{Authorization, AuthorizationKind};
pub use device::{ConnectionStatus, Device, DeviceType, ListDevices};
pub use environment::{Environment, EnvironmentError};
pub use error::{ApiError, ErrorBody, ResourceError, parse_json};
pub use fields::Fields;
pub use guest::Guest;
pub use id::{AppClientId, AuthorizationId, DeviceId, IdError, OrgId, PersonId, WebexId, WorkspaceId};
pub use location::{Floor, Location};
pub use message::{Method, Request, Response, bearer};
pub use organization::Organization;
pub use page::{FieldError, ItemProblem, ItemTrouble, Page};
pub use pages::Pages;
pub use paging::{Link, Links, UnreadableLink, ascii, next_link};
pub use person::{ListPeople, Person, PersonType};
pub use proxy::{ProxyPath, ProxyPathError, SegmentError, decode_segment, proxied, shape, yields_credential};
pub use scope::{Scope, ScopeError, ScopeSet};
pub use scope_catalogue::{ScopeHolder, registrable_scopes};
pub use token_expiry::TokenExpiry;
pub use upstream::Upstream;
pub use visible::{is_hidden, visible, visible_json};
pub use walk::{PagingError, Walk, fingerprint};
pub use workspace::{HealthLevel, ListWorkspaces, Workspace, WorkspaceHealth, WorkspaceIssue};
pub use xapi::{XapiAnswer, XapiName, XapiNameError};
