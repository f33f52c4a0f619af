//! How a running simulator behaves, where Webex is not sure to behave one way.

use std::num::NonZeroU32;
use std::time::Duration;

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;

use crate::{Options, RefreshBehaviour};

/// How the simulator behaves if it is not certain how Webex does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own, and all combinations make sense")]
pub(crate) struct Behaviour {
    pub(crate) refresh: RefreshBehaviour,
    /// For `rotate`: how long a spent refresh token gets the same reply again.
    #[serde(rename = "repeat_window_ms", serialize_with = "milliseconds")]
    #[schemars(with = "u64")]
    pub(crate) repeat_window: Duration,
    /// How long further refreshes change nothing; 0 if every refresh changes something.
    #[serde(rename = "noop_refresh_window_ms", serialize_with = "milliseconds")]
    #[schemars(with = "u64")]
    pub(crate) noop_refresh_window: Duration,
    #[serde(rename = "access_token_ttl_ms", serialize_with = "milliseconds")]
    #[schemars(with = "u64")]
    pub(crate) access_token_ttl: Duration,
    #[serde(rename = "refresh_token_ttl_ms", serialize_with = "milliseconds")]
    #[schemars(with = "u64")]
    pub(crate) refresh_token_ttl: Duration,
    /// The status for a dead grant: RFC 6749 has 400, some Cisco code expects 401.
    #[serde(rename = "dead_grant_status", serialize_with = "status")]
    #[schemars(with = "u16", extend("enum" = [400, 401]))]
    pub(crate) dead_grant_status: StatusCode,
    pub(crate) dead_grant_error: DeadGrantError,
    /// Whether token replies name the granted scopes.
    pub(crate) scope_in_reply: bool,
    /// Whether the identity broker revokes refresh tokens; Cisco's code was seen to send only access tokens.
    pub(crate) revoke_refresh_tokens: bool,
    /// Whether lists hold empty pages between full ones.
    pub(crate) empty_pages: bool,
    /// Whether the tracking id is echoed twice, as a capture shows it.
    pub(crate) double_tracking_id: bool,
    /// Which kinds of token may ask for their own expiry; Webex's documentation does not say.
    pub(crate) token_expiry_for: TokenExpiryFor,
    /// How long a guest's token is valid.
    #[serde(rename = "guest_token_ttl_ms", serialize_with = "milliseconds")]
    #[schemars(with = "u64")]
    pub(crate) guest_token_ttl: Duration,
    /// The reply to a device that polls before the person has decided.
    pub(crate) device_pending: DevicePending,
    /// How long a device must wait between two polls.
    #[serde(rename = "device_interval_s", serialize_with = "seconds")]
    #[schemars(with = "u64")]
    pub(crate) device_interval: Duration,
    /// Whether a bot's list of workspaces shows those it has access to; Webex's own behaviour is unknown.
    pub(crate) bot_sees_workspaces: bool,
    /// Whether a query for a status that the device does not have is refused; otherwise the status is missing in the answer. Webex's own
    /// behaviour is unknown.
    pub(crate) refuses_unsupported_statuses: bool,
    /// The effect of `PUT /people/{id}` on fields that a call omits.
    pub(crate) put_people: PutPeople,
    /// How many calls a minute an account may make of one API; `null` for no limit.
    pub(crate) requests_per_minute: Option<u32>,
    /// The queue of a workspace integration loses one message in so many; none at 0.
    pub(crate) queue_drops_every: u64,
    /// Whether each poll of such a queue also gets the messages of the poll before it.
    pub(crate) queue_repeats: bool,
}

/// Which kinds of token may ask for their own expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TokenExpiryFor {
    All,
    Personal,
    None,
}

/// The effect of `PUT /people/{id}` on a field that a call omits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PutPeople {
    /// The field stays as it is, which was seen at Webex.
    Merge,
    /// The field is cleared: Cisco's document says that the call replaces the record.
    Replace,
}

/// The reply to a device that must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DevicePending {
    /// Status 428 in the form of Webex's gateway.
    Webex,
    /// Status 400 and an error code (RFC 8628, section 3.5).
    Rfc,
}

/// The error code for a dead grant: RFC 6749 has `invalid_grant`, Webex was seen to send `invalid_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeadGrantError {
    InvalidRequest,
    InvalidGrant,
}

impl DeadGrantError {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidGrant => "invalid_grant",
        }
    }
}

impl Behaviour {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            refresh: options.refresh,
            repeat_window: options.repeat_window,
            noop_refresh_window: options.noop_refresh_window.unwrap_or_default(),
            access_token_ttl: options.access_token_ttl,
            refresh_token_ttl: options.refresh_token_ttl,
            dead_grant_status: StatusCode::BAD_REQUEST,
            dead_grant_error: DeadGrantError::InvalidRequest,
            scope_in_reply: true,
            revoke_refresh_tokens: true,
            empty_pages: false,
            double_tracking_id: false,
            token_expiry_for: TokenExpiryFor::All,
            guest_token_ttl: Duration::from_secs(64_799),
            device_pending: DevicePending::Webex,
            device_interval: Duration::from_secs(2),
            bot_sees_workspaces: false,
            refuses_unsupported_statuses: false,
            put_people: PutPeople::Merge,
            requests_per_minute: options.requests_per_minute.map(NonZeroU32::get),
            queue_drops_every: 0,
            queue_repeats: false,
        }
    }

    /// The behaviour after a change; nothing is changed when a part of it is refused.
    pub(crate) fn changed(mut self, change: &Change) -> Result<Self, ChangeError> {
        fn set<T: Copy>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        if let Some(status) = change.dead_grant_status {
            self.dead_grant_status = match status {
                400 => StatusCode::BAD_REQUEST,
                401 => StatusCode::UNAUTHORIZED,
                _ => return Err(ChangeError::DeadGrantStatus),
            };
        }
        let time = |milliseconds: Option<u64>| milliseconds.map(Duration::from_millis);
        set(&mut self.refresh, change.refresh);
        set(&mut self.repeat_window, time(change.repeat_window_ms));
        set(&mut self.noop_refresh_window, time(change.noop_refresh_window_ms));
        set(&mut self.access_token_ttl, time(change.access_token_ttl_ms));
        set(&mut self.refresh_token_ttl, time(change.refresh_token_ttl_ms));
        set(&mut self.dead_grant_error, change.dead_grant_error);
        set(&mut self.scope_in_reply, change.scope_in_reply);
        set(&mut self.revoke_refresh_tokens, change.revoke_refresh_tokens);
        set(&mut self.empty_pages, change.empty_pages);
        set(&mut self.double_tracking_id, change.double_tracking_id);
        set(&mut self.token_expiry_for, change.token_expiry_for);
        set(&mut self.guest_token_ttl, time(change.guest_token_ttl_ms));
        set(&mut self.device_pending, change.device_pending);
        set(&mut self.device_interval, change.device_interval_s.map(Duration::from_secs));
        set(&mut self.bot_sees_workspaces, change.bot_sees_workspaces);
        set(&mut self.refuses_unsupported_statuses, change.refuses_unsupported_statuses);
        set(&mut self.put_people, change.put_people);
        set(&mut self.queue_drops_every, change.queue_drops_every);
        set(&mut self.queue_repeats, change.queue_repeats);
        // Zero lifts the limit.
        if let Some(limit) = change.requests_per_minute {
            self.requests_per_minute = Some(limit).filter(|limit| *limit > 0);
        }
        Ok(self)
    }
}

/// A change of the behaviour; a field that is omitted keeps its value. `Behaviour` describes each field.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "BehaviourChange", example = json!({ "empty_pages": true }))]
pub(crate) struct Change {
    refresh: Option<RefreshBehaviour>,
    repeat_window_ms: Option<u64>,
    noop_refresh_window_ms: Option<u64>,
    access_token_ttl_ms: Option<u64>,
    refresh_token_ttl_ms: Option<u64>,
    #[schemars(extend("enum" = [400, 401]))]
    dead_grant_status: Option<u16>,
    dead_grant_error: Option<DeadGrantError>,
    scope_in_reply: Option<bool>,
    revoke_refresh_tokens: Option<bool>,
    empty_pages: Option<bool>,
    double_tracking_id: Option<bool>,
    token_expiry_for: Option<TokenExpiryFor>,
    guest_token_ttl_ms: Option<u64>,
    device_pending: Option<DevicePending>,
    device_interval_s: Option<u64>,
    bot_sees_workspaces: Option<bool>,
    refuses_unsupported_statuses: Option<bool>,
    put_people: Option<PutPeople>,
    /// At 0 there is no limit.
    requests_per_minute: Option<u32>,
    queue_drops_every: Option<u64>,
    queue_repeats: Option<bool>,
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum ChangeError {
    #[error("dead_grant_status is 400 or 401")]
    DeadGrantStatus,
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn status<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_change_changes_nothing_and_a_small_one_only_its_part() {
        let before = Behaviour::new(&Options::default());
        let change = |json: &str| serde_json::from_str::<Change>(json).unwrap();
        assert_eq!(
            before.changed(&change(r#"{"dead_grant_status":500,"scope_in_reply":false}"#)),
            Err(ChangeError::DeadGrantStatus)
        );
        let after = before.changed(&change(r#"{"refresh":"rotate-strict"}"#)).unwrap();
        assert_eq!(after, Behaviour { refresh: RefreshBehaviour::RotateStrict, ..before });
        assert!(serde_json::from_str::<Change>(r#"{"refrehs":"keep"}"#).is_err());
    }
}
