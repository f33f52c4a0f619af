//! `lanyard exec`: a program with an access token in its environment, or with a way to Webex on which it never holds one.

mod behind;
mod forward;
mod temporary;

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;
use lanyard_credential::{AppName, CredentialName};
use rustix::fs::{Access, access};
use rustix::io::Errno;

pub(crate) use self::behind::supervise;
use super::Examples;
use super::login::How;
use super::token::{record, take};
use crate::context::Common;
use crate::exit::{self, Failure};
use crate::numbers;
use crate::{context, hardening};

/// Run a program with an access token in its environment
#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The credential [default: LANYARD_CREDENTIAL, or the only one there is]
    name: Option<CredentialName>,
    /// Sign in through this app for this one run, and revoke the tokens when the program exits; nothing is kept in the home
    #[arg(long, value_name = "APP", conflicts_with_all = ["name", "min_validity"])]
    login: Option<AppName>,
    /// With --login: paste the address from the browser's address bar, for a browser on another machine
    #[arg(long, requires = "login", conflicts_with = "device")]
    paste: bool,
    /// With --login: show a code to type, or to scan, on another device
    #[arg(long, requires = "login")]
    device: bool,
    /// The variable that carries the token
    #[arg(long, value_name = "VAR", default_value = "WEBEX_ACCESS_TOKEN")]
    env: String,
    /// Run the program behind the proxy: `WEBEX_ACCESS_TOKEN` holds a temporary key, valid until the program exits, for the
    /// proxy at `WEBEX_BASE_URL`
    #[arg(long, conflicts_with_all = ["env", "min_validity"])]
    proxy: bool,
    /// How long the token should still be valid when the program starts (300, 5m, 12h)
    #[arg(long, value_name = "TIME", default_value_t = 0, value_parser = numbers::seconds)]
    min_validity: u64,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// As `env(1)` has them: 125 for a failure of our own, 126 for a program that cannot be run, 127 for one that is not there.
pub(crate) const OWN_FAILURE: u8 = 125;
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;

impl Exec {
    /// Becomes the program. Returns only where that fails.
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self.become_program(common).await {
            Ok(code) => Ok(code),
            Err(failure) => {
                exit::tell(&failure, OWN_FAILURE, common.json);
                Ok(ExitCode::from(OWN_FAILURE))
            }
        }
    }

    async fn become_program(self, common: &Common) -> Result<ExitCode, Failure> {
        if self.env.is_empty() || self.env.contains(['=', '\0']) || self.env.starts_with("LANYARD_") {
            return Err(Failure::Usage {
                message: format!("{:?} cannot be the name of a variable here", self.env),
                hint: "omit --env to use WEBEX_ACCESS_TOKEN".to_owned(),
            });
        }
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::Usage {
                message: "there is no command to run".to_owned(),
                hint: "lanyard exec NAME -- COMMAND".to_owned(),
            });
        };
        // A token that no program will get is not handed out, and nobody is recorded as its holder.
        if let Err(error) = search(program) {
            return Ok(not_run(program, error, common));
        }
        let means = format!("exec {}", program.to_string_lossy());
        if let Some(app) = self.login {
            let run = temporary::Run { means, env: self.env, proxy: self.proxy, program, arguments };
            return temporary::run(app, How::chosen(self.paste, self.device), run, common).await;
        }
        let broker = common.broker().await?;
        let name = context::credential(&broker, self.name).await?;
        if self.proxy {
            return behind::run(broker, name, means, program, arguments, common).await;
        }
        let taken = take(&broker, name, self.min_validity, &means, common).await?;
        record(&broker, &taken, &means).await;
        // A renewal that takes long must be stored before this process becomes another program.
        context::close().await;
        let mut command = Command::new(program);
        command.args(arguments).env(&self.env, taken.token.expose_secret());
        without_ours(&mut command);
        hardening::restore_core_limit();
        let error = command.exec();
        Ok(not_run(program, error, common))
    }
}

/// A child gets no variable of Lanyard's.
fn without_ours(command: &mut Command) {
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("LANYARD_") {
            command.env_remove(variable);
        }
    }
}

/// Finds out whether the program can be run. The system searches again when it runs it.
fn search(program: &OsStr) -> Result<(), std::io::Error> {
    let places: Vec<PathBuf> = if program.as_encoded_bytes().contains(&b'/') {
        vec![PathBuf::from(program)]
    } else {
        let Some(path) = std::env::var_os("PATH") else { return Ok(()) };
        std::env::split_paths(&path).map(|directory| directory.join(program)).collect()
    };
    let found: Vec<_> = places.iter().filter(|place| place.exists()).collect();
    if found.iter().any(|place| place.is_file() && access(place.as_path(), Access::EXEC_OK).is_ok()) {
        return Ok(());
    }
    Err(if found.is_empty() { Errno::NOENT } else { Errno::ACCESS }.into())
}

/// Says that the program could not be run, and gives the exit code for it.
fn not_run(program: &OsStr, error: std::io::Error, common: &Common) -> ExitCode {
    let code = if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_RUN };
    let failure = Failure::Io { what: format!("{} cannot be run", program.to_string_lossy()), source: error };
    exit::tell(&failure, code, common.json);
    ExitCode::from(code)
}

pub(super) const EXAMPLES: &[Examples] = &[(
    "exec",
    &[
        "lanyard exec acme -- python script.py",
        "lanyard exec acme --env WEBEX_TOKEN -- ./report",
        "lanyard exec acme --proxy -- ./report",
        "lanyard exec --login desk -- python script.py",
    ],
)];
