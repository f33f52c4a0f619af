//! Signing in with a real browser: Chromium before the pages of a local Webex, `lanyard login` behind it.
//!
//! `LANYARD_SCREENSHOTS=DIRECTORY cargo test -p lanyard --test it browser::` keeps a picture of every page on the way.

mod elsewhere;
mod guides;
mod interrupted;
mod sign_in;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use lanyard_testkit::{Browser, Ended, Home, Options, Page, Running, SCOPES, Webex, free_redirect_uris};

use crate::LANYARD;

/// Labels on the pages.
const EMAIL: &str = "Email address";
const PASSWORD: &str = "Password";
const SIGN_IN: &str = "Sign in";
/// Text of the last page, and of no other.
const DONE: &str = "You may close this tab";

/// A Webex, a home with its app `desk`, and a browser that `lanyard login` finds.
struct Desk {
    webex: Webex,
    home: Home,
    browser: Browser,
    /// A named pipe that receives the argument of the program named by `BROWSER`.
    opened: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let redirect_uris = free_redirect_uris();
        let webex = Webex::with(Options { redirect_uris: redirect_uris.clone(), ..Options::default() });
        let home = Home::new(LANYARD);
        let app = &webex.description().integration;
        home.add_app_as(&webex, (&app.client_id, &app.client_secret), &redirect_uris, &SCOPES).ok();
        let opened = home.beside().join("opened");
        assert!(Command::new("mkfifo").arg(&opened).status().unwrap().success());
        Self { webex, home, browser: Browser::start(), opened }
    }

    /// Starts `lanyard login acme --app desk`, with these arguments beside, for a browser that nobody opens.
    fn login_with(&self, arguments: &[&str]) -> Running {
        let mut command = self.home.command(["login", "acme", "--app", "desk"].iter().chain(arguments));
        Running::start(command.stdin(Stdio::piped()))
    }

    /// Starts `lanyard login acme --app desk`, and gives the address at which it opens the browser.
    #[track_caller]
    fn login(&self) -> (Running, String) {
        let program =
            self.home.file("browser", &format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", self.opened.display()));
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut command = self.home.command(["login", "acme", "--app", "desk"]);
        let mut login = Running::start(command.env("BROWSER", &program));
        // A sign-in that ends before it opens anything is seen here; nobody would ever write to the pipe.
        login.wait_for("/authorize?");
        // The pipe is read until the program has written it.
        (login, std::fs::read_to_string(&self.opened).unwrap())
    }

    /// Signs in on the page that asks for it, with the mouse.
    #[track_caller]
    fn signs_in(&self, page: &Page<'_>) {
        let admin = &self.webex.description().admin;
        page.fill(EMAIL, &admin.email);
        page.fill(PASSWORD, &admin.password);
        page.click(SIGN_IN);
        page.wait_for("Allow access?");
    }

    /// The end of a sign-in that stored nothing.
    #[track_caller]
    fn has_nothing(&self) {
        self.home.run(["show", "acme"]).fails(3);
    }

    /// Checks that a sign-in ended well.
    #[track_caller]
    fn signed_in(&self, ended: Ended) {
        let admin = &self.webex.description().admin.email;
        assert!(ended.stderr.contains(&format!("<{admin}>")), "{}", ended.stderr);
        ended.ok();
        assert!(self.webex.accepts(&self.home.token()));
    }
}
