//! How many calls a minute an account may make of one API.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::webex::Webex;

/// The calls of the minute under way, by account and API.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    minute: i64,
    counts: HashMap<(Uuid, String), u32>,
}

impl Calls {
    /// Counts a call; the seconds until the next minute where it is one too many.
    fn count(&mut self, account: Uuid, api: &str, limit: u32, now: Timestamp) -> Result<(), u64> {
        let second = now.as_second();
        if second.div_euclid(60) != self.minute {
            self.minute = second.div_euclid(60);
            self.counts.clear();
        }
        let count = self.counts.entry((account, api.to_owned())).or_default();
        *count += 1;
        if *count <= limit { Ok(()) } else { Err(60 - second.rem_euclid(60).unsigned_abs()) }
    }
}

/// Counts a call of an account; an API is named by the first word of its path.
pub(super) fn count(webex: &Webex, account: Uuid, path: &str) -> Result<(), Refusal> {
    let now = webex.now();
    let mut state = webex.state();
    let Some(limit) = state.behaviour.requests_per_minute else { return Ok(()) };
    let api = path.strip_prefix("/v1/").unwrap_or(path).split('/').next().unwrap_or_default();
    state.calls.count(account, api, limit, now).map_err(Refusal::TooMany)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_own_count() {
        let mut calls = Calls::default();
        let (account, at) = (Uuid::from_u128(1), |second| Timestamp::from_second(second).unwrap());
        assert_eq!(calls.count(account, "people", 1, at(600)), Ok(()));
        assert_eq!(calls.count(account, "people", 1, at(610)), Err(50));
        assert_eq!(calls.count(account, "devices", 1, at(610)), Ok(()));
        assert_eq!(calls.count(Uuid::from_u128(2), "people", 1, at(610)), Ok(()));
        assert_eq!(calls.count(account, "people", 1, at(660)), Ok(()));
    }
}
