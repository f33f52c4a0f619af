//! The meaning of a failed exchange, and the pause before the next one.

use std::time::Duration;

use lanyard_client::{ExchangeError, Obtained};
use lanyard_credential::rotation::Answer;
use lanyard_credential::{Process, Trouble, TroubleKind};
use lanyard_protocol::oauth::{Rejection, TokenError};
use lanyard_store::EXCHANGE;
use lanyard_time::{Entropy, Moment};

/// A failure, before it is known how often it happened.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    kind: TroubleKind,
    message: String,
    /// The pause that Webex asks for.
    at_least: Duration,
}

/// The pause after a first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Sorts the outcome of an exchange by what the protocol makes of it.
pub(super) fn judge(outcome: Result<Obtained, ExchangeError>) -> (Answer<Obtained>, Option<Fault>) {
    let error = match outcome {
        Ok(obtained) => return (Answer::Granted(obtained), None),
        Err(error) => error,
    };
    let mut at_least = Duration::ZERO;
    let (answer, kind) = match &error {
        ExchangeError::Send(error) if error.nothing_was_sent() => (Answer::Refused, TroubleKind::Unreachable),
        ExchangeError::Send(_) => (Answer::Unknown, TroubleKind::OutcomeUnknown),
        ExchangeError::Token(TokenError::Limited { retry_after }) => {
            at_least = retry_after.unwrap_or_default();
            (Answer::Refused, TroubleKind::Limited)
        }
        ExchangeError::Token(TokenError::Rejected(Rejection::Grant(_))) => (Answer::Dead, TroubleKind::DeadGrant),
        ExchangeError::Token(TokenError::Rejected(Rejection::Client(_))) => {
            (Answer::WrongClient, TroubleKind::WrongClient)
        }
        ExchangeError::Token(TokenError::Unclear(_) | TokenError::Malformed(_)) => {
            (Answer::Unknown, TroubleKind::OutcomeUnknown)
        }
    };
    (answer, Some(Fault { kind, message: error.to_string(), at_least }))
}

impl Fault {
    /// A fault of that kind, in words for a person.
    pub(crate) fn new(kind: TroubleKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), at_least: Duration::ZERO }
    }

    /// Its kind.
    pub(crate) fn kind(&self) -> TroubleKind {
        self.kind
    }

    /// How long Webex asks to wait.
    pub(crate) fn asked(&self) -> Duration {
        self.at_least
    }

    /// Adds the pause that Webex asks for.
    pub(crate) fn waiting(self, at_least: Option<Duration>) -> Self {
        Self { at_least: at_least.unwrap_or_default(), ..self }
    }

    /// A fault that no exchange reported: the protocol's own finding.
    pub(super) fn unexplained() -> Self {
        Self {
            kind: TroubleKind::OutcomeUnknown,
            message: "an earlier renewal ended without an answer".to_owned(),
            at_least: Duration::ZERO,
        }
    }

    /// Another process began to renew, and does not finish.
    pub(super) fn unfinished(writer: &Process) -> Self {
        Self {
            kind: TroubleKind::Unfinished,
            message: format!("process {} began to renew it and has not finished", writer.pid),
            at_least: Duration::ZERO,
        }
    }

    /// The grant seems dead, and may not be.
    pub(super) fn doubted() -> Self {
        Self {
            kind: TroubleKind::OutcomeUnknown,
            message:
                "Webex refuses the refresh token, but another process may have spent it and still store the next one"
                    .to_owned(),
            at_least: EXCHANGE,
        }
    }

    /// Nothing could be sent, for a reason of our own.
    pub(super) fn local(error: &dyn std::fmt::Display) -> Self {
        Self { kind: TroubleKind::Unreachable, message: error.to_string(), at_least: Duration::ZERO }
    }

    /// This process stood still for too long to send anything.
    pub(super) fn overslept() -> Self {
        Self {
            kind: TroubleKind::Unreachable,
            message: "this process stood still before it could ask Webex".to_owned(),
            at_least: Duration::ZERO,
        }
    }

    /// The trouble that is written down after `earlier`.
    pub(crate) fn after(self, earlier: Option<&Trouble>, now: Moment, entropy: &dyn Entropy) -> Trouble {
        let failures = earlier.map_or(0, |trouble| trouble.failures).saturating_add(1);
        let pause = pause(failures, entropy).max(self.at_least);
        Trouble { at: now, kind: self.kind, message: self.message, failures, pause }
    }
}

/// Doubles with every failure up to a quarter of an hour; between half and all of that, so that many do not return at once.
fn pause(failures: u32, entropy: &dyn Entropy) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_PAUSE);
    let mut byte = [0];
    entropy.fill(&mut byte);
    doubled / 2 + doubled / 2 * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use lanyard_time::SeededEntropy;

    use super::*;

    #[test]
    fn the_pause_doubles_and_has_an_end() {
        let entropy = SeededEntropy::new(1);
        for failures in 1..40 {
            let whole = FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(16)).min(LONGEST_PAUSE);
            let pause = pause(failures, &entropy);
            assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
        }
    }
}
