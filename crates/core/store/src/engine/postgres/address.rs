//! Where a server's database is, and how it may be reached.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::str::FromStr;

use lanyard_vault::key_file::KeyFile;
use percent_encoding::percent_decode_str;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use thiserror::Error;
use url::Url;

use super::passfile::{self, Wanted};
use crate::StoreError;

/// A database of a PostgreSQL server: `postgres://USER@HOST:PORT/DATABASE`, or with `?host=/DIRECTORY` in place of host and port for a
/// Unix socket. Never holds a password.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreAddress {
    url: Url,
    mode: PgMode,
}

/// How much TLS must prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PgMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Why a text is not the address of a store.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreAddressError {
    /// It is not a URL of the form that is expected.
    #[error("expected postgres://USER@HOST:PORT/DATABASE")]
    Malformed,
    /// It holds a password, which settings, process lists and logs would show.
    #[error("the address contains a password: put the password in a file")]
    Password,
    /// It has a parameter that Lanyard does not use.
    #[error(
        "the address of the store has an unknown parameter {0:?}; use sslmode, sslrootcert, sslcert, sslkey or host"
    )]
    Parameter(String),
    /// Its parameter `sslmode` has an unknown value.
    #[error("the address of the store has an unknown sslmode {0:?}")]
    Mode(String),
    /// The connection could be read, or led to another server.
    #[error("sslmode={mode} does not prove which server answers at {host}; use sslmode=verify-full")]
    Weak {
        /// The mode.
        mode: String,
        /// The host.
        host: String,
    },
}

impl StoreAddress {
    /// The server: its host and port, or its socket's directory.
    pub(crate) fn server(&self) -> String {
        socket(&self.url).unwrap_or_else(|| format!("{}:{}", self.host(), self.port()))
    }

    /// The host, the port and the database, equal in all addresses of one store.
    pub(crate) fn identity(&self) -> String {
        let host = match socket(&self.url) {
            Some(directory) => {
                Path::new(&directory).canonicalize().unwrap_or(directory.into()).to_string_lossy().into_owned()
            }
            None => canonical(&self.host()),
        };
        format!("postgres://{host}:{}/{}", self.port(), self.database())
    }

    /// The server's name or address: the parameter `host` counts instead of the one before it.
    fn host(&self) -> String {
        let named = self.url.query_pairs().find(|(name, _)| name == "host").map(|(_, host)| host.into_owned());
        named.unwrap_or_else(|| self.url.host_str().unwrap_or_default().to_owned())
    }

    /// Named even if it is the default: sqlx would take PGPORT, and each shell and service would reach a server of its own.
    fn port(&self) -> u16 {
        self.url.port().unwrap_or(PORT)
    }

    /// The role: the one that is named, or the one that PostgreSQL's own tools would choose.
    pub(super) fn role(&self) -> Option<String> {
        match self.url.username() {
            "" => ["PGUSER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok()),
            named => Some(decoded(named)),
        }
    }

    /// The database's name.
    pub(super) fn database(&self) -> String {
        decoded(self.url.path().trim_start_matches('/'))
    }

    /// How to connect. The password is in the file, or where PostgreSQL's own tools find one (`PGPASSWORD`, `PGPASSFILE`, `~/.pgpass`).
    pub(crate) fn connect_options(&self, password_file: Option<&Path>) -> Result<PgConnectOptions, StoreError> {
        let unnamed = "its address names no user, and neither PGUSER nor USER is set";
        let role = self.role().ok_or_else(|| super::error::unreachable(self, unnamed))?;
        let database = self.database();
        let mut options = PgConnectOptions::new_without_pgpass().username(&role).database(&database).port(self.port());
        let host = self.host();
        for (name, value) in self.url.query_pairs() {
            match &*name {
                "sslrootcert" => options = options.ssl_root_cert(&*value),
                "sslcert" => options = options.ssl_client_cert(&*value),
                "sslkey" => options = options.ssl_client_key(&*value),
                _ => {}
            }
        }
        options = match socket(&self.url) {
            Some(directory) => options.socket(directory),
            None => options.host(&host),
        };
        options = options.ssl_mode(self.mode.into()).application_name("lanyard").disable_statement_logging();
        if password_file.is_none() && std::env::var_os("PGPASSWORD").is_none() {
            let host = host.trim_matches(['[', ']']);
            let wanted = Wanted { host, port: options.get_port(), database: &database, role: &role };
            return Ok(match passfile::password(&wanted) {
                Some(password) => options.password(&password),
                None => options,
            });
        }
        let Some(path) = password_file else { return Ok(options) };
        let unreadable = |reason: String| StoreError::PasswordFile { reason };
        let read = KeyFile::provided(path).read_text().map_err(|error| unreadable(error.to_string()))?;
        let text = str::from_utf8(&read).map_err(|_| unreadable(format!("the file {} is not text", path.display())))?;
        Ok(options.password(text.trim_end_matches(['\r', '\n'])))
    }
}

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        let url = Url::parse(text).map_err(|_| StoreAddressError::Malformed)?;
        let is_named = url.host_str().is_some_and(|host| !host.is_empty()) || socket(&url).is_some();
        if !matches!(url.scheme(), "postgres" | "postgresql") || !is_named || url.path().len() < 2 {
            return Err(StoreAddressError::Malformed);
        }
        if url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password") {
            return Err(StoreAddressError::Password);
        }
        let known = ["sslmode", "sslrootcert", "sslcert", "sslkey", "host"];
        if let Some((name, _)) = url.query_pairs().find(|(name, _)| !known.contains(&&**name)) {
            return Err(StoreAddressError::Parameter(name.into_owned()));
        }
        let named = url.query_pairs().find(|(name, _)| name == "sslmode").map(|(_, mode)| mode.into_owned());
        let local = is_local(&url);
        let mode = match named.as_deref() {
            None if local => PgMode::Prefer,
            None | Some("verify-full") => PgMode::VerifyFull,
            Some("disable") => PgMode::Disable,
            Some("prefer") => PgMode::Prefer,
            Some("require") => PgMode::Require,
            Some("verify-ca") => PgMode::VerifyCa,
            Some(other) => return Err(StoreAddressError::Mode(other.to_owned())),
        };
        if !local && mode != PgMode::VerifyFull {
            let host = url.host_str().unwrap_or_default().to_owned();
            return Err(StoreAddressError::Weak { mode: named.unwrap_or_default(), host });
        }
        Ok(Self { url, mode })
    }
}

/// Fit to be put between single quotes in a shell.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url.as_str().replace('\'', "%27"))
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

impl From<PgMode> for PgSslMode {
    fn from(mode: PgMode) -> Self {
        match mode {
            PgMode::Disable => Self::Disable,
            PgMode::Prefer => Self::Prefer,
            PgMode::Require => Self::Require,
            PgMode::VerifyCa => Self::VerifyCa,
            PgMode::VerifyFull => Self::VerifyFull,
        }
    }
}

/// A part of an address, as it is meant.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// A host's name or address in one spelling. The loopback's addresses are those of `localhost`.
fn canonical(host: &str) -> String {
    let host = decoded(host).trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST)) => "localhost".to_owned(),
        Ok(address) => address.to_string(),
        Err(_) => host,
    }
}

/// The port of a server that names none.
const PORT: u16 = 5432;

/// The directory of the server's Unix socket, where the address names one.
fn socket(url: &Url) -> Option<String> {
    url.query_pairs().find(|(name, host)| name == "host" && host.starts_with('/')).map(|(_, host)| host.into_owned())
}

/// Whether nobody else is between this machine's processes and the server. `host` as a parameter counts instead of the one before.
fn is_local(url: &Url) -> bool {
    if let Some((_, host)) = url.query_pairs().find(|(name, _)| name == "host") {
        return host.starts_with('/');
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<StoreAddress, StoreAddressError> {
        text.parse()
    }

    #[test]
    fn a_server_elsewhere_must_prove_which_it_is() {
        let address = parsed("postgres://lanyard@db.example.com/lanyard").unwrap();
        assert_eq!((address.mode, &*address.server()), (PgMode::VerifyFull, "db.example.com:5432"));
        for mode in ["disable", "prefer", "require", "verify-ca"] {
            let error = parsed(&format!("postgres://lanyard@db.example.com/lanyard?sslmode={mode}")).unwrap_err();
            assert!(matches!(&error, StoreAddressError::Weak { mode: found, .. } if found == mode), "{error}");
        }
        let error = parsed("postgres://lanyard@localhost/lanyard?host=db.example.com&sslmode=prefer").unwrap_err();
        assert!(matches!(error, StoreAddressError::Weak { .. }), "{error}");
    }

    #[test]
    fn a_server_of_this_machine_may_do_without_tls() {
        for (text, server) in [
            ("postgres://lanyard@127.0.0.1:5433/lanyard", "127.0.0.1:5433"),
            ("postgres://lanyard@[::1]/lanyard?sslmode=disable", "[::1]:5432"),
            ("postgresql://localhost/lanyard", "localhost:5432"),
            ("postgres:///lanyard?host=/run/postgresql", "/run/postgresql"),
        ] {
            let address = parsed(text).unwrap();
            assert_eq!(address.server(), server);
            assert_ne!(address.mode, PgMode::VerifyFull);
        }
    }

    #[test]
    fn a_role_that_is_not_named_is_the_users_own() {
        let options =
            |text: &str| parsed(text).unwrap().connect_options(None).map(|options| options.get_username().to_owned());
        assert_eq!(options("postgres://some%20one@localhost/db").unwrap(), "some one");
        let own = ["PGUSER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        assert_eq!(options("postgres:///db?host=/run/postgresql").ok(), own);
    }

    #[test]
    fn a_password_is_refused_and_never_repeated() {
        for text in ["postgres://u:hunter2@localhost/db", "postgres://u@localhost/db?password=hunter2"] {
            let error = parsed(text).unwrap_err();
            assert_eq!(error, StoreAddressError::Password);
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["", "lanyard.db", "mysql://u@localhost/db", "postgres://u@localhost", "postgres:///db"] {
            assert_eq!(parsed(text).unwrap_err(), StoreAddressError::Malformed, "{text}");
        }
        let error = parsed("postgres://u@localhost/db?options=-csearch_path=evil").unwrap_err();
        assert_eq!(error, StoreAddressError::Parameter("options".to_owned()));
        let error = parsed("postgres://u@localhost/db?sslmode=maybe").unwrap_err();
        assert_eq!(error, StoreAddressError::Mode("maybe".to_owned()));
    }
}
