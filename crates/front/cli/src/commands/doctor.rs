//! `lanyard doctor`: faults, and what to do about each.

mod channels;
mod place;

use std::fmt::Display;
use std::process::ExitCode;

use clap::Args;
use lanyard_broker::{Broker, Obstacle, RetryRevocations, RevocationOutcome, Troubled, state_among};
use lanyard_credential::{App, Credential, State};
use lanyard_home::{Home, KeyError, OpenError, OpenHome};
use lanyard_operation::Class;
use lanyard_store::{OpenDatabaseError, StoreError};
use lanyard_time::Moment;
use serde_json::{Value, json};

use self::place::{Place, place, settings};
use super::Examples;
use super::clear::sentence;
use super::key::{OFFERED, UNFINISHED, UNREMOVED, about, warnings};
use super::test;
use crate::context::{BrokerStatus, Common};
use crate::exit::{Failure, code_of};
use crate::{context, output};

/// Check the home and every credential
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Also test every credential at Webex
    #[arg(long)]
    online: bool,
}

/// One check and its outcome.
#[derive(Debug)]
struct Finding {
    what: &'static str,
    said: String,
    hint: Option<String>,
    status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Good,
    /// A person must act.
    Bad,
    /// It was not checked.
    Skipped,
    /// It works, but not as a person seems to expect.
    Warning,
}

impl Status {
    /// The mark on a line, and the word in JSON.
    fn shown(self) -> (&'static str, &'static str) {
        match self {
            Self::Good => ("ok", "ok"),
            Self::Bad => ("!!", "bad"),
            Self::Skipped => ("? ", "skipped"),
            Self::Warning => ("? ", "warning"),
        }
    }
}

impl Finding {
    fn good(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, said: said.into(), hint: None, status: Status::Good }
    }

    /// Something that was not checked, and how to check it.
    fn skipped(what: &'static str, said: impl Into<String>, hint: &str) -> Self {
        Self { what, said: said.into(), hint: Some(hint.to_owned()), status: Status::Skipped }
    }

    fn bad(what: &'static str, said: impl Into<String>, hint: Option<String>) -> Self {
        Self { what, said: said.into(), hint, status: Status::Bad }
    }

    /// Something that works, and perhaps not as it is meant.
    fn warning(what: &'static str, said: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what, said: said.into(), hint: Some(hint.into()), status: Status::Warning }
    }

    fn is_bad(&self) -> bool {
        self.status == Status::Bad
    }
}

impl Doctor {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let home = common.home()?;
        let mut findings = Vec::new();
        // The finding says it.
        context::settings_are_reported();
        let mut codes = vec![settings(&home, &mut findings)];
        let looked = match place(&home, context::is_on_server(&home), &mut findings) {
            Place::Empty => Ok(0),
            Place::Bad => Ok(6),
            Place::Home => examine(&home, &mut findings).await,
        };
        codes.push(looked.unwrap_or_else(|failure| {
            let code = failure.code();
            let hint = match &failure {
                Failure::Store(error) => Some(store_hint(error, &home)),
                failure => failure.hint(),
            };
            findings.push(Finding::bad("store", failure.in_one_line(), hint));
            code
        }));
        let (code, serves_us) = examine_broker(common, &mut findings).await;
        codes.push(code);
        if serves_us {
            channels::look_at_deliveries(common, &home, &mut findings).await;
        }
        if findings.iter().any(|finding| finding.what == "credential") {
            codes.push(if !serves_us {
                0
            } else if self.online {
                examine_online(common, &mut findings).await
            } else {
                not_online(&mut findings)
            });
        }
        // Every fault shows in the exit code, even if it has no code of its own.
        let unsaid = if findings.iter().any(Finding::is_bad) { 6 } else { 0 };
        let code = codes.into_iter().find(|code| *code != 0).unwrap_or(unsaid);
        if common.json {
            let all: Vec<_> = findings
                .iter()
                .map(|finding| {
                    json!({
                        "what": finding.what,
                        "ok": !finding.is_bad(),
                        "status": finding.status.shown().1,
                        "message": finding.said,
                        "hint": finding.hint.as_deref().map(output::pasted::for_this_home),
                    })
                })
                .collect();
            output::json::print(&all)?;
        } else {
            for finding in &findings {
                output::finding(&format!("{}  {:12} {}", finding.status.shown().0, finding.what, finding.said))?;
                if let Some(hint) = &finding.hint {
                    output::line(&format!("    {:12} hint: {}", "", output::pasted::for_this_home(hint)))?;
                }
            }
        }
        Ok(ExitCode::from(code))
    }
}

/// Says why a store does not open. Returns the exit code.
fn examine_unopened(error: OpenError, home: &Home, findings: &mut Vec<Finding>) -> u8 {
    match error {
        // The settings are reported already.
        OpenError::Key(KeyError::Settings(_)) => {
            let said = "not checked, because the settings cannot be used";
            findings.push(Finding::skipped("store", said, "correct lanyard.toml, then: lanyard doctor"));
            2
        }
        // A home that has its key had a store: the database is another one, or was restored without it.
        OpenError::Database(error @ OpenDatabaseError::NoStore(_))
            if context::is_on_server(home) && home.key_file().exists() =>
        {
            let hint = "correct the setting store, or restore the database with PostgreSQL's own tools; if there never was a store, add an app \
                        or a credential to make it";
            findings.push(Finding::bad("store", error.to_string(), Some(hint.to_owned())));
            6
        }
        OpenError::Database(error @ OpenDatabaseError::NoStore(_)) => {
            findings.push(Finding::skipped("store", error.to_string(), &error.hint()));
            0
        }
        error => {
            let key = matches!(
                error,
                OpenError::Key(_)
                    | OpenError::KeyMissing(_)
                    | OpenError::Database(OpenDatabaseError::ForeignKey { .. })
            );
            let what = if key { "key" } else { "store" };
            let hint = match &error {
                OpenError::Database(OpenDatabaseError::Store(error)) => store_hint(error, home),
                error => error.hint(),
            };
            findings.push(Finding::bad(what, with_cause(&error), Some(hint)));
            6
        }
    }
}

/// The exit code is that of the first fault: 6 for the store, 4 for a person who must act.
async fn examine(home: &Home, findings: &mut Vec<Finding>) -> Result<u8, Failure> {
    let parts = context::parts();
    let opened = lanyard_home::open(&home.directory, context::store_parts(&parts), context::options()?).await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return Ok(examine_unopened(error, home, findings)),
    };
    let mut code = examine_key(&opened, findings).await?;
    let store = &opened.store;
    match store.integrity_check().await {
        Ok(_) if context::is_on_server(home) => findings.push(Finding::good("store", store.database())),
        Ok(faults) if faults.is_empty() => findings.push(Finding::good("store", "whole")),
        Ok(faults) => {
            code = 6;
            findings.push(Finding::bad("store", faults.join("; "), Some(restore_hint(home))));
        }
        Err(error) => {
            code = 6;
            findings.push(Finding::bad("store", with_cause(&error), Some(store_hint(&error, home))));
        }
    }
    if let Err(error) = store.check_journal().await {
        code = 6;
        findings.push(Finding::bad("audit", with_cause(&error), Some(store_hint(&error, home))));
    }
    for refused in store.client_list().await?.refused {
        code = 6;
        findings.push(Finding::bad("client", refused.to_string(), Some(refused.hint().to_owned())));
    }
    let broker = Broker::new(store, parts.clone(), "doctor");
    let now = parts.clock.now();
    let apps = store.apps().await?;
    for error in store.unreadable_apps().await? {
        code = 6;
        findings.push(Finding::bad("app", with_cause(&error), Some(store_hint(&error, home))));
    }
    for app in &apps {
        let opened = store.app_secret(app.id).await;
        if let Err(StoreError::Sealed(_)) = opened {
            code = 6;
            let said = format!("{}: its client secret cannot be decrypted", app.name);
            findings.push(Finding::bad("app", said, Some(format!("lanyard app secret {}", app.name))));
        }
    }
    for error in store.unreadable_credentials().await? {
        code = 6;
        findings.push(Finding::bad("credential", with_cause(&error), Some(store_hint(&error, home))));
    }
    let all = store.credentials().await?;
    for credential in &all {
        let unreadable = match store.unreadable_tokens(credential.id).await {
            // No token of a copy is opened.
            Err(StoreError::Paused(_)) => Vec::new(),
            looked => looked?,
        };
        if !unreadable.is_empty() {
            code = 6;
            let kinds: Vec<_> = unreadable.iter().map(|kind| kind.as_str()).collect();
            let said = format!("{}: its stored tokens cannot be decrypted ({})", credential.name, kinds.join(", "));
            let hint = format!("{}, or sign in again: lanyard clear {}", restore_hint(home), credential.name);
            findings.push(Finding::bad("credential", said, Some(hint)));
            continue;
        }
        let finding = examine_credential(credential, &apps, &all, &now);
        code = if finding.is_bad() && code == 0 { 4 } else { code };
        findings.push(finding);
        if let Some(jump) = credential.validity.as_ref().and_then(|validity| now.wall_jump_since(&validity.obtained))
            && jump.abs() > CLOCK_TOLERANCE
        {
            let way = if jump.is_negative() { "back" } else { "forward" };
            let far = output::duration::words(jump.round(jiff::Unit::Minute).unwrap_or(jump).unsigned_abs());
            let counts = if jump.is_negative() {
                "its lifetime is counted by the boot clock and is not affected"
            } else {
                "Webex is asked about it before it is renewed for that"
            };
            let said = format!(
                "the wall clock was set {way} by {far} since the token of {} was obtained; {counts}",
                credential.name
            );
            findings.push(Finding::bad(
                "clock",
                said,
                Some("see that the machine's time is right: timedatectl".to_owned()),
            ));
        }
    }
    code = Box::pin(channels::examine(broker.clone(), home, code, findings)).await?;
    let pause = store.pause().await?;
    if let Some(pause) = &pause {
        code = if code == 0 { 4 } else { code };
        let error = StoreError::Paused(pause.clone());
        findings.push(Finding::bad("pause", error.to_string(), Some(error.hint())));
    }
    // Queued revocations are the original's business until someone resumes this home.
    if pause.is_some() { Ok(code) } else { examine_revocations(&broker, code, findings).await }
}

/// Tries queued revocations again. Gives the exit code, which an earlier fault has decided unless it is 0.
async fn examine_revocations(broker: &Broker, mut code: u8, findings: &mut Vec<Finding>) -> Result<u8, Failure> {
    for lost in broker.store().discard_unreadable_revocations().await? {
        code = if code == 0 { 6 } else { code };
        let said = format!("{lost} cannot be read, and was removed; the token was not revoked");
        let hint = "if Lanyard did not write it, check who can write to the database; to end the app's access, remove the app at Webex";
        findings.push(Finding::bad("revocation", said, Some(hint.to_owned())));
    }
    for revocation in broker.perform(RetryRevocations).await? {
        let said = format!("{}, {}", revocation.credential, sentence(&revocation));
        findings.push(match revocation.outcome {
            RevocationOutcome::Revoked | RevocationOutcome::RevokedByListing { .. } => {
                Finding::good("revocation", said)
            }
            RevocationOutcome::Queued { .. } => {
                code = if code == 0 { 5 } else { code };
                Finding::bad(
                    "revocation",
                    said,
                    Some("nothing now: it is tried again with each lanyard doctor".to_owned()),
                )
            }
            RevocationOutcome::NotRevoked { .. } => {
                code = if code == 0 { 4 } else { code };
                let pages = revocation.environment.pages();
                let own = pages.connected_apps.map(|page| format!(", or {page}")).unwrap_or_default();
                Finding::bad("revocation", said, Some(format!("end it at Webex: {}{own}", pages.apps)))
            }
        });
    }
    Ok(code)
}

/// The next step after a failure of the store. Elsewhere the hints about some of them lead to this report.
fn store_hint(error: &StoreError, home: &Home) -> String {
    match error {
        StoreError::Busy => "try again when the other process that writes has ended".to_owned(),
        StoreError::Sqlx(_) if context::is_on_server(home) => {
            "see the log of the database server, and check the rights of the role and the server's version".to_owned()
        }
        StoreError::Damaged(_) | StoreError::Impossible { .. } | StoreError::Sqlx(_) => restore_hint(home),
        error => error.hint(),
    }
}

/// An error with the first cause that says something else.
fn with_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let said = error.to_string();
    let mut cause = error.source();
    while let Some(found) = cause {
        let because = found.to_string();
        if !said.contains(&because) {
            return format!("{said}: {because}");
        }
        cause = found.source();
    }
    said
}

/// Moves a damaged database away and restores a backup beside the key that the home has.
fn restore_hint(home: &Home) -> String {
    if context::is_on_server(home) {
        return "restore the database with PostgreSQL's own tools".to_owned();
    }
    let home = output::pasted::quoted(&home.directory.to_string_lossy());
    format!(
        "move the database away and restore a backup: mkdir {home}/damaged && mv {home}/lanyard.db* {home}/damaged/ && lanyard restore BACKUP"
    )
}

/// Checks whether a broker runs in the home, and its state. Without one nothing is renewed before it expires, which is not a fault.
/// Gives the exit code, and whether commands can do their work: a broker that does not answer, or refuses them, is in their way.
async fn examine_broker(common: &Common, findings: &mut Vec<Finding>) -> (u8, bool) {
    let (socket, said, refusal) = match common.broker_status().await {
        Ok(Some(BrokerStatus { socket, answer: None })) => {
            let said = format!("does not answer on {}", socket.display());
            let hint = "it may be stopped (ps, then kill -CONT); if not, end it and start it again: lanyard serve";
            findings.push(Finding::bad("broker", said, Some(hint.to_owned())));
            return (5, false);
        }
        Ok(Some(BrokerStatus { socket, answer: Some((said, refusal)) })) => (socket, said, refusal),
        Ok(None) => {
            findings
                .push(Finding::good("broker", "none is running; a credential is renewed when a program asks for it"));
            return (0, true);
        }
        // Said already.
        Err(Failure::Settings(_) | Failure::Open(_)) => return (0, true),
        Err(error) => {
            findings.push(Finding::bad("broker", error.in_one_line(), error.hint()));
            return (error.code(), true);
        }
    };
    let at = socket.display();
    // What keeps a broker from its work is in its readiness. A broker of another store, or of another version, is ready for others.
    if let Some(error) = refusal.filter(|error| said["status"] == "ready" || error.class() == Class::Usage) {
        findings.push(Finding::bad("broker", with_cause(&error), error.next_step().map(str::to_owned)));
        return (code_of(error.class()), false);
    }
    (examine_readiness(&said, &at, findings), true)
}

/// Says how ready the broker is. Gives the exit code.
fn examine_readiness(said: &Value, at: &impl Display, findings: &mut Vec<Finding>) -> u8 {
    if said["status"] != "ready" {
        let trouble = said["trouble"].as_str().unwrap_or("it does not say why");
        let hint = said["hint"].as_str().unwrap_or("see its log").to_owned();
        let is_known = findings.iter().any(|finding| finding.hint.as_ref() == Some(&hint));
        let said = format!("runs on {at} and is not ready: {trouble}");
        findings.push(Finding::bad("broker", said, Some(hint).filter(|_| !is_known)));
        return 5;
    }
    findings.push(Finding::good("broker", format!("runs on {at}")));
    let mut code = 0;
    for found in said["renewals"]["environments"].as_array().into_iter().flatten() {
        if found["breaker"] != "closed" {
            let environment = found["environment"].as_str().unwrap_or_default();
            let due = found["due"].as_u64().unwrap_or_default();
            let said = format!("{environment} fails repeatedly, so renewals pause for a while; {due} renewals wait");
            findings.push(Finding::bad("broker", said, Some("nothing, if this Webex is known to be down".to_owned())));
            code = 5;
        }
    }
    code
}

/// Tests every credential at Webex.
async fn examine_online(common: &Common, findings: &mut Vec<Finding>) -> u8 {
    let tested = match common.broker().await {
        Ok(access) => test::all::every(&access, &[], common).await,
        Err(failure) => Err(failure),
    };
    match tested {
        Ok(tested) => {
            for one in &tested {
                let said = format!("{}: {}", one.name, one.sentence());
                findings.push(if one.class().is_none() {
                    Finding::good("online", said)
                } else {
                    // One hint is enough, even if both checks find the fault.
                    let known = |hint: &String| findings.iter().any(|finding| finding.hint.as_ref() == Some(hint));
                    Finding::bad("online", said, one.hint().filter(|hint| !known(hint)))
                });
            }
            test::all::code(&tested)
        }
        Err(failure) => {
            findings.push(Finding::bad("online", failure.in_one_line(), failure.hint()));
            failure.code()
        }
    }
}

/// A token that was regenerated or revoked at Webex looks like any other until Webex is asked.
fn not_online(findings: &mut Vec<Finding>) -> u8 {
    findings.push(Finding::skipped(
        "online",
        "Webex was not asked whether it still accepts the tokens",
        "lanyard doctor --online",
    ));
    0
}

/// How a credential stands, and who must do something about it.
fn examine_credential(credential: &Credential, apps: &[App], all: &[Credential], now: &Moment) -> Finding {
    let (name, state) = (&credential.name, state_among(credential, all, now));
    let said = if output::credential::is_refused(credential) {
        format!("{name}: {state}")
    } else {
        format!("{name}: {state}, {}", output::credential::validity(credential, now))
    };
    match (state, credential.standing.trouble()) {
        (State::Stalled | State::NeedsLogin | State::NeedsToken, Some(trouble)) => {
            let hint = lanyard_broker::advice(&Troubled::among(credential, apps, all), trouble, now);
            Finding::bad("credential", format!("{said}; {}", trouble.message), Some(hint))
        }
        (State::Pending, _) => {
            let hint = format!("{}; then lanyard refresh {name}", credential.environment.pages().service_apps);
            Finding::bad(
                "credential",
                format!("{name}: pending: an administrator has not authorised the app yet"),
                Some(hint),
            )
        }
        (State::NeedsLogin | State::NeedsToken, _) => Finding::bad(
            "credential",
            said,
            Some(format!("give it its next token: lanyard add {} {name}", credential.kind)),
        ),
        (State::Clearing, _) => Finding::bad("credential", said, Some(format!("finish it: lanyard clear {name}"))),
        (State::Disabled, _) => Finding::good("credential", said),
        _ => match Obstacle::among(credential, all, now) {
            Some(obstacle) => {
                let hint = output::credential::obstacle_hint(obstacle, &Troubled::among(credential, apps, all));
                let why = obstacle.words(now);
                Finding::bad("credential", format!("{said}; it cannot be minted again: {why}"), Some(hint))
            }
            None => Finding::good("credential", said),
        },
    }
}

/// Says which key opens the store, and what is left to do about it.
async fn examine_key(home: &OpenHome, findings: &mut Vec<Finding>) -> Result<u8, Failure> {
    let key = home.key_status().await?;
    findings.push(Finding::good("key", format!("{} opens the store", key.place)));
    for (said, hint) in warnings(&key) {
        findings.push(Finding::warning("key", said, hint));
    }
    for broker in &key.brokers {
        findings.push(Finding::good("shared by", about(broker, &key)));
    }
    if let Some((offered, place)) = &key.offered {
        let said = format!(
            "the new key {} in {place} has been offered since {:.0}, and is not active yet",
            offered.id, offered.since
        );
        findings.push(Finding::bad("key", said, Some(OFFERED.to_owned())));
        return Ok(4);
    }
    if let Some(next) = &key.next {
        let said = format!(
            "the replacement of key {} by {} began at {:.0}: {} rows are done, {} are not",
            key.id, next.key.id, next.key.since, next.rows, key.rows
        );
        findings.push(Finding::bad("key", said, Some(UNFINISHED.to_owned())));
        return Ok(4);
    }
    if let Some((id, place)) = &key.to_remove {
        let said = format!("the key {id} was replaced and is still in {place}");
        findings.push(Finding::bad("key", said, Some(UNREMOVED.to_owned())));
        return Ok(4);
    }
    Ok(0)
}

/// NTP corrects less than this.
const CLOCK_TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

pub(super) const EXAMPLES: &[Examples] =
    &[("doctor", &["lanyard doctor", "lanyard doctor --json | jq '.[] | select(.ok | not)'"])];
