//! Regenerating the client secret of an integration or a service app.

use axum::extract::Path;

use super::OwnApp;
use crate::routes::desk::{Confirm, Frame, ShownOnce, SignedIn};
use crate::routes::page::{Page, Problem};
use crate::webex::Webex;

pub(super) async fn ask(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let back = app.path();
    Ok(Page::new(&Confirm {
        frame: Frame::portal(person, "/portal"),
        title: &format!("Regenerate the client secret of {}?", app.name),
        text: "The client secret that the app has now is wrong at once, and its tokens cannot be refreshed until the new one is in \
               place. The new one is shown once.",
        action: &format!("{back}/secret"),
        hidden: &[],
        button: "Yes, regenerate",
        back: &back,
    }))
}

pub(super) async fn replace(webex: Webex, person: SignedIn, Path(client): Path<String>) -> Result<Page, Problem> {
    let app = OwnApp::find(&webex.state(), &person, &client)?;
    let secret = webex.replace_secret(&app.client, None).ok_or_else(Problem::nothing_here)?;
    Ok(Page::scripted(&ShownOnce {
        frame: Frame::portal(person, "/portal"),
        title: "A new client secret",
        warning: "Copy it now, and put it into every program that uses the app: the old one no longer works.",
        values: &[("Client secret", secret.expose_secret()), ("Client ID", app.client.as_str())],
        back: (&app.path(), "Back to the app"),
    }))
}
