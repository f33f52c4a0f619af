//! `lanyard login`: sign in, or sign in again.

use std::io::{BufRead as _, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::StatusCode;
use lanyard_broker::{BeginSignIn, Broker, FinishSignIn, SignIn, SignedIn};
use lanyard_credential::{AppName, CredentialName, Subject};
use lanyard_protocol::oauth::Callback;
use tokio::sync::mpsc;
use url::Url;
use zeroize::Zeroizing;

use super::app;
use crate::callback::{Arrival, Listener, Page};
use crate::context::Common;
use crate::exit::Failure;
use crate::{context, output};

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// What to call the credential, or the one to sign in again
    name: CredentialName,
    /// The app to sign in through; a credential that exists knows its own
    #[arg(long)]
    app: Option<AppName>,
    /// Paste the address that the browser ends at, for a browser on another machine
    #[arg(long)]
    paste: bool,
    /// A scope to ask for; may be repeated [default: those of the app]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Let another person or organisation than before take the credential over
    #[arg(long)]
    replace: bool,
}

/// How long a sign-in in a browser is awaited.
const PATIENCE: Duration = Duration::from_mins(10);

impl Login {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let broker = common.broker().await?;
        let begin = BeginSignIn {
            name: self.name,
            app: self.app,
            scopes: app::scopes(&self.scopes)?.into_iter().collect(),
            replace: self.replace,
            expected: common.expected()?,
        };
        let sign_in = broker.call(begin).await?;
        let signed_in = if self.paste { paste(&broker, sign_in).await? } else { browse(&broker, sign_in).await? };
        report(&signed_in, common)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The code comes back on a loopback port.
async fn browse(broker: &Broker, sign_in: SignIn) -> Result<SignedIn, Failure> {
    let listener = Listener::bind(&sign_in.app.redirect_uris, sign_in.app.name.as_str()).await?;
    let redirect_uri = listener.redirect_uri().clone();
    let url = sign_in.url(&redirect_uri).into_inner();
    output::note("sign in to Webex in the browser; if none opens, open this address:");
    output::note(&format!("\n  {url}\n"));
    if let Err(error) = webbrowser::open(url.as_str()) {
        tracing::info!(%error, "no browser could be opened");
    }
    let sign_in = Arc::new(sign_in);
    let (arrived, mut arrivals) = mpsc::channel(1);
    let serving = tokio::spawn(listener.serve(Arc::clone(&sign_in), arrived));
    let sleep = context::parts().sleep.sleep(PATIENCE);
    let arrival = tokio::select! {
        arrival = arrivals.recv() => arrival,
        () = sleep => None,
    };
    let Some(Arrival { callback, tell }) = arrival else {
        serving.abort();
        return Err(Failure::Other {
            message: format!("nobody signed in for {}", output::duration::words(PATIENCE)),
            hint: Some("start again with lanyard login; --paste is for a browser on another machine".to_owned()),
        });
    };
    let finished = broker.call(FinishSignIn { sign_in, callback, redirect_uri, pasted: false }).await;
    let page = match &finished {
        Ok(signed_in) => Page {
            status: StatusCode::OK,
            title: "Signed in".to_owned(),
            text: format!("{}. You may close this tab and go back to the terminal.", who(signed_in)),
        },
        Err(error) => Page {
            status: StatusCode::BAD_REQUEST,
            title: "Not signed in".to_owned(),
            text: format!("What went wrong: {error}. The terminal says what to do."),
        },
    };
    // The browser gets its page before the listener ends with the process.
    if tell.send(page).is_ok() {
        context::parts().sleep.sleep(FAREWELL).await;
    }
    serving.abort();
    Ok(finished?)
}

/// How long the last page has to reach the browser.
const FAREWELL: Duration = Duration::from_millis(200);

/// The person carries the answer over.
async fn paste(broker: &Broker, sign_in: SignIn) -> Result<SignedIn, Failure> {
    let redirect_uri: Url = sign_in.app.redirect_uris.first().cloned().ok_or_else(|| Failure::Usage {
        message: format!("the app {} has no redirect URI", sign_in.app.name),
        hint: "register one at Webex and add the app again with --redirect-uri".to_owned(),
    })?;
    let url = sign_in.url(&redirect_uri).into_inner();
    output::note("open this address in any browser and sign in to Webex:");
    output::note(&format!("\n  {url}\n"));
    output::note(&format!(
        "the browser ends at an address that begins with {redirect_uri}; it may say that it cannot be reached, which is fine"
    ));
    if std::io::stdin().is_terminal() {
        output::note("paste that whole address here, then press Enter:");
    }
    let mut pasted = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut pasted).map_err(Failure::io("cannot read what was pasted"))?;
    let callback = Callback::from_pasted(&pasted, &redirect_uri).map_err(|error| Failure::Usage {
        message: error.to_string(),
        hint: "start again with lanyard login --paste, and copy the address from the browser's address bar".to_owned(),
    })?;
    Ok(broker.call(FinishSignIn { sign_in: Arc::new(sign_in), callback, redirect_uri, pasted: true }).await?)
}

fn who(signed_in: &SignedIn) -> String {
    let credential = &signed_in.credential;
    match &credential.subject {
        Subject::Known(subject) => format!("{} acts as {}", credential.name, output::credential::subject(subject)),
        Subject::Unknown(reason) => format!("who {} acts as is unknown: {reason}", credential.name),
    }
}

fn report(signed_in: &SignedIn, common: &Common) -> Result<(), Failure> {
    let now = context::parts().clock.now();
    if common.json {
        return output::json::print(&output::json::credential(&signed_in.credential, &now));
    }
    output::note(&who(signed_in));
    output::note(&format!("valid for {}", output::credential::valid_for(&signed_in.credential, &now)));
    if !signed_in.missing.is_empty() {
        output::note(&format!("warning: asked for and not granted: {}", signed_in.missing));
    }
    output::note(&format!("use it: lanyard exec {} -- COMMAND", signed_in.credential.name));
    Ok(())
}
