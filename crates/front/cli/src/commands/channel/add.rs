//! `lanyard channel add`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use lanyard_broker::{AddChannel, ChannelName, ChannelView, Show};
use lanyard_channel::{
    Address, AlertmanagerAuth, AlertmanagerTarget, JsonTarget, MailAddress, MailServer, MailTarget, RoomId, Rules,
    Severity, SpaceTarget, Target, TargetError, Template, TypePattern, WebhookSecret, WebhookTarget,
};
use lanyard_credential::{CredentialName, Kind, Label, LabelKey};
use lanyard_secret::SecretText;
use serde::Serialize;

use crate::access::Access;
use crate::channel_settings::at_least_a_minute;
use crate::context::{self, Common};
use crate::exit::Failure;
use crate::{numbers, output, prompt};

#[derive(Debug, Subcommand)]
pub(crate) enum Add {
    /// Add a webhook: CloudEvents in JSON, signed as Standard Webhooks describes
    Webhook(Webhook),
    /// Add a Prometheus Alertmanager
    Alertmanager(Alertmanager),
    /// Add an HTTP API that expects its own JSON, such as ServiceNow
    Json(Json),
    /// Add a Webex space
    Space(Space),
    /// Send events by mail
    Mail(Mail),
}

/// The options of every kind of channel.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Deliver only events of this type: credential.expiring, credential.*; may be repeated [default: all but heartbeat]
    #[arg(long = "event", value_name = "TYPE")]
    types: Vec<TypePattern>,
    /// Deliver only events of at least this severity: info, warning or critical
    #[arg(long, value_name = "SEVERITY", value_parser = Severity::of)]
    severity: Option<Severity>,
    /// Deliver only events about credentials of this kind; may be repeated
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<Kind>,
    /// Deliver only events about credentials with this label; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<Label>,
    /// Also send a heartbeat this often (1h, 1d), so that the receiver can alert when heartbeats stop
    #[arg(long, value_name = "TIME", value_parser = heartbeat)]
    heartbeat: Option<Duration>,
    /// Add it without sending a test event first
    #[arg(long)]
    untested: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Webhook {
    /// The channel's name
    name: ChannelName,
    /// The https URL, or @FILE to read it from a file
    #[arg(value_name = "URL")]
    url: String,
    /// A file with the signing secret (whsec_…) [default: a new secret, printed once]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Allow a private or loopback address
    #[arg(long)]
    allow_private: bool,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(crate) struct Alertmanager {
    /// The channel's name
    name: ChannelName,
    /// The URL of Alertmanager, without /api/v2/alerts
    #[arg(value_name = "URL")]
    url: String,
    /// A file with Alertmanager's bearer token
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_file"])]
    token_file: Option<PathBuf>,
    /// The user name for Alertmanager
    #[arg(long, value_name = "NAME", requires = "password_file")]
    username: Option<String>,
    /// A file with the password for Alertmanager
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// A label of credentials that becomes a label of alerts; may be repeated
    #[arg(long = "alert-label", value_name = "KEY")]
    alert_labels: Vec<LabelKey>,
    /// Allow a private or loopback address
    #[arg(long)]
    allow_private: bool,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(crate) struct Json {
    /// The channel's name
    name: ChannelName,
    /// The https URL, or @FILE to read it from a file
    #[arg(value_name = "URL")]
    url: String,
    /// A JSON file; placeholders such as {{data.summary}} are replaced with members of the event (lanyard events --schema)
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// A header to send, with a file that contains its whole value (Bearer …, Basic …); may be repeated
    #[arg(long = "header", value_name = "NAME=FILE", value_parser = header)]
    headers: Vec<(String, PathBuf)>,
    /// Allow a private or loopback address
    #[arg(long)]
    allow_private: bool,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(crate) struct Space {
    /// The channel's name
    name: ChannelName,
    /// The id of the space, as lanyard api NAME rooms lists it
    #[arg(value_name = "ROOM")]
    room: RoomId,
    /// The credential that posts messages, such as a bot in the space
    #[arg(long, value_name = "NAME")]
    credential: CredentialName,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, Args)]
pub(crate) struct Mail {
    /// The channel's name
    name: ChannelName,
    /// A recipient; may be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    to: Vec<MailAddress>,
    /// The sender
    #[arg(long, value_name = "ADDRESS")]
    from: MailAddress,
    // Its schemes are no links, and help has no backticks.
    #[arg(long, value_name = "SERVER", help = "The server: smtp://HOST:587 (with STARTTLS) or smtps://HOST")]
    server: MailServer,
    /// The user name at the server
    #[arg(long, value_name = "NAME", requires = "password_file")]
    username: Option<String>,
    /// A file with the password at the server
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Allow a server with a private address
    #[arg(long)]
    allow_private: bool,
    /// Send without TLS, to a server on this machine only
    #[arg(long)]
    allow_plaintext: bool,
    #[command(flatten)]
    wanted: Wanted,
}

impl Add {
    pub(super) async fn run(self, common: &Common) -> Result<(), Failure> {
        let home = common.home()?.directory;
        let is_new = !home.exists();
        let broker = common.broker_or_new_with_channels().await?;
        if is_new {
            // A mistyped directory would keep the channel from the home that it is meant for.
            output::note(&format!("created a home in {}", home.display()));
        }
        match self {
            Self::Webhook(command) => command.run(&broker, common).await,
            Self::Alertmanager(command) => {
                let Alertmanager {
                    name,
                    url,
                    token_file,
                    username,
                    password_file,
                    alert_labels,
                    allow_private,
                    wanted,
                } = command;
                let auth = match (token_file, username, password_file) {
                    (Some(file), ..) => Some(AlertmanagerAuth::Bearer { token: token(&file)? }),
                    (None, Some(username), Some(file)) => {
                        Some(AlertmanagerAuth::Basic { username, password: secret(&file)? })
                    }
                    _ => None,
                };
                let url = address(&url)?;
                let target = AlertmanagerTarget { url, auth, labels: alert_labels, allow_private };
                add(&broker, name, Target::Alertmanager(target), wanted, common).await
            }
            Self::Json(command) => {
                let Json { name, url, template, headers, allow_private, wanted } = command;
                let text = prompt::text(&template)?;
                let template = Template::from_str(&text).map_err(usage)?;
                let headers: BTreeMap<_, _> = headers
                    .into_iter()
                    .map(|(name, file)| Ok((name, secret(&file)?)))
                    .collect::<Result<_, Failure>>()?;
                let target = JsonTarget { url: address(&url)?, headers, template, allow_private };
                add(&broker, name, Target::Json(target), wanted, common).await
            }
            Self::Space(Space { name, room, credential, wanted }) => {
                let credential = broker.perform(Show { name: credential }).await?.credential.id;
                add(&broker, name, Target::Space(SpaceTarget { credential, room }), wanted, common).await
            }
            Self::Mail(command) => {
                let Mail { name, to, from, server, username, password_file, allow_private, allow_plaintext, wanted } =
                    command;
                let password = password_file.map(|file| secret(&file)).transpose()?;
                let target = MailTarget { server, username, password, from, to, allow_private, allow_plaintext };
                add(&broker, name, Target::Mail(target), wanted, common).await
            }
        }
    }
}

impl Webhook {
    async fn run(self, broker: &Access, common: &Common) -> Result<(), Failure> {
        let Self { name, url, secret_file, allow_private, wanted } = self;
        let url = address(&url)?;
        let given = match &secret_file {
            Some(file) => {
                let text = prompt::secret("webhook secret", "--secret-file", Some(file))?;
                Some(text.trim().parse::<WebhookSecret>().map_err(usage)?)
            }
            None => None,
        };
        let is_new = given.is_none();
        let secret = given.unwrap_or_else(|| WebhookSecret::random(&*context::parts().entropy));
        let shown = secret.expose_text();
        let target = Target::Webhook(WebhookTarget { url, secret, allow_private });
        let view = added(broker, name, target, wanted).await?;
        if common.json {
            // A secret that the caller gave is not repeated.
            let secret = is_new.then_some(&**shown);
            return output::json::print(&WithSecret { channel: &view, secret });
        }
        if is_new {
            output::line(&shown)?;
            output::note("this secret is shown once; give it to the receiver, which checks the signatures with it");
        }
        Ok(())
    }
}

async fn add(
    broker: &Access,
    name: ChannelName,
    target: Target,
    wanted: Wanted,
    common: &Common,
) -> Result<(), Failure> {
    let view = added(broker, name, target, wanted).await?;
    if common.json { output::json::print(&view) } else { Ok(()) }
}

/// A channel that was added, and its secret if that is new.
#[derive(Serialize)]
struct WithSecret<'a> {
    #[serde(flatten)]
    channel: &'a ChannelView,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

/// Adds a channel, and reports that on standard error.
async fn added(broker: &Access, name: ChannelName, target: Target, wanted: Wanted) -> Result<ChannelView, Failure> {
    let Wanted { types, severity, kinds, labels, heartbeat, untested } = wanted;
    let rules = Rules { types, severity, kinds, labels };
    let view = broker.perform(AddChannel { name, target, rules, heartbeat, test: !untested }).await?;
    let tested = if untested { "" } else { "; the test event arrived" };
    output::note(&format!("added the channel {}{tested}", view.name));
    if matches!(broker, Access::Local(_)) {
        output::note("events are delivered while a broker runs: lanyard serve");
    }
    Ok(view)
}

/// An address on the command line, or in a file: many webhook addresses hold a secret.
fn address(text: &str) -> Result<Address, Failure> {
    match text.strip_prefix('@') {
        Some(file) => prompt::secret("address", "URL", Some(Path::new(file)))?.trim().parse().map_err(usage),
        None => text.parse().map_err(usage),
    }
}

/// A password, or the whole value of a header.
fn secret(file: &Path) -> Result<SecretText, Failure> {
    Ok(SecretText::new(prompt::text(file)?.as_str()))
}

fn token(file: &Path) -> Result<SecretText, Failure> {
    Ok(SecretText::new(prompt::secret("token", "--token-file", Some(file))?.trim()))
}

fn header(text: &str) -> Result<(String, PathBuf), &'static str> {
    let (name, file) = text.split_once('=').ok_or("expected NAME=FILE, for example Authorization=token.txt")?;
    Ok((name.to_owned(), PathBuf::from(file)))
}

fn heartbeat(text: &str) -> Result<Duration, &'static str> {
    at_least_a_minute(Duration::from_secs(numbers::seconds(text)?))
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes it")]
fn usage(error: TargetError) -> Failure {
    Failure::Usage {
        message: error.to_string(),
        hint: "see the options: lanyard channel add webhook --help, and the same for the other kinds".to_owned(),
    }
}
