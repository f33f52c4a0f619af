//! A home of Lanyard's, for one test.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::disk::Disk;
use crate::run::command;
use crate::{Ended, Running, Webex};

/// A home in a directory of its own, removed when dropped.
#[derive(Debug)]
pub struct Home {
    // Dropped first: a directory that something is mounted in cannot be removed.
    disk: Option<Disk>,
    directory: TempDir,
    binary: PathBuf,
}

/// The user without any privileges whom a home on a disk of its own belongs to; no fault of a disk stops root.
const SOMEBODY: u32 = 54_321;

/// Room for a home, and little more.
const KILOBYTES: u32 = 1024;

impl Home {
    /// An empty home for the binary under test (`env!("CARGO_BIN_EXE_lanyard")`).
    pub fn new(binary: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("lanyard-test-").tempdir().expect("a directory is had");
        Self { disk: None, directory, binary: binary.into() }
    }

    /// An empty home on a small disk of its own, where the binary runs as a user without privileges. Returns the reason if no such disk
    /// can be mounted: it requires root and the right to mount.
    pub fn on_a_disk(binary: &str) -> Result<Self, String> {
        Self::on(binary, |at| Disk::mount(at, KILOBYTES, SOMEBODY))
    }

    /// Like [`on_a_disk`](Self::on_a_disk), with a disk that can be made to [fail](Self::break_disk).
    pub fn on_a_disk_that_fails(binary: &str) -> Result<Self, String> {
        Self::on(binary, |at| Disk::mount_that_fails(at, SOMEBODY))
    }

    fn on(binary: &str, mount: impl FnOnce(&Path) -> Result<Disk, String>) -> Result<Self, String> {
        let mut home = Self::new(binary);
        let beside = home.beside();
        std::fs::set_permissions(beside, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        let disk = mount(&beside.join("disk"))?;
        // Where the binary was built, somebody else may not be let in.
        let copy = beside.join("lanyard");
        // By another process: a file that is open for writing here would be so in a child that is started just then, and cannot be
        // run while it is.
        let copied = Command::new("cp").args([&home.binary, &copy]).status().expect("cp(1) runs");
        assert!(copied.success(), "the binary is copied");
        home.binary = copy;
        home.disk = Some(disk);
        Ok(home)
    }

    /// The home's directory.
    pub fn path(&self) -> PathBuf {
        if self.disk.is_some() { self.directory.path().join("disk/home") } else { self.directory.path().join("home") }
    }

    /// Fills the home's disk to the last byte.
    #[track_caller]
    pub fn fill_disk(&self) {
        self.disk().fill(SOMEBODY);
    }

    /// Frees the home's disk again.
    #[track_caller]
    pub fn free_disk(&self) {
        self.disk().free();
    }

    /// Makes the home's disk read-only.
    #[track_caller]
    pub fn lock_disk(&self) {
        self.disk().remount("ro");
    }

    /// Lets the home's disk be written again.
    #[track_caller]
    pub fn unlock_disk(&self) {
        self.disk().remount("rw");
    }

    /// Lets the home's disk fail: it becomes read-only, even for processes that have files of it open.
    #[track_caller]
    pub fn break_disk(&self) {
        self.disk().fail();
    }

    #[track_caller]
    fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("the home is on a disk of its own")
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
        if self.disk.is_some() {
            chown(&path, Some(SOMEBODY), Some(SOMEBODY)).expect("root gives files away");
        }
        path
    }

    /// A command of the binary, not yet run.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.command_by::<&str, S>([], arguments)
    }

    /// Like [`command`](Self::command), started by another program that changes its view of the machine: `["faketime", "-f", "-1d"]`.
    pub fn command_by<B: AsRef<OsStr>, S: AsRef<OsStr>>(
        &self,
        starter: impl IntoIterator<Item = B>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut words: Vec<OsString> = starter.into_iter().map(|word| word.as_ref().to_owned()).collect();
        if self.disk.is_some() {
            let user = SOMEBODY.to_string();
            let drop = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "--"];
            words.extend(drop.map(OsString::from));
        }
        words.push(self.binary.clone().into());
        words.extend(arguments.into_iter().map(|word| word.as_ref().to_owned()));
        let program = words.remove(0);
        command(Path::new(&program), &self.path(), words)
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

    /// Registers any app under the name `desk`: its client id and secret, its redirect URIs, and the scopes to ask for. The secret
    /// is not tried: Webex has seen nothing yet when the test begins.
    pub fn add_app_as(&self, webex: &Webex, client: (&str, &str), redirect_uris: &[String], scopes: &[&str]) -> Ended {
        let secret = self.file("client-secret", client.1);
        let mut command = self.command(["--webex-url", webex.url(), "app", "add", "desk", "--kind", "integration"]);
        command.args(["--client-id", client.0, "--force"]).arg("--client-secret-file").arg(secret);
        if !scopes.is_empty() {
            command.args(["--scope", &scopes.join(" ")]);
        }
        for uri in redirect_uris {
            command.args(["--redirect-uri", uri]);
        }
        if redirect_uris.is_empty() {
            command.arg("--device");
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
        Self::new(binary).with_acme(webex)
    }

    /// Signs this home in to `webex` as `acme`.
    #[track_caller]
    pub fn with_acme(self, webex: &Webex) -> Self {
        self.add_app(webex);
        self.sign_in(webex, "acme");
        self
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

/// The scopes that the app `desk` requests.
pub const SCOPES: [&str; 3] = ["spark:people_read", "spark-admin:people_read", "spark-admin:organizations_read"];
