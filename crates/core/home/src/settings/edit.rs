//! Naming the store in `lanyard.toml`, and leaving everything else as a person wrote it.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use lanyard_store::{StoreAddress, create_file};

use super::{Settings, SettingsError, file};
use crate::Home;
use crate::files::{remove, sync_directory};

/// How a home's settings came to name its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreNamed {
    /// They do already.
    Already,
    /// These lines were put at the top of the file.
    Written(String),
    /// These lines are to be added at the top of the file by a person: it is a link, has a mistake, or cannot be written.
    ByHand(String),
}

impl Settings {
    /// Has the settings of a home name its store, and the file with the password for it.
    pub(crate) fn name_store(
        home: &Home,
        store: &StoreAddress,
        password_file: Option<&Path>,
    ) -> Result<StoreNamed, SettingsError> {
        let path = home.settings_file();
        let (found, _) = Self::read_for_use(home)?;
        if found.store.as_ref() == Some(store) {
            return Ok(StoreNamed::Already);
        }
        // What this does not cover does not parse below.
        let text = |value: &str| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
        let named = password_file.filter(|file| found.store_password_file.as_deref() != Some(*file));
        // A setting that names another file is in its way.
        let is_in_the_way = found.store.is_some() || (named.is_some() && found.store_password_file.is_some());
        let store_line = format!("store = {}\n", text(&store.to_string()));
        let file_line = named.and_then(Path::to_str).map(|file| format!("store_password_file = {}\n", text(file)));
        let lines = store_line + &file_line.unwrap_or_default();
        let Some(earlier) = text_to_edit(&path)?.filter(|_| !is_in_the_way) else {
            return Ok(StoreNamed::ByHand(lines));
        };
        // At the top they are in no table, whatever follows.
        let edited = if earlier.is_empty() { lines.clone() } else { format!("{lines}\n{earlier}") };
        let is_understood =
            Self::parse(edited.as_bytes(), &path).is_ok_and(|settings| settings.store.as_ref() == Some(store));
        if !is_understood || replace(home, &path, &edited).is_err() {
            return Ok(StoreNamed::ByHand(lines));
        }
        Ok(StoreNamed::Written(lines))
    }
}

/// The text of a settings file that may be replaced, or an empty one. `None` for a link, and for a file of another user.
fn text_to_edit(path: &Path) -> Result<Option<String>, SettingsError> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() || found.uid() != rustix::process::geteuid().as_raw() => return Ok(None),
        _ => {}
    }
    let bytes = file::read(path)?.unwrap_or_default();
    Ok(String::from_utf8(bytes).ok())
}

/// Puts a text into the place of a file, which keeps its permissions. Killed anywhere, the old text is there or the new one.
fn replace(home: &Home, path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_added_extension("new");
    let mode = fs::symlink_metadata(path).map_or(0o600, |found| found.permissions().mode() & 0o7777);
    remove(&beside).map_err(io::Error::other)?;
    let mut new = create_file(&beside)?;
    let written = new
        .write_all(text.as_bytes())
        .and_then(|()| new.set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| new.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.and_then(|()| sync_directory(&home.directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: Option<&str>, password_file: Option<&str>) -> (StoreNamed, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let home = Home::new(directory.path());
        if let Some(text) = text {
            fs::write(home.settings_file(), text).unwrap();
            fs::set_permissions(home.settings_file(), Permissions::from_mode(0o640)).unwrap();
        }
        let store = "postgres://lanyard@localhost/lanyard?host=/run/postgresql".parse().unwrap();
        let named = Settings::name_store(&home, &store, password_file.map(Path::new)).unwrap();
        if text.is_some() {
            assert_eq!(fs::metadata(home.settings_file()).unwrap().permissions().mode() & 0o777, 0o640);
        }
        let found = fs::read_to_string(home.settings_file()).ok();
        assert!(fs::read_dir(directory.path()).unwrap().count() <= 1, "nothing is left beside it");
        (named, found)
    }

    const LINE: &str = "store = \"postgres://lanyard@localhost/lanyard?host=/run/postgresql\"\n";

    #[test]
    fn the_store_is_named_at_the_top_and_everything_else_stays() {
        assert_eq!(named(None, None), (StoreNamed::Written(LINE.to_owned()), Some(LINE.to_owned())));
        let text = "# of the operator\nkey_source = \"file\" # why\n\n[serve]\nhttp = \"localhost:1\"\n";
        let (done, found) = named(Some(text), Some("/etc/a \"password\""));
        let lines = format!("{LINE}store_password_file = \"/etc/a \\\"password\\\"\"\n");
        assert_eq!((done, found), (StoreNamed::Written(lines.clone()), Some(format!("{lines}\n{text}"))));
        assert_eq!(named(Some(LINE), None).0, StoreNamed::Already);
    }

    #[test]
    fn what_cannot_be_edited_is_left_to_a_person() {
        for text in ["odd = 1\n", "store = \"postgres://u@localhost/other\"\n"] {
            let (done, found) = named(Some(text), None);
            assert_eq!((done, found.as_deref()), (StoreNamed::ByHand(LINE.to_owned()), Some(text)));
        }
        let (done, _) = named(Some("store_password_file = \"/a\"\n"), Some("/b"));
        assert!(matches!(done, StoreNamed::ByHand(_)), "{done:?}");
        assert!(matches!(named(Some("store_password_file = \"/a\"\n"), Some("/a")).0, StoreNamed::Written(_)));
    }
}
