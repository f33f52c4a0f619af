//! Every way to fail, with its exit code.

use std::io;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use http::StatusCode;
use lanyard_broker::{Again, Error, Troubled};
use lanyard_client::{CallError, DeviceError, ExchangeError, SendError};
use lanyard_credential::{AppKind, AppName, ClientName, CredentialName, Kind, Trouble, TroubleKind};
use lanyard_home::{BackupError, HomeError, MigrateError, ReplaceKeyError, RestoreError};
use lanyard_operation::{Code, Problem, decode, encode};
use lanyard_protocol::oauth::{Refusal, Rejection, TokenError};
use lanyard_protocol::{Environment, ErrorBody, Method, PersonType, ResourceError, ScopeSet};
use lanyard_server::ServeError;
use lanyard_server::owner::ConnectError;
use lanyard_store::{Pause, StoreError};
use lanyard_time::{Clock as _, SystemClock};
use lanyard_vault::{KeyId, KeySource};

use super::{Failure, because};
use crate::arguments::Arguments;

fn name() -> CredentialName {
    "acme".parse().expect("a name")
}

fn key() -> KeyId {
    "0123456789abcdef".parse().expect("an id")
}

fn app() -> AppName {
    "desk".parse().expect("a name")
}

fn client() -> ClientName {
    "monitor".parse().expect("a name")
}

#[expect(clippy::unnecessary_box_returns, reason = "the errors hold it in a box")]
fn trouble(kind: TroubleKind) -> Box<Trouble> {
    let (at, message) = (SystemClock::new().now(), "it failed".to_owned());
    Box::new(Trouble { at, kind, message, failures: 1, pause: Duration::ZERO })
}

fn whose() -> Box<Troubled> {
    Box::new(Troubled {
        name: name(),
        kind: Kind::Bot,
        environment: Environment::commercial(),
        app: Some(app()),
        is_app_altered: false,
        issuer: None,
    })
}

#[expect(clippy::unnecessary_box_returns, reason = "the errors hold it in a box")]
fn again() -> Box<Again> {
    Box::new(Again::sign_in(&name(), &app()))
}

fn refusal() -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, code: None, tracking_id: None }
}

fn answered(status: StatusCode) -> Error {
    let (method, path, body) = (Method::GET, "/v1/people/me".to_owned(), ErrorBody::default());
    let error = lanyard_protocol::ApiError { method, path, status, body, retry_after: None };
    CallError::Resource(ResourceError::Api(Box::new(error))).into()
}

fn exchange(error: TokenError) -> Error {
    Error::Exchange { again: again(), source: Box::new(ExchangeError::Token(error)) }
}

fn foreign() -> SendError {
    SendError::ForeignOrigin("https://elsewhere.example/".parse().expect("a URL"))
}

/// The word for each variant. A new one does not compile until it is here, and does not pass until it is in the table.
fn variant(error: &Error) -> &'static str {
    macro_rules! words {
        ($($variant:ident),+ $(,)?) => {
            match error {
                $(Error::$variant { .. } => stringify!($variant),)+
            }
        };
    }
    words!(
        NoSuchCredential,
        NoAppNamed,
        NoSuchApp,
        NoSuchClient,
        RefusedClient,
        ClientNameTaken,
        UserIsClient,
        AppGone,
        NameTaken,
        AppNameTaken,
        AppInUse,
        WrongAppKind,
        NoScopes,
        WrongState,
        NoState,
        SignInRefused,
        CodeRefused,
        DeviceRefused,
        DeviceExpired,
        ClientRefused,
        Exchange,
        NoRefreshToken,
        AnotherSubject,
        CannotReplace,
        AnotherApp,
        NoApplicationId,
        WrongVia,
        NotMinted,
        RefreshTokenRefused,
        RefreshTokenUntried,
        SecretRefused,
        SecretUntried,
        Kept,
        WrongKind,
        TokenRefused,
        NothingToImport,
        Call,
        NotHandingOut,
        NoToken,
        NotRenewed,
        Ended,
        EndsAtOnce,
        Busy,
        Stopping,
        DoesNotRotate,
        AnotherEnvironment,
        AppOfAnotherEnvironment,
        AppDamaged,
        NoAdministrator,
        LacksScope,
        UnknownSubject,
        HeldAlready,
        NothingToCompare,
        NoSuchToken,
        AnotherOrganisation,
        Problem,
        Shared,
        Store,
    )
}

/// How many there are.
const VARIANTS: usize = 58;

fn pause() -> StoreError {
    StoreError::Paused(Pause { reason: "restored".to_owned(), since: SystemClock::new().now().wall })
}

/// Requests that are refused, with their exit codes.
fn refused() -> Vec<(Error, u8)> {
    let text = || "x".to_owned();
    let handing_out = |state| Error::NotHandingOut { name: name(), state };
    vec![
        (Error::NoSuchCredential { name: name(), near: Vec::new() }, 3),
        (Error::NoAppNamed { name: name(), apps: vec![app()] }, 3),
        (Error::NoSuchApp { name: app(), near: Vec::new() }, 3),
        (Error::NoSuchToken { name: name(), id: text() }, 3),
        (Error::NoSuchClient { name: client(), near: Vec::new() }, 3),
        (Error::RefusedClient { name: client(), why: text() }, 6),
        (Error::ClientNameTaken(client()), 1),
        (Error::UserIsClient { uid: 1000, client: client() }, 1),
        (Error::AppGone, 1),
        (Error::NameTaken(text()), 1),
        (Error::AppNameTaken(app()), 1),
        (Error::HeldAlready { holder: name() }, 1),
        (Error::NothingToCompare { against: name() }, 4),
        (Error::AppInUse { app: app(), users: vec![text()] }, 1),
        (Error::NoRefreshToken { again: again() }, 1),
        (Error::AnotherSubject { name: name(), before: text(), now: text() }, 1),
        (Error::CannotReplace { name: name(), kind: Kind::Bot, app: None }, 1),
        (Error::CannotReplace { name: name(), kind: Kind::ServiceApp, app: Some(app()) }, 1),
        (Error::CannotReplace { name: name(), kind: Kind::Guest, app: None }, 1),
        (wrong_kind(PersonType::Bot), 1),
        (wrong_kind(PersonType::Person), 1),
        (wrong_kind(PersonType::AppUser), 1),
        (Error::EndsAtOnce { name: name() }, 1),
        (Error::DoesNotRotate { name: name(), kind: Kind::Bot }, 1),
        (handing_out("disabled"), 1),
        (handing_out("clearing"), 1),
        (handing_out("pending"), 4),
        (Error::WrongAppKind { app: app(), found: AppKind::Integration, needed: AppKind::ServiceApp }, 2),
        (Error::NoScopes, 2),
        (Error::AnotherApp { name: name(), own: app(), wanted: app() }, 2),
        (Error::NoApplicationId { app: app() }, 2),
        (Error::WrongVia { minted: Kind::ServiceApp, name: name(), kind: Kind::Bot, needed: Kind::Integration }, 2),
        (Error::AnotherEnvironment { name: text(), stored: text() }, 2),
        (Error::AppOfAnotherEnvironment { app: app(), of: text(), used_at: text() }, 4),
        (Error::AppDamaged { app: app() }, 6),
        (Error::AnotherOrganisation { name: name(), against: name() }, 2),
        (Error::WrongState { again: again() }, 4),
        (Error::NoState { again: again() }, 4),
        (Error::SignInRefused { again: again(), error: text(), description: None }, 4),
        (Error::CodeRefused { again: again(), refusal: refusal() }, 4),
        (Error::ClientRefused { again: again(), refusal: refusal() }, 4),
        (Error::DeviceExpired { name: name(), again: again() }, 4),
        (Error::RefreshTokenRefused { app: app() }, 4),
        (token_refused(Kind::Bot), 4),
        (token_refused(Kind::Personal), 4),
        (secret_refused(), 4),
        (Error::Kept { name: text(), what: "client secret", source: Box::new(secret_refused()) }, 4),
        (Error::Kept { name: text(), what: "tokens", source: Box::new(Error::NoScopes) }, 2),
        (Error::Shared(std::sync::Arc::new(Error::NoScopes)), 2),
        (Error::NothingToImport { name: name(), kind: Kind::ServiceApp, app: Some(app()) }, 4),
        (Error::Ended { name: name(), kind: Kind::Bot }, 4),
        (Error::NoAdministrator { name: name(), scope: "identity:tokens_read" }, 4),
        (Error::LacksScope { via: whose(), granted: ScopeSet::default(), scope: "identity:tokens_read" }, 4),
        (Error::UnknownSubject { name: name() }, 4),
        (Error::Busy { name: name() }, 5),
        (Error::Stopping, 5),
        (Problem::new(Code::Busy, "it ended").into(), 5),
    ]
}

fn wrong_kind(account: PersonType) -> Error {
    Error::WrongKind { expected: Kind::Bot, found: "x".to_owned(), account }
}

fn token_refused(kind: Kind) -> Error {
    Error::TokenRefused { kind, environment: Box::new(Environment::commercial()) }
}

fn secret_refused() -> Error {
    let environment = Box::new(lanyard_protocol::Environment::commercial());
    Error::SecretRefused { app: app(), environment, refusal: refusal() }
}

/// Failures that Webex, or the way to it, causes.
fn answered_otherwise() -> Vec<(Error, u8)> {
    let mut all = vec![
        (exchange(TokenError::Rejected(Rejection::Grant(refusal()))), 4),
        (exchange(TokenError::Limited { retry_after: None }), 5),
        (exchange(TokenError::Unclear(refusal())), 5),
        (
            Error::SecretUntried { app: app(), source: Box::new(ExchangeError::Token(TokenError::Unclear(refusal()))) },
            5,
        ),
        (Error::DeviceRefused(Box::new(DeviceError::Send(foreign()))), 1),
        (CallError::Send(foreign()).into(), 1),
        (CallError::Limited(Duration::from_secs(9)).into(), 5),
        (answered(StatusCode::UNAUTHORIZED), 4),
        (answered(StatusCode::FORBIDDEN), 4),
        (answered(StatusCode::NOT_FOUND), 1),
        (answered(StatusCode::LOCKED), 5),
        (answered(StatusCode::TOO_MANY_REQUESTS), 5),
        (answered(StatusCode::BAD_GATEWAY), 5),
    ];
    for (kind, code) in [
        (TroubleKind::DeadGrant, 4),
        (TroubleKind::DeadToken, 4),
        (TroubleKind::WrongClient, 4),
        (TroubleKind::NotAuthorised, 4),
        (TroubleKind::ViaUnusable, 4),
        (TroubleKind::Unreachable, 5),
        (TroubleKind::Limited, 5),
        (TroubleKind::OutcomeUnknown, 5),
        (TroubleKind::Unfinished, 5),
    ] {
        all.push((Error::NoToken { whose: whose(), trouble: trouble(kind), wait: Duration::ZERO }, code));
        all.push((Error::NotRenewed { whose: whose(), trouble: trouble(kind), wait: Duration::ZERO }, code));
        let via = Some(Box::new((*whose(), *trouble(kind))));
        all.push((Error::NotMinted { name: name(), app: Some(app()), trouble: trouble(kind), via: None }, code));
        all.push((Error::NotMinted { name: name(), app: None, trouble: trouble(kind), via }, code));
        all.push((Error::RefreshTokenUntried { name: name(), app: app(), trouble: trouble(kind) }, code));
    }
    all
}

/// Failures that the store, its key or a file beside it causes.
fn kept_badly() -> Vec<(Error, u8)> {
    vec![(Error::Store(StoreError::Full), 6), (Error::Store(pause()), 4)]
}

#[test]
fn every_failure_of_a_use_case_has_its_exit_code() {
    let all: Vec<_> = refused().into_iter().chain(answered_otherwise()).chain(kept_badly()).collect();
    let mut seen: Vec<&str> = all.iter().map(|(error, _)| variant(error)).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), VARIANTS, "{seen:?}");
    for (error, code) in all {
        let shown = format!("{error:?}");
        assert_eq!(Failure::from(error).code(), code, "{shown}");
    }
}

/// The exit code and the words of a failure.
fn told(error: Problem) -> (u8, String, Option<String>, Option<String>) {
    let failure = Failure::from(error);
    (failure.code(), failure.to_string(), because(&failure), failure.hint())
}

#[test]
fn a_failure_is_told_in_the_same_words_when_it_comes_from_a_broker() {
    for (error, _) in refused().into_iter().chain(answered_otherwise()).chain(kept_badly()) {
        let problem = Problem::from(error);
        let bytes = encode(&problem).expect("a problem can be written");
        let came: Problem = decode(&bytes).expect("and read");
        assert_eq!(told(came), told(problem));
    }
}

/// The commands in a sentence, each with its arguments. A word in capitals stands for one that the reader has to choose.
fn commands(hint: &str) -> Vec<Vec<&str>> {
    let program = Arguments::command();
    let mut found = Vec::new();
    let mut rest = hint;
    while let Some(at) = rest.find("lanyard ") {
        rest = &rest[at..];
        let end = rest.find(['(', ')', ';', '`', ',', '…']).unwrap_or(rest.len());
        let (command, after) = rest.split_at(end);
        let words: Vec<&str> = command.split_whitespace().collect();
        // A sentence may go on after the command.
        let sentence = words.iter().position(|word| ["would", "names", "or", "and", "then", "again"].contains(word));
        let words = &words[..sentence.unwrap_or(words.len())];
        if words.get(1).is_some_and(|word| program.find_subcommand(word).is_some()) {
            found.push(words.iter().map(|word| word.trim_end_matches(['.', ':'])).collect());
        }
        rest = after;
    }
    found
}

/// Whether a command line can be read, once each word that stands for another is one.
fn is_understood(command: &[&str]) -> Result<(), String> {
    let placeholder = |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '-');
    let words = command.iter().map(|word| match *word {
        "URL" => "https://webex.example/v1",
        "KIND" => "integration",
        "CAPABILITY" => "token",
        word if placeholder(word) => "chosen",
        word => word,
    });
    Arguments::try_parse_from(words).map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_command_in_a_hint_can_be_pasted() {
    let (mut seen, mut wrong) = (0, Vec::new());
    for (error, _) in refused().into_iter().chain(answered_otherwise()).chain(kept_badly()) {
        let shown = format!("{error:?}");
        let Some(hint) = Failure::from(error).hint() else { continue };
        for command in commands(&hint) {
            if let Err(why) = is_understood(&command) {
                wrong.push(format!("{shown}\n{hint}\n{command:?}\n{why}"));
            }
            seen += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(seen > 60, "{seen}");
    assert!(is_understood(&["lanyard", "login", "--paste"]).is_err());
}

#[test]
fn every_failure_of_a_command_has_its_exit_code_and_its_word() {
    let (text, home) = (|| "x".to_owned(), || "/nowhere".into());
    for (failure, code, kind) in [
        (Failure::from(Error::NoScopes), 2, "usage"),
        (Failure::from(token_refused(Kind::Bot)), 4, "person-must-act"),
        (Failure::from(Error::Busy { name: name() }), 5, "unreachable"),
        (Failure::Connect(ConnectError::NoSocket(home())), 6, "store"),
        (Failure::Connect(ConnectError::Full(home())), 5, "unreachable"),
        (Failure::Serve(ServeError::Store(StoreError::Full)), 6, "store"),
        (Failure::Serve(ServeError::Thread(io::Error::other("x"))), 1, "failed"),
        (Failure::Serve(ServeError::Ended { task: "refresher", why: text() }), 1, "failed"),
        (Failure::from(HomeError::Missing(home())), 6, "store"),
        (Failure::ReplaceKey(ReplaceKeyError::Busy), 1, "failed"),
        (Failure::ReplaceKey(ReplaceKeyError::Damaged(Vec::new())), 6, "store"),
        (Failure::ReplaceKey(ReplaceKeyError::OtherOffer(KeySource::File)), 2, "usage"),
        (Failure::ReplaceKey(ReplaceKeyError::NothingOffered), 1, "failed"),
        (Failure::ReplaceKey(ReplaceKeyError::TooLate(key())), 1, "failed"),
        (Failure::ReplaceKey(ReplaceKeyError::Withdrawn(key())), 1, "failed"),
        (Failure::ReplaceKey(ReplaceKeyError::Lacking { key: key(), brokers: Vec::new() }), 4, "person-must-act"),
        (Failure::Backup(BackupError::Exists(home())), 2, "usage"),
        (Failure::Backup(BackupError::KeyInMotion), 1, "failed"),
        (Failure::Backup(BackupError::Store(StoreError::Full)), 6, "store"),
        (Failure::Backup(BackupError::Store(pause())), 4, "person-must-act"),
        (MigrateError::InUse { home: home(), socket: home() }.into(), 1, "failed"),
        (MigrateError::from(StoreError::Full).into(), 6, "store"),
        (MigrateError::from(pause()).into(), 4, "person-must-act"),
        (Failure::Store(StoreError::Busy), 6, "store"),
        (Failure::Store(pause()), 4, "person-must-act"),
        (Failure::Restore(RestoreError::HomeExists(home())), 2, "usage"),
        (Failure::Restore(RestoreError::Foreign(home())), 6, "store"),
        (Failure::Usage { message: text(), hint: text() }, 2, "usage"),
        (Failure::NoSuchName { message: text(), hint: text() }, 3, "no-such-name"),
        (Failure::Other { message: text(), hint: None }, 1, "failed"),
        (Failure::Io { what: text(), source: io::Error::from(io::ErrorKind::NotFound) }, 1, "failed"),
    ] {
        // A new one does not compile until it is here.
        match &failure {
            Failure::Operation(_)
            | Failure::Connect(_)
            | Failure::Serve(_)
            | Failure::Open(_)
            | Failure::Settings(_)
            | Failure::Cancelled
            | Failure::Store(_)
            | Failure::Restore(_)
            | Failure::Backup(_)
            | Failure::Migrate(_)
            | Failure::ReplaceKey(_)
            | Failure::Usage { .. }
            | Failure::NoSuchName { .. }
            | Failure::Other { .. }
            | Failure::Io { .. } => {}
        }
        assert_eq!((failure.code(), failure.kind()), (code, kind), "{failure:?}");
    }
}
