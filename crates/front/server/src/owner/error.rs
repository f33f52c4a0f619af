//! Why a call to a broker brought no reply of its own.

use lanyard_operation::{Class, Code, Problem, WireError};
use thiserror::Error as ThisError;

use super::OUR_VERSION;
use super::body::BodyError;
use super::connect::ConnectError;

/// A failure between two processes.
#[derive(Debug, ThisError)]
pub(super) enum Trouble {
    /// No connection could be had.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The broker is not there any more, and was not asked.
    #[error("the broker stopped before the request was sent")]
    Gone,
    /// It was asked, and did not answer.
    #[error("the broker stopped during the request, which may or may not have been carried out")]
    Ended(#[source] hyper::Error),
    /// Its answer was cut.
    #[error("the broker stopped during its reply, and the request may or may not have been carried out")]
    Cut(#[source] BodyError),
    /// The two do not understand each other.
    #[error(
        "the broker that runs in this home is Lanyard {theirs}, and this is {OUR_VERSION}: they do not understand each other"
    )]
    OtherVersion {
        /// The broker's version.
        theirs: String,
    },
    /// The command means another store than the broker's.
    #[error("the broker that runs in this home uses the store {theirs}, but this command is for {ours} ({why})")]
    OtherStore {
        /// The broker's store.
        theirs: String,
        /// The command's store.
        ours: String,
        /// What named it.
        why: &'static str,
        /// The next step.
        hint: &'static str,
    },
    /// A call or a reply is not what it should be.
    #[error("cannot read the broker's reply")]
    Wire(#[from] WireError),
    /// The broker is at fault.
    #[error("the broker could not answer")]
    Internal,
}

impl Trouble {
    fn class(&self) -> Class {
        match self {
            Self::Gone | Self::Ended(_) | Self::Cut(_) => Class::Unreachable,
            Self::OtherVersion { .. } => Class::Store,
            Self::OtherStore { .. } => Class::Usage,
            Self::Connect(error) => error.class(),
            Self::Wire(_) | Self::Internal => Class::Failed,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Connect(error) => return error.hint(),
            Self::Gone => "run the same command again",
            Self::Ended(_) | Self::Cut(_) => "see what has become of it before you repeat it: lanyard show",
            Self::OtherVersion { .. } => {
                "stop that broker and restart it with this version, or use the version that it was started with"
            }
            Self::OtherStore { hint, .. } => hint,
            Self::Wire(_) | Self::Internal => "see the broker's log; restart the broker with this version",
        }
        .to_owned()
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        Self::of(Code::of_class(trouble.class()), &trouble).hint(trouble.hint())
    }
}
