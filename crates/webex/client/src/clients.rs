//! The machinery that connections are made with.

use std::sync::OnceLock;
use std::time::Duration;

use lanyard_secret::SafeUrl;

/// Two clients, each built when it is first needed: to loopback no proxy and no TLS is ever used, to the rest of the world both are.
#[derive(Debug)]
pub(crate) struct Clients {
    /// How long a whole exchange may take; `None` for as long as it goes on.
    whole: Option<Duration>,
    remote: OnceLock<reqwest::Client>,
    local: OnceLock<reqwest::Client>,
}

impl Clients {
    pub(crate) fn new(whole: Option<Duration>) -> Self {
        Self { whole, remote: OnceLock::new(), local: OnceLock::new() }
    }

    /// The client for an address.
    pub(crate) fn of(&self, url: &SafeUrl) -> Result<&reqwest::Client, reqwest::Error> {
        let cell = if url.is_loopback() { &self.local } else { &self.remote };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        // An earlier call may have installed it; then that one stays.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT)
            .user_agent(concat!("lanyard/", env!("CARGO_PKG_VERSION")));
        if let Some(whole) = self.whole {
            builder = builder.timeout(whole);
        }
        if url.is_loopback() {
            builder = builder.no_proxy().tls_certs_only([]);
        } else {
            builder = builder.https_only(true);
        }
        let built = builder.build()?;
        Ok(cell.get_or_init(|| built))
    }
}

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
