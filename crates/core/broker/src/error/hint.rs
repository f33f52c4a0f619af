//! Hints: the next step after a failure.

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;
use lanyard_client::{CallError, DeviceError, ExchangeError, SendError, SetupError};
use lanyard_credential::{AppKind, AppName, Kind, Order, Trouble, TroubleKind};
use lanyard_protocol::oauth::TokenError;
use lanyard_protocol::{PersonType, Scope, ScopeSet};
use lanyard_secret::SafeUrl;
use lanyard_time::Moment;
use url::Host;

use super::{Again, Error, Troubled};
use crate::Issuer;

impl Error {
    /// The next step.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoSuchCredential { near, .. } => format!("{}list them: lanyard list", meant(near)),
            Self::NoSuchApp { near, .. } => {
                format!("{}list them: lanyard app list; register one: {ADD_APP}", meant(near))
            }
            Self::NoSuchClient { .. }
            | Self::RefusedClient { .. }
            | Self::ClientNameTaken(_)
            | Self::UserIsClient { .. } => client_hint(self)?,
            Self::AppGone => format!("register it again: {ADD_APP}"),
            Self::NameTaken(name) => format!(
                "choose another name, or rename the credential that has it: lanyard rename {name} {name}-old (lanyard clear {name} would \
                 revoke its tokens at Webex)"
            ),
            Self::AppNameTaken(name) => format!("choose another name; a new secret for it: lanyard app secret {name}"),
            Self::AppInUse { users, .. } => {
                let commands: Vec<_> = users.iter().map(|user| format!("lanyard clear {user}")).collect();
                format!("clear what uses it first: {}", commands.join("; "))
            }
            Self::WrongAppKind { app, found: AppKind::ServiceApp, .. } => {
                format!("for a service app: lanyard add service-app NAME --app {app}; other apps: lanyard app list")
            }
            Self::WrongAppKind { app, found: AppKind::Integration, .. } => {
                format!("for an integration: lanyard login NAME --app {app}; other apps: lanyard app list")
            }
            Self::WrongAppKind { found: AppKind::WorkspaceIntegration, .. } => {
                "a workspace integration's app has one credential, which was added with it; other apps: lanyard app list".to_owned()
            }
            Self::NoScopes => "name the scopes: --scope spark:people_read, or give the app some".to_owned(),
            Self::NoAppNamed { .. }
            | Self::WrongState { .. }
            | Self::NoState { .. }
            | Self::SignInRefused { .. }
            | Self::Exchange { .. }
            | Self::DeviceExpired { .. }
            | Self::DeviceRefused(_)
            | Self::CodeRefused { .. }
            | Self::ClientRefused { .. }
            | Self::NoRefreshToken { .. } => sign_in_hint(self)?,
            Self::AnotherSubject { name, .. } => {
                format!("sign in as the former, choose another name, or add --replace to make {name} act as the latter")
            }
            Self::CannotReplace { .. }
            | Self::NotMinted { .. }
            | Self::RefreshTokenRefused { .. }
            | Self::RefreshTokenUntried { .. }
            | Self::WrongKind { .. }
            | Self::TokenRefused { .. }
            | Self::NothingToImport { .. } => adding_hint(self)?,
            Self::AnotherApp { own, .. } => format!("name its own (--app {own}), or choose another name"),
            Self::NoApplicationId { app } => {
                format!("the developer portal shows it; give it to the app: lanyard app set {app} --application-id ID")
            }
            Self::WrongVia { needed, .. } => format!("name another: lanyard list --kind {needed}"),
            Self::SecretRefused { .. } | Self::SecretUntried { .. } => secret_hint(self)?,
            Self::Kept { source, .. } => kept_hint(source)?,
            Self::Shared(error) => error.hint()?,
            Self::NotHandingOut { name, state: "pending" } => format!("finish the sign-in: lanyard login {name}"),
            Self::NotHandingOut { name, state: "clearing" } => format!("finish it: lanyard clear {name}"),
            Self::NotHandingOut { name, state: "disabled" } => format!("hand it out again: lanyard enable {name}"),
            Self::NotHandingOut { name, .. } => format!("see lanyard show {name}"),
            Self::NoToken { whose, trouble, wait } | Self::NotRenewed { whose, trouble, wait } => {
                trouble_hint(whose, trouble.kind, *wait)
            }
            Self::Ended { name, kind } | Self::DoesNotRotate { name, kind } => {
                format!("give it its next token: lanyard add {kind} {name}")
            }
            Self::EndsAtOnce { name } => format!("see lanyard show {name}, and that this machine's clock is right"),
            Self::Busy { name } => format!(
                "try again in a minute; if that process is on a machine that is gone, renew without waiting for it: lanyard refresh {name} \
                 --take-over"
            ),
            Self::Stopping => {
                "run the command again when the broker has stopped or restarted: lanyard doctor".to_owned()
            }
            Self::NoAdministrator { scope, .. } => format!(
                "name an administrator's credential that has the scope {scope}: --via NAME; sign one in with it: lanyard login \
                 NAME --app APP --scope {scope}"
            ),
            Self::LacksScope { via, granted, scope } => scope_hint(via, granted, scope),
            Self::HeldAlready { holder } => format!("use {holder}; another name for it: lanyard rename {holder} NAME"),
            Self::NothingToCompare { .. } => {
                "name an administrator's credential that may list devices: --against ADMIN".to_owned()
            }
            Self::UnknownSubject { name } => format!("find out: lanyard test {name} (it needs spark:people_read)"),
            Self::NoSuchToken { name, .. } => format!("list them: lanyard tokens list {name}"),
            Self::AnotherOrganisation { .. } => {
                "compare with an administrator's credential of the same organisation".to_owned()
            }
            Self::AnotherEnvironment { stored, .. } => format!(
                "use --webex-url {stored}, without --environment; a command that adds nothing needs neither, if LANYARD_WEBEX_URL is unset"
            ),
            Self::AppOfAnotherEnvironment { app, .. } => altered_app("NAME", app.as_str()),
            Self::AppDamaged { app } => format!("give its secret again: lanyard app secret {app}"),
            Self::Problem(problem) => problem.next_step()?.to_owned(),
            Self::Call(error) => call_hint(error)?,
            Self::Store(error) => error.hint(),
        })
    }
}

/// The command that registers an app, in hints that have no values for it.
const ADD_APP: &str = "lanyard app add NAME --kind KIND --client-id ID";

/// The next step after a credential's last failure.
pub fn advice(whose: &Troubled, trouble: &Trouble, now: &Moment) -> String {
    trouble_hint(whose, trouble.kind, trouble.pause.saturating_sub(now.since(&trouble.at)))
}

/// The next step if a credential cannot be minted because of the credential that it is minted through.
pub fn mint_advice(whose: &Troubled) -> String {
    let name = &whose.name;
    match &whose.issuer {
        None => format!(
            "fix the credential that it is minted through (lanyard show {name} names it), then lanyard refresh {name} --force; if that \
             was cleared, clear {name} and add it again"
        ),
        Some(Issuer::Named(via)) => format!(
            "fix {via}, which it is minted through (lanyard test {via} shows what is wrong), then lanyard refresh {name} --force"
        ),
        Some(Issuer::Gone(order)) => {
            let again = match order {
                Order::ServiceApp { organisation } => {
                    format!("service-app {name} --app {} --target-org {organisation} --via NAME", whose.app())
                }
                Order::Guest { subject, display_name } => format!(
                    "guest {name} --via NAME --subject {} --display-name {}",
                    quoted(subject.as_str()),
                    quoted(display_name)
                ),
            };
            format!("clear it and add it again: lanyard clear {name}; lanyard add {again}")
        }
    }
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn trouble_hint(whose: &Troubled, trouble: TroubleKind, wait: Duration) -> String {
    let (name, pages) = (&whose.name, whose.environment.pages());
    match trouble {
        TroubleKind::DeadGrant if whose.kind == Kind::ServiceApp => format!(
            "its refresh token expired or was revoked (for example by lanyard clear in another home), or an administrator withdrew the app \
             ({}); generate new tokens at {} and add the refresh token: lanyard add service-app {name} --app {}",
            pages.service_apps,
            pages.apps,
            whose.app()
        ),
        TroubleKind::DeadGrant if whose.kind == Kind::WorkspaceIntegration => format!(
            "an administrator removed the workspace integration in Control Hub, or its grant was revoked; activate it there and add the new \
             activation code: lanyard add workspace-integration {name} --activation-file FILE"
        ),
        TroubleKind::DeadGrant => format!("sign in again: lanyard login {name}"),
        TroubleKind::DeadToken => match whose.kind {
            Kind::Bot => format!(
                "its token was regenerated, or the bot was deleted; add the new token: lanyard add bot {name} (if it is lost, regenerate \
                 it at {}); to ask Webex again: lanyard test {name}",
                pages.apps
            ),
            Kind::Personal => format!(
                "copy a new one from {}: lanyard add personal {name}; for lasting access: lanyard login NAME --app APP",
                pages.personal_token
            ),
            _ => format!("renew it: lanyard refresh {name} --force"),
        },
        TroubleKind::WrongClient if whose.is_app_altered => {
            altered_app(name.as_str(), whose.app.as_ref().map_or("APP", AppName::as_str))
        }
        TroubleKind::WrongClient => {
            format!("store the app's current secret: lanyard app secret {}", whose.app())
        }
        TroubleKind::NotAuthorised => format!(
            "ask a full administrator of that organisation to authorise the app ({}); Lanyard checks automatically; to check now: \
             lanyard refresh {name} --force",
            pages.service_apps
        ),
        TroubleKind::ViaUnusable => mint_advice(whose),
        TroubleKind::Unfinished => format!(
            "if that process is stopped, let it go on or end it; if it cannot go on, renew without waiting for it: lanyard refresh {name} \
             --take-over"
        ),
        TroubleKind::Unreachable | TroubleKind::Limited | TroubleKind::OutcomeUnknown => {
            let kept = if trouble == TroubleKind::OutcomeUnknown {
                "Webex may have renewed it (a retry will tell)"
            } else {
                "nothing is lost"
            };
            if wait.is_zero() {
                return format!("{kept}; try again, or see lanyard show {name}");
            }
            let seconds = wait.as_secs().max(1);
            format!("{kept}; the next attempt is due in {seconds} s (at once: lanyard refresh {name} --force)")
        }
    }
}

/// "did you mean acme or acme-2? ": nothing where nothing is near.
fn meant(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!("did you mean {}? If not, ", near.join(" or ")) }
}

/// The way to a scope that a credential lacks.
fn scope_hint(via: &Troubled, granted: &ScopeSet, scope: &str) -> String {
    let (name, pages) = (&via.name, via.environment.pages());
    match via.kind {
        Kind::Integration => {
            let all: BTreeSet<&str> = granted.iter().map(Scope::as_str).chain([scope]).collect();
            let all = all.into_iter().collect::<Vec<_>>().join(" ");
            format!(
                "add the scope to the integration at {}, then sign in again and ask for it: lanyard login {name} --scope '{all}'",
                pages.apps
            )
        }
        Kind::ServiceApp => format!(
            "add the scope to the service app at {}; then an administrator authorises it again: {}",
            pages.apps, pages.service_apps
        ),
        _ => "name another administrator's credential: --via NAME".to_owned(),
    }
}

fn client_hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoSuchClient { near, .. } => {
            format!(
                "{}list them: lanyard client list; add one: lanyard client add NAME --credential CREDENTIAL --can token",
                meant(near)
            )
        }
        Error::RefusedClient { name, .. } => format!(
            "someone changed the database without Lanyard: remove the client (lanyard client remove {name}), add it again if you need it, \
             and check who can write to the home"
        ),
        Error::ClientNameTaken(name) => {
            format!(
                "choose another name, change the policy of this one (lanyard client set {name} --can CAPABILITY), or remove it with its key: \
                 lanyard client remove {name}"
            )
        }
        Error::UserIsClient { client, .. } => format!(
            "change the policy of that client (lanyard client set {client} --can CAPABILITY), or remove it first: lanyard client remove {client}"
        ),
        _ => return None,
    })
}

/// The next step for an app that was altered without Lanyard, and a credential that is renewed through it.
fn altered_app(credential: &str, app: &str) -> String {
    format!(
        "someone altered the app in the database: restore a backup, or add the app again: lanyard clear {credential}; lanyard app remove \
         {app}; lanyard app add {app} --kind KIND --client-id ID"
    )
}

/// The next step after a value was not replaced.
fn kept_hint(source: &Error) -> Option<String> {
    match source {
        Error::SecretRefused { app, environment, .. } => Some(format!(
            "copy it again from {}, next to the client id: lanyard app secret {app} (with --force it is stored untried)",
            environment.pages().apps
        )),
        source => source.hint(),
    }
}

/// The next step after a client secret was not stored.
fn secret_hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::SecretRefused { environment, .. } => format!(
            "copy it again from {}, next to the client id, and run the command again (with --force it is stored untried)",
            environment.pages().apps
        ),
        Error::SecretUntried { app, .. } => {
            format!("try again when Webex answers; to store it untried: lanyard app secret {app} --force")
        }
        _ => return None,
    })
}

/// The next step after a credential, or a token for it, was not added.
fn adding_hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::CannotReplace { name, kind, app } => match (kind, app) {
            (Kind::ServiceApp, Some(app)) => {
                format!(
                    "to give it a new refresh token: {}; for a sign-in, choose another name",
                    Again::service_app(name, app)
                )
            }
            (Kind::Bot | Kind::Personal, _) => {
                format!("to give it a new token: lanyard add {kind} {name}; for a sign-in, choose another name")
            }
            _ => format!("for a sign-in, choose another name; {name} is minted again automatically"),
        },
        Error::NotMinted { via: Some(via), .. } => {
            let (whose, trouble) = &**via;
            format!(
                "nothing was stored; mend {} first: {}",
                whose.name,
                trouble_hint(whose, trouble.kind, Duration::ZERO)
            )
        }
        Error::NotMinted { app, trouble, .. } => match (trouble.kind, app) {
            (TroubleKind::WrongClient, Some(app)) => format!(
                "compare the app's client id, client secret and application id (lanyard app show {app}) with the developer \
                     portal; another secret: lanyard app secret {app}"
            ),
            _ => "fix that and try again; nothing was stored".to_owned(),
        },
        Error::RefreshTokenRefused { app } => format!(
            "copy the refresh token again, of the organisation that authorised {app}; generating new tokens does not revoke earlier \
                 ones. Nothing was stored"
        ),
        Error::RefreshTokenUntried { name, app, .. } => {
            format!("run this again when Webex answers: {}", Again::service_app(name, app))
        }
        Error::WrongKind { account, .. } => match account {
            PersonType::Bot => "add a bot's token with lanyard add bot NAME".to_owned(),
            PersonType::Person | PersonType::Unknown => {
                "add a person's token with lanyard add personal NAME".to_owned()
            }
            PersonType::AppUser => {
                "add a service app with its refresh token: lanyard add service-app NAME --app APP".to_owned()
            }
        },
        Error::TokenRefused { kind: Kind::Personal, environment } => format!(
            "copy it again from {}; a personal token expires 12 hours after it was issued",
            environment.pages().personal_token
        ),
        Error::TokenRefused { environment, .. } => format!(
            "copy the token again; a bot's is shown once, when it is made or regenerated ({})",
            environment.pages().apps
        ),
        Error::NothingToImport { name, kind, app } => match app {
            Some(app) if *kind == Kind::ServiceApp => {
                format!("nothing was stored; give its refresh token instead: {}", Again::service_app(name, app))
            }
            Some(app) => format!("nothing was stored; sign in instead: {}", Again::sign_in(name, app)),
            None => format!("nothing was stored; copy the token again: lanyard add {kind} {name}"),
        },
        _ => return None,
    })
}

/// The next step after a sign-in failed.
fn sign_in_hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoAppNamed { name, apps } => match &apps[..] {
                [] => "register an integration first: lanyard app add NAME --kind integration --client-id ID".to_owned(),
                [app] => format!("name it: {}", Again::sign_in(name, app)),
                [first, ..] => {
                    let all: Vec<_> = apps.iter().map(ToString::to_string).collect();
                    format!("name one of {}, such as: {}", all.join(", "), Again::sign_in(name, first))
                }
            },
        Error::WrongState { again } | Error::NoState { again } => {
                format!("start again ({again}) and use the address that it shows, in one browser tab only")
            }
        Error::SignInRefused { again, error, .. } => refused_hint(error, again),
        Error::Exchange { again, source } => exchange_hint(source, again),
        Error::DeviceExpired { again, .. } => format!("start again: {again}"),
        Error::DeviceRefused(error) => match &**error {
                DeviceError::Send(error) => send_hint(error).to_owned(),
                DeviceError::Refused(_) => "see that the app is an integration that is registered with these scopes; without --device a browser is used".to_owned(),
            },
        Error::CodeRefused { again, .. } => {
                format!("a code works once and for a few minutes; start again: {again}")
            }
        Error::ClientRefused { again, .. } => format!(
                "store the app's current secret (lanyard app secret {}), then start again: {again}",
                again.app
            ),
        Error::NoRefreshToken { again } => format!(
                "nothing was stored; see that the app is an integration in the developer portal, and start again: {again}"
            ),
        _ => return None,
    })
}

fn call_hint(error: &CallError) -> Option<String> {
    let status = match error {
        CallError::Send(error) => return Some(send_hint(error).to_owned()),
        CallError::Limited(wait) => return Some(format!("try again in {} s", wait.as_secs().max(1))),
        CallError::Paging(..) => return None,
        CallError::Resource(error) => error.status()?,
    };
    let hint = match status {
        StatusCode::UNAUTHORIZED => "see which credential that is: lanyard list; then lanyard test NAME",
        StatusCode::FORBIDDEN => {
            "the token that asked lacks a scope, or its owner a role or a licence; Webex does not say which"
        }
        status if lanyard_work::is_passing(status.as_u16()) => "try again later",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// The next step if nothing answers. A Webex on this machine is a simulator, and needs no network.
fn send_hint(error: &SendError) -> &'static str {
    let is_local = |url: &SafeUrl| match url.expose().host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match error {
        SendError::Setup(SetupError::Token(_)) => {
            "renew the token: lanyard refresh NAME --force; replace a pasted one: lanyard add bot NAME"
        }
        SendError::Setup(SetupError::Proxy(_)) => {
            "correct or unset the variable, for example HTTPS_PROXY=http://proxy.example:3128"
        }
        SendError::NotSent(url, ..) if is_local(url) => {
            "check that the local Webex is running; after a restart it listens on another port, unless --listen names one"
        }
        _ => "check the network and HTTPS_PROXY",
    }
}

fn exchange_hint(error: &ExchangeError, again: &Again) -> String {
    match error {
        ExchangeError::Send(_) => format!("check the network and HTTPS_PROXY, then start again: {again}"),
        ExchangeError::Token(TokenError::Limited { .. }) => format!("wait a few minutes, then start again: {again}"),
        ExchangeError::Token(_) => format!("nothing was stored; start again: {again}"),
    }
}

/// RFC 6749, section 4.1.2.1, and what Webex makes of it.
fn refused_hint(error: &str, again: &Again) -> String {
    match error {
        "access_denied" => {
            format!(
                "the user pressed Deny, or the organisation's administrator blocks this app; sign in again, or ask them to allow it: {again}"
            )
        }
        "invalid_scope" => {
            format!(
                "add the missing scope to the app at Webex, or leave it out here (lanyard app set {} --scope 'SCOPES'); then: {again}",
                again.app
            )
        }
        "login_required" => format!("sign in to Webex in that browser first, then start again: {again}"),
        _ => format!("start again: {again}"),
    }
}
