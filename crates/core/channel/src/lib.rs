//! Delivery of one event to one target.
//!
//! A [`Notice`] is an event as people and systems receive it. A [`Target`] is a place to which notices go: a command, a webhook,
//! Alertmanager, a JSON API, a Webex space, or mail. [`Rules`] say which notices a channel wants. [`Channels`] delivers one notice to one
//! target and reports how that went. This crate has no store, no queue and no retries.

mod alertmanager;
mod channels;
mod command;
mod error;
mod http_post;
mod json_api;
mod mail;
mod notice;
mod outbound;
mod reach;
mod rules;
mod space;
mod target;
mod text;
mod webhook;

pub use channels::Channels;
pub use error::DeliveryError;
pub use notice::{
    AlertState, DataSchema, MediaType, Notice, NoticeCredential, NoticeData, NoticeError, NoticeId, NoticeType,
    Severity, SpecVersion,
};
pub use reach::RefusedAddress;
pub use rules::{Rules, SilentRules, TypePattern, TypePatternError};
pub use target::{
    Address, AlertmanagerAuth, AlertmanagerTarget, Argv, CommandTarget, JsonTarget, MailAddress, MailSecurity,
    MailServer, MailTarget, RoomId, SpaceTarget, Target, TargetError, Template, WebhookSecret, WebhookTarget, travel,
};
pub use text::NoticeText;
