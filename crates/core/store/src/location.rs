//! Where a home's store is: in a file of the home, or in a database of a PostgreSQL server.

use std::path::PathBuf;

use crate::engine::{Engine, PostgresEngine, SqliteEngine, StoreAddress};
use crate::{Home, KeyError, OpenError, Options, Settings};

/// Where a home's store is.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    /// In the file of the home.
    File,
    /// On a server, with the file that holds the password, if one does.
    Server(StoreAddress, Option<PathBuf>),
}

impl Location {
    /// As the options say, or else the settings of a home that is used.
    pub(crate) fn of(home: &Home, options: &Options) -> Result<Self, OpenError> {
        Self::resolve(options, || Ok(Settings::read_for_use(home)?.0))
    }

    /// As the options say, or else the settings of a home that may be about to be made: there must be no mistake in them.
    pub(crate) fn of_new(home: &Home, options: &Options) -> Result<Self, OpenError> {
        Self::resolve(options, || Ok(Settings::read(home)?))
    }

    /// [`of`](Self::of) a home with a database, and [`of_new`](Self::of_new) one without.
    pub(crate) fn of_new_unless(home: &Home, has_database: bool, options: &Options) -> Result<Self, OpenError> {
        if has_database { Self::of(home, options) } else { Self::of_new(home, options) }
    }

    fn resolve(options: &Options, settings: impl FnOnce() -> Result<Settings, KeyError>) -> Result<Self, OpenError> {
        if let Some(address) = options.store.clone() {
            return Ok(Self::Server(address, options.store_password_file.clone()));
        }
        let settings = settings()?;
        Ok(match settings.store {
            Some(address) => {
                Self::Server(address, options.store_password_file.clone().or(settings.store_password_file))
            }
            None => Self::File,
        })
    }

    /// Refuses a home, or a database in it, that is not its owner's alone. The home of a store on a server may be empty, as on a machine that
    /// is new, and is made.
    pub(crate) fn check(&self, home: &Home) -> Result<(), OpenError> {
        match self {
            Self::File => home.check(),
            Self::Server(..) => match home.check_directory() {
                Err(OpenError::Missing(_)) => home.create_directory(),
                checked => checked,
            },
        }
    }

    pub(crate) fn engine(&self, home: &Home, options: Options) -> Engine {
        match self {
            Self::File => Engine::Sqlite(SqliteEngine::new(home.database(), options)),
            Self::Server(address, password) => {
                Engine::Postgres(PostgresEngine::new(address.clone(), password.clone(), options))
            }
        }
    }
}
