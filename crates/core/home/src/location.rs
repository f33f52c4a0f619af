//! Where a home's store is, and what else can be chosen about how a home is used.

use std::path::PathBuf;
use std::time::Duration;

use lanyard_store::sql::Migrations;
use lanyard_store::{Database, DatabasePlace, StoreAddress};

use crate::{Home, KeyAccess, Settings, SettingsError};

/// The options for the use of a home.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a write waits for another process that writes. Default: 10 s.
    pub busy_timeout: Duration,
    /// How keys are come by.
    pub keys: KeyAccess,
    /// The database of a server that holds the store, whatever the home's settings say. Default: as they say.
    pub store: Option<StoreAddress>,
    /// The file that holds the password for that server, whatever the home's settings say.
    pub store_password_file: Option<PathBuf>,
    /// Whether an older schema on a server is brought up to date. Older brokers that use it must have ended. A file's is whenever no broker
    /// runs in its home.
    pub upgrades_server: bool,
    /// The parts of Lanyard that have tables of their own in the store.
    pub parts: &'static [Migrations],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(10),
            keys: KeyAccess::default(),
            store: None,
            store_password_file: None,
            upgrades_server: false,
            parts: &[],
        }
    }
}

/// The database of a home, as the options say, or else the settings of a home that is used.
pub(crate) fn database(home: &Home, options: &Options) -> Result<Database, SettingsError> {
    resolve(home, options, || Ok(Settings::read_for_use(home)?.0))
}

/// Like [`database`], for a home that may be about to be made: its settings must not contain any mistake, unless it has a database.
pub(crate) fn database_to_be(home: &Home, has_database: bool, options: &Options) -> Result<Database, SettingsError> {
    if has_database { database(home, options) } else { resolve(home, options, || Settings::read(home)) }
}

fn resolve(
    home: &Home,
    options: &Options,
    settings: impl FnOnce() -> Result<Settings, SettingsError>,
) -> Result<Database, SettingsError> {
    let (address, named) = if let Some(address) = &options.store {
        (Some(address.clone()), None)
    } else {
        let settings = settings()?;
        (settings.store, settings.store_password_file)
    };
    let password_file = options.store_password_file.clone().or(named);
    let place = match address {
        Some(address) => DatabasePlace::Server { address, password_file },
        None => DatabasePlace::File(home.database()),
    };
    Ok(Database { place, busy_timeout: options.busy_timeout, parts: options.parts })
}
