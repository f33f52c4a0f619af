//! The failures of use cases.

mod again;
mod class;
mod hint;
mod problem;
mod troubled;

use std::sync::Arc;
use std::time::Duration;

use lanyard_client::{CallError, DeviceError, ExchangeError};
use lanyard_credential::{AppKind, AppName, ClientName, CredentialName, Kind, Trouble};
use lanyard_operation::Problem;
use lanyard_protocol::oauth::{Refusal, Rejection, TokenError};
use lanyard_protocol::{Environment, PersonType, ScopeSet};
use lanyard_store::{NameError, StoreError};
use thiserror::Error;

pub use self::again::Again;
pub use self::class::class_of;
pub use self::hint::{advice, mint_advice};
pub use self::troubled::Troubled;

/// Why a use case was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no credential of that name.
    #[error("there is no credential named {name}")]
    NoSuchCredential {
        /// The name that was given.
        name: CredentialName,
        /// The nearest names that there are.
        near: Vec<String>,
    },
    /// There is no credential of that name, and no app was named to make it with.
    #[error("there is no credential named {name}, and a first sign-in must name its app")]
    NoAppNamed {
        /// The name that was given.
        name: CredentialName,
        /// The apps that it could be.
        apps: Vec<AppName>,
    },
    /// There is no app of that name.
    #[error("there is no app named {name}")]
    NoSuchApp {
        /// The name that was given.
        name: AppName,
        /// The nearest names that there are.
        near: Vec<String>,
    },
    /// There is no client of that name.
    #[error("there is no client named {name}")]
    NoSuchClient {
        /// The name that was given.
        name: ClientName,
        /// The nearest names that there are.
        near: Vec<String>,
    },
    /// The client's row is not as Lanyard wrote it.
    #[error("{why}")]
    RefusedClient {
        /// The name that was given.
        name: ClientName,
        /// Why it is refused; the words name it.
        why: String,
    },
    /// Another client has the name.
    #[error("there is a client named {0} already")]
    ClientNameTaken(ClientName),
    /// A user of this machine is one client.
    #[error("the user {uid} is the client {client} already")]
    UserIsClient {
        /// The user's number.
        uid: u32,
        /// The client.
        client: ClientName,
    },
    /// The credential's app was removed meanwhile.
    #[error("the credential's app is not registered here any more")]
    AppGone,
    /// The name is in use.
    #[error("the name {0} is taken")]
    NameTaken(String),
    /// Another app has the name.
    #[error("there is an app named {0} already")]
    AppNameTaken(AppName),
    /// Credentials still need the app.
    #[error("the app {app} is used by {}", .users.join(", "))]
    AppInUse {
        /// The app.
        app: AppName,
        /// The names of its credentials.
        users: Vec<String>,
    },
    /// The app is registered as something else.
    #[error("{app} is registered as {}; this needs {}", .found.with_article(), .needed.with_article())]
    WrongAppKind {
        /// The app.
        app: AppName,
        /// The kind of its registration.
        found: AppKind,
        /// The kind that is needed.
        needed: AppKind,
    },
    /// A sign-in must ask for something.
    #[error("no scope was requested")]
    NoScopes,
    /// The redirect belongs to another sign-in.
    #[error("the answer belongs to another sign-in: its state is not the one that was sent")]
    WrongState {
        /// The command that starts again.
        again: Box<Again>,
    },
    /// The redirect has no state at all.
    #[error("the answer has no state, so it cannot be told to be this sign-in's")]
    NoState {
        /// The command that starts again.
        again: Box<Again>,
    },
    /// The person, or Webex, refused the sign-in.
    #[error("Webex answered the sign-in with {error}{}", .description.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    SignInRefused {
        /// The command that starts again.
        again: Box<Again>,
        /// The word of RFC 6749, section 4.1.2.1.
        error: String,
        /// The sentence that came with it.
        description: Option<String>,
    },
    /// The code of a sign-in is spent, too old, or another sign-in's.
    #[error("Webex does not accept the code of this sign-in ({refusal})")]
    CodeRefused {
        /// The command that starts again.
        again: Box<Again>,
        /// Webex's answer.
        refusal: Refusal,
    },
    /// Webex gives no code for a sign-in by code.
    #[error("Webex gave no code to sign in with")]
    DeviceRefused(#[source] Box<DeviceError>),
    /// No user signed in while the code was valid.
    #[error("the code for {name} expired before a user signed in")]
    DeviceExpired {
        /// The credential.
        name: CredentialName,
        /// The command that starts again.
        again: Box<Again>,
    },
    /// The app's secret, or its id, is wrong.
    #[error("Webex does not accept the client id and secret of the app {} ({refusal})", .again.app)]
    ClientRefused {
        /// The command that starts again, and the app.
        again: Box<Again>,
        /// Webex's answer.
        refusal: Refusal,
    },
    /// The code of a sign-in could not be exchanged.
    #[error("the code could not be exchanged for a token")]
    Exchange {
        /// The command that starts again.
        again: Box<Again>,
        /// Why not.
        source: Box<ExchangeError>,
    },
    /// A sign-in brought no refresh token: it could not be kept alive.
    #[error("Webex gave a token without the means to renew it")]
    NoRefreshToken {
        /// The command that starts again, and the Webex that knows the app.
        again: Box<Again>,
    },
    /// The sign-in is of another person or organisation than before.
    #[error("{name} acts as {before}, but the new token belongs to {now}")]
    AnotherSubject {
        /// The credential.
        name: CredentialName,
        /// The subject it acts as.
        before: String,
        /// The subject of the new token.
        now: String,
    },
    /// A name is in use by a credential of another kind.
    #[error("{name} is {} credential; login creates only integration credentials", .kind.with_article())]
    CannotReplace {
        /// The name.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
        /// Its app, if it has one.
        app: Option<AppName>,
    },
    /// A credential that exists is signed in through its own app.
    #[error("{name} is signed in through the app {own}, not through {wanted}")]
    AnotherApp {
        /// The credential.
        name: CredentialName,
        /// Its app.
        own: AppName,
        /// The app that was named.
        wanted: AppName,
    },
    /// A service app's tokens are asked for by its application id.
    #[error("the app {app} is registered here without its application id")]
    NoApplicationId {
        /// The app.
        app: AppName,
    },
    /// A credential is minted through one of another kind.
    #[error(
        "{minted}s are minted through {} credential; {name} is {} credential",
        .needed.with_article(),
        .kind.with_article()
    )]
    WrongVia {
        /// The kind that is minted.
        minted: Kind,
        /// The credential that was named.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
        /// The kind that is needed.
        needed: Kind,
    },
    /// Webex refuses to mint, for a reason that waiting does not mend.
    #[error("{name} was not added: {}", .trouble.message)]
    NotMinted {
        /// The credential.
        name: CredentialName,
        /// The app, where it is a service app's.
        app: Option<AppName>,
        /// Why not.
        trouble: Box<Trouble>,
        /// The credential that it is minted through, with its own failure, where that is the reason.
        via: Option<Box<(Troubled, Trouble)>>,
    },
    /// A refresh token is kept already, under another name.
    #[error("this refresh token is that of {holder} already; nothing was stored")]
    HeldAlready {
        /// The credential that keeps it.
        holder: CredentialName,
    },
    /// There is nothing to compare a credential's sight with.
    #[error("{against} sees no device itself, so nothing can be compared")]
    NothingToCompare {
        /// The credential that was to see everything.
        against: CredentialName,
    },
    /// A pasted refresh token is not accepted.
    #[error("Webex does not accept this refresh token for the app {app}")]
    RefreshTokenRefused {
        /// The app.
        app: AppName,
    },
    /// A pasted refresh token could not be tried.
    #[error("cannot check this refresh token ({}); it was not stored", .trouble.message)]
    RefreshTokenUntried {
        /// The credential.
        name: CredentialName,
        /// The app.
        app: AppName,
        /// Why not.
        trouble: Box<Trouble>,
    },
    /// A client secret is not accepted.
    #[error("Webex does not accept this client secret with the client id of {app} ({refusal})")]
    SecretRefused {
        /// The app.
        app: AppName,
        /// The Webex that was asked.
        environment: Box<Environment>,
        /// Webex's answer.
        refusal: Refusal,
    },
    /// A client secret could not be tried.
    #[error("whether Webex accepts the new client secret of {app} is not known")]
    SecretUntried {
        /// The app.
        app: AppName,
        /// Why not.
        source: Box<ExchangeError>,
    },
    /// The present value stays, because its replacement is not accepted or could not be tried.
    #[error("{}; {name} keeps the {what} that it had", .source.to_string().trim_end_matches('.'))]
    Kept {
        /// The credential or app.
        name: String,
        /// The value that was to be replaced.
        what: &'static str,
        /// Why it stays.
        source: Box<Error>,
    },
    /// A pasted token is not what it was said to be.
    #[error("this is not {} token: it belongs to {found}", .expected.with_article())]
    WrongKind {
        /// The kind that was stated.
        expected: Kind,
        /// The account that Webex names.
        found: String,
        /// The type of the account that Webex names.
        account: PersonType,
    },
    /// A pasted token is not accepted.
    #[error("Webex does not accept this token")]
    TokenRefused {
        /// The kind that it was said to be.
        kind: Kind,
        /// The Webex that was asked.
        environment: Box<Environment>,
    },
    /// Tokens that are of no use any more are not imported.
    #[error("Webex does not accept the access token of {name}, and there is no refresh token beside it")]
    NothingToImport {
        /// The credential's name.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
        /// Its app, where it has one.
        app: Option<AppName>,
    },
    /// A call of Webex failed.
    #[error(transparent)]
    Call(Box<CallError>),
    /// The credential has no token, or none that may be handed out.
    #[error("{name} is {state}")]
    NotHandingOut {
        /// The credential.
        name: CredentialName,
        /// pending, clearing or disabled.
        state: &'static str,
    },
    /// There is no valid token and none could be had.
    #[error("{} has no valid token: {}", .whose.name, .trouble.message)]
    NoToken {
        /// The credential.
        whose: Box<Troubled>,
        /// Why it could not be renewed.
        trouble: Box<Trouble>,
        /// How long the next try still waits.
        wait: Duration,
    },
    /// A renewal that was asked for failed; there may still be a valid token.
    #[error("{} was not renewed: {}", .whose.name, .trouble.message)]
    NotRenewed {
        /// The credential.
        whose: Box<Troubled>,
        /// Why not.
        trouble: Box<Trouble>,
        /// How long the next try waits.
        wait: Duration,
    },
    /// There is no valid token, and the credential cannot renew it.
    #[error("the token of {name} has expired, and {} token cannot be renewed", .kind.with_article())]
    Ended {
        /// The credential.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
    },
    /// Webex gives tokens that have ended by the time they are stored.
    #[error("the tokens that Webex issues for {name} expire immediately")]
    EndsAtOnce {
        /// The credential.
        name: CredentialName,
    },
    /// Another process is renewing the token and has not finished in time.
    #[error("another process is renewing {name} and has not finished")]
    Busy {
        /// The credential.
        name: CredentialName,
    },
    /// The process is about to end.
    #[error("this lanyard process is stopping, so it requested no token from Webex")]
    Stopping,
    /// The credential cannot be rotated.
    #[error("{name} cannot be renewed: {} token is replaced by hand", .kind.with_article())]
    DoesNotRotate {
        /// The credential.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
    },
    /// A Webex address was given that is not the stored one.
    #[error("{name} belongs to {stored}; its token goes nowhere else")]
    AnotherEnvironment {
        /// The credential or app.
        name: String,
        /// The environment that is stored with it.
        stored: String,
    },
    /// An app's secret is about to be sent to another Webex than the app's own.
    #[error("the app {app} belongs to {of}; its secret is not sent to {used_at}")]
    AppOfAnotherEnvironment {
        /// The app.
        app: AppName,
        /// The app's environment.
        of: String,
        /// The environment of the credential, or of the token to be revoked.
        used_at: String,
    },
    /// An app's client secret does not open.
    #[error("the stored client secret of the app {app} does not open: the database was damaged or altered")]
    AppDamaged {
        /// The app.
        app: AppName,
    },
    /// An administrator's credential was refused, and is known to lack the scope that the call needs.
    #[error("{} lacks the scope {scope}", .via.name)]
    LacksScope {
        /// The credential.
        via: Box<Troubled>,
        /// The scopes that it has.
        granted: ScopeSet,
        /// The scope that it lacks.
        scope: &'static str,
    },
    /// There is no credential that may ask the Authorizations API.
    #[error("no credential is known that may ask Webex about the tokens of {name}'s subject")]
    NoAdministrator {
        /// The credential.
        name: CredentialName,
        /// The scope that is needed.
        scope: &'static str,
    },
    /// Nothing can be asked about a subject that is not known.
    #[error("the subject of {name} is unknown")]
    UnknownSubject {
        /// The credential.
        name: CredentialName,
    },
    /// A token that is not listed for the credential's subject.
    #[error("Webex lists no token {id} for the subject of {name}")]
    NoSuchToken {
        /// The credential.
        name: CredentialName,
        /// The id that was given.
        id: String,
    },
    /// Two credentials that are to be compared see different organisations.
    #[error("{name} and {against} belong to different organisations")]
    AnotherOrganisation {
        /// The one that is tested.
        name: CredentialName,
        /// The one that it is compared with.
        against: CredentialName,
    },
    /// The failure of a renewal that several callers shared.
    #[error(transparent)]
    Shared(Arc<Self>),
    /// A failure that already has its full description.
    #[error(transparent)]
    Problem(Box<Problem>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The failure itself, where callers share it.
    pub(crate) fn cause(&self) -> &Self {
        match self {
            Self::Shared(error) => error.cause(),
            error => error,
        }
    }

    /// Adds that the value that was to be replaced stays.
    pub(crate) fn keeping(self, name: &str, what: &'static str) -> Self {
        Self::Kept { name: name.to_owned(), what, source: Box::new(self) }
    }

    /// Why what a person began brought no token.
    pub(crate) fn exchange(again: Again, error: ExchangeError) -> Self {
        let again = Box::new(again);
        match error {
            ExchangeError::Token(TokenError::Rejected(Rejection::Grant(refusal))) => {
                Self::CodeRefused { again, refusal }
            }
            ExchangeError::Token(TokenError::Rejected(Rejection::Client(refusal))) => {
                Self::ClientRefused { again, refusal }
            }
            error => Self::Exchange { again, source: Box::new(error) },
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<NameError> for Error {
    /// A name that is taken is the caller's mistake, not the store's failure.
    fn from(error: NameError) -> Self {
        match error {
            NameError::Taken(name) => Self::NameTaken(name),
            NameError::UnknownApp => Self::AppGone,
            NameError::Held(holder) => Self::HeldAlready { holder },
            NameError::Store(error) => Self::Store(error),
        }
    }
}
