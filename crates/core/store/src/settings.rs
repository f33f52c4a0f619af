//! What an operator chose for a home: `lanyard.toml` in it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use lanyard_vault::KeySource;
use lanyard_vault::key_file::{KeyFile, KeyFileError};
use serde::Deserialize;
use serde::de::Error as _;
use thiserror::Error;

use crate::Home;

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
    /// How the broker is run.
    #[serde(default)]
    pub serve: ServeSettings,
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
    /// How many renewals and checks begin in a second, for each Webex.
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
#[error("an address and a port are wanted, such as 127.0.0.1:7417, [::1]:7417 or localhost:7417")]
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
    /// The file cannot be read, or is not its owner's alone.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// It is no TOML, or says what nothing is known of.
    #[error("{path} cannot be understood: {message}")]
    Unclear {
        /// The file.
        path: String,
        /// What and where.
        message: String,
    },
}

impl SettingsError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::File(KeyFileError::Exposed { path, .. }) => {
                format!("run `chmod 600 {}`: whoever can write it decides where the key comes from", path.display())
            }
            Self::File(error) => error.hint(),
            Self::Unclear { .. } => {
                "known are key_source (file, keyring, passphrase, command or key-file), key_command (a list: the program, \
                 then its arguments), and the table [serve], whose names are those of the options of lanyard serve"
                    .to_owned()
            }
        }
    }
}

impl Settings {
    /// Reads the settings of a home; the defaults where it has none.
    pub fn read(home: &Home) -> Result<Self, SettingsError> {
        let path = home.settings_file();
        let text = match KeyFile::new(&path).read_text() {
            Err(KeyFileError::Missing(_)) => return Ok(Self::default()),
            read => read?,
        };
        let unclear = |message: String| SettingsError::Unclear { path: path.display().to_string(), message };
        let text = str::from_utf8(&text).map_err(|_| unclear("it is no text".to_owned()))?;
        let settings: Self = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            unclear(format!("{}{line}", error.message()))
        })?;
        if settings.key_command.as_ref().is_some_and(Vec::is_empty) {
            return Err(unclear("key_command names no program".to_owned()));
        }
        Ok(settings)
    }
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
            ("\nkey_command = []\n", "names no program"),
            ("\nkey_source = \n", "line 2"),
            ("# one\nodd = 1\n", "line 2"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.hint().contains("key_source"));
        }
    }

    #[test]
    fn settings_that_others_can_write_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        fs::write(home.settings_file(), "").unwrap();
        fs::set_permissions(home.settings_file(), fs::Permissions::from_mode(0o622)).unwrap();
        assert!(matches!(Settings::read(&home), Err(SettingsError::File(KeyFileError::Exposed { .. }))));
    }
}
