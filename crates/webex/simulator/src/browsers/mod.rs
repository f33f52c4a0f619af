//! The state that browsers share with the pages: sessions, and sign-ins under way.

mod request;
mod sessions;
mod visits;

pub(crate) use request::{AuthorizeRequest, Prompt, Unusable};
pub(crate) use sessions::{Session, Sessions, Who};
pub(crate) use visits::{Purpose, Stage, Visit, Visits};
