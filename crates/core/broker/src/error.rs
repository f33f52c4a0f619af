//! What a use case can fail with.

use std::time::Duration;

use http::StatusCode;
use lanyard_client::{CallError, DeviceError, ExchangeError, SendError};
use lanyard_credential::{AppKind, AppName, Credential, CredentialName, Kind, Trouble, TroubleKind};
use lanyard_protocol::oauth::{Refusal, Rejection, TokenError};
use lanyard_store::{BackupError, NameError, ReplaceKeyError, StoreError};
use lanyard_time::Moment;
use thiserror::Error;

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
    #[error("there is no credential named {0}, and a first sign-in must name its app")]
    NoAppNamed(CredentialName),
    /// There is no app of that name.
    #[error("there is no app named {name}")]
    NoSuchApp {
        /// The name that was given.
        name: AppName,
        /// The nearest names that there are.
        near: Vec<String>,
    },
    /// The credential's app was removed meanwhile.
    #[error("the credential's app is not registered here any more")]
    AppGone,
    /// The name is in use.
    #[error("the name {0} is taken")]
    NameTaken(String),
    /// Credentials still need the app.
    #[error("the app {app} is used by {}", .users.join(", "))]
    AppInUse {
        /// The app.
        app: AppName,
        /// The names of its credentials.
        users: Vec<String>,
    },
    /// The app is registered as something else.
    #[error("{app} is registered as {found}; this needs {needed}")]
    WrongAppKind {
        /// The app.
        app: AppName,
        /// What it is.
        found: AppKind,
        /// What is needed.
        needed: AppKind,
    },
    /// A sign-in must ask for something.
    #[error("no scope is asked for")]
    NoScopes,
    /// The redirect belongs to another sign-in.
    #[error("the answer belongs to another sign-in: its state is not the one that was sent")]
    WrongState,
    /// The redirect has no state at all.
    #[error("the answer has no state, so it cannot be told to be this sign-in's")]
    NoState,
    /// The person, or Webex, refused the sign-in.
    #[error("Webex answered the sign-in with {error}{}", .description.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    SignInRefused {
        /// The word of RFC 6749, section 4.1.2.1.
        error: String,
        /// The sentence that came with it.
        description: Option<String>,
    },
    /// The code of a sign-in is spent, too old, or another sign-in's.
    #[error("Webex does not accept the code of this sign-in ({0})")]
    CodeRefused(Refusal),
    /// Webex gives no code for a sign-in by code.
    #[error("Webex gave no code to sign in with")]
    DeviceRefused(#[source] Box<DeviceError>),
    /// Nobody signed in while the code was good.
    #[error("nobody signed in as {name} while the code was good")]
    DeviceExpired {
        /// The credential.
        name: CredentialName,
    },
    /// The app's secret, or its id, is wrong.
    #[error("Webex does not accept the client id and secret of the app {app} ({refusal})")]
    ClientRefused {
        /// The app.
        app: AppName,
        /// What Webex said.
        refusal: Refusal,
    },
    /// The code of a sign-in could not be exchanged.
    #[error("the code could not be exchanged for a token")]
    Exchange(#[source] Box<ExchangeError>),
    /// A sign-in brought no refresh token: it could not be kept alive.
    #[error("Webex gave a token without the means to renew it")]
    NoRefreshToken,
    /// The sign-in is of another person or organisation than before.
    #[error("{name} acts as {before}, and this sign-in is {now}'s")]
    AnotherSubject {
        /// The credential.
        name: CredentialName,
        /// Who it acts as.
        before: String,
        /// Who signed in.
        now: String,
    },
    /// A name is in use by a credential of another kind.
    #[error("{name} is a {kind} credential, and a sign-in makes an integration's")]
    CannotReplace {
        /// The name.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
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
    #[error("{name} is a {kind} credential, and this is minted through a {needed}")]
    WrongVia {
        /// The credential that was named.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
        /// What is needed.
        needed: Kind,
    },
    /// Webex refuses to mint, for a reason that waiting does not mend.
    #[error("{name} was not added: {}", .trouble.message)]
    NotMinted {
        /// The credential.
        name: CredentialName,
        /// Why not.
        trouble: Box<Trouble>,
    },
    /// A pasted refresh token is not accepted.
    #[error("Webex does not accept this refresh token for the app {app}")]
    RefreshTokenRefused {
        /// The app.
        app: AppName,
    },
    /// A pasted token is not what it was said to be.
    #[error("this is no {expected} token: it belongs to {found}")]
    WrongKind {
        /// What was said.
        expected: Kind,
        /// What Webex says.
        found: String,
    },
    /// A pasted token is not accepted.
    #[error("Webex does not accept this token")]
    TokenRefused,
    /// Tokens that are of no use any more are not imported.
    #[error("Webex does not accept the access token of {name}, and there is no refresh token beside it")]
    NothingToImport {
        /// The credential's name.
        name: CredentialName,
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
    #[error("{name} has no valid token: {}", .trouble.message)]
    NoToken {
        /// The credential.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
        /// Why it could not be renewed.
        trouble: Box<Trouble>,
        /// How long the next try still waits.
        wait: Duration,
    },
    /// A renewal that was asked for failed; there may still be a valid token.
    #[error("{name} was not renewed: {}", .trouble.message)]
    NotRenewed {
        /// The credential.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
        /// Why not.
        trouble: Box<Trouble>,
        /// How long the next try waits.
        wait: Duration,
    },
    /// There is no valid token, and the credential cannot renew it.
    #[error("the token of {name} has ended, and a {kind} token cannot be renewed")]
    Ended {
        /// The credential.
        name: CredentialName,
        /// Its kind.
        kind: Kind,
    },
    /// Webex gives tokens that have ended by the time they are stored.
    #[error("the tokens that Webex gives for {name} end at once")]
    EndsAtOnce {
        /// The credential.
        name: CredentialName,
    },
    /// Somebody else is renewing the token and has not finished in time.
    #[error("another process is renewing {name} and has not finished")]
    Busy {
        /// The credential.
        name: CredentialName,
    },
    /// The credential cannot be rotated.
    #[error("a {kind} credential has nothing to renew")]
    DoesNotRotate {
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
    /// Nobody is known who may ask the Authorizations API.
    #[error("no credential is known that may ask Webex about the tokens of {name}'s subject")]
    NoAdministrator {
        /// The credential.
        name: CredentialName,
        /// The scope that is needed.
        scope: &'static str,
    },
    /// Nothing can be asked about a subject that is not known.
    #[error("who {name} acts as is not known")]
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
    /// The home's key was not replaced.
    #[error(transparent)]
    ReplaceKey(#[from] ReplaceKeyError),
    /// No copy of the store was made.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// Why the code of a sign-in through `app` brought no token.
    pub(crate) fn exchange(app: &AppName, error: ExchangeError) -> Self {
        match error {
            ExchangeError::Token(TokenError::Rejected(Rejection::Grant(refusal))) => Self::CodeRefused(refusal),
            ExchangeError::Token(TokenError::Rejected(Rejection::Client(refusal))) => {
                Self::ClientRefused { app: app.clone(), refusal }
            }
            error => Self::Exchange(Box::new(error)),
        }
    }
}

impl From<CallError> for Error {
    fn from(error: CallError) -> Self {
        Self::Call(Box::new(error))
    }
}

impl From<NameError> for Error {
    /// A name that is taken is the caller's mistake, not the store's failure.
    fn from(error: NameError) -> Self {
        match error {
            NameError::Taken(name) => Self::NameTaken(name),
            NameError::UnknownApp => Self::AppGone,
            NameError::Store(error) => Self::Store(error),
        }
    }
}

/// What a failure means for a program that sees only the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Not done, for a reason of its own.
    Failed,
    /// Asked for wrongly.
    Usage,
    /// There is nothing of that name.
    NoSuchName,
    /// A person must sign in, authorise or grant something.
    PersonMustAct,
    /// Webex cannot be reached, or limits the calls.
    Unreachable,
    /// The store or its key is at fault.
    Store,
}

impl Error {
    /// What the failure means for a program.
    pub fn class(&self) -> Class {
        match self {
            Self::NoSuchToken { .. } | Self::NoSuchCredential { .. } | Self::NoAppNamed(_) | Self::NoSuchApp { .. } => {
                Class::NoSuchName
            }
            Self::NoScopes
            | Self::WrongAppKind { .. }
            | Self::AnotherApp { .. }
            | Self::NoApplicationId { .. }
            | Self::WrongVia { .. }
            | Self::AnotherOrganisation { .. }
            | Self::AnotherEnvironment { .. } => Class::Usage,
            Self::SignInRefused { .. }
            | Self::WrongState
            | Self::NoState
            | Self::CodeRefused(_)
            | Self::ClientRefused { .. }
            | Self::TokenRefused
            | Self::NothingToImport { .. }
            | Self::RefreshTokenRefused { .. }
            | Self::DeviceExpired { .. }
            | Self::NoAdministrator { .. }
            | Self::UnknownSubject { .. }
            | Self::Ended { .. }
            | Self::NotHandingOut { state: "pending", .. } => Class::PersonMustAct,
            Self::NoToken { trouble, .. } | Self::NotRenewed { trouble, .. } | Self::NotMinted { trouble, .. } => {
                class_of(trouble.kind)
            }
            Self::Exchange(error) => exchange_class(error),
            Self::DeviceRefused(error) => match &**error {
                DeviceError::Send(error) => send_class(error),
                DeviceError::Refused(_) => Class::Failed,
            },
            Self::Call(error) => call_class(error),
            Self::Busy { .. } => Class::Unreachable,
            Self::ReplaceKey(ReplaceKeyError::OtherTarget(_))
            | Self::Backup(BackupError::Exists(_) | BackupError::Unnameable(_)) => Class::Usage,
            Self::Backup(BackupError::Io { .. } | BackupError::KeyInMotion)
            | Self::ReplaceKey(ReplaceKeyError::Busy) => Class::Failed,
            Self::Store(error) | Self::Backup(BackupError::Store(error)) => store_class(error),
            Self::ReplaceKey(_) => Class::Store,
            _ => Class::Failed,
        }
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchCredential { near, .. } => format!("{}see what there is: lanyard list", meant(near)),
            Self::NoAppNamed(name) => format!("name one of lanyard app list: lanyard login {name} --app APP"),
            Self::NoSuchApp { near, .. } => {
                format!("{}see what there is: lanyard app list; register one: lanyard app add", meant(near))
            },
            Self::AppGone => "register it again: lanyard app add".to_owned(),
            Self::NameTaken(name) => {
                format!("choose another, or remove what has it: lanyard clear {name}, or lanyard app remove {name}")
            }
            Self::AppInUse { users, .. } => {
                let commands: Vec<_> = users.iter().map(|user| format!("lanyard clear {user}")).collect();
                format!("clear what uses it first: {}", commands.join("; "))
            }
            Self::WrongAppKind { .. } => "use another app (lanyard app list)".to_owned(),
            Self::NoScopes => "name the scopes: --scope spark:people_read, or give the app some".to_owned(),
            Self::WrongState | Self::NoState => {
                "start again with lanyard login and use the address that it shows, in one browser tab only".to_owned()
            }
            Self::SignInRefused { error, .. } => refused_hint(error).to_owned(),
            Self::Exchange(error) => exchange_hint(error).to_owned(),
            Self::DeviceExpired { name } => format!("start again with lanyard login {name} --device"),
            Self::DeviceRefused(_) => {
                "see that the app is an integration that is registered with these scopes; without --device a browser is used".to_owned()
            }
            Self::CodeRefused(_) => {
                "a code works once and for a few minutes; start again with lanyard login".to_owned()
            }
            Self::ClientRefused { app, .. } => {
                format!("give lanyard the app's present secret (lanyard app secret {app}), then start again with lanyard login")
            }
            Self::NoRefreshToken => {
                "nothing was stored; see that the app is an integration in the developer portal, and start again".to_owned()
            }
            Self::AnotherSubject { name, .. } => {
                format!("sign in as the former, choose another name, or add --replace to make {name} act as the latter")
            }
            Self::CannotReplace { name, .. } => format!("choose another name, or clear it first: lanyard clear {name}"),
            Self::AnotherApp { .. } => "leave --app away, or choose another name".to_owned(),
            Self::NoApplicationId { app } => format!(
                "the developer portal shows it; register the app with it under another name: lanyard app add NAME \
                 --application-id ID … (lanyard app show {app} shows the rest)"
            ),
            Self::WrongVia { needed, .. } => format!("name a {needed} credential: lanyard list"),
            Self::NotMinted { trouble, .. } => match trouble.kind {
                TroubleKind::WrongClient => {
                    "compare the app's client id, client secret and application id with the developer portal; lanyard app \
                     secret APP replaces the secret"
                        .to_owned()
                }
                _ => "mend that first; nothing was stored".to_owned(),
            },
            Self::RefreshTokenRefused { app } => format!(
                "copy the refresh token again, of the organisation that authorised {app}; a new pair ends no earlier one. Nothing \
                 was stored"
            ),
            Self::WrongKind { expected, .. } => {
                let other = if *expected == Kind::Bot { Kind::Personal } else { Kind::Bot };
                format!("add it as what it is (lanyard add {other} NAME), or give another token")
            }
            Self::TokenRefused => {
                "copy the token again; a bot's is shown once, when it is made or regenerated".to_owned()
            }
            Self::NothingToImport { name } => {
                format!("nothing was stored; sign in instead: lanyard login {name} --app APP")
            }
            Self::NotHandingOut { name, state: "pending" } => format!("finish the sign-in: lanyard login {name}"),
            Self::NotHandingOut { name, state: "clearing" } => format!("finish it: lanyard clear {name}"),
            Self::NotHandingOut { name, state: "disabled" } => format!("hand it out again: lanyard enable {name}"),
            Self::NotHandingOut { name, .. } => format!("see lanyard show {name}"),
            Self::NoToken { name, kind, trouble, wait } | Self::NotRenewed { name, kind, trouble, wait } => {
                trouble_hint(name, *kind, trouble.kind, *wait)
            }
            Self::Ended { name, kind } => format!("give it its next token: lanyard add {kind} {name}"),
            Self::EndsAtOnce { name } => format!("see lanyard show {name}, and that this machine's clock is right"),
            Self::Busy { .. } => "try again in a minute; a lanyard process that was stopped may hold it up (ps, then kill -CONT)".to_owned(),
            Self::DoesNotRotate { .. } => "only integrations and service apps are renewed".to_owned(),
            Self::NoAdministrator { scope, .. } => format!(
                "name an administrator's credential that has the scope {scope}: --via NAME; sign one in with it: lanyard login \
                 NAME --app APP --scope {scope}"
            ),
            Self::UnknownSubject { name } => format!("find out: lanyard test {name} (it needs spark:people_read)"),
            Self::NoSuchToken { name, .. } => format!("see what there is: lanyard tokens list {name}"),
            Self::AnotherOrganisation { .. } => "compare with an administrator's credential of the same organisation".to_owned(),
            Self::AnotherEnvironment { .. } => {
                "leave --webex-url, --environment and LANYARD_WEBEX_URL away; they matter only when something new is added".to_owned()
            }
            Self::Call(error) => call_hint(error)?,
            Self::ReplaceKey(error) => error.hint(),
            Self::Backup(error) => error.hint(),
            Self::Store(error) => error.hint(),
        })
    }
}

/// What to do about a credential's last failure.
pub fn advice(credential: &Credential, trouble: &Trouble, now: &Moment) -> String {
    let wait = trouble.pause.saturating_sub(now.since(&trouble.at));
    trouble_hint(&credential.name, credential.kind, trouble.kind, wait)
}

/// What a credential's last failure means for a program.
pub fn class_of(kind: TroubleKind) -> Class {
    match kind {
        TroubleKind::DeadGrant
        | TroubleKind::DeadToken
        | TroubleKind::WrongClient
        | TroubleKind::NotAuthorised
        | TroubleKind::ViaUnusable => Class::PersonMustAct,
        TroubleKind::Unreachable | TroubleKind::Limited | TroubleKind::OutcomeUnknown => Class::Unreachable,
    }
}

fn trouble_hint(name: &CredentialName, kind: Kind, trouble: TroubleKind, wait: Duration) -> String {
    match trouble {
        TroubleKind::DeadGrant if kind == Kind::ServiceApp => format!(
            "its refresh token has ended, or an administrator has withdrawn the app (Control Hub, Management, Apps, Service Apps); \
             generate tokens anew at https://developer.webex.com/my-apps and give lanyard the refresh token: lanyard add \
             service-app {name} --app APP"
        ),
        TroubleKind::DeadGrant => format!("sign in again: lanyard login {name}"),
        TroubleKind::DeadToken => match kind {
            Kind::Bot => format!(
                "somebody has regenerated it; give lanyard the new token: lanyard add bot {name} (regenerate it again at \
                 https://developer.webex.com/my-apps if nobody has it)"
            ),
            Kind::Personal => format!(
                "copy a new one from https://developer.webex.com/docs/getting-started: lanyard add personal {name}; for lasting \
                 access: lanyard login"
            ),
            _ => format!("renew it: lanyard refresh {name} --force"),
        },
        TroubleKind::WrongClient => {
            format!("give lanyard the app's present secret: lanyard app secret APP (lanyard show {name} names the app)")
        }
        TroubleKind::NotAuthorised => format!(
            "a full administrator of that organisation authorises the app in Control Hub (Management, Apps, Service Apps); lanyard \
             asks again by itself, at once with lanyard refresh {name} --force"
        ),
        TroubleKind::ViaUnusable => {
            format!(
                "mend the credential that it is minted through (lanyard show {name} names it), then lanyard refresh {name} --force"
            )
        }
        TroubleKind::Unreachable | TroubleKind::Limited | TroubleKind::OutcomeUnknown => {
            let kept = if trouble == TroubleKind::OutcomeUnknown {
                "whether Webex renewed it is unknown, and the next try finds out"
            } else {
                "nothing is lost"
            };
            if wait.is_zero() {
                return format!("{kept}; try again, or see lanyard show {name}");
            }
            let seconds = wait.as_secs().max(1);
            format!("{kept}; the next try is due in {seconds} s (at once: lanyard refresh {name} --force)")
        }
    }
}

/// "did you mean acme or acme-2? ": nothing where nothing is near.
fn meant(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("did you mean {}? If not, ", near.join(" or ")) }
}

fn call_class(error: &CallError) -> Class {
    match error {
        CallError::Send(error) => send_class(error),
        CallError::Limited(_) => Class::Unreachable,
        CallError::Paging(_) => Class::Failed,
        CallError::Resource(error) => match error.status() {
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Class::PersonMustAct,
            Some(status) if is_passing(status) => Class::Unreachable,
            _ => Class::Failed,
        },
    }
}

/// A limit or a fault of Webex: it will pass.
fn is_passing(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::LOCKED) || status.is_server_error()
}

fn call_hint(error: &CallError) -> Option<String> {
    let status = match error {
        CallError::Send(_) => return Some("check the network and HTTPS_PROXY; nothing was stored".to_owned()),
        CallError::Limited(wait) => return Some(format!("try again in {} s", wait.as_secs().max(1))),
        CallError::Paging(_) => return None,
        CallError::Resource(error) => error.status()?,
    };
    let hint = match status {
        StatusCode::UNAUTHORIZED => "see which credential that is: lanyard list; then lanyard test NAME",
        StatusCode::FORBIDDEN => {
            "the token that asked lacks a scope, or its owner a role or a licence; Webex does not say which"
        }
        status if is_passing(status) => "try again later",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// A home that keeps still is not at fault: a person must say that it may go on.
fn store_class(error: &StoreError) -> Class {
    match error {
        StoreError::Paused(_) => Class::PersonMustAct,
        _ => Class::Store,
    }
}

fn send_class(error: &SendError) -> Class {
    match error {
        SendError::ForeignOrigin(_) | SendError::Setup(_) => Class::Failed,
        SendError::NotSent(..) | SendError::Unanswered(..) | SendError::TooLong(..) => Class::Unreachable,
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

fn exchange_hint(error: &ExchangeError) -> &'static str {
    match error {
        ExchangeError::Send(_) => "check the network and HTTPS_PROXY, then start again with lanyard login",
        ExchangeError::Token(TokenError::Limited { .. }) => "wait a few minutes, then start again with lanyard login",
        ExchangeError::Token(_) => "nothing was stored; start again with lanyard login",
    }
}

/// RFC 6749, section 4.1.2.1, and what Webex makes of it.
fn refused_hint(error: &str) -> &'static str {
    match error {
        "access_denied" => {
            "somebody pressed Deny, or the organisation's administrator blocks this app; sign in again, or ask them to allow it"
        }
        "invalid_scope" => {
            "ask only for scopes that the app is registered with: lanyard login NAME --app APP --scope …"
        }
        "login_required" => "sign in to Webex in that browser first",
        _ => "start again with lanyard login",
    }
}
