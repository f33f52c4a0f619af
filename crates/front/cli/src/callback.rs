//! The loopback listener that a browser is sent back to (RFC 8252, section 7.3).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use lanyard_broker::SignIn;
use lanyard_protocol::oauth::{Callback, RedirectUri};
use lanyard_server::{Guest, serve_loopback};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use crate::context;
use crate::exit::Failure;

/// Listens on one redirect URI of an app.
#[derive(Debug)]
pub(crate) struct Listener {
    sockets: Vec<TcpListener>,
    redirect_uri: RedirectUri,
}

/// An answer to the sign-in, and the browser that waits to be told how it ended.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) callback: Callback,
    pub(crate) tell: oneshot::Sender<Page>,
}

/// A page that the browser shows.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Listener {
    /// Listens on the first of the redirect URIs that is on this machine's loopback and whose port is free.
    pub(crate) async fn bind(redirect_uris: &[RedirectUri], app: &str) -> Result<Self, Failure> {
        let mut taken = Vec::new();
        for uri in redirect_uris.iter().filter(|uri| is_loopback(uri.url())) {
            let Some(port) = uri.url().port_or_known_default() else { continue };
            match sockets(uri.url(), port).await {
                Ok(sockets) => return Ok(Self { sockets, redirect_uri: uri.clone() }),
                Err(error) => taken.push(format!("{port} ({error})")),
            }
        }
        if taken.is_empty() {
            return Err(Failure::Usage {
                message: format!("the app {app} has no redirect URI on this machine's loopback"),
                hint: "sign in with --paste, or register one such as http://localhost:7418/callback, at Webex and here"
                    .to_owned(),
            });
        }
        Err(Failure::Other {
            message: format!("cannot listen on any port of the app's redirect URIs: {}", taken.join(", ")),
            hint: Some("end the program that uses it (another sign-in?), or sign in with --paste".to_owned()),
        })
    }

    /// Where Webex must send the browser.
    pub(crate) fn redirect_uri(&self) -> &RedirectUri {
        &self.redirect_uri
    }

    /// Answers requests forever. An answer that is this sign-in's goes to `arrivals`, the first one only; whatever else comes
    /// is told so in the browser and changes nothing.
    pub(crate) async fn serve(self, sign_in: Arc<SignIn>, arrivals: mpsc::Sender<Arrival>) {
        let shared = Arc::new(Shared {
            path: self.redirect_uri.url().path().to_owned(),
            sign_in,
            arrivals: Mutex::new(Some(arrivals)),
        });
        let mut accepting = tokio::task::JoinSet::new();
        for socket in self.sockets {
            accepting.spawn(accept(socket, Arc::clone(&shared)));
        }
        while accepting.join_next().await.is_some() {}
    }
}

#[derive(Debug)]
struct Shared {
    path: String,
    sign_in: Arc<SignIn>,
    /// Taken by the first answer that is this sign-in's.
    arrivals: Mutex<Option<mpsc::Sender<Arrival>>>,
}

fn is_loopback(uri: &Url) -> bool {
    uri.scheme() == "http" && lanyard_secret::SafeUrl::new(uri.clone()).is_loopback()
}

/// `localhost` may be either address to a browser: both are taken where both are there.
async fn sockets(uri: &Url, port: u16) -> std::io::Result<Vec<TcpListener>> {
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    match uri.host() {
        Some(url::Host::Ipv4(address)) => Ok(vec![TcpListener::bind((address, port)).await?]),
        Some(url::Host::Ipv6(address)) => Ok(vec![TcpListener::bind((address, port)).await?]),
        _ => {
            let mut sockets = vec![TcpListener::bind(v4).await?];
            match TcpListener::bind(v6).await {
                Ok(socket) => sockets.push(socket),
                // Another process on the other address could receive the code.
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => return Err(error),
                Err(_) => {}
            }
            Ok(sockets)
        }
    }
}

async fn accept(socket: TcpListener, shared: Arc<Shared>) {
    let service = move |request: Request<Incoming>, guest: Guest| {
        let shared = Arc::clone(&shared);
        async move { page(&respond(&request, &shared, &guest).await) }
    };
    serve_loopback(&socket, &*context::parts().sleep, service).await;
}

async fn respond(request: &Request<Incoming>, shared: &Shared, guest: &Guest) -> Page {
    let plain = |status, title: &str, text: &str| Page { status, title: title.to_owned(), text: text.to_owned() };
    if request.method() != http::Method::GET || request.uri().path() != shared.path {
        return plain(
            StatusCode::NOT_FOUND,
            "Nothing here",
            "This address waits for a sign-in to Webex and has nothing else.",
        );
    }
    let callback = match Callback::from_query(request.uri().query().unwrap_or_default()) {
        Ok(callback) => callback,
        Err(error) => {
            tracing::debug!(%error, "a request to the redirect URI did not answer a sign-in");
            return plain(
                StatusCode::BAD_REQUEST,
                "Not an answer to a sign-in",
                &format!("In what came here, {error}."),
            );
        }
    };
    if !shared.sign_in.recognises(&callback) {
        tracing::debug!("ignored an answer to another sign-in at the redirect URI");
        return plain(
            StatusCode::BAD_REQUEST,
            "This belongs to another sign-in",
            "Its state is not the one that was sent. Use the address that lanyard shows, in one tab only. The sign-in in the \
             terminal still waits.",
        );
    }
    guest.vouch();
    let arrivals = shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(arrivals) = arrivals else {
        return plain(
            StatusCode::CONFLICT,
            "This sign-in is already being finished",
            "Another tab was first. Look at the terminal.",
        );
    };
    let (tell, told) = oneshot::channel();
    if arrivals.send(Arrival { callback, tell }).await.is_err() {
        return plain(StatusCode::GONE, "This sign-in is over", "Look at the terminal.");
    }
    told.await.unwrap_or_else(|_| {
        plain(StatusCode::INTERNAL_SERVER_ERROR, "The sign-in did not finish", "Look at the terminal.")
    })
}

/// Takes the spent code out of the address bar; no other script runs on the page.
const FORGET: &str = "history.replaceState(null, \"\", location.pathname)";

/// Lets [`FORGET`] run, by its SHA-256.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src \
                      'sha256-V43a+G+2x8hYEwnrW7hgLIly2l08tE7yzk+E0n4mo74='; frame-ancestors 'none'";

/// No referrer, nothing from elsewhere, nothing kept.
fn page(page: &Page) -> Response<Full<Bytes>> {
    let escape =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let (title, text) = (escape(&page.title), escape(&page.text));
    let mark = if page.status.is_success() { "ok" } else { "bad" };
    // A refused answer stays in the address bar, for a user who wants to look at it.
    let forget = if page.status.is_success() { format!("<script>{FORGET}</script>") } else { String::new() };
    let body = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title} - Lanyard</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style>\
         {forget}</head>\
         <body><main class=\"{mark}\"><h1>{title}</h1><p>{text}</p><small>Lanyard</small></main></body></html>\n"
    );
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = page.status;
    // One page is all that a browser is here for.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The colours and the card of the local Webex's pages.
const STYLE: &str = ":root{color-scheme:light dark;--ink:#14181f;--muted:#566072;--page:#eef1f5;--card:#fff;--line:#c9d0da;\
    --ok:#0b6b58;--bad:#9d1c2b}@media(prefers-color-scheme:dark){:root{--ink:#eceff4;--muted:#a5afbf;--page:#12161c;\
    --card:#1b2129;--line:#353e4b;--ok:#5fd3b6;--bad:#ff9aa5}}*{box-sizing:border-box}body{margin:0;min-height:100vh;\
    display:grid;place-items:center;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,\
    'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}main{width:calc(100% - 2rem);max-width:29rem;padding:2rem 2.25rem;\
    background:var(--card);border:1px solid var(--line);border-top:.3rem solid;border-radius:.9rem}main.ok{border-top-color:\
    var(--ok)}main.bad{border-top-color:var(--bad)}h1{margin:0 0 .6rem;font-size:1.65rem;line-height:1.25}p{margin:0}\
    small{display:block;margin-top:1.5rem;color:var(--muted)}";

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use sha2::Digest as _;

    use super::*;

    #[test]
    fn the_policy_lets_the_script_of_the_page_run_and_no_other() {
        let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(FORGET));
        assert!(POLICY.contains(&format!("script-src 'sha256-{hash}';")), "{hash}");
    }
}
