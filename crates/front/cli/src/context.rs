//! The home, opened, and the broker over it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use clap::Args;
use lanyard_broker::{Broker, List, ListApps, ListNames, Names, Parts, Precheck, Troubled};
use lanyard_credential::{Credential, CredentialName};
use lanyard_home::{
    Home, HomeError, KeyAccess, NewHomeKey, OpenError, OpenHome, Options, PassphraseSource, Settings, SettingsError,
};
use lanyard_operation::{Class, Problem};
use lanyard_protocol::Environment;
use lanyard_server::owner::{Meant, Owner};
use lanyard_store::sql::Migrations;
use lanyard_store::{DatabasePlace, OpenDatabaseError, Store, StoreAddress, StoreAddressError};
use lanyard_time::{SystemClock, SystemEntropy, SystemSleep};
use serde_json::Value;

use crate::access::Access;
use crate::channel_settings::with_channels;
use crate::exit::Failure;
use crate::{output, passphrase, signals};

/// The options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// The directory that holds the database and its key [default: `LANYARD_HOME`, or ~/.local/share/lanyard]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,

    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// The API address of the Webex that a new app or credential belongs to [default: `LANYARD_WEBEX_URL`, or commercial Webex]
    #[arg(long, global = true, value_name = "URL", value_parser = address)]
    pub(crate) webex_url: Option<String>,

    /// A named Webex cloud, instead of an address
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "webex_url")]
    pub(crate) environment: Option<EnvironmentName>,
}

/// Refuses an address that cannot be a Webex API's, whether or not the command needs it. An empty one is refused by the command.
fn address(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        Environment::at(text).map_err(|error| format!("{error}; an example is https://webexapis.com/v1"))?;
    }
    Ok(text.to_owned())
}

/// The environments that have a name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum EnvironmentName {
    /// The standard cloud
    Commercial,
    /// Webex for the government of the United States
    Fedramp,
}

/// The variable that names the home where the command line does not. Read here and not by clap, which would count it as given and
/// show it in every usage line.
const HOME: &str = "LANYARD_HOME";
/// The variable that gives the address of a Webex where the command line gives none.
const WEBEX_URL: &str = "LANYARD_WEBEX_URL";
/// The variable that names a credential where the command line does not.
const CREDENTIAL: &str = "LANYARD_CREDENTIAL";

/// A key file that an operator provides.
const KEY_FILE: &str = "LANYARD_KEY_FILE";
/// Where the key of a new home is kept.
const KEY_SOURCE: &str = "LANYARD_KEY_SOURCE";
/// A file with the passphrase of the home's key.
const PASSPHRASE_FILE: &str = "LANYARD_PASSPHRASE_FILE";
/// A file with the passphrase that is to replace it.
const NEW_PASSPHRASE_FILE: &str = "LANYARD_NEW_PASSPHRASE_FILE";

/// The address of a PostgreSQL database that holds the store. The settings `store` and `store_password_file` then do not count.
const STORE: &str = "LANYARD_STORE";
/// A file with the password for that database.
const STORE_PASSWORD_FILE: &str = "LANYARD_STORE_PASSWORD_FILE";
/// `1` brings an older schema on a server up to date.
const UPGRADE_STORE: &str = "LANYARD_UPGRADE_STORE";

/// How an existing home is opened: with its key from where it is kept, asking for a passphrase if there is a terminal.
pub(crate) fn options() -> Result<Options, Failure> {
    let passphrase = |variable, ask| file_named_by(variable).map_or(PassphraseSource::Ask(ask), PassphraseSource::File);
    let keys = KeyAccess {
        key_file: file_named_by(KEY_FILE),
        new_home: NewHomeKey::File,
        passphrase: passphrase(PASSPHRASE_FILE, passphrase::present),
        new_passphrase: passphrase(NEW_PASSPHRASE_FILE, passphrase::new),
        waiting: Some(|source| output::note(&format!("waiting for {source}; Ctrl-C stops"))),
    };
    Ok(Options {
        keys,
        store: named_store()?,
        store_password_file: file_named_by(STORE_PASSWORD_FILE),
        upgrades_server: set(UPGRADE_STORE).is_some_and(|value| value == "1"),
        parts: PARTS,
        ..Options::default()
    })
}

/// The store that the environment names, if it names one.
fn named_store() -> Result<Option<StoreAddress>, Failure> {
    let store = set(STORE).map(|address| address.to_string_lossy().parse()).transpose();
    store.map_err(|error: StoreAddressError| Failure::Usage {
        message: format!("{STORE}: {error}"),
        hint: match error {
            StoreAddressError::Password => format!(
                "{STORE}=postgres://lanyard@db.example.com/lanyard {STORE_PASSWORD_FILE}=/etc/lanyard/store-password"
            ),
            _ => format!("for example {STORE}=postgres://lanyard@db.example.com/lanyard"),
        },
    })
}

/// The store that a command means, as it would open it without a broker.
fn meant(home: &Home, settings: &Settings) -> Result<Meant, Failure> {
    let (address, why, hint) = match (named_store()?, &settings.store) {
        (Some(address), _) => (
            Some(address),
            "LANYARD_STORE",
            "to use the broker's store: unset LANYARD_STORE; to use the other one, stop the broker first, or name another home: \
             --home DIR",
        ),
        (None, Some(address)) => (
            Some(address.clone()),
            "store in lanyard.toml",
            "to use the store that lanyard.toml names, stop the broker and start it again: lanyard serve; to use the broker's, put \
             that store back into lanyard.toml",
        ),
        (None, None) => (
            None,
            "the home's own: neither LANYARD_STORE nor lanyard.toml names another",
            "to use the broker's store, set LANYARD_STORE, or store in lanyard.toml, as the broker had it; to use the home's own, \
             stop the broker and start it again: lanyard serve",
        ),
    };
    let place = match address {
        Some(address) => DatabasePlace::Server { address, password_file: None },
        None => DatabasePlace::File(std::path::absolute(home.database()).map_err(Failure::io("cannot find the home"))?),
    };
    Ok(Meant { store: place.identity(), why, hint })
}

/// Whether the store of a home is on a server, as far as its settings can be read.
pub(crate) fn is_on_server(home: &Home) -> bool {
    set(STORE).is_some() || Settings::read_for_use(home).is_ok_and(|(settings, _)| settings.store.is_some())
}

fn file_named_by(variable: &str) -> Option<PathBuf> {
    set(variable).map(PathBuf::from)
}

/// A variable's value. An empty one counts as none.
fn set(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// Where a new home's key is kept: as the variable says, or where it is best kept.
fn new_home_key() -> Result<NewHomeKey, Failure> {
    Ok(new_home_key_source()?.unwrap_or(NewHomeKey::Best))
}

/// Where a new home's key is kept, if the variable says so.
pub(crate) fn new_home_key_source() -> Result<Option<NewHomeKey>, Failure> {
    let Some(named) = set(KEY_SOURCE) else { return Ok(None) };
    let source = named.to_string_lossy().parse().map_err(|error| Failure::Usage {
        message: format!("{KEY_SOURCE}: {error}"),
        hint: "it is one of file, keyring, passphrase, command, key-file".to_owned(),
    })?;
    Ok(Some(NewHomeKey::In(source)))
}

/// This machine's time, waiting and randomness.
pub(crate) fn parts() -> Parts {
    Parts { clock: Arc::new(SystemClock::new()), entropy: Arc::new(SystemEntropy), sleep: Arc::new(SystemSleep) }
}

/// The store's view of these parts.
pub(crate) fn store_parts(parts: &Parts) -> lanyard_store::Parts {
    lanyard_store::Parts::new(Arc::clone(&parts.clock), Arc::clone(&parts.entropy))
}

/// The home where the command line names none: the variable's, or else the user's own.
pub(crate) fn default_home() -> Option<Home> {
    if let Some(home) = file_named_by(HOME) {
        return Some(Home::new(home));
    }
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".local/share")));
    base.map(|base| Home::new(base.join("lanyard")))
}

impl Common {
    /// The home directory.
    pub(crate) fn home(&self) -> Result<Home, Failure> {
        if let Some(home) = self.home.clone().or_else(|| file_named_by(HOME)) {
            // The database's engine takes no other.
            if home.to_str().is_none() {
                return Err(Failure::Usage {
                    message: format!("the home {} is not named in UTF-8", home.display()),
                    hint: "give it another name, or a link to it".to_owned(),
                });
            }
            return Ok(Home::new(home));
        }
        default_home().ok_or_else(|| Failure::Usage {
            message: "there is no home directory to keep things in".to_owned(),
            hint: "name one: --home DIR, or LANYARD_HOME".to_owned(),
        })
    }

    /// The broker that runs in the home, if one does, and its socket.
    async fn owner(&self) -> Result<Option<(PathBuf, Owner)>, Failure> {
        let home = self.home()?;
        let (settings, mistake) = match Settings::read_for_use(&home) {
            Ok(read) => read,
            // The file cannot even be looked for: the home itself is at fault.
            Err(error @ SettingsError::Io { .. }) => match home.check() {
                Ok(()) | Err(HomeError::Missing(_)) => return Err(error.into()),
                Err(home) => return Err(home.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let socket = settings.owner_socket(&home);
        let found = Owner::connect(&socket, meant(&home, &settings)?).await;
        if let (Some(mistake), Ok(Some(_)) | Err(_)) = (mistake, &found) {
            warn_of_settings(&mistake);
        }
        Ok(found?.map(|owner| (socket, owner)))
    }

    /// Warns of a mistake in the settings of a home that this process has opened, or could not open for another reason.
    fn warn_of_settings(&self, failed: Option<&OpenError>) {
        let read = self.home().map(|home| Settings::read_for_use(&home));
        let Ok(Ok((_, Some(mistake)))) = read else { return };
        if failed.is_none_or(|error| !error.to_string().contains(&mistake.to_string())) {
            warn_of_settings(&mistake);
        }
    }

    /// The broker that runs in the home; `None` if none runs.
    pub(crate) async fn broker_status(&self) -> Result<Option<BrokerStatus>, Failure> {
        let Some((socket, owner)) = self.owner().await? else { return Ok(None) };
        let sleep = parts().sleep;
        let asked =
            async { (owner.readiness().await.unwrap_or_default(), owner.perform(ListNames { limit: 0 }).await.err()) };
        let answer = tokio::select! {
            answer = asked => Some(answer),
            () = sleep.sleep(SILENT) => None,
        };
        Ok(Some(BrokerStatus { socket, answer }))
    }

    /// The broker that runs in the home, where one does.
    async fn running(&self) -> Result<Option<Access>, Failure> {
        Ok(self.owner().await?.map(|(_, owner)| Access::Remote(owner)))
    }

    /// The use cases of an existing home: those of the broker that runs there, or else those of this process.
    pub(crate) async fn broker(&self) -> Result<Access, Failure> {
        match self.running().await? {
            Some(running) => Ok(running),
            None => Ok(Access::Local(Box::new(self.local().await?))),
        }
    }

    /// Like [`broker`](Self::broker); if it is this process's own, it has the channels of `lanyard.toml`.
    pub(crate) async fn broker_with_channels(&self) -> Result<Access, Failure> {
        self.knowing_channels(Box::pin(self.broker()).await?)
    }

    /// Like [`broker_or_new`](Self::broker_or_new); if it is this process's own, it has the channels of `lanyard.toml`.
    pub(crate) async fn broker_or_new_with_channels(&self) -> Result<Access, Failure> {
        self.knowing_channels(Box::pin(self.broker_or_new()).await?)
    }

    fn knowing_channels(&self, broker: Access) -> Result<Access, Failure> {
        Ok(match broker {
            Access::Local(broker) => Access::Local(Box::new(with_channels(*broker, &self.home()?)?)),
            running @ Access::Remote(_) => running,
        })
    }

    /// The broker of this process over an existing home, even if another runs there.
    pub(crate) async fn local(&self) -> Result<Broker, Failure> {
        broker_over(&self.open_home().await?.store, parts())
    }

    /// Refuses a command that is about the home's key files while `LANYARD_STORE` names another store than the home's own, or than its
    /// broker's: that one has its key from the same files, and would be left without.
    pub(crate) async fn refuse_another_store(&self) -> Result<(), Failure> {
        let home = self.home()?;
        if let Some(named) = named_store()? {
            let own = Settings::read_for_use(&home).ok().and_then(|(settings, _)| settings.store);
            let own = match own {
                Some(address) => Some(DatabasePlace::Server { address, password_file: None }),
                None => home.database().exists().then(|| DatabasePlace::File(home.database())),
            };
            let named = DatabasePlace::Server { address: named, password_file: None };
            if let Some(own) = own.filter(|own| own.identity() != named.identity()) {
                return Err(Failure::Usage {
                    message: format!(
                        "LANYARD_STORE names {}, but the store of this home is {}, whose key is in the same files",
                        named.identity(),
                        own.identity()
                    ),
                    hint: format!("unset LANYARD_STORE; or use a home of its own for {}: --home DIR", named.identity()),
                });
            }
        }
        // A broker of another store says so.
        if let Some(running) = self.running().await? {
            running.perform(ListNames { limit: 0 }).await?;
        }
        Ok(())
    }

    /// An existing home, even if a broker runs there: for commands that need this process's own files, terminal or keyring.
    pub(crate) async fn open_home(&self) -> Result<OpenHome, Failure> {
        let home = self.home()?;
        let parts = parts();
        let opened = lanyard_home::open(&home.directory, store_parts(&parts), options()?).await;
        // If there is no home yet, making one needs all its settings, and reports the mistake.
        if !matches!(
            opened,
            Err(OpenError::Database(OpenDatabaseError::NoStore(_)) | OpenError::Home(HomeError::Missing(_)))
        ) {
            self.warn_of_settings(opened.as_ref().err());
        }
        match opened {
            Ok(opened) => Ok(opened),
            // The address may be mistyped: a hint to set up a store again would lead to a second one.
            Err(OpenError::Database(error @ OpenDatabaseError::NoStore(_))) => {
                Err(Failure::NoSuchName { message: error.to_string(), hint: error.hint() })
            }
            Err(OpenError::Home(HomeError::Missing(_))) => Err(Failure::NoSuchName {
                message: format!("there is no home in {} yet", home.directory.display()),
                hint: "begin with lanyard app add and lanyard login, or with lanyard add bot; or try lanyard demo"
                    .to_owned(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// Like [`broker`](Self::broker); `None` if there is no home yet.
    pub(crate) async fn broker_if_any(&self) -> Result<Option<Access>, Failure> {
        match self.broker().await {
            Ok(broker) => Ok(Some(broker)),
            Err(Failure::NoSuchName { .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Like [`broker`](Self::broker), but makes the home if there is none.
    pub(crate) async fn broker_or_new(&self) -> Result<Access, Failure> {
        match self.running().await? {
            Some(running) => Ok(running),
            None => Ok(Access::Local(Box::new(self.local_or_new().await?))),
        }
    }

    /// Checks a request whose secret is still to be asked for, if there is a home. Gives the broker that was asked.
    pub(crate) async fn checked(&self, request: Precheck) -> Result<Option<Access>, Failure> {
        let Some(broker) = self.broker_if_any().await? else { return Ok(None) };
        broker.perform(request).await?;
        Ok(Some(broker))
    }

    /// The broker that was [checked](Self::checked), or that of a new home.
    pub(crate) async fn or_new(&self, checked: Option<Access>) -> Result<Access, Failure> {
        match checked {
            Some(broker) => Ok(broker),
            None => self.broker_or_new().await,
        }
    }

    /// The broker of this process over a home that is made where there is none.
    pub(crate) async fn local_or_new(&self) -> Result<Broker, Failure> {
        let parts = parts();
        let home = self.home()?.directory;
        let mut options = options()?;
        options.keys.new_home = new_home_key()?;
        // Where there is no home yet, the passphrase is the one to choose.
        if let (PassphraseSource::Ask(_), Some(file)) = (&options.keys.new_passphrase, file_named_by(PASSPHRASE_FILE)) {
            options.keys.new_passphrase = PassphraseSource::File(file);
        }
        let opened = lanyard_home::open_or_create(&home, store_parts(&parts), options).await;
        self.warn_of_settings(opened.as_ref().err());
        broker_over(&opened?.store, parts)
    }

    /// The Webex that something new belongs to.
    pub(crate) fn environment(&self) -> Result<Environment, Failure> {
        Ok(self.expected()?.unwrap_or_else(Environment::commercial))
    }

    /// The Webex that something stored must belong to, where one is named: a flag or a variable moves no token.
    pub(crate) fn expected(&self) -> Result<Option<Environment>, Failure> {
        let url = match (&self.webex_url, self.environment) {
            (Some(url), _) => Some(url.clone()),
            (None, Some(EnvironmentName::Fedramp)) => return Ok(Some(Environment::fedramp())),
            (None, Some(EnvironmentName::Commercial)) => return Ok(Some(Environment::commercial())),
            (None, None) => std::env::var_os(WEBEX_URL).map(|url| url.to_string_lossy().into_owned()),
        };
        // A script whose value is missing must not reach the Webex of everybody instead.
        if url.as_ref().is_some_and(String::is_empty) {
            return Err(Failure::Usage {
                message: format!("{WEBEX_URL} is set, and empty"),
                hint: format!("for commercial Webex: unset {WEBEX_URL}; else set it to the address of a Webex API"),
            });
        }
        let environment = url.map(|url| Environment::at(&url)).transpose();
        environment.map_err(|error| Failure::Usage {
            message: error.to_string(),
            hint: "give the address of a Webex API, such as https://webexapis.com/v1".to_owned(),
        })
    }
}

/// A broker that runs in the home.
#[derive(Debug)]
pub(crate) struct BrokerStatus {
    /// Where it listens.
    pub(crate) socket: PathBuf,
    /// Its readiness, and how a command that changes nothing failed; `None` if the broker does not answer.
    pub(crate) answer: Option<(Value, Option<Problem>)>,
}

/// The credential that is meant: the one named, `LANYARD_CREDENTIAL`, or the only one there is.
pub(crate) async fn credential(broker: &Access, named: Option<CredentialName>) -> Result<CredentialName, Failure> {
    if let Some(name) = named {
        return Ok(name);
    }
    if let Some(name) = set(CREDENTIAL) {
        let _ = NAMED_BY_VARIABLE.set(());
        let name = name.to_string_lossy();
        return name.parse().map_err(|error| Failure::Usage {
            message: format!("{CREDENTIAL} is {name:?}, which is not a credential's name: {error}"),
            hint: "set it to a name that lanyard list shows".to_owned(),
        });
    }
    let Names { first, count } = broker.perform(ListNames { limit: NAMED }).await?;
    let listed = || first.iter().map(CredentialName::as_str).collect::<Vec<_>>().join(", ");
    match (first.first(), count) {
        (Some(only), 1) => Ok(only.clone()),
        (None, _) => Err(Failure::NoSuchName {
            message: "there is no credential yet".to_owned(),
            hint: "make one: lanyard login NAME --app APP, or lanyard add bot NAME".to_owned(),
        }),
        (Some(_), count) => Err(Failure::Usage {
            message: format!(
                "there are several credentials: {}{}",
                listed(),
                if count > NAMED { format!(", and {} more", count - NAMED) } else { String::new() }
            ),
            hint: format!("name one of them, or set {CREDENTIAL}; all: lanyard list"),
        }),
    }
}

/// So many credentials are named in an error.
const NAMED: usize = 8;

/// Whether neither the variable nor the number of credentials says which one is meant.
pub(crate) async fn names_none(broker: &Access) -> Result<bool, Failure> {
    Ok(set(CREDENTIAL).is_none() && broker.perform(ListNames { limit: 0 }).await?.count > 1)
}

/// Says where the credential's name came from, if it was not on the command line.
pub(crate) fn name_came_from() -> Option<&'static str> {
    NAMED_BY_VARIABLE.get().map(|()| CREDENTIAL)
}

static NAMED_BY_VARIABLE: OnceLock<()> = OnceLock::new();

/// All credentials, by name.
pub(crate) async fn all(broker: &Access) -> Result<Vec<Credential>, Problem> {
    let listed = broker.perform(List).await?;
    Ok(listed.into_iter().map(|listed| listed.credential).collect())
}

/// A credential with its app and its issuer, for hints that name them.
pub(crate) async fn troubled(broker: &Access, credential: &Credential) -> Result<Troubled, Failure> {
    let apps = if credential.app.is_some() { broker.perform(ListApps).await? } else { Vec::new() };
    let all = if credential.mint.is_some() { all(broker).await? } else { Vec::new() };
    Ok(Troubled::among(credential, &apps, &all))
}

/// A credential that a command has changed, as `show` prints it for programs.
pub(crate) async fn shown(broker: &Access, credential: &Credential) -> Value {
    let now = parts().clock.now();
    if credential.mint.is_some()
        // The change is made. If the others cannot be read, the credential's own state is still correct.
        && let Ok(all) = all(broker).await
    {
        return output::json::credential_among(credential, &all, &now);
    }
    output::json::credential(credential, &now)
}

/// Warns that the home is paused: its credentials look as they do in the original.
pub(crate) async fn warn_if_paused(broker: &Access) {
    let Err(error) = broker.perform(Precheck::Change).await else { return };
    if error.class() == Class::PersonMustAct {
        output::note(&format!("warning: {error}"));
        if let Some(hint) = error.next_step() {
            output::note(&format!("hint: {hint}"));
        }
    }
}

fn warn_of_settings(mistake: &SettingsError) {
    WARNED_OF_SETTINGS.call_once(|| {
        output::note(&format!("warning: {mistake}; lanyard serve will not start until this is corrected"));
    });
}

/// The warning about the settings is printed once, however often they are read.
static WARNED_OF_SETTINGS: Once = Once::new();

/// Suppresses the warning about the settings, for a command that reports them itself.
pub(crate) fn settings_are_reported() {
    WARNED_OF_SETTINGS.call_once(|| {});
}

/// The jobs that have tables of their own in the store.
const PARTS: &[Migrations] = &[lanyard_devices::MIGRATIONS];

/// A broker that has not answered after this time is reported as hung.
const SILENT: Duration = Duration::from_secs(5);

/// The broker of this process, which ends in order.
static OPENED: OnceLock<Broker> = OnceLock::new();

/// Makes the broker of this process. Signals wait for its token requests, and so does [`close`].
pub(crate) fn broker_over(store: &Store, parts: Parts) -> Result<Broker, Failure> {
    let broker = Broker::new(store, parts, actor());
    // A command opens one home; should it ever open two, the second is closed by the system.
    if OPENED.set(broker.clone()).is_ok() {
        signals::watch(&broker)?;
    }
    Ok(broker)
}

/// Waits for the token requests that are under way and closes the store: at the end of every command, and before the process becomes
/// another program.
///
/// A process that simply ends loses the outcome of such a request. It may also leave the database's log behind without the index that
/// belongs to it, and a disk that is made read-only then cannot be read.
pub(crate) async fn close() {
    let Some(broker) = OPENED.get() else { return };
    let drained = broker.drain();
    let mut drained = std::pin::pin!(drained);
    tokio::select! {
        () = &mut drained => {}
        () = broker.parts().sleep.sleep(UNEXPLAINED) => {
            output::note("lanyard: a token request is under way; waiting until its outcome is stored");
            drained.await;
        }
    }
    if let Err(error) = broker.store().close().await {
        tracing::debug!(%error, "the store is closed by the system");
    }
}

/// A command that has done its work and does not end within this time says why.
const UNEXPLAINED: Duration = Duration::from_secs(2);

/// The actor in the audit: the user's number, and the program.
pub(crate) fn actor() -> String {
    format!("uid {} (lanyard, pid {})", rustix::process::getuid().as_raw(), std::process::id())
}
