//! `lanyard client`: the programs and users that may use the broker, and their policies.

mod expiry;
mod set;
mod user;

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Subcommand};
use lanyard_broker::views::{AddedClientView, ClientView, RemovedClientView};
use lanyard_broker::{
    AddClient, AddedClient, Holding, ListClients, ListRefusedClients, Precheck, RemoveClient, ShowClient, ShownClient,
};
use lanyard_credential::{Capability, CapabilitySet, ClientKey, ClientName, CredentialName, MethodSet, PathPattern};
use lanyard_operation::Class;
use lanyard_protocol::{OrgId, WebexId};

use self::expiry::Expiry;
use self::set::Set;
use self::user::User;
use super::Examples;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::output;
use crate::prompt::Sure;

/// Manage the programs and users that may use the broker
#[derive(Debug, Subcommand)]
pub(crate) enum Client {
    /// Add a client and print its key, which is shown only once
    ///
    /// A client is a program, or a user of this machine, that may use the broker. It may do only what these options allow;
    /// `lanyard client set` changes that later.
    Add(Add),
    /// Show all clients, when each last asked, and whose tokens it holds
    List(List),
    /// Show one client
    Show(Name),
    /// Change what a client may do; its key stays the same
    ///
    /// Each option replaces that part of the policy as a whole, and the other parts stay as they are. A running broker applies the
    /// new policy within a second.
    Set(Set),
    /// Remove a client; a running broker refuses it within a second
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Cut nothing off to fit the terminal
    #[arg(long)]
    wide: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The client
    name: ClientName,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The client
    name: ClientName,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What to call it: lower-case letters, digits, dots, dashes, underscores
    name: ClientName,
    /// A credential that it may use; may be repeated, or hold several separated by commas
    #[arg(
        long = "credential",
        value_name = "NAME",
        value_delimiter = ',',
        required_unless_present = "all_credentials"
    )]
    credentials: Vec<CredentialName>,
    /// It may use every credential, those that are added later too
    #[arg(long, conflicts_with = "credentials")]
    all_credentials: bool,
    /// What it may do, separated by commas: be given an access token (token), call Webex through the broker without ever holding one
    /// (proxy), see the state of credentials (read), test and renew them (refresh), add and clear them (manage), read the broker's
    /// metrics (metrics). None includes another
    #[arg(long = "can", value_name = "CAPABILITY", value_delimiter = ',', required = true, hide_possible_values = true,
        value_parser = PossibleValuesParser::new(Capability::ALL.map(Capability::as_str)).try_map(|word| word.parse::<Capability>()))]
    capabilities: Vec<Capability>,
    /// With proxy: the methods that it may call Webex with, separated by commas, such as GET,POST [default: any]
    #[arg(long, value_name = "METHODS")]
    methods: Option<MethodSet>,
    /// With proxy: the paths that it may call, separated by commas, without the /v1 that they begin with; `*` stands for one segment,
    /// `**` at the end for all that follow, such as /people/*,/devices/** [default: any that exposes no credential; a path
    /// that does must be named exactly]
    #[arg(long, value_name = "PATHS", value_delimiter = ',')]
    paths: Option<Vec<PathPattern>>,
    /// With proxy: the id of the one organisation that its calls may be about
    #[arg(long, value_name = "ORGANISATION", value_parser = organisation)]
    org: Option<OrgId>,
    /// When its access expires: a duration (30d, 12h, 90m) or a time (2027-01-31T18:00:00Z) [default: never]
    #[arg(long, value_name = "TIME")]
    expires: Option<Expiry>,
    /// The local user that this client is, by name or number; needs no key on the clients' socket
    #[arg(long, value_name = "USER")]
    user: Option<User>,
}

fn organisation(text: &str) -> Result<OrgId, String> {
    let named = WebexId::decode(text)
        .map_or(text.to_owned(), |id| if id.kind == "ORGANIZATION" { id.value } else { String::new() });
    let uuid = named.len() == 36 && named.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if uuid {
        return Ok(OrgId::new(text));
    }
    Err("an organisation's id is a UUID, or the longer text that Webex writes it as; lanyard --json show has it"
        .to_owned())
}

impl Client {
    pub(crate) async fn run(self, common: &Common) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(command) => command.run(common).await?,
            Self::List(List { wide }) => list(wide, common).await?,
            Self::Show(Name { name }) => {
                let shown = common.broker().await?.perform(ShowClient { name }).await?;
                if common.json {
                    output::json::view(&ClientView::of(&shown))?;
                } else {
                    output::block(&output::client::show(&shown, context::parts().clock.now().wall))?;
                }
            }
            Self::Set(command) => command.run(common).await?,
            Self::Remove(Remove { name, sure }) => {
                let broker = common.broker().await?;
                if sure.asks() {
                    broker.perform(Precheck::Change).await?;
                    match broker.perform(ShowClient { name: name.clone() }).await {
                        Err(error) if error.class() == Class::NoSuchName => return Err(error.into()),
                        // One that is refused, because it was altered, can be removed.
                        _ => {}
                    }
                    sure.confirm(&format!(
                        "Remove the client {name}? Its key stops working immediately and cannot be restored"
                    ))?;
                }
                let shown = broker.perform(RemoveClient { name }).await?;
                removed(&shown, common)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    async fn run(self, common: &Common) -> Result<(), Failure> {
        let now = context::parts().clock.now().wall;
        let expires_at = self.expires.as_ref().map(|expiry| expiry.from(now)).transpose()?;
        let uid = self.user.as_ref().map(User::number).transpose()?;
        let capabilities: CapabilitySet = self.capabilities.iter().copied().collect();
        let credentials = (!self.all_credentials).then(|| self.credentials.clone());
        let (methods, paths) = (self.methods, self.paths);
        let call =
            AddClient { name: self.name, capabilities, credentials, methods, paths, org: self.org, expires_at, uid };
        let broker = common.broker().await?;
        let added = broker.perform(call).await?;
        // As `client show` has it.
        let mut credentials = self.credentials;
        credentials.sort_unstable();
        credentials.dedup();
        let AddedClient { client, key } = added;
        warn_of_pointless(&client, [true; 3]);
        if let Some(uid) = uid
            && context::is_on_server(&common.home()?)
        {
            output::note(&format!(
                "warning: this client is user {uid} on every machine that uses this store, even if that user is a different person there"
            ));
        }
        let shown = ShownClient { client, credentials, last_used: None, holds: Vec::new() };
        let told = tell(&shown, key.as_ref(), common.json);
        if key.is_some() && (told.is_err() || output::reader_gone()) {
            // A client whose key was not read is of no use.
            let name = shown.client.name;
            broker.perform(RemoveClient { name: name.clone() }).await?;
            return Err(Failure::Other {
                message: format!("the key could not be printed, so the client {name} was removed again"),
                hint: Some("run the command again, and read its standard output".to_owned()),
            });
        }
        told
    }
}

/// Warns of limits that have no effect, or less than they seem to have. `about` says which of them to look at: methods, paths and
/// organisation.
fn warn_of_pointless(client: &lanyard_credential::Client, about: [bool; 3]) {
    let limits =
        [("--methods", client.methods.is_some()), ("--paths", client.paths.is_some()), ("--org", client.org.is_some())];
    let named = limits.into_iter().zip(about).filter(|((_, is_set), about)| *is_set && *about);
    let named: Vec<_> = named.map(|((option, _), _)| option).collect();
    if named.is_empty() {
        return;
    }
    let named = named.join(", ");
    if !client.capabilities.contains(Capability::Proxy) {
        output::note(&format!("warning: no effect without the capability proxy: {named}"));
    } else if client.capabilities.contains(Capability::Token) {
        output::note(&format!(
            "warning: a client with the capability token can call Webex past the broker, where no limit holds: {named}"
        ));
    }
}

async fn list(wide: bool, common: &Common) -> Result<(), Failure> {
    let (refused, clients) = match common.broker_if_any().await? {
        Some(broker) => (broker.perform(ListRefusedClients).await?, broker.perform(ListClients).await?),
        None => (Vec::new(), Vec::new()),
    };
    for one in &refused {
        output::note(&format!("warning: {one}"));
    }
    if let Some(one) = refused.first() {
        output::note(&format!("hint: {}", one.hint()));
    }
    if common.json {
        return output::json::view(&clients.iter().map(ClientView::of).collect::<Vec<_>>());
    }
    if clients.is_empty() {
        if !refused.is_empty() {
            return Ok(());
        }
        output::note("there is no client yet; add one: lanyard client add NAME --credential CREDENTIAL --can proxy");
        return Ok(());
    }
    let room = if wide { None } else { output::table::room() };
    output::block(&output::client::list(&clients, context::parts().clock.now().wall, room))
}

fn removed(shown: &ShownClient, common: &Common) -> Result<(), Failure> {
    let name = &shown.client.name;
    if common.json {
        return output::json::view(&RemovedClientView::of(shown));
    }
    let key = if shown.client.uid.is_some() { "" } else { "; its key no longer works" };
    output::note(&format!("removed the client {name}{key}"));
    note_tokens(&shown.holds.iter().collect::<Vec<_>>());
    Ok(())
}

/// Lists tokens that a client could not be given any more, and has.
fn note_tokens(holds: &[&Holding]) {
    if !holds.is_empty() {
        output::note("it still holds tokens, and can use them at Webex directly:");
        for holding in holds {
            output::note(&format!("  {}", output::client::holding(holding)));
        }
    }
}

/// Shows a new client, and its key.
fn tell(shown: &ShownClient, key: Option<&ClientKey>, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return output::json::view(&AddedClientView::of(shown, key));
    }
    output::note(&format!("added the client {}: {}", shown.client.name, output::client::summary(shown)));
    let Some(key) = key else {
        output::note("it has no key: it is recognised on the broker's socket for clients by its user");
        return Ok(());
    };
    output::note("its key follows, and is never shown again; it is sent as Authorization: Bearer KEY");
    output::line(key.expose_secret())
}

pub(super) const EXAMPLES: &[Examples] = &[
    (
        "client add",
        &[
            "lanyard client add report --credential fleet --can token --expires 8h",
            "lanyard client add dashboard --credential fleet --can proxy \\\n      --methods GET --paths '/devices/**'",
        ],
    ),
    ("client list", &["lanyard client list"]),
    ("client show", &["lanyard client show report"]),
    (
        "client set",
        &[
            "lanyard client set report --expires 30d",
            "lanyard client set dashboard --credential fleet,lobby --methods any",
        ],
    ),
    ("client remove", &["lanyard client remove report --yes"]),
];
