//! Which store a process uses, in a form that another process can compare.

use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use super::StoreAddress;

/// The identity of a store: equal for two processes of one machine that use the same store, however each of them names it.
///
/// A file's is its directory, by device and inode, so that links and mounts do not matter. A server's is its host, its port and the
/// database; there, Lanyard's schema always has the same name. User, password and parameters do not count.
///
/// [`Display`](fmt::Display) writes one line of ASCII, which [`FromStr`] reads.
#[derive(Clone, Debug)]
pub struct StoreIdentity {
    key: String,
    shown: String,
}

/// A text is not the identity of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected the identity of a store")]
pub struct StoreIdentityError;

impl StoreIdentity {
    /// The store for people: its file, or its address without a password.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether a written identity is of this store.
    pub fn is_written_in(&self, text: &str) -> bool {
        text.split_once(' ').is_some_and(|(key, _)| key == self.key)
    }

    pub(crate) fn of_file(path: &Path) -> Self {
        let home = path.parent().filter(|home| !home.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let key = match fs::metadata(home) {
            Ok(found) => format!("file:{}:{}", found.dev(), found.ino()),
            Err(_) => format!("file:{}", encoded(&home.to_string_lossy())),
        };
        Self { key, shown: path.display().to_string() }
    }

    pub(crate) fn of_server(address: &StoreAddress) -> Self {
        Self { key: encoded(&address.identity()), shown: address.to_string() }
    }
}

impl PartialEq for StoreIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for StoreIdentity {}

impl fmt::Display for StoreIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, encoded(&self.shown))
    }
}

impl FromStr for StoreIdentity {
    type Err = StoreIdentityError;

    fn from_str(text: &str) -> Result<Self, StoreIdentityError> {
        let (key, shown) = text.split_once(' ').ok_or(StoreIdentityError)?;
        let shown = percent_decode_str(shown).decode_utf8_lossy().into_owned();
        Ok(Self { key: key.to_owned(), shown })
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NOT_WRITTEN).to_string()
}

/// What would not be one word of printable ASCII.
const NOT_WRITTEN: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn server(address: &str) -> StoreIdentity {
        StoreIdentity::of_server(&address.parse().unwrap())
    }

    #[test]
    fn a_server_is_the_same_however_its_address_is_spelt() {
        let one = server("postgres://lanyard@db.example.com/lanyard");
        for same in [
            "postgresql://other@DB.example.com.:5432/lanyard?sslmode=verify-full",
            "postgres://db.example.com/lan%79ard?sslrootcert=/etc/ca.pem",
            "postgres://localhost/lanyard?host=db.example.com",
        ] {
            assert_eq!(server(same), one, "{same}");
        }
        for other in [
            "postgres://lanyard@db.example.com:5433/lanyard",
            "postgres://lanyard@db2.example.com/lanyard",
            "postgres://lanyard@db.example.com/Lanyard",
            "postgres://lanyard@localhost/lanyard",
            "postgres://db.example.com/lanyard?host=/run/postgresql",
        ] {
            assert_ne!(server(other), one, "{other}");
        }
        let local = server("postgres://localhost/lanyard");
        for same in ["postgres://127.0.0.1/lanyard", "postgres://u@[::1]:5432/lanyard", "postgres://[0:0::1]/lanyard"] {
            assert_eq!(server(same), local, "{same}");
        }
        assert_ne!(server("postgres://127.0.0.2/lanyard"), local);
    }

    #[test]
    fn a_servers_socket_is_its_directory_and_its_port() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        let at = |directory: &Path, port: &str| {
            let port = if port.is_empty() { String::new() } else { format!("localhost:{port}") };
            server(&format!("postgres://{port}/db?host={}", directory.display()))
        };
        assert_eq!(at(&link, ""), at(&real, "5432"));
        assert_ne!(at(&real, "5433"), at(&real, "5432"));
    }

    #[test]
    fn a_file_is_the_same_by_every_path_to_its_home() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("ho me"), directory.path().join("link"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        let file = |home: &Path| StoreIdentity::of_file(&home.join("lanyard.db"));
        assert_eq!(file(&link), file(&real));
        assert_ne!(file(directory.path()), file(&real));
        assert_ne!(file(&real), server("postgres://localhost/lanyard"));
        let absent = directory.path().join("absent");
        assert_eq!(file(&absent), file(&absent));
    }

    #[test]
    fn an_identity_is_written_in_one_line_and_read_again() {
        for one in
            [server("postgres://u@localhost/db"), StoreIdentity::of_file(Path::new("/nowhere/Zürich 100%\n/x.db"))]
        {
            let written = one.to_string();
            assert!(written.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{written}");
            let read: StoreIdentity = written.parse().unwrap();
            assert_eq!((&read, read.shown()), (&one, one.shown()));
            assert!(one.is_written_in(&written) && !one.is_written_in(""));
        }
        assert_eq!("".parse::<StoreIdentity>().unwrap_err(), StoreIdentityError);
    }
}
