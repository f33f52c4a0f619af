//! An operator's choices for a home: `lanyard.toml` in it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use lanyard_store::{StoreAddress, StoreAddressError};
use lanyard_vault::KeySource;
use serde::Deserialize;
use serde::de::Error as _;
use thiserror::Error;

use crate::Home;

mod edit;
mod file;
mod store;
mod time;
mod words;

pub use self::edit::StoreNamed;
pub use self::time::seconds;

/// The settings of a home. All of them may be absent, and the file too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the key of a new home is kept. An existing home keeps its own until `lanyard key rotate --to`.
    #[serde(default, deserialize_with = "key_source")]
    pub key_source: Option<KeySource>,
    /// The program that prints the home's key, and its arguments; no shell is between.
    #[serde(default)]
    pub key_command: Option<Vec<String>>,
    /// The database of a PostgreSQL server that holds the store; without it, a file in the home does.
    #[serde(default, deserialize_with = "store_address")]
    pub store: Option<StoreAddress>,
    /// The file that holds the password for that server.
    #[serde(default)]
    pub store_password_file: Option<PathBuf>,
    /// How the broker is run.
    #[serde(default)]
    pub serve: ServeSettings,
    /// The address under which people reach the broker in a browser, for links in events.
    #[serde(default)]
    pub public_url: Option<String>,
    /// How events are delivered.
    #[serde(default)]
    pub events: EventSettings,
    /// The channels that run commands.
    #[serde(default)]
    pub channel: Vec<CommandChannel>,
}

/// The table `[events]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSettings {
    /// The HTTP proxy for webhooks, such as `http://proxy.example:3128`.
    pub proxy: Option<String>,
    /// A file with certificates of authorities that receivers may have, besides the system's; PEM.
    pub authorities: Option<PathBuf>,
    /// How old the latest backup may be before people are told.
    #[serde(deserialize_with = "time::duration")]
    pub oldest_backup: Option<Duration>,
}

/// A table `[[channel]]`: a program that gets events on its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandChannel {
    /// Its name.
    pub name: String,
    /// The program and its arguments; no shell is between.
    pub command: Vec<String>,
    /// The types of events that it wants, such as `credential.*`.
    #[serde(default)]
    pub events: Vec<String>,
    /// The least severity that it wants.
    #[serde(default)]
    pub severity: Option<String>,
    /// The kinds of credentials that it wants.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// The labels that a credential must have, as `KEY=VALUE`.
    #[serde(default)]
    pub labels: Vec<String>,
    /// How often it gets a heartbeat.
    #[serde(default, deserialize_with = "time::duration")]
    pub heartbeat: Option<Duration>,
}

/// The table `[serve]`: what `lanyard serve` takes where its command line does not say otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeSettings {
    /// The directory of the owner's socket. Every command looks there.
    pub sockets: Option<PathBuf>,
    /// The socket for other local users.
    pub clients_socket: Option<PathBuf>,
    /// The group that may connect to it: a name or a number.
    pub clients_group: Option<String>,
    /// The TCP address.
    #[serde(deserialize_with = "http_address")]
    pub http: Option<HttpAddress>,
    /// Names, besides the address, under which it may be asked for over TCP.
    pub http_names: Vec<String>,
    /// The API addresses of environments to which clients may add credentials.
    pub allow_environments: Vec<String>,
    /// A file with the certificate and its chain, in PEM.
    pub tls_certificate: Option<PathBuf>,
    /// A file with its key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// For how many seconds tokens are handed out while the store cannot be read.
    pub max_stale: Option<u64>,
    /// How many renewals and checks begin in a second, for each app of a Webex.
    pub rotations_per_second: Option<NonZeroU32>,
}

/// Where the broker listens on TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpAddress {
    /// On this address.
    At(SocketAddr),
    /// On this port of the loopback, by each family of addresses that the machine has.
    Localhost(u16),
}

/// It is neither an address with a port nor `localhost` with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected ADDRESS:PORT, for example 127.0.0.1:7417, [::1]:7417 or localhost:7417")]
pub struct HttpAddressError;

impl FromStr for HttpAddress {
    type Err = HttpAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.rsplit_once(':') {
            Some((name, port)) if name.eq_ignore_ascii_case("localhost") => {
                port.parse().map(Self::Localhost).map_err(|_| HttpAddressError)
            }
            // No other name: which address it has today is not for this program to say.
            _ => text.parse().map(Self::At).map_err(|_| HttpAddressError),
        }
    }
}

/// Why settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A directory, a pipe or the like is in the file's place.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// Other users can write the file, or what its link points to.
    #[error("other users can write the settings file {} (mode {mode:04o})", path.display())]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user than the caller or root.
    #[error("the settings file {} belongs to user {owner}, not to user {user}", path.display())]
    NotOwned {
        /// The file.
        path: PathBuf,
        /// The user it belongs to.
        owner: u32,
        /// The calling user.
        user: u32,
    },
    /// The system refused to read it.
    #[error("cannot read the settings file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Its text is not TOML, or has an unknown setting or an invalid value.
    #[error("{path} is invalid: {message}")]
    Unclear {
        /// The file.
        path: String,
        /// The mistake and its line.
        message: String,
    },
}

impl SettingsError {
    /// The next step.
    pub fn hint(&self) -> String {
        match self {
            Self::NotAFile(path) => format!("move {0} away, or put the settings into a file at {0}", path.display()),
            Self::Writable { path, .. } => format!(
                "run `chmod go-w {}`: a user who can write the settings decides which program prints the home's key",
                path.display()
            ),
            Self::NotOwned { path, .. } => format!("run lanyard as the owner of {0}, or run `chown $USER {0}`", path.display()),
            Self::Io { path, .. } => format!("check the disk and the permissions of {}", path.display()),
            Self::Unclear { .. } => {
                "the settings are key_source (file, keyring, passphrase, command or key-file), key_command (a list: the program, \
                 then its arguments), store (postgres://USER@HOST/DATABASE), store_password_file, public_url, the table [serve], whose names are those of the options of lanyard serve, the table [events] \
                 (proxy, authorities, oldest_backup), and tables [[channel]] (name, command, events, severity, kinds, labels, heartbeat)"
                    .to_owned()
            }
        }
    }
}

/// The name of the socket on which a broker answers the home's owner.
pub const OWNER_SOCKET: &str = "lanyard.sock";

impl Settings {
    /// The socket on which a broker answers the home's owner.
    pub fn owner_socket(&self, home: &Home) -> PathBuf {
        self.serve.sockets.as_ref().unwrap_or(&home.directory).join(OWNER_SOCKET)
    }

    /// Reads the settings of a home; the defaults if it has none. Any mistake in them is an error.
    pub fn read(home: &Home) -> Result<Self, SettingsError> {
        let path = home.settings_file();
        match file::read(&path)? {
            Some(bytes) => Self::parse(&bytes, &path),
            None => Ok(Self::default()),
        }
    }

    /// Reads the settings that a command needs to use an existing home: where its broker listens, and the key command. A mistake
    /// anywhere else is not an error but the second value, so that a slip in `[serve]` stops no program beside a healthy broker. An
    /// invalid key command counts as none: only a home whose key comes from one needs it.
    pub fn read_for_use(home: &Home) -> Result<(Self, Option<SettingsError>), SettingsError> {
        let path = home.settings_file();
        let Some(bytes) = file::read(&path)? else { return Ok((Self::default(), None)) };
        let mistake = match Self::parse(&bytes, &path) {
            Ok(all) => return Ok((all, None)),
            Err(mistake) => mistake,
        };
        let needed =
            needed(&bytes).map_err(|message| SettingsError::Unclear { path: path.display().to_string(), message })?;
        Ok((needed, Some(mistake)))
    }

    fn parse(bytes: &[u8], path: &Path) -> Result<Self, SettingsError> {
        let invalid = |message: String| SettingsError::Unclear { path: path.display().to_string(), message };
        let text = str::from_utf8(bytes).map_err(|_| invalid("it is not text in UTF-8".to_owned()))?;
        let settings: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            invalid(format!("{}{line}", words::plain(error.message())))
        })?;
        if settings.key_command.as_ref().is_some_and(Vec::is_empty) {
            return Err(invalid("key_command does not name a program".to_owned()));
        }
        Ok(settings)
    }
}

/// The parts of an invalid text that a command needs. A text that is not TOML at all has none: the command then looks for a broker in
/// the home, and fails by name if it needs a key command.
///
/// A database that is in the home must not be taken for the store of a home whose store is elsewhere: what may be meant to name a store
/// is an error.
fn needed(bytes: &[u8]) -> Result<Settings, String> {
    let mut settings = Settings::default();
    let Some(all) = str::from_utf8(bytes).ok().and_then(|text| text.parse::<toml::Table>().ok()) else {
        if store::seemingly_set(&String::from_utf8_lossy(bytes)) {
            return Err("it is not valid TOML, and seems to set store".to_owned());
        }
        return Ok(settings);
    };
    if let Some(slip) = store::slip(&all) {
        return Err(slip);
    }
    if let Some(store) = all.get("store") {
        let address = store.as_str().ok_or("store is not a text in quotes")?;
        settings.store = Some(address.parse().map_err(|error: StoreAddressError| error.to_string())?);
    }
    if let Some(file) = all.get("store_password_file") {
        let file = file.as_str().ok_or("store_password_file is not a path in quotes")?;
        settings.store_password_file = Some(PathBuf::from(file));
    }
    if let Some(sockets) = all.get("serve").and_then(|serve| serve.get("sockets")) {
        let sockets = sockets.as_str().ok_or("serve.sockets is not a text in quotes")?;
        settings.serve.sockets = Some(PathBuf::from(sockets));
    }
    if let Some(command) = all.get("key_command") {
        let words =
            command.as_array().and_then(|words| words.iter().map(|word| word.as_str().map(str::to_owned)).collect());
        settings.key_command = words.filter(|words: &Vec<String>| !words.is_empty());
    }
    Ok(settings)
}

fn store_address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<StoreAddress>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn http_address<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<HttpAddress>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn key_source<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<KeySource>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn read(text: &str) -> Result<Settings, SettingsError> {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        fs::write(home.settings_file(), text).unwrap();
        fs::set_permissions(home.settings_file(), fs::Permissions::from_mode(0o600)).unwrap();
        Settings::read(&home)
    }

    #[test]
    fn what_is_not_said_is_as_it_would_be_without_a_file() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Settings::read(&Home::new(directory.path())).unwrap(), Settings::default());
        assert_eq!(read("# nothing\n").unwrap(), Settings::default());
    }

    #[test]
    fn a_source_and_a_command_are_read() {
        let settings = read("key_source = \"command\"\nkey_command = [\"kms\", \"decrypt\", \"a b\"]\n").unwrap();
        assert_eq!(settings.key_source, Some(KeySource::Command));
        assert_eq!(settings.key_command.unwrap(), ["kms", "decrypt", "a b"]);
    }

    #[test]
    fn a_time_is_in_seconds_or_has_a_unit() {
        let heartbeat = |value: &str| {
            let read = read(&format!("[[channel]]\nname = \"log\"\ncommand = [\"tee\"]\nheartbeat = {value}\n"));
            read.map(|settings| settings.channel[0].heartbeat)
        };
        for (value, seconds) in [("3600", 3600), ("\"3600\"", 3600), ("\"1h\"", 3600), ("\"2d\"", 172_800)] {
            assert_eq!(heartbeat(value).unwrap(), Some(Duration::from_secs(seconds)), "{value}");
        }
        for value in ["\"hourly\"", "\"\"", "0", "\"0m\"", "-5", "1.5", "true", "[1]"] {
            let error = heartbeat(value).unwrap_err().to_string();
            assert!(error.contains("time") && error.contains("line"), "{value}: {error}");
        }
        let settings = read("[events]\noldest_backup = \"30d\"\n").unwrap();
        assert_eq!(settings.events.oldest_backup, Some(Duration::from_hours(30 * 24)));
    }

    #[test]
    fn a_tcp_address_is_numbers_or_localhost_and_no_other_name() {
        let http =
            |address: &str| read(&format!("[serve]\nhttp = \"{address}\"\n")).map(|settings| settings.serve.http);
        assert_eq!(http("localhost:7417").unwrap(), Some(HttpAddress::Localhost(7417)));
        assert_eq!(http("[::1]:80").unwrap(), Some(HttpAddress::At("[::1]:80".parse().unwrap())));
        for wrong in ["localhost", "localhost:http", "lanyard.example:7417", "127.0.0.1", ""] {
            let error = http(wrong).unwrap_err().to_string();
            assert!(error.contains("localhost:7417") && error.contains("line 2"), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_misspelt_is_an_error_and_says_where() {
        for (text, said) in [
            ("\nkey_sauce = \"file\"\n", "key_sauce"),
            ("\nkey_source = \"drawer\"\n", "drawer"),
            ("\nkey_command = \"kms decrypt\"\n", "line 2"),
            ("\nkey_command = []\n", "does not name a program"),
            ("\nkey_source = \n", "line 2"),
            ("# one\nodd = 1\n", "line 2"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.hint().contains("key_source"));
        }
    }

    #[test]
    fn a_type_is_named_as_a_person_would() {
        for (text, said) in [
            ("[serve]\nrotations_per_second = \"20\"\n", "expected a whole number of at least 1"),
            ("[serve]\nrotations_per_second = 0\n", "expected a whole number of at least 1"),
            ("[serve]\nmax_stale = true\n", "expected a whole number"),
            ("[serve]\nhttp_names = 3\n", "expected a list"),
            ("serve = 3\n", "expected a table"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            for word in ["u32", "u64", "nonzero", "struct", "sequence"] {
                assert!(!error.contains(word), "{error}");
            }
        }
    }

    #[test]
    fn a_text_without_quotes_is_told_that_they_are_missing() {
        for value in
            ["file", "true_key", "passphrase", "postgres://lanyard@db.example.com/lanyard", "127.0.0.1:7417", "1x"]
        {
            let error = read(&format!("key_source = {value}\n")).unwrap_err().to_string();
            assert!(error.contains("put text in quotes, as in key_source = \"file\" (line 1)"), "{error}");
        }
    }

    #[test]
    fn a_misspelt_setting_is_told_the_one_that_is_like_it() {
        for (text, said) in [
            ("stroe = \"x\"\n", "unknown setting `stroe`; did you mean `store`? (line 1)"),
            ("[serve]\nhtpp = \"x\"\n", "unknown setting `htpp`; did you mean `http`?"),
            ("odd = 1\n", "unknown setting `odd`, expected one of `key_source`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_command_needs_the_sockets_and_the_key_command_and_nothing_else() {
        let read = |text: &str| {
            let directory = tempfile::tempdir().unwrap();
            let home = Home::new(directory.path());
            fs::write(home.settings_file(), text).unwrap();
            Settings::read_for_use(&home)
        };
        let (all, mistake) = read("[serve]\nsockets = \"/run/x\"\nhttp = \"localhost:1\"\n").unwrap();
        assert!(mistake.is_none() && all.serve.http.is_some());
        for text in
            ["[serve]\nhtpp = 1\nsockets = \"/run/x\"\n", "key_source = \"drawer\"\nserve = { sockets = \"/run/x\" }\n"]
        {
            let (needed, mistake) = read(text).unwrap();
            assert_eq!(needed.serve.sockets, Some("/run/x".into()), "{text}");
            assert!(mistake.is_some());
        }
        let (needed, mistake) = read("odd = 1\nkey_command = [\"kms\"]\n").unwrap();
        assert_eq!((needed.key_command, mistake.is_some()), (Some(vec!["kms".to_owned()]), true));
        let (needed, mistake) = read("this is not TOML").unwrap();
        assert_eq!((needed, mistake.is_some()), (Settings::default(), true));
        read("[serve]\nsockets = 3\n").unwrap_err();
    }

    #[test]
    fn a_key_command_that_cannot_be_read_counts_as_none_and_is_reported() {
        for text in
            [&b"key_command = 3\n"[..], b"key_command = []\n", b"key_command = \"cat x\"\n", b"a = \"Z\xfcrich\"\n"]
        {
            let directory = tempfile::tempdir().unwrap();
            let home = Home::new(directory.path());
            fs::write(home.settings_file(), text).unwrap();
            let (needed, mistake) = Settings::read_for_use(&home).unwrap();
            assert_eq!((needed, mistake.is_some()), (Settings::default(), true));
            Settings::read(&home).unwrap_err();
        }
    }

    #[test]
    fn settings_are_refused_if_others_can_write_them_and_not_if_they_can_read_them() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        let file = directory.path().join("elsewhere.toml");
        fs::write(&file, "").unwrap();
        std::os::unix::fs::symlink(&file, home.settings_file()).unwrap();
        for (mode, taken) in
            [(0o600, true), (0o644, true), (0o444, true), (0o622, false), (0o660, false), (0o602, false)]
        {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            match Settings::read(&home) {
                Ok(_) => assert!(taken, "{mode:o}"),
                Err(SettingsError::Writable { mode: found, .. }) => assert!(!taken && found == mode, "{mode:o}"),
                Err(error) => panic!("{error}"),
            }
        }
        fs::remove_file(home.settings_file()).unwrap();
        fs::create_dir(home.settings_file()).unwrap();
        assert!(matches!(Settings::read(&home), Err(SettingsError::NotAFile(_))));
    }
}
