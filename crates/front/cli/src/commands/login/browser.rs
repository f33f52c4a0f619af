//! Signing in with a browser on this machine.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use lanyard_broker::{FinishSignIn, SignIn, SignedIn};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use super::who;
use crate::access::Access;
use crate::callback::{Arrival, Listener, Page};
use crate::exit::Failure;
use crate::{context, output};

/// How long a sign-in in a browser is awaited.
const PATIENCE: Duration = Duration::from_mins(10);

/// The code comes back on a loopback port.
pub(super) async fn sign_in(broker: &Access, sign_in: SignIn) -> Result<SignedIn, Failure> {
    let listener = Listener::bind(&sign_in.app.redirect_uris, sign_in.app.name.as_str()).await?;
    let redirect_uri = listener.redirect_uri().clone();
    let url = sign_in.url(&redirect_uri).into_inner();
    let again = sign_in.again();
    output::note(
        "sign in to Webex in the browser; if none opens, open this address on this machine (elsewhere: --paste or --device):",
    );
    output::address(&url);
    let sign_in = Arc::new(sign_in);
    let (arrived, mut arrivals) = mpsc::channel(1);
    let serving = tokio::spawn(listener.serve(Arc::clone(&sign_in), arrived));
    let browser = open(url);
    let sleep = context::parts().sleep.sleep(PATIENCE);
    let arrival = tokio::select! {
        arrival = arrivals.recv() => arrival,
        () = sleep => None,
    };
    let Some(Arrival { callback, tell }) = arrival else {
        serving.abort();
        // A text browser has the terminal until then.
        let _ = browser.await;
        return Err(Failure::Other {
            message: format!("no sign-in within {}", output::duration::words(PATIENCE)),
            hint: Some(format!("start again: {again} (--paste is for a browser on another machine)")),
        });
    };
    let finished = broker.perform(FinishSignIn { sign_in, callback, redirect_uri, pasted: false }).await;
    let page = match &finished {
        Ok(signed_in) => Page {
            status: StatusCode::OK,
            title: "Signed in".to_owned(),
            text: format!("{}. You may close this tab and go back to the terminal.", who(signed_in)),
        },
        Err(error) => Page {
            status: StatusCode::BAD_REQUEST,
            title: "Not signed in".to_owned(),
            // Webex often describes an error in a whole sentence.
            text: format!(
                "Sign-in failed: {}. The next step is in the terminal.",
                error.to_string().trim_end_matches('.')
            ),
        },
    };
    // The browser gets its page before the listener ends with the process.
    if tell.send(page).is_ok() {
        context::parts().sleep.sleep(FAREWELL).await;
    }
    serving.abort();
    let _ = browser.await;
    Ok(finished?)
}

/// Opens the address in the user's browser, on a thread of its own: a text browser (`BROWSER=w3m`) uses this terminal and is waited
/// for, and needs the listener while it runs. The task completes once the terminal is free.
fn open(url: Url) -> JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = webbrowser::open(url.as_str()) {
            tracing::info!(%error, "no browser could be opened");
        }
    })
}

/// How long the last page has to reach the browser.
const FAREWELL: Duration = Duration::from_millis(200);
