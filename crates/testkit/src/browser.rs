//! A real browser, driven as a person drives it: Debian's Chromium without a window.
//!
//! Spoken to is the `DevTools` protocol, in some two hundred lines of our own over two inherited pipes (`--remote-debugging-pipe`).
//! `chromiumoxide` and `headless_chrome` generate and compile the whole protocol, of which ten calls are needed here;
//! `fantoccini` needs a driver to be installed and run beside the browser; and all of them listen on a port, where anybody on
//! the machine may drive the browser. On a pipe nobody else can, and a browser whose test was killed sees the pipe's end and
//! ends itself.
//!
//! Nothing waits for time to pass: whatever is awaited is looked at again after each event that the browser reports.

mod link;
mod look;
mod page;

use std::cell::RefCell;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

use self::link::Link;
pub use self::look::Look;
pub use self::page::{Focus, Key, Page};

/// A browser with a profile of its own that reaches this machine's loopback and nothing else. It is ended, with all its
/// processes, when dropped.
#[derive(Debug)]
pub struct Browser {
    link: RefCell<Link>,
    process: Child,
    // Removed last, when nobody writes there any more.
    directory: TempDir,
}

/// The file in the browser's directory for its standard error.
const LOG: &str = "log";

/// The names under which it is installed.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Switches that keep the browser offline, without prompts, in its own directory, and equal on all machines.
const SWITCHES: [&str; 17] = [
    "--headless",
    "--remote-debugging-pipe",
    // Nobody listens on the port of the proxy, and what is on the loopback goes past it: a browser calls home whatever it is
    // told, and does not get there.
    "--proxy-server=http://127.0.0.1:9",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-features=MediaRouter,NetworkTimeServiceQuerying,OptimizationHints,Translate",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-default-browser-check",
    "--no-first-run",
    "--password-store=basic",
];

impl Browser {
    /// Starts one. Panics where none is installed, and says what to install.
    #[track_caller]
    pub fn start() -> Self {
        let program = PROGRAMS.into_iter().find(|program| is_installed(program));
        let program = program.expect("this test needs a browser (on Debian and Ubuntu: apt install chromium)");
        let directory = tempfile::Builder::new().prefix("lanyard-browser-").tempdir().expect("a directory is had");
        // The browser reads its third descriptor and writes its fourth.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null"#, "sh", program]).args(SWITCHES);
        command.arg(format!("--user-data-dir={}", directory.path().join("profile").display()));
        if geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        command.env("HOME", directory.path()).env("DBUS_SESSION_BUS_ADDRESS", "disabled:").process_group(0);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(directory.path().join(LOG)).expect("a file is made"));
        let mut process = command.spawn().expect("sh(1) runs");
        let pipes = (process.stdin.take().expect("it is a pipe"), process.stdout.take().expect("it is a pipe"));
        let browser = Self { link: RefCell::new(Link::over(pipes)), process, directory };
        if let Err(error) = browser.link.borrow_mut().call(None, "Browser.getVersion", &json!({})) {
            let said = std::fs::read_to_string(browser.directory.path().join(LOG)).unwrap_or_default();
            panic!("{program} does not start: {error}\n{said}");
        }
        browser
    }

    /// Opens an address in a tab of its own, as somebody does who types it, and waits until it is there.
    #[track_caller]
    pub fn open(&self, url: &str) -> Page<'_> {
        let page = Page::new(self);
        page.go(url);
        page
    }

    /// Ends it in the middle of whatever it does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its processes have the group that its first one leads.
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let places = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&places).any(|place| place.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The processes of a group that still run.
    fn running(group: u32) -> usize {
        let processes = std::fs::read_dir("/proc").expect("proc(5) is mounted").flatten();
        let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
        // After the name, which may hold anything: state, parent, group.
        let fields = stats.filter_map(|stat| stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()));
        let of_group = |fields: &String| {
            let mut fields = fields.split(' ');
            let (condition, leader) = (fields.next(), fields.nth(1));
            !matches!(condition, Some("Z" | "X")) && leader == Some(&group.to_string())
        };
        fields.filter(of_group).count()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn all_its_processes_end_with_it_and_nothing_is_left_behind() {
        let browser = Browser::start();
        let (group, directory) = (browser.process.id(), browser.directory.path().to_owned());
        let _page = browser.open("about:blank");
        assert!(running(group) > 1 && directory.exists());
        browser.kill();
        while running(group) > 0 {}
        assert!(!directory.exists());
    }
}
