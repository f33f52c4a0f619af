//! The home: the directory that an owner keeps everything in.
//!
//! A [`Home`] holds the settings, the key or the way to it, the sockets, and, unless a server has it, the database. [`open`] and
//! [`open_or_create`] lead from there to an open [`Store`](lanyard_store::Store). What is done to a home as a whole is here too: its key is
//! replaced, it is backed up and restored.

mod backup;
mod create;
mod directory;
mod files;
mod keys;
mod location;
mod lock;
mod migrate;
mod open;
mod opened;
mod replace;
mod restore;
mod settings;
mod status;

pub use backup::{Backup, BackupError};
pub use create::{create, open_or_create};
pub use directory::{Home, HomeError};
pub use files::quoted;
pub use keys::{CommandError, KeyAccess, KeyError, KeyringError, NewHomeKey, PassphraseSource};
pub use location::Options;
pub use migrate::{MigrateError, Migrated, NewPlace, migrate_store};
pub use open::{OpenError, open, open_with_key};
pub use opened::OpenHome;
pub use replace::{KeyReplaced, LackingBroker, OfferWithdrawn, ReplaceKeyError};
pub use restore::{RestoreError, Restored, restore};
pub use settings::{
    CommandChannel, EventSettings, HttpAddress, HttpAddressError, OWNER_SOCKET, ServeSettings, Settings, SettingsError,
    StoreNamed, seconds,
};
pub use status::{KeyPlace, KeyStatus, NextKeyStatus};
