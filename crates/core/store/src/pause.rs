//! A paused home: nothing is handed out, renewed or changed; all can be read.

use jiff::Timestamp;

/// Why and since when a home is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Why, for a person.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// Begins the reason of a store that was moved away: it is paused for good.
pub(crate) const MOVED_TO: &str = "it was moved to ";

/// Begins the reason of a store that is being made out of another one, which is still active.
pub(crate) const MOVING_FROM: &str = "it is being moved from ";

impl Pause {
    /// Whether the move of the store to another database is the reason: then only the end of the move resumes a home.
    pub fn is_for_a_move(&self) -> bool {
        self.reason.starts_with(MOVED_TO) || self.reason.starts_with(MOVING_FROM)
    }

    /// How to correct it.
    pub(crate) fn hint(&self) -> String {
        if let Some(to) = self.reason.strip_prefix(MOVED_TO) {
            return format!("finish the move, which lets this home use the new store: lanyard migrate-store '{to}'");
        }
        if self.reason.starts_with(MOVING_FROM) {
            return "finish the move: run lanyard migrate-store again in the home that the store comes from".to_owned();
        }
        "two homes that spend one refresh token can end it for both: see that the original is off for good, then run \
         lanyard restore --resume"
            .to_owned()
    }
}
