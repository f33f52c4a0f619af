//! Signing in with a browser elsewhere.

use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;

use lanyard_broker::{FinishSignIn, SignIn, SignedIn};
use lanyard_protocol::oauth::Callback;
use zeroize::Zeroizing;

use crate::access::Access;
use crate::exit::Failure;
use crate::output;

/// The person carries the answer over.
pub(super) async fn sign_in(broker: &Access, sign_in: SignIn) -> Result<SignedIn, Failure> {
    let redirect_uri = sign_in.app.redirect_uris.first().cloned().ok_or_else(|| Failure::Usage {
        message: format!("the app {} has no redirect URI", sign_in.app.name),
        hint: format!(
            "register one at Webex, then: lanyard app set {} --redirect-uri http://localhost:7418/callback; without one: {} --device",
            sign_in.app.name,
            sign_in.again()
        ),
    })?;
    let again = sign_in.again();
    let url = sign_in.url(&redirect_uri).into_inner();
    output::note("open this address in any browser and sign in to Webex:");
    output::address(&url);
    output::note(&format!(
        "the address in the browser's address bar will begin with {redirect_uri}; an error page there is fine"
    ));
    if std::io::stdin().is_terminal() {
        output::note("paste that address, or only the code in it, then press Enter:");
    }
    let callback = loop {
        let mut pasted = Zeroizing::new(String::new());
        let read = std::io::stdin().lock().read_line(&mut pasted);
        let ended = read.map_err(Failure::io("cannot read what was pasted"))? == 0;
        match Callback::from_pasted(&pasted, redirect_uri.url()) {
            Ok(callback) => break callback,
            // A slip of a person who is still there costs no new sign-in.
            Err(error) if std::io::stdin().is_terminal() && !ended => {
                output::note(&format!("{error}; paste the address from the browser's address bar (Ctrl-C cancels):"));
            }
            Err(error) => {
                return Err(Failure::Usage {
                    message: error.to_string(),
                    hint: format!("start again, and copy the address from the browser's address bar: {again} --paste"),
                });
            }
        }
    };
    Ok(broker.perform(FinishSignIn { sign_in: Arc::new(sign_in), callback, redirect_uri, pasted: true }).await?)
}
