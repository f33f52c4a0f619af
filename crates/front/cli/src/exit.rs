//! How a command ends: an exit code, a sentence, and a hint.

use std::process::ExitCode;

use lanyard_broker::Class;
use lanyard_store::{OpenError, RestoreError, StoreError};
use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// A use case failed.
    #[error(transparent)]
    Broker(#[from] lanyard_broker::Error),
    /// The home cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A backup cannot be made a home.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Asked for wrongly.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// There is no such thing.
    #[error("{message}")]
    NoSuchName {
        /// What is missing.
        message: String,
        /// What to do.
        hint: String,
    },
    /// Anything else.
    #[error("{message}")]
    Other {
        /// What happened.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A file, a terminal or a socket failed.
    #[error("{what}")]
    Io {
        /// What cannot be done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl Failure {
    /// A file, a terminal or a socket failed; `what` says what cannot be done.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Broker(error) => code_of(error.class()),
            Self::Store(StoreError::Paused(_)) => 4,
            Self::Restore(RestoreError::HomeExists(_) | RestoreError::Unreadable { .. }) | Self::Usage { .. } => 2,
            Self::Open(_) | Self::Restore(_) | Self::Store(_) => 6,
            Self::NoSuchName { .. } => 3,
            Self::Other { .. } | Self::Io { .. } => 1,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Broker(error) => error.hint(),
            Self::Open(error) => Some(error.hint()),
            Self::Restore(error) => Some(error.hint()),
            Self::Store(error) => Some(error.hint()),
            Self::Usage { hint, .. } | Self::NoSuchName { hint, .. } => Some(hint.clone()),
            Self::Other { hint, .. } => hint.clone(),
            Self::Io { .. } => None,
        }
    }
}

/// The exit code of a class.
pub(crate) fn code_of(class: Class) -> u8 {
    match class {
        Class::Failed => 1,
        Class::Usage => 2,
        Class::NoSuchName => 3,
        Class::PersonMustAct => 4,
        Class::Unreachable => 5,
        Class::Store => 6,
    }
}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::Io { what: "the command could not start".to_owned(), source }
    }
}

/// Tells a person, on stderr.
#[expect(clippy::print_stderr, reason = "this is where errors go")]
pub(crate) fn tell(failure: &Failure) {
    // Whoever stopped reading, as `head` does, has what it wanted.
    if matches!(failure, Failure::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe) {
        return;
    }
    let mut said = failure.to_string();
    eprintln!("error: {said}");
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        let because = cause.to_string();
        // Some errors of the system's libraries repeat their cause.
        if !said.contains(&because) {
            eprintln!("  because: {because}");
            said = because;
        }
        source = cause.source();
    }
    if let Some(hint) = failure.hint() {
        eprintln!("hint: {hint}");
    }
}

/// Tells a person, and gives the exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    tell(failure);
    ExitCode::from(failure.code())
}
