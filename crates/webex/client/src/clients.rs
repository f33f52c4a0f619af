//! The machinery that connections are made with.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use lanyard_secret::{OddLetter, SafeUrl};
use thiserror::Error;

use crate::proxy_variables::{self, UnusableProxy};

/// Why this side cannot send anything.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The machinery of connections could not be built.
    #[error("no connection can be made")]
    Client(#[source] reqwest::Error),
    /// A proxy is named in a way that cannot be read. To go past it would break the network's rules.
    #[error(transparent)]
    Proxy(#[from] UnusableProxy),
    /// The token cannot stand in a header.
    #[error("the access token cannot be sent: {0}, which is invalid in a token")]
    Token(OddLetter),
}

/// Two clients, each built when it is first needed: to loopback no proxy and no TLS is ever used, to the rest of the world both are.
#[derive(Debug)]
pub(crate) struct Clients {
    /// How long a whole exchange may take; `None` for as long as it goes on.
    whole: Option<Duration>,
    remote: ArcSwapOption<reqwest::Client>,
    local: ArcSwapOption<reqwest::Client>,
}

impl Clients {
    pub(crate) fn new(whole: Option<Duration>) -> Self {
        Self { whole, remote: ArcSwapOption::empty(), local: ArcSwapOption::empty() }
    }

    /// The client for an address.
    pub(crate) fn of(&self, url: &SafeUrl) -> Result<Arc<reqwest::Client>, SetupError> {
        let cell = if url.is_loopback() { &self.local } else { &self.remote };
        if let Some(client) = cell.load_full() {
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
            proxy_variables::check()?;
            builder = builder.https_only(true);
        }
        let built = Arc::new(builder.build().map_err(SetupError::Client)?);
        // Should another have been faster, its connections are as good.
        cell.store(Some(Arc::clone(&built)));
        Ok(built)
    }

    /// Lets go of the connections that are kept open. Calls under way go on.
    pub(crate) fn forget(&self) {
        self.remote.store(None);
        self.local.store(None);
    }
}

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
