//! Signing in, with the person and the browser played by the test.

mod browser;
mod grant;
mod paste;

use lanyard_testkit::{Home, Options, Running, SCOPES, Webex, free_redirect_uris};

use crate::LANYARD;

/// A Webex, and a home whose app `desk` has redirect URIs on ports of its own.
fn desk(options: Options) -> (Webex, Home) {
    let redirect_uris = free_redirect_uris();
    let webex = Webex::with(Options { redirect_uris: redirect_uris.clone(), ..options });
    let home = Home::new(LANYARD);
    let app = &webex.description().integration;
    home.add_app_as(&webex, (&app.client_id, &app.client_secret), &redirect_uris, &SCOPES).ok();
    (webex, home)
}

/// Starts `lanyard login` and gives the address that it shows.
#[track_caller]
fn login(home: &Home, arguments: &[&str]) -> (Running, String) {
    let mut command = home.command(["login"].iter().chain(arguments));
    let mut login = Running::start(command.stdin(std::process::Stdio::piped()));
    let url = login.wait_for("/authorize?").trim().to_owned();
    (login, url)
}

/// How many codes were exchanged, or tried to be.
fn code_exchanges(webex: &Webex) -> usize {
    webex.record().iter().filter(|call| call["grant_type"] == "authorization_code").count()
}
