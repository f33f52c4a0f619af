//! How many calls a minute an account may make of one API.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

/// The calls of the minute under way, by account and API.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    minute: i64,
    counts: HashMap<(Uuid, String), u32>,
}

impl Calls {
    /// Counts a call of an account; an API is named by the first word of its path. Returns the seconds until the next minute if
    /// the call exceeds the limit.
    pub(crate) fn count(&mut self, account: Uuid, path: &str, limit: u32, now: Timestamp) -> Result<(), u64> {
        let api = path.strip_prefix("/v1/").unwrap_or(path).split('/').next().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_own_count() {
        let mut calls = Calls::default();
        let (account, at) = (Uuid::from_u128(1), |second| Timestamp::from_second(second).unwrap());
        assert_eq!(calls.count(account, "/v1/people", 1, at(600)), Ok(()));
        assert_eq!(calls.count(account, "/v1/people", 1, at(610)), Err(50));
        assert_eq!(calls.count(account, "/v1/devices/x", 1, at(610)), Ok(()));
        assert_eq!(calls.count(Uuid::from_u128(2), "/v1/people", 1, at(610)), Ok(()));
        assert_eq!(calls.count(account, "/v1/people", 1, at(660)), Ok(()));
    }
}
