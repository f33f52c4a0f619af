//! `lanyard serve`: the broker.

mod group;

use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lanyard_broker::{Broker, HandOutOptions, RefresherOptions};
use lanyard_home::{Home, HomeError, HttpAddress, ServeSettings, Settings};
use lanyard_protocol::Environment;
use lanyard_server::{ClientsSocket, Http, Options, TlsFiles, Told};
use sd_notify::NotifyState;

use super::Examples;
use crate::channel_settings::{applied, twice, twice_hint};
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::numbers;
use crate::output::log::Format;
use crate::signals::Orders;

/// Run the broker, which keeps every credential alive and hands out tokens
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Also listen on TCP, for programs that have a client key; beyond loopback only with a certificate
    #[arg(long, value_name = "ADDRESS")]
    http: Option<HttpAddress>,
    /// A host name that clients may use over TCP, besides the address; may be repeated
    #[arg(long = "http-name", value_name = "NAME")]
    http_names: Vec<String>,
    /// The API address of a Webex for which clients may add credentials, besides those that the home has; may be repeated
    #[arg(long = "allow-environment", value_name = "URL")]
    allow_environments: Vec<String>,
    /// The certificate for TCP and its chain, in PEM; read again on SIGHUP
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Also listen on a Unix socket, for other local users
    #[arg(long, value_name = "PATH")]
    clients_socket: Option<PathBuf>,
    /// The group that may connect to it, by name or number [default: your own]
    #[arg(long, value_name = "GROUP")]
    clients_group: Option<String>,
    /// The directory for the owner's socket. Prefer `serve.sockets` in lanyard.toml, where commands look for it [default: the home]
    #[arg(long, value_name = "DIR")]
    sockets: Option<PathBuf>,
    /// For how long (900, 15m) tokens are handed out while the store cannot be read [default: 15m]
    #[arg(long, value_name = "TIME", value_parser = numbers::seconds)]
    max_stale: Option<u64>,
    /// How many renewals and checks begin in a second, for each app; brokers that share a store share this rate [default: 20]
    #[arg(long, value_name = "NUMBER", value_parser = numbers::at_least_one)]
    rotations_per_second: Option<NonZeroU32>,
    /// Log format [default: human on a terminal, json otherwise]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) log: Option<Format>,
}

impl Serve {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        let mut orders = Orders::new()?;
        let home = common.home()?;
        if !context::is_on_server(&home) {
            refuse_lost(&home)?;
        }
        let settings = Settings::read(&home)?;
        // A server's database that is empty is more likely the wrong one, or one that was restored without its store, than a new one.
        let is_on_server = context::is_on_server(&home);
        let opened = Box::pin(async { if is_on_server { common.local().await } else { common.local_or_new().await } });
        // Where the home's key is kept may be slow to answer; nothing is under way that a signal would have to wait for.
        let broker = tokio::select! {
            biased;
            number = orders.any() => return Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX))),
            broker = opened => broker?,
        };
        let broker = applied(broker, settings.clone(), &home)?;
        refuse_equal_names(&broker).await?;
        for program in broker.missing_programs() {
            tracing::warn!(hint = "install it, or correct the command in lanyard.toml", "{program}");
        }
        let options = self.options(settings.serve, broker.store().home().to_owned())?;
        lanyard_server::serve(broker, options, async || orders.next().await, |told| tell(&told)).await?;
        Ok(ExitCode::SUCCESS)
    }

    /// Options on the command line override the settings.
    fn options(self, settings: ServeSettings, home: PathBuf) -> Result<Options, Failure> {
        let clients = self.clients_socket.or(settings.clients_socket);
        let group = self.clients_group.or(settings.clients_group);
        let group = group.map(|group| group::number(&group)).transpose()?;
        let names = if self.http_names.is_empty() { settings.http_names } else { self.http_names };
        let environments =
            if self.allow_environments.is_empty() { settings.allow_environments } else { self.allow_environments };
        let environments = environments.iter().map(|url| environment(url)).collect::<Result<_, _>>()?;
        let certificate = self.tls_certificate.or(settings.tls_certificate);
        let key = self.tls_key.or(settings.tls_key);
        let http = self.http.or(settings.http);
        let lacks = |what: &str, needed: &str| Failure::Usage {
            message: format!("{what} requires {needed}"),
            hint: format!("give {needed} too, on the command line or in lanyard.toml"),
        };
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (Some(_), None) => return Err(lacks("a certificate", "--tls-key")),
            (None, Some(_)) => return Err(lacks("a certificate's key", "--tls-certificate")),
            (None, None) => None,
        };
        if let Some(odd) = names.iter().find(|name| !may_be_host(name)) {
            return Err(Failure::Usage {
                message: format!("{odd:?} cannot be a machine's name"),
                hint: "give it as clients have it in the address: lanyard.example, or lanyard.example:7417".to_owned(),
            });
        }
        if http.is_none() && (tls.is_some() || !names.is_empty()) {
            return Err(lacks("a certificate or a name for TCP", "--http"));
        }
        if clients.is_none() && group.is_some() {
            return Err(lacks("a group", "--clients-socket"));
        }
        let max_stale = self.max_stale.or(settings.max_stale).map(Duration::from_secs);
        let hand_outs = HandOutOptions::default();
        let refresher = RefresherOptions::default();
        let rate = self.rotations_per_second.or(settings.rotations_per_second).map(|rate| f64::from(rate.get()));
        Ok(Options {
            sockets: self.sockets.or(settings.sockets).unwrap_or(home),
            clients: clients.map(|path| ClientsSocket { path, group }),
            http: http.map(|address| Http { address, names, tls }),
            environments,
            hand_outs: HandOutOptions { max_stale: max_stale.unwrap_or(hand_outs.max_stale), ..hand_outs },
            refresher: RefresherOptions { rate: rate.unwrap_or(refresher.rate), ..refresher },
            ..Options::default()
        })
    }
}

/// Refuses a home that had a database: a broker that is restarted automatically must not begin an empty one in its place, where a
/// person is about to put the right one.
fn refuse_lost(home: &Home) -> Result<(), HomeError> {
    let is_missing = |path: &Path| matches!(path.symlink_metadata(), Err(error) if error.kind() == ErrorKind::NotFound);
    let (key, database) = (home.key_file(), home.database());
    if is_missing(&database) && !is_missing(&key) { Err(HomeError::Lost { key, database }) } else { Ok(()) }
}

/// Refuses a channel of `lanyard.toml` with the name of another one: commands could not tell them apart.
async fn refuse_equal_names(broker: &Broker) -> Result<(), Failure> {
    match broker.channels_in_both().await.first() {
        None => Ok(()),
        Some(name) => Err(Failure::Usage { message: twice(name), hint: twice_hint(name) }),
    }
}

/// An environment to which clients may add credentials.
fn environment(url: &str) -> Result<Environment, Failure> {
    Environment::at(url).map_err(|error| Failure::Usage {
        message: format!("invalid --allow-environment: {error}"),
        hint: "give the base of its API, for example https://webex.example.com/v1".to_owned(),
    })
}

/// Whether a `Host` header could say this.
fn may_be_host(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_:[]".contains(c))
}

/// Says it in the log, and to the service manager where one started this process.
fn tell(told: &Told) {
    let states: &[NotifyState<'_>] = match told {
        Told::Ready(ready) => {
            tracing::info!(
                socket = %ready.owner.display(),
                http = ready.http.map(tracing::field::display),
                names = ready.names.as_ref().map(|names| names.join(" ")),
                credentials = ready.credentials,
                "ready"
            );
            &[NotifyState::Ready]
        }
        Told::Reloading => return,
        Told::Reloaded => {
            tracing::info!("reloaded");
            return;
        }
        Told::Stopping => &[NotifyState::Stopping],
    };
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

pub(super) const EXAMPLES: &[Examples] = &[("serve", &["lanyard serve", "lanyard serve --http 127.0.0.1:7417"])];
