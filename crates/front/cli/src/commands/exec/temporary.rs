//! `lanyard exec --login`: a sign-in for one run of a program.
//!
//! The credential is in a separate home, in a temporary directory, under a key that exists only in this process's memory. So the
//! same code renews, hands out and clears it as any other credential, and the real home never has its tokens. If this process is
//! killed, the remaining files cannot be decrypted.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use lanyard_broker::{
    AddApp, BeginSignIn, Broker, Clear, Error, List, Precheck, RecordHandOut, RevocationOutcome, ShowApp, SignedIn,
};
use lanyard_credential::{App, AppName, Credential, CredentialName};
use lanyard_secret::ClientSecret;
use lanyard_store::{Store, StoreError};
use lanyard_vault::{HomeKey, KeySource};
use tempfile::TempDir;

use super::behind::supervise;
use super::{behind, not_run, without_ours};
use crate::access::Access;
use crate::commands::clear;
use crate::commands::login::How;
use crate::commands::token::take;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::{output, signals};

/// The program, and how it calls Webex.
pub(super) struct Run<'a> {
    pub(super) means: String,
    pub(super) env: String,
    pub(super) proxy: bool,
    pub(super) program: &'a OsStr,
    pub(super) arguments: &'a [OsString],
}

/// Signs in, runs the program, and revokes the tokens, even if a step fails.
pub(super) async fn run(app: AppName, how: How, run: Run<'_>, common: &Common) -> Result<ExitCode, Failure> {
    let home = Broker::new(&common.open_home().await?.store, context::parts(), context::actor());
    // Fail for a paused home or an unknown app before a browser opens.
    home.perform(Precheck::Change).await?;
    let app = home.perform(ShowApp { name: app }).await?;
    let secret = match home.store().app_secret(app.id).await {
        Ok(secret) => secret.ok_or(Error::AppGone)?,
        Err(StoreError::Sealed(_)) => return Err(Error::AppDamaged { app: app.name }.into()),
        Err(error) => return Err(error.into()),
    };
    let temporary = Temporary::new().await?;
    signals::at_end(Box::new({
        let (store, directory) = (temporary.broker.store().clone(), temporary.directory.path().to_owned());
        move || {
            Box::pin(async move {
                clear_all(&store).await;
                // The process exits without dropping the directory.
                let _ = std::fs::remove_dir_all(directory);
            })
        }
    }));
    let ran = temporary.run(&home, (app, secret), how, run, common).await;
    // After this, a signal must not prevent the revocation.
    signals::hand_over();
    signals::forget_end();
    clear_all(temporary.broker.store()).await;
    ran
}

/// A home for one credential, which is removed on drop.
struct Temporary {
    broker: Broker,
    directory: TempDir,
}

impl Temporary {
    async fn new() -> Result<Self, Failure> {
        let parts = context::parts();
        let directory = tempfile::Builder::new().prefix("lanyard-exec-").tempdir_in(place());
        let directory = directory.map_err(Failure::io("cannot create a temporary directory"))?;
        // The key exists only here.
        let key = HomeKey::generate(&*parts.entropy);
        let (store_parts, options) = (context::store_parts(&parts), lanyard_home::Options::default());
        let store = lanyard_home::create(directory.path(), &key, KeySource::KeyFile, store_parts, options).await?;
        Ok(Self { broker: context::broker_over(&store, parts)?, directory })
    }

    async fn run(
        &self,
        home: &Broker,
        (app, secret): (App, ClientSecret),
        how: How,
        run: Run<'_>,
        common: &Common,
    ) -> Result<ExitCode, Failure> {
        let access = Access::Local(Box::new(self.broker.clone()));
        let SignedIn { credential, missing } = self.sign_in(&access, app, secret, how, common).await?;
        signals::unless_stopping().await;
        let name = credential.name.clone();
        output::note(&format!("signed in: {}", output::credential::acts_as_in_full(&credential)));
        if !missing.is_empty() {
            output::note(&format!("warning: requested but not granted: {missing}"));
        }
        record(home, &credential, format!("{} with its own sign-in", run.means)).await;
        if run.proxy {
            return behind::run(access, name, run.means, run.program, run.arguments, common).await;
        }
        let taken = take(&access, name, 0, &run.means, common).await?;
        let mut command = Command::new(run.program);
        command.args(run.arguments).env(&run.env, taken.token.expose_secret());
        without_ours(&mut command);
        let ended = supervise(command, std::future::pending()).await?;
        Ok(ended.unwrap_or_else(|error| not_run(run.program, error, common)))
    }

    async fn sign_in(
        &self,
        access: &Access,
        app: App,
        client_secret: ClientSecret,
        how: How,
        common: &Common,
    ) -> Result<SignedIn, Failure> {
        let name = name();
        let App { name: app, kind, environment, client_id, redirect_uris, scopes, application_id, .. } = app;
        let copy = AddApp {
            name: app.clone(),
            kind,
            environment,
            client_id,
            client_secret,
            redirect_uris,
            scopes,
            application_id,
        };
        self.broker.perform(copy).await?;
        let begin = BeginSignIn {
            name: name.clone(),
            app: Some(app.clone()),
            scopes: lanyard_protocol::ScopeSet::default(),
            replace: false,
            expected: common.expected()?,
        };
        let signed_in = match self.broker.perform(begin).await {
            Ok(sign_in) => how.sign_in(access, sign_in).await,
            Err(error) => Err(error.into()),
        };
        // The hint of an ordinary sign-in would name a credential that no longer exists.
        signed_in.map_err(|failure| match failure.hint() {
            Some(hint) if hint.contains(name.as_str()) => Failure::Other {
                message: failure.in_one_line(),
                hint: Some(format!("start again: lanyard exec --login {app} -- COMMAND")),
            },
            _ => failure,
        })
    }
}

/// Records in the home that a program got a token. The temporary home's own records are deleted with it.
async fn record(home: &Broker, credential: &Credential, means: String) {
    let (id, name, generation) = (credential.id, credential.name.clone(), credential.generation);
    if let Err(error) = home.perform(RecordHandOut { id, name, generation, means }).await {
        output::note(&format!("warning: this hand-out is missing from the audit: {error}"));
    }
    if let Err(error) = home.store().close().await {
        tracing::debug!(%error, "cannot close the store; the system closes it on exit");
    }
}

/// Revokes the tokens, and reports those that remain valid. Uses a new broker, because the other one may be stopping.
async fn clear_all(store: &Store) {
    let broker = Broker::new(store, context::parts(), context::actor());
    let all = match broker.perform(List).await {
        Ok(all) => all,
        Err(error) => {
            output::note(&format!("warning: the tokens were not revoked, and remain valid until they expire: {error}"));
            output::note("hint: to end the access, remove the app from the account's connected apps at Webex");
            return;
        }
    };
    for Credential { name, environment, .. } in all.into_iter().map(|listed| listed.credential) {
        let left: Vec<String> = match broker.perform(Clear { name, expected: None }).await {
            Ok(cleared) => cleared.revocations.into_iter().filter_map(|revocation| left(&revocation)).collect(),
            Err(error) => vec![format!("the tokens were not revoked: {error}")],
        };
        for said in &left {
            output::note(&format!("warning: {said}"));
        }
        if let Some(page) = environment.pages().connected_apps.filter(|_| !left.is_empty()) {
            output::note(&format!("hint: to end the access, remove the app: {page}"));
        }
    }
    if let Err(error) = store.close().await {
        tracing::debug!(%error, "cannot close the temporary store; the system closes it on exit");
    }
}

/// Returns a warning if a token was not revoked. The revocation is not retried.
fn left(revocation: &lanyard_broker::Revocation) -> Option<String> {
    match &revocation.outcome {
        RevocationOutcome::Queued { reason } | RevocationOutcome::NotRevoked { reason } => Some(format!(
            "the {} was not revoked, and stays valid until it expires: {reason}",
            clear::word(revocation.token)
        )),
        RevocationOutcome::Revoked | RevocationOutcome::RevokedByListing { .. } => None,
    }
}

/// Returns a name that no credential of the home has.
fn name() -> CredentialName {
    let mut bytes = [0; 4];
    context::parts().entropy.fill(&mut bytes);
    let name = format!("exec-{:08x}", u32::from_be_bytes(bytes));
    name.parse().expect("hexadecimal digits make a name")
}

/// Whether a directory belongs to this user, and no other user can use it.
fn is_ours_alone(directory: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    std::fs::metadata(directory)
        .is_ok_and(|found| found.is_dir() && found.uid() == us && found.mode().trailing_zeros() >= 6)
}

/// Returns the parent directory of the temporary home: that of the session, which is in memory on most systems and is emptied when
/// the session ends.
fn place() -> PathBuf {
    let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    session.filter(|path| is_ours_alone(path)).unwrap_or_else(std::env::temp_dir)
}
