//! The machinery that connections are made with.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use lanyard_secret::{OddLetter, SafeUrl};
use thiserror::Error;
use tokio::runtime::{Handle, Id};

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

/// HTTP clients, each built on first use. Calls to loopback never use a proxy or TLS; all other calls use both.
#[derive(Debug)]
pub(crate) struct Clients {
    /// How long a whole exchange may take; `None` for as long as it goes on.
    whole: Option<Duration>,
    /// Whether each runtime has clients of its own.
    per_runtime: bool,
    built: ArcSwap<Vec<Built>>,
}

/// A client, and what it is for.
#[derive(Clone, Debug)]
struct Built {
    purpose: (bool, Option<Id>),
    client: Arc<reqwest::Client>,
}

impl Clients {
    pub(crate) fn new(whole: Option<Duration>) -> Self {
        Self { whole, per_runtime: false, built: ArcSwap::default() }
    }

    /// Creates clients for long-lived runtimes. Each runtime has its own client and drives its connections itself, because a
    /// connection of another runtime would wake another thread for each piece that arrives.
    pub(crate) fn per_runtime() -> Self {
        Self { per_runtime: true, ..Self::new(None) }
    }

    /// The client for an address.
    pub(crate) fn of(&self, url: &SafeUrl) -> Result<Arc<reqwest::Client>, SetupError> {
        let runtime = if self.per_runtime { Handle::try_current().ok().map(|handle| handle.id()) } else { None };
        let purpose = (url.is_loopback(), runtime);
        if let Some(built) = self.built.load().iter().find(|built| built.purpose == purpose) {
            return Ok(Arc::clone(&built.client));
        }
        let client = Arc::new(self.build(url.is_loopback())?);
        // If another thread was faster, its client is kept, and the connections of this one end with their calls.
        self.built.rcu(|built| {
            let mut built = Vec::clone(built);
            built.push(Built { purpose, client: Arc::clone(&client) });
            built
        });
        Ok(client)
    }

    fn build(&self, is_local: bool) -> Result<reqwest::Client, SetupError> {
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
        if is_local {
            builder = builder.no_proxy().tls_certs_only([]);
        } else {
            proxy_variables::check()?;
            builder = builder.https_only(true);
        }
        builder.build().map_err(SetupError::Client)
    }

    /// Lets go of the connections that are kept open. Calls under way go on.
    pub(crate) fn forget(&self) {
        self.built.store(Arc::default());
    }
}

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
