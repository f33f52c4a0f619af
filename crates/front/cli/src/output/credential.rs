//! Credentials in words.

use std::time::Duration;

use lanyard_broker::{Issuer, Obstacle, Troubled, state_among};
use lanyard_credential::{
    Credential, Kind, Order, RefreshRight, Renewal, Standing, Subject, SubjectIdentity, TroubleKind,
};
use lanyard_time::Moment;

use super::duration::{short, words};
use super::pasted;
use super::table::{self, Block};

/// "Ada Admin <admin@acme.example>".
pub(crate) fn subject(subject: &SubjectIdentity) -> String {
    match &subject.email {
        Some(email) if subject.display_name.is_empty() => email.clone(),
        Some(email) => format!("{} <{email}>", subject.display_name),
        None => subject.display_name.clone(),
    }
}

/// One row for each; `all` are those that the home has.
pub(crate) fn list(credentials: &[&Credential], all: &[Credential], now: &Moment) -> Block {
    list_within(credentials, all, now, table::room())
}

/// Lays out the list for a table of a known width.
pub(crate) fn list_within(credentials: &[&Credential], all: &[Credential], now: &Moment, room: Option<usize>) -> Block {
    let rows = credentials.iter().map(|credential| cells(credential, all, now)).collect();
    table::within(&HEADINGS, rows, room)
}

/// One row for each, with labels and the last error, as wide as it needs to be.
pub(crate) fn list_wide(credentials: &[&Credential], all: &[Credential], now: &Moment) -> Block {
    let rows = credentials.iter().map(|credential| {
        let labels: Vec<_> = credential.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let error = credential.standing.trouble().map(|trouble| trouble.message.clone());
        let more = [labels.join(","), error.unwrap_or_default()];
        cells(credential, all, now).into_iter().chain(more).collect()
    });
    table::within(&[&HEADINGS[..], &["LABELS", "LAST ERROR"]].concat(), rows.collect(), None)
}

const HEADINGS: [&str; 7] = ["NAME", "KIND", "STATE", "VALID FOR", "RENEWABLE FOR", "ACTS AS", "ORGANISATION"];

fn cells(credential: &Credential, all: &[Credential], now: &Moment) -> Vec<String> {
    let validity = credential.validity.as_ref();
    let valid = match validity {
        None => "-".to_owned(),
        Some(_) if is_refused(credential) => "refused".to_owned(),
        // A grant that has had no token yet.
        Some(validity) if validity.access == Some(Duration::ZERO) => "-".to_owned(),
        Some(validity) => match validity.access_left(now) {
            Some(left) if left.is_zero() && dead(credential) => "no".to_owned(),
            Some(left) if left.is_zero() => "expired".to_owned(),
            Some(left) => short(left),
            None => "unknown".to_owned(),
        },
    };
    let renewable = match validity.map(|validity| (validity.refresh, validity.refresh_left(now))) {
        _ if dead(credential) || Obstacle::among(credential, all, now).is_some() => "no".to_owned(),
        _ if credential.renewal() == Renewal::Mint => "always".to_owned(),
        None | Some((RefreshRight::None, _)) => "no".to_owned(),
        Some((RefreshRight::Lasting(_), Some(left))) if left.is_zero() => "expired".to_owned(),
        Some((RefreshRight::Lasting(_), Some(left))) => short(left),
        Some((RefreshRight::Lasting(_), None)) => "unknown".to_owned(),
    };
    vec![
        credential.name.to_string(),
        credential.kind.to_string(),
        state_among(credential, all, now).to_string(),
        valid,
        renewable,
        acts_as(credential),
        organisation(credential),
    ]
}

/// Whether Webex has refused the current token.
pub(crate) fn is_refused(credential: &Credential) -> bool {
    matches!(&credential.standing, Standing::NeedsLogin(trouble) if trouble.kind == TroubleKind::DeadToken)
}

/// Whether Webex has refused to renew it.
fn dead(credential: &Credential) -> bool {
    matches!(credential.standing, Standing::NeedsLogin(_))
}

fn acts_as(credential: &Credential) -> String {
    match &credential.subject {
        // A machine's address and a guest's are made of numbers: their name says more.
        Subject::Known(subject)
            if matches!(credential.kind, Kind::ServiceApp | Kind::Guest) && !subject.display_name.is_empty() =>
        {
            subject.display_name.clone()
        }
        Subject::Known(subject) => subject.email.clone().unwrap_or_else(|| subject.display_name.clone()),
        Subject::Unknown(_) => "unknown".to_owned(),
    }
}

fn organisation(credential: &Credential) -> String {
    match &credential.organisation {
        Some(organisation) => organisation.name.clone().unwrap_or_else(|| "name not readable".to_owned()),
        None => "unknown".to_owned(),
    }
}

/// The next step if a credential cannot be minted again.
pub(crate) fn obstacle_hint(obstacle: Obstacle<'_>, whose: &Troubled) -> String {
    match obstacle {
        Obstacle::Unusable(via) if via.standing == Standing::Disabled => {
            format!("enable {0}: lanyard enable {0}", via.name)
        }
        Obstacle::Unusable(_) | Obstacle::Gone => lanyard_broker::mint_advice(whose),
    }
}

/// Everything about one; `all` are the credentials that it could be minted through.
pub(crate) fn show(credential: &Credential, whose: &Troubled, all: &[Credential], now: &Moment) -> Block {
    let mut rows = vec![
        ("name", credential.name.to_string()),
        ("kind", credential.kind.to_string()),
        ("state", state_among(credential, all, now).to_string()),
        ("Webex", credential.environment.id().to_owned()),
    ];
    if let Some(app) = &whose.app {
        rows.push(("app", app.to_string()));
    }
    let obstacle = Obstacle::among(credential, all, now);
    if let (Some(issuer), Some(mint)) = (&whose.issuer, &credential.mint) {
        let via = match issuer {
            Issuer::Named(via) => via.as_str(),
            Issuer::Gone(_) => "a credential that was cleared",
        };
        let what = match &mint.order {
            Order::ServiceApp { .. } => String::new(),
            Order::Guest { subject, .. } => format!(", as the subject {subject}"),
        };
        rows.push(("minted through", format!("{via}{what}")));
    }
    rows.push(("acts as", acts_as_in_full(credential)));
    rows.push(("organisation", organisation_in_full(credential)));
    match &credential.scopes {
        Some(scopes) => rows.extend(scopes.iter().map(|scope| ("scopes", scope.to_string()))),
        None => rows.push(("scopes", "unknown: Webex did not say".to_owned())),
    }
    if let Some(validity) = &credential.validity {
        rows.push(("valid for", valid_for(credential, now)));
        rows.push((
            "renewable for",
            match (validity.refresh, validity.refresh_left(now), obstacle) {
                (_, _, Some(found)) => format!("not at present: {}", found.words(now)),
                _ if credential.renewal() == Renewal::Mint => "as long as it can be minted again".to_owned(),
                _ if dead(credential) => "no longer".to_owned(),
                (RefreshRight::None, ..) => "not at all".to_owned(),
                (RefreshRight::Lasting(_), Some(left), _) if left.is_zero() => "expired".to_owned(),
                (RefreshRight::Lasting(_), Some(left), _) => {
                    format!("{}, and longer with each renewal", words(left))
                }
                (RefreshRight::Lasting(_), None, _) => "unknown".to_owned(),
            },
        ));
    }
    rows.push(("generation", credential.generation.to_string()));
    if let Some(at) = credential.last_rotated_at {
        rows.push(("last renewed", format!("{at:.0}")));
    }
    rows.push(("added", format!("{:.0}", credential.created_at)));
    if credential.standing == Standing::Pending && credential.mint.is_some() {
        let page = credential.environment.pages().service_apps;
        rows.push(("waits", format!("for an administrator to authorise the app: {page}")));
        rows.push((
            "hint",
            pasted::for_this_home(&format!(
                "Lanyard asks again whenever a program needs a token; to ask now: lanyard refresh {}",
                credential.name
            ))
            .into_owned(),
        ));
    }
    if let Some(trouble) = credential.standing.trouble() {
        rows.push(("last error", format!("{:.0}: {}", trouble.when(), trouble.message)));
        let hint = lanyard_broker::advice(whose, trouble, now);
        rows.push(("hint", pasted::for_this_home(&hint).into_owned()));
    } else if credential.standing == Standing::Disabled {
        let hint = format!("to enable it again: lanyard enable {}", credential.name);
        rows.push(("hint", pasted::for_this_home(&hint).into_owned()));
    } else if let Some(found) = obstacle {
        rows.push(("hint", pasted::for_this_home(&obstacle_hint(found, whose)).into_owned()));
    }
    rows.extend(credential.labels.iter().map(|(key, value)| ("labels", format!("{key}={value}"))));
    table::facts(&rows)
}

/// "Ada Admin <admin@acme.example> (person)".
pub(crate) fn acts_as_in_full(credential: &Credential) -> String {
    match &credential.subject {
        Subject::Known(identity) if credential.kind == Kind::Guest => format!("{} (guest)", subject(identity)),
        Subject::Known(identity) => format!("{} ({})", subject(identity), identity.account.as_str()),
        Subject::Unknown(reason) => format!("unknown: {reason}"),
    }
}

/// The organisation's name, or its id where a scope is missing for the name.
pub(crate) fn organisation_in_full(credential: &Credential) -> String {
    match &credential.organisation {
        None => "unknown".to_owned(),
        Some(organisation) => match &organisation.name {
            Some(name) => name.clone(),
            None => format!("{} (its name needs spark-admin:organizations_read)", organisation.id),
        },
    }
}

/// "valid for 13 days", or why the access token is not valid.
pub(crate) fn validity(credential: &Credential, now: &Moment) -> String {
    match invalid(credential, now) {
        Some(why) => why.to_owned(),
        None => format!("valid for {}", valid_for(credential, now)),
    }
}

/// Why there is no valid access token, where there is none.
fn invalid(credential: &Credential, now: &Moment) -> Option<&'static str> {
    if is_refused(credential) {
        return Some("rejected by Webex");
    }
    let validity = credential.validity.as_ref()?;
    if !validity.access_left(now)?.is_zero() {
        return None;
    }
    Some(match credential.renewal() {
        Renewal::None => "expired",
        _ if matches!(credential.standing, Standing::NeedsLogin(_)) => "expired",
        _ if validity.access == Some(Duration::ZERO) => "no token yet; the next request obtains one",
        _ => "expired; the next request renews it",
    })
}

/// How long the access token lasts, in words; "expired" where it does not.
pub(crate) fn valid_for(credential: &Credential, now: &Moment) -> String {
    if let Some(why) = invalid(credential, now) {
        return why.to_owned();
    }
    match credential.validity.as_ref().and_then(|validity| validity.access_left(now)) {
        Some(left) => words(left),
        None if credential.kind == Kind::Personal => "an unknown time, at most 12 hours after it was issued".to_owned(),
        None if credential.kind == Kind::Bot => {
            "an unknown time: a bot's token lasts until someone regenerates it".to_owned()
        }
        None => "an unknown time: Webex did not say".to_owned(),
    }
}
