//! How a simulator starts.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use lanyard_time::{Sleep, SystemSleep};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How a simulator starts. What concerns behaviour can be changed later through the control plane.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Allows an address beyond loopback. What a simulator guards is made up; still, whoever can
    /// reach it can sign in to it, and reads everything in the clear.
    pub allow_remote: bool,
    /// The seed. Equal seeds give equal organisations, people, ids and client ids; tokens and secrets are always random.
    pub seed: u64,
    /// How many people the organisation has, its administrator included; at least one.
    pub people: usize,
    /// How many organisations there are; those beyond the first are small.
    pub organisations: usize,
    /// How many devices stand in the first organisation's workspaces.
    pub devices: usize,
    /// Whether things happen to devices of themselves: they fail, restart and sleep now and then, the same way for the same seed
    /// and time. Otherwise they stay as they were made until a script comes.
    pub lively: bool,
    /// How many calls a minute somebody may make of one API; no limit where it is left out. Webex reportedly allows about 300.
    pub requests_per_minute: Option<NonZeroU32>,
    /// The life of an access token that an integration or a service app obtains.
    pub access_token_ttl: Duration,
    /// The life of a refresh token, counted again from each refresh.
    pub refresh_token_ttl: Duration,
    /// The effect of a refresh on the refresh token.
    pub refresh: RefreshBehaviour,
    /// For [`RefreshBehaviour::Rotate`]: how long a spent refresh token gets the same reply again.
    pub repeat_window: Duration,
    /// A further refresh within this time changes nothing: same values, same expiry. Webex is said to do so for about a day.
    pub noop_refresh_window: Option<Duration>,
    /// Redirect URIs to register for the integration beside the usual loopback ones. They match exactly, port included.
    pub redirect_uris: Vec<String>,
    /// The sleep that scripted delays use.
    pub sleep: Arc<dyn Sleep>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            allow_remote: false,
            seed: 1,
            people: 250,
            organisations: 1,
            devices: 20,
            lively: false,
            requests_per_minute: None,
            access_token_ttl: Duration::from_secs(1_209_599),
            refresh_token_ttl: Duration::from_secs(7_775_999),
            refresh: RefreshBehaviour::Keep,
            repeat_window: Duration::from_mins(1),
            noop_refresh_window: None,
            redirect_uris: Vec::new(),
            sleep: Arc::new(SystemSleep),
        }
    }
}

/// The effect of a refresh on the refresh token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RefreshBehaviour {
    /// The token keeps its value, and its expiry moves out, which was seen at Webex.
    #[default]
    Keep,
    /// A new token replaces it; for a while the spent one gets exactly the same reply again.
    Rotate,
    /// A new token replaces it; the spent one stops working immediately.
    RotateStrict,
}

/// A word that names no behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a refresh either keeps or rotates: keep, rotate or rotate-strict")]
pub struct RefreshBehaviourError;

impl FromStr for RefreshBehaviour {
    type Err = RefreshBehaviourError;

    fn from_str(word: &str) -> Result<Self, RefreshBehaviourError> {
        match word {
            "keep" => Ok(Self::Keep),
            "rotate" => Ok(Self::Rotate),
            "rotate-strict" => Ok(Self::RotateStrict),
            _ => Err(RefreshBehaviourError),
        }
    }
}

impl fmt::Display for RefreshBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::Rotate => "rotate",
            Self::RotateStrict => "rotate-strict",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_behaviour_reads_as_it_is_written() {
        for behaviour in [RefreshBehaviour::Keep, RefreshBehaviour::Rotate, RefreshBehaviour::RotateStrict] {
            assert_eq!(behaviour.to_string().parse(), Ok(behaviour));
        }
        assert_eq!("strict".parse::<RefreshBehaviour>(), Err(RefreshBehaviourError));
    }
}
