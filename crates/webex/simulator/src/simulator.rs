//! Starting and stopping.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use lanyard_protocol::PersonType;
use lanyard_secret::SecretText;
use lanyard_time::{Clock, Entropy, SeededEntropy};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use url::Url;

use crate::behaviour::Behaviour;
use crate::deliver::{LONGEST_QUEUE, deliver};
use crate::description::{
    BotAccount, Description, IntegrationApp, OrganisationName, PersonalAccount, ServiceApp, SignIn,
};
use crate::issuer::{App, BOT_TOKEN_LIFE, Issuer, PERSONAL_TOKEN_LIFE, Rights, Terms, all_scopes, fleet_scopes};
use crate::webex::{Setting, State as Everything, Webex};
use crate::world::{Account, Delivery, Directory, Plan, Rooms, application_id};
use crate::{Options, random, routes, wire};

/// A running local Webex. Dropping it cuts every connection; [`stop`](Self::stop) lets them finish.
#[derive(Debug)]
pub struct Simulator {
    description: Description,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    delivering: JoinHandle<()>,
}

/// Why a simulator did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address reaches beyond this machine, and that was not asked for.
    #[error("{0} can be reached from other machines; a simulator listens on loopback unless remote access is allowed")]
    NotLoopback(SocketAddr),
    /// A redirect URI that cannot be registered.
    #[error("{0:?} is no redirect URI")]
    RedirectUri(String),
    /// The address could not be taken.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
}

impl Simulator {
    /// Makes up the organisation and starts to listen. Must be called within a tokio runtime, which then serves it.
    #[expect(clippy::unused_async, reason = "it needs a runtime, and an async signature says so")]
    pub async fn start(options: Options, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, StartError> {
        if !options.allow_remote && !options.listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(options.listen));
        }
        if let Some(wrong) = options.redirect_uris.iter().find(|uri| Url::parse(uri).is_err()) {
            return Err(StartError::RedirectUri(wrong.clone()));
        }
        let listening = wire::listen(options.listen).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listening.map_err(|source| StartError::Listen { address: options.listen, source })?;
        let (stop, stopping) = watch::channel(false);
        let (deliveries, queue) = mpsc::channel(LONGEST_QUEUE);
        let parts = Parts { clock, entropy, stopping: stopping.clone(), deliveries };
        let (webex, description) = furnish(&options, reachable(address), parts);
        let router = routes::router(webex.clone());
        let delivering = tokio::spawn(deliver(webex.clone(), queue));
        let serving = tokio::spawn(wire::serve(listener, webex, router, stopping));
        Ok(Self { description, stop, serving, delivering })
    }

    /// Where it listens, and whom it knows.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Accepts no more, gives up calls that are being delayed, sends the replies under way and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // A task that panicked has ended too.
        let _ = (&mut self.serving).await;
        self.delivering.abort();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.serving.abort();
        self.delivering.abort();
    }
}

/// An address to reach the listener at from this machine.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

/// The parts that a simulator is made from.
struct Parts {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    stopping: watch::Receiver<bool>,
    deliveries: mpsc::Sender<Delivery>,
}

/// Makes the organisation, its apps and its first tokens.
fn furnish(options: &Options, address: SocketAddr, parts: Parts) -> (Webex, Description) {
    let Parts { clock, entropy, stopping, deliveries } = parts;
    let directory = Directory::from_seed(options.seed, options.people)
        .with_others(options.seed, options.organisations.saturating_sub(1));
    let behaviour = Behaviour::new(options);
    let mut issuer = Issuer::new(directory.id);
    issuer.note_elsewhere(directory.elsewhere());
    let terms = Terms { now: clock.now().wall, behaviour: &behaviour, entropy: &*entropy };
    // Client ids belong to the organisation: a sequence of their own, so that they do not depend on how many people there are.
    let ids = SeededEntropy::new(!options.seed);
    let integration = register_integration(&mut issuer, options, &ids, &*entropy);
    let service_app = authorise_service_app(&mut issuer, &directory, &ids, terms);
    let bot = machine(&directory, &PersonType::Bot);
    let admin = directory.administrator();
    let mut token = |account: &Account, rights, life| {
        issuer
            .issue_without_app(account.id, rights, life, terms)
            .expect("an account without tokens gets one")
            .expose_secret()
            .to_owned()
    };
    let control_key = random::text(&*entropy);
    let password = random::hexadecimal(&random::bytes::<6>(&*entropy));
    let base_url = format!("http://{address}/v1");
    let description = Description {
        control_url: format!("http://{address}/_sim"),
        control_key: control_key.clone(),
        organisation: OrganisationName { id: directory.webex_id().as_str().to_owned(), name: directory.name.clone() },
        admin: SignIn { email: admin.email.clone(), password: password.clone() },
        bot: BotAccount { email: bot.email.clone(), access_token: token(bot, Rights::Bot, BOT_TOKEN_LIFE) },
        personal: PersonalAccount {
            email: admin.email.clone(),
            access_token: token(admin, Rights::Person, PERSONAL_TOKEN_LIFE),
        },
        integration,
        service_app,
        portal_url: format!("http://{address}/portal"),
        hub_url: format!("http://{address}/hub"),
        base_url: base_url.clone(),
    };
    let setting = Setting {
        allow_remote: options.allow_remote,
        base_url,
        control_key: SecretText::new(control_key),
        password: SecretText::new(password),
        clock,
        entropy,
        sleep: Arc::clone(&options.sleep),
        stopping,
    };
    let rooms = furnish_rooms(options, &directory);
    let webex = Webex::new(setting, directory, rooms, issuer, behaviour, deliveries);
    {
        let mut state = webex.state();
        let Everything { directory, spaces, .. } = &mut *state;
        spaces.furnish(options.seed, directory);
    }
    (webex, description)
}

/// Workspaces and devices of every organisation; those of a customer are few.
fn furnish_rooms(options: &Options, directory: &Directory) -> Rooms {
    let mut rooms = Rooms::new(options.lively);
    let people: Vec<_> =
        directory.listed_in(directory.id).filter(|account| account.signs_in).map(|account| account.id).collect();
    rooms.furnish(&Plan { seed: options.seed, organisation: directory.id, devices: options.devices, people: &people });
    for (number, (customer, ..)) in directory.all().enumerate().skip(1) {
        let seed = options.seed.wrapping_add(number as u64);
        let devices = options.devices.min(DEVICES_OF_A_CUSTOMER);
        rooms.furnish(&Plan { seed, organisation: customer, devices, people: &[] });
    }
    rooms
}

/// How many devices an organisation beside the first has.
const DEVICES_OF_A_CUSTOMER: usize = 4;

fn machine<'o>(directory: &'o Directory, kind: &PersonType) -> &'o Arc<Account> {
    directory.first_of(kind).expect("every organisation is made with a bot and a machine account")
}

fn register_integration(
    issuer: &mut Issuer,
    options: &Options,
    ids: &dyn Entropy,
    entropy: &dyn Entropy,
) -> IntegrationApp {
    let client_id = App::new_client_id(ids);
    let mut redirect_uris: Vec<_> = LOOPBACK_PORTS
        .flat_map(|port| ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}/callback")))
        .collect();
    redirect_uris.extend(options.redirect_uris.iter().cloned());
    let app = App {
        name: "Lanyard Integration".to_owned(),
        owner: None,
        secret: App::new_secret(entropy),
        redirect_uris,
        scopes: all_scopes(false),
    };
    let described = IntegrationApp {
        client_id: client_id.as_str().to_owned(),
        client_secret: app.secret.expose_secret().to_owned(),
        redirect_uris: app.redirect_uris.clone(),
        scopes: app.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
    };
    issuer.register(client_id, app);
    described
}

fn authorise_service_app(
    issuer: &mut Issuer,
    directory: &Directory,
    ids: &dyn Entropy,
    terms: Terms<'_>,
) -> ServiceApp {
    let client_id = App::new_client_id(ids);
    let app = App {
        name: "Fleet Service App".to_owned(),
        owner: None,
        secret: App::new_secret(terms.entropy),
        redirect_uris: Vec::new(),
        scopes: fleet_scopes(),
    };
    let secret = app.secret.expose_secret().to_owned();
    let granted = app.scopes.clone();
    issuer.register(client_id.clone(), app);
    let machine = machine(directory, &PersonType::AppUser).id;
    let application_id = application_id(&client_id);
    issuer.register_application(application_id.clone(), client_id.clone());
    issuer.note_authorisation(&application_id, directory.id, machine);
    let refresh = issuer.authorise_service_app(client_id.clone(), machine, granted, terms);
    ServiceApp {
        application_id,
        client_id: client_id.as_str().to_owned(),
        client_secret: secret,
        refresh_token: refresh.expose_secret().to_owned(),
        organisation_id: directory.webex_id().as_str().to_owned(),
    }
}

/// Webex wants a redirect URI to match exactly, its port included: an app for a loopback listener registers a few.
const LOOPBACK_PORTS: std::ops::RangeInclusive<u16> = 7418..=7425;
