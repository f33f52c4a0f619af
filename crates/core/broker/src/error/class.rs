//! The class of a failure, for a program that sees only the exit code.

use lanyard_client::{DeviceError, ExchangeError};
use lanyard_credential::TroubleKind;
use lanyard_operation::Class;
use lanyard_protocol::oauth::TokenError;
use lanyard_store::StoreError;
use lanyard_work::{call_class, send_class};

use super::Error;

impl Error {
    /// The class of the failure.
    pub fn class(&self) -> Class {
        match self.cause() {
            Self::NoSuchToken { .. }
            | Self::NoSuchCredential { .. }
            | Self::NoSuchClient { .. }
            | Self::NoAppNamed { .. }
            | Self::NoSuchApp { .. } => Class::NoSuchName,
            Self::NoScopes
            | Self::WrongAppKind { .. }
            | Self::AnotherApp { .. }
            | Self::NoApplicationId { .. }
            | Self::WrongVia { .. }
            | Self::AnotherOrganisation { .. }
            | Self::AnotherEnvironment { .. } => Class::Usage,
            Self::AppOfAnotherEnvironment { .. }
            | Self::SignInRefused { .. }
            | Self::WrongState { .. }
            | Self::NoState { .. }
            | Self::CodeRefused { .. }
            | Self::ClientRefused { .. }
            | Self::TokenRefused { .. }
            | Self::NothingToImport { .. }
            | Self::RefreshTokenRefused { .. }
            | Self::SecretRefused { .. }
            | Self::DeviceExpired { .. }
            | Self::NoAdministrator { .. }
            | Self::LacksScope { .. }
            | Self::UnknownSubject { .. }
            | Self::NothingToCompare { .. }
            | Self::Ended { .. }
            | Self::NotHandingOut { state: "pending", .. } => Class::PersonMustAct,
            Self::NoToken { trouble, .. }
            | Self::NotRenewed { trouble, .. }
            | Self::NotMinted { trouble, .. }
            | Self::RefreshTokenUntried { trouble, .. } => class_of(trouble.kind),
            Self::Exchange { source, .. } | Self::SecretUntried { source, .. } => exchange_class(source),
            Self::Kept { source, .. } => source.class(),
            Self::DeviceRefused(error) => match &**error {
                DeviceError::Send(error) => send_class(error),
                DeviceError::Refused(_) => Class::Failed,
            },
            Self::Call(error) => call_class(error),
            Self::Problem(problem) => problem.class(),
            Self::Busy { .. } | Self::Stopping => Class::Unreachable,
            Self::Store(error) => store_class(error),
            Self::RefusedClient { .. } | Self::AppDamaged { .. } => Class::Store,
            _ => Class::Failed,
        }
    }
}

/// The class of a credential's last failure.
pub fn class_of(kind: TroubleKind) -> Class {
    match kind {
        TroubleKind::DeadGrant
        | TroubleKind::DeadToken
        | TroubleKind::WrongClient
        | TroubleKind::NotAuthorised
        | TroubleKind::ViaUnusable => Class::PersonMustAct,
        TroubleKind::Unreachable | TroubleKind::Limited | TroubleKind::OutcomeUnknown | TroubleKind::Unfinished => {
            Class::Unreachable
        }
    }
}

/// A paused home is not at fault: a person must resume it.
fn store_class(error: &StoreError) -> Class {
    match error {
        StoreError::Paused(_) => Class::PersonMustAct,
        _ => Class::Store,
    }
}

fn exchange_class(error: &ExchangeError) -> Class {
    match error {
        ExchangeError::Send(error) => send_class(error),
        ExchangeError::Token(TokenError::Rejected(_)) => Class::PersonMustAct,
        ExchangeError::Token(TokenError::Limited { .. } | TokenError::Unclear(_)) => Class::Unreachable,
        ExchangeError::Token(TokenError::Malformed(_)) => Class::Failed,
    }
}
