//! `~/.pgpass`, read as libpq reads it (<https://www.postgresql.org/docs/current/libpq-pgpass.html>).

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// A connection, as a line of the file describes it.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    /// The host, or the directory of the socket.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) role: &'a str,
}

/// The directories that libpq is built with as its default: the project's own, and those of distributions. A line for one of them has
/// the host `localhost`, unless the system's libpq has another default.
const DEFAULT_DIRECTORIES: [&str; 3] = ["/tmp", "/var/run/postgresql", "/run/postgresql"];

/// The password for a connection, from the file that `PGPASSFILE` names or from `~/.pgpass`.
pub(super) fn password(wanted: &Wanted<'_>) -> Option<Zeroizing<String>> {
    let named = std::env::var_os("PGPASSFILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.or_else(|| Some(std::env::home_dir()?.join(".pgpass")))?;
    match read(&path) {
        Ok(text) => wanted.password_in(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "the password file is ignored");
            None
        }
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if found.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it: chmod 600"));
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(found.len()).unwrap_or(0) + 1));
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// More than any such file has.
const LONGEST: u64 = 1024 * 1024;

impl Wanted<'_> {
    /// The password of the first line that matches.
    fn password_in(&self, text: &str) -> Option<Zeroizing<String>> {
        text.lines().filter(|line| !line.starts_with('#')).find_map(|line| self.password_of(line))
    }

    fn password_of(&self, line: &str) -> Option<Zeroizing<String>> {
        let mut rest = line;
        let port = self.port.to_string();
        let is_default = DEFAULT_DIRECTORIES.contains(&self.host);
        let host = field(&mut rest);
        let fits = host.fits(self.host) || is_default && host.fits("localhost");
        let fits = fits && field(&mut rest).fits(&port);
        let fits = fits && field(&mut rest).fits(self.database) && field(&mut rest).fits(self.role);
        let password = field(&mut rest);
        (fits && !password.text.is_empty()).then_some(password.text)
    }
}

/// A field of a line.
struct Field {
    text: Zeroizing<String>,
    is_anything: bool,
}

impl Field {
    fn fits(&self, wanted: &str) -> bool {
        self.is_anything || *self.text == wanted
    }
}

/// Takes the next field from a line. A backslash makes the character after it an ordinary one.
fn field(line: &mut &str) -> Field {
    let mut text = Zeroizing::new(String::with_capacity(line.len()));
    let mut letters = line.char_indices();
    let mut end = line.len();
    while let Some((at, letter)) = letters.next() {
        match letter {
            ':' => {
                end = at;
                break;
            }
            '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
            letter => text.push(letter),
        }
    }
    let is_anything = &line[..end] == "*";
    *line = line.get(end + 1..).unwrap_or_default();
    Field { text, is_anything }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn found(host: &str, text: &str) -> Option<String> {
        let wanted = Wanted { host, port: 5577, database: "store", role: "lanyard" };
        wanted.password_in(text).map(|password| password.to_string())
    }

    #[test]
    fn a_line_is_matched_as_libpq_matches_it() {
        for (host, line, expected) in [
            ("db.example.com", "db.example.com:5577:store:lanyard:a", Some("a")),
            ("db.example.com", "*:*:*:*:a", Some("a")),
            ("db.example.com", "localhost:5577:store:lanyard:a", None),
            ("db.example.com", "db.example.com:5432:store:lanyard:a", None),
            ("db.example.com", "db.example.com:5577:other:lanyard:a", None),
            ("db.example.com", "db.example.com:5577:store:other:a", None),
            ("db.example.com", "#db.example.com:5577:store:lanyard:a", None),
            ("db.example.com", "db.example.com:5577:store:lanyard", None),
            ("db.example.com", "db.example.com:5577:store:lanyard:", None),
            ("db.example.com", "\\*:5577:store:lanyard:a", None),
            ("db.example.com", "*:*:*:*:a\\:b\\\\c:d", Some("a:b\\c")),
            ("db.example.com", "*:*:*:other:a\n*:*:*:lanyard:b\r\n*:*:*:*:c", Some("b")),
            ("::1", "\\:\\:1:5577:store:lanyard:a", Some("a")),
            // A socket is matched by its directory, unless that is the default one.
            ("/srv/pg", "/srv/pg:5577:store:lanyard:a", Some("a")),
            ("/srv/pg", "localhost:5577:store:lanyard:a", None),
            ("/var/run/postgresql", "localhost:5577:store:lanyard:a", Some("a")),
            ("/tmp", "localhost:5577:store:lanyard:a", Some("a")),
            ("/tmp", "/tmp:5577:store:lanyard:a", Some("a")),
        ] {
            assert_eq!(found(host, line).as_deref(), expected, "{host} {line}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        fs::write(&path, "*:*:*:*:a").unwrap();
        for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).is_ok(), is_read, "{mode:o}");
        }
        assert!(read(directory.path()).is_err());
    }
}
