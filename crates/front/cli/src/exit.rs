//! How a command ends: an exit code, a sentence, and a hint.

#[cfg(test)]
mod table;

use std::process::ExitCode;

use lanyard_home::{
    BackupError, HomeError, KeyError, MigrateError, OpenError, ReplaceKeyError, RestoreError, SettingsError,
};
use lanyard_operation::{Class, Problem};
use lanyard_server::ServeError;
use lanyard_server::owner::ConnectError;
use lanyard_store::{RelocationError, StoreError};
use serde_json::json;
use thiserror::Error;

use crate::output;

/// The word for a command line that cannot be read.
pub(crate) const USAGE: &str = "usage";

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// An operation failed.
    #[error(transparent)]
    Operation(#[from] Problem),
    /// The broker of the home is not spoken to.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The home cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The settings of the home cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A backup cannot be made a home.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// No backup was made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The store was not moved.
    #[error(transparent)]
    Migrate(Box<MigrateError>),
    /// The home's key was not replaced.
    #[error(transparent)]
    ReplaceKey(#[from] ReplaceKeyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker cannot run.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Asked for wrongly.
    #[error("{message}")]
    Usage {
        /// The mistake.
        message: String,
        /// The next step.
        hint: String,
    },
    /// There is no such thing.
    #[error("{message}")]
    NoSuchName {
        /// The name that is missing.
        message: String,
        /// The next step.
        hint: String,
    },
    /// The user did not confirm.
    #[error("cancelled: nothing was changed")]
    Cancelled,
    /// Anything else.
    #[error("{message}")]
    Other {
        /// The failure.
        message: String,
        /// The next step.
        hint: Option<String>,
    },
    /// A file, a terminal or a socket failed.
    #[error("{what}")]
    Io {
        /// The action that failed.
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
            Self::Operation(problem) => code_of(problem.class()),
            Self::Connect(error) => code_of(error.class()),
            Self::Store(error)
            | Self::Backup(BackupError::Store(error))
            | Self::ReplaceKey(ReplaceKeyError::Store(error)) => code_of_store(error),
            Self::Migrate(error) => code_of_move(error),
            Self::Restore(RestoreError::HomeExists(_) | RestoreError::Unreadable { .. })
            | Self::Open(OpenError::Key(KeyError::Settings(_)))
            | Self::Settings(_)
            | Self::Backup(BackupError::Exists(_) | BackupError::Unnameable(_) | BackupError::OnServer(_))
            | Self::ReplaceKey(
                ReplaceKeyError::OtherTarget(_)
                | ReplaceKeyError::OtherOffer(_)
                | ReplaceKeyError::Key(KeyError::Passphrase(_) | KeyError::NoNewPassphrase),
            )
            | Self::Usage { .. } => 2,
            Self::Serve(ServeError::Listen(error)) if error.is_read_only() => 6,
            Self::NoSuchName { .. } => 3,
            Self::ReplaceKey(
                ReplaceKeyError::Lacking { .. } | ReplaceKeyError::InFlight(_) | ReplaceKeyError::NotHere { .. },
            ) => 4,
            Self::ReplaceKey(
                ReplaceKeyError::Busy
                | ReplaceKeyError::Withdrawn(_)
                | ReplaceKeyError::NothingOffered
                | ReplaceKeyError::TooLate(_),
            ) => 1,
            Self::ReplaceKey(_) | Self::Open(_) | Self::Restore(_) | Self::Serve(ServeError::Store(_)) => 6,
            Self::Backup(_) | Self::Serve(_) | Self::Cancelled | Self::Other { .. } | Self::Io { .. } => 1,
        }
    }

    /// The word for its kind: one for each exit code.
    fn kind(&self) -> &'static str {
        kind_of(self.code())
    }

    /// The failure with its cause, for a report that has one line for it.
    pub(crate) fn in_one_line(&self) -> String {
        match because(self) {
            Some(because) => format!("{self}: {because}"),
            None => self.to_string(),
        }
    }

    /// The next step.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Operation(problem) => match crate::context::name_came_from() {
                Some(variable) if problem.class() == Class::NoSuchName => {
                    Some(format!("{variable} names it; see lanyard list, or unset {variable}"))
                }
                _ => problem.next_step().map(str::to_owned),
            },
            Self::Connect(error) => Some(error.hint()),
            Self::Open(error) => Some(error.hint()),
            Self::Settings(error) => Some(error.hint()),
            Self::Restore(error) => Some(error.hint()),
            Self::Backup(error) => Some(error.hint()),
            Self::Migrate(error) => Some(error.hint()),
            Self::ReplaceKey(error) => Some(error.hint()),
            Self::Store(error) | Self::Serve(ServeError::Store(error)) => Some(error.hint()),
            Self::Serve(ServeError::Listen(error)) => Some(error.hint()),
            Self::Usage { hint, .. } | Self::NoSuchName { hint, .. } => Some(hint.clone()),
            Self::Other { hint, .. } => hint.clone(),
            Self::Serve(ServeError::Ended { .. }) => {
                Some("see the broker's log; start it again: lanyard serve".to_owned())
            }
            Self::Serve(ServeError::Thread(_)) | Self::Cancelled | Self::Io { .. } => None,
        }
    }
}

/// Converts errors of the broker in the command's own process, outside operations.
impl From<lanyard_broker::Error> for Failure {
    fn from(error: lanyard_broker::Error) -> Self {
        Self::Operation(error.into())
    }
}

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        Self::Migrate(Box::new(error))
    }
}

fn code_of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::Paused(_) => 4,
        _ => 6,
    }
}

fn code_of_move(error: &MigrateError) -> u8 {
    match error {
        MigrateError::InUse { .. }
        | MigrateError::Relocation(RelocationError::InFlight(_) | RelocationError::KeyInMotion) => 1,
        MigrateError::Elsewhere { .. }
        | MigrateError::KeyNotChosen { .. }
        | MigrateError::OtherKeySource { .. }
        | MigrateError::Relocation(RelocationError::Occupied(_)) => 2,
        MigrateError::Relocation(RelocationError::Store(error)) => code_of_store(error),
        MigrateError::Open(_) | MigrateError::Relocation(_) => 6,
    }
}

/// Tells the same of a failure that is no [`Failure`]: an answer of Webex that was printed already.
pub(crate) fn tell_said(message: &str, hint: Option<&str>, code: u8, json: bool) {
    if json {
        return tell_program(kind_of(code), message, hint, code);
    }
    output::note(&format!("error: {message}"));
    if let Some(hint) = hint {
        output::note(&format!("hint: {hint}"));
    }
}

/// The word for a failure's kind: one for each exit code.
fn kind_of(code: u8) -> &'static str {
    match code {
        2 => USAGE,
        3 => "no-such-name",
        4 => "person-must-act",
        5 => "unreachable",
        6 => "store",
        _ => "failed",
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

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        Self::Open(error.into())
    }
}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::Io { what: "the command could not start".to_owned(), source }
    }
}

/// Tells a person, on stderr; or, where JSON was asked for, a program. `code` is what the process ends with.
pub(crate) fn tell(failure: &Failure, code: u8, json: bool) {
    if json {
        return tell_program(failure.kind(), &failure.in_one_line(), failure.hint().as_deref(), code);
    }
    if let Failure::Cancelled = failure {
        return output::note(&failure.to_string());
    }
    let (said, because) = (failure.to_string(), because(failure));
    output::note(&format!("error: {said}"));
    if let Some(because) = because {
        output::note(&format!("  because: {because}"));
    }
    for hint in failure.hint().iter().flat_map(|hint| hint.lines()) {
        output::note(&format!("hint: {hint}"));
    }
}

/// One object on one line.
pub(crate) fn tell_program(kind: &str, message: &str, hint: Option<&str>, code: u8) {
    let hint = hint.map(output::pasted::for_this_home);
    let error = json!({ "kind": kind, "message": message, "hint": hint, "exit_code": code });
    output::json_note(&json!({ "error": error }));
}

/// The innermost cause, unless it is in the message already. Those between say less: "client error (Connect)", "dns error".
fn because(failure: &Failure) -> Option<String> {
    let mut source = std::error::Error::source(failure)?;
    while let Some(cause) = source.source() {
        source = cause;
    }
    let because = source.to_string();
    (!failure.to_string().contains(&because)).then_some(because)
}

/// Tells it, and gives the exit code.
pub(crate) fn report(failure: &Failure, json: bool) -> ExitCode {
    let code = failure.code();
    tell(failure, code, json);
    ExitCode::from(code)
}
