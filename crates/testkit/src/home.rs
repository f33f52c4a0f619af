//! A home of Lanyard's, for one test.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::command;
use crate::{Ended, Running, Webex};

/// A home in a directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Home {
    directory: TempDir,
    binary: PathBuf,
}

impl Home {
    /// An empty home for the binary under test (`env!("CARGO_BIN_EXE_lanyard")`).
    pub fn new(binary: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("lanyard-test-").tempdir().expect("a directory is had");
        Self { directory, binary: binary.into() }
    }

    /// The home's directory.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// A directory beside the home.
    pub fn beside(&self) -> &Path {
        self.directory.path()
    }

    /// A file beside the home, readable by its owner alone.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        let mut file = std::fs::File::create(&path).expect("a file is made");
        file.write_all(content.as_bytes()).expect("a file is written");
        path
    }

    /// A command of the binary, not yet run.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        command(&self.binary, &self.path(), arguments)
    }

    /// Runs the binary to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ended {
        Running::start(&mut self.command(arguments)).end()
    }

    /// Registers the simulator's integration under the name `desk`.
    #[track_caller]
    pub fn add_app(&self, webex: &Webex) {
        let app = &webex.description().integration;
        self.add_app_as(webex, (&app.client_id, &app.client_secret), &app.redirect_uris, &SCOPES).ok();
    }

    /// Registers any app under the name `desk`: its client id and secret, its redirect URIs, and the scopes to ask for.
    pub fn add_app_as(&self, webex: &Webex, client: (&str, &str), redirect_uris: &[String], scopes: &[&str]) -> Ended {
        let secret = self.file("client-secret", client.1);
        let mut command = self.command(["--webex-url", webex.url(), "app", "add", "desk", "--kind", "integration"]);
        command.args(["--client-id", client.0, "--scope", &scopes.join(" ")]);
        command.arg("--client-secret-file").arg(secret);
        for uri in redirect_uris {
            command.args(["--redirect-uri", uri]);
        }
        Running::start(&mut command).end()
    }

    /// Signs in as the administrator under `name`, through the app `desk`, by the pasted address.
    #[track_caller]
    pub fn sign_in(&self, webex: &Webex, name: &str) {
        let mut login = self.begin_login(name);
        let url = login.wait_for("/authorize?").trim().to_owned();
        let redirected = webex.person_signs_in(&url, true);
        login.write_line(redirected.as_str());
        login.end().ok();
    }

    /// Starts `lanyard login NAME --app desk --paste`.
    #[track_caller]
    pub fn begin_login(&self, name: &str) -> Running {
        let mut command = self.command(["login", name, "--app", "desk", "--paste"]);
        Running::start(command.stdin(std::process::Stdio::piped()))
    }

    /// A home that is signed in to `webex` as `acme`.
    #[track_caller]
    pub fn signed_in(binary: &str, webex: &Webex) -> Self {
        let home = Self::new(binary);
        home.add_app(webex);
        home.sign_in(webex, "acme");
        home
    }

    /// The access token of `acme`.
    #[track_caller]
    pub fn token(&self) -> String {
        self.run(["token", "acme"]).ok()
    }

    /// `lanyard --json show NAME`.
    #[track_caller]
    pub fn show(&self, name: &str) -> Value {
        serde_json::from_str(&self.run(["--json", "show", name]).ok()).expect("JSON")
    }

    /// Waits until the access token of `acme` has ended, whose whole life is `life`.
    pub fn outlive(&self, life: Duration) {
        crate::wait(life + Duration::from_millis(50));
    }
}

/// What `desk` asks for.
pub const SCOPES: [&str; 3] = ["spark:people_read", "spark-admin:people_read", "spark-admin:organizations_read"];
