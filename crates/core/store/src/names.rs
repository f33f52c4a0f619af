//! The names in a home, for a shell that completes a word.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lanyard_credential::{AppName, ClientName, CredentialName};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::engine::beside;
use crate::record::read_labels;

/// The names and labels that are in use in a home.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The credentials.
    pub credentials: Vec<CredentialName>,
    /// The apps.
    pub apps: Vec<AppName>,
    /// The clients.
    pub clients: Vec<ClientName>,
    /// The watches of devices.
    pub watches: Vec<String>,
    /// Each label that a credential has, as `key=value`.
    pub labels: BTreeSet<String>,
}

/// Names cost a person who types no more than this, even if another process is writing.
const PATIENCE: Duration = Duration::from_millis(100);

impl Names {
    /// Reads them in a home's database, without its key, and changes nothing. What cannot be read is left out.
    pub async fn read(database: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(database)
            .read_only(true)
            // A database at rest is read as it lies there: otherwise SQLite makes a log and an index beside it, and leaves them.
            .immutable(!beside(database, "-wal").exists())
            .create_if_missing(false)
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let Ok(mut connection) = options.connect().await else { return Self::default() };
        let labels = column(&mut connection, "SELECT labels FROM credentials").await;
        let names = Self {
            credentials: parsed(&column(&mut connection, "SELECT name FROM credentials ORDER BY name").await),
            apps: parsed(&column(&mut connection, "SELECT name FROM apps ORDER BY name").await),
            clients: parsed(&column(&mut connection, "SELECT name FROM clients ORDER BY name").await),
            // A table of a job: a home that has never had it has no names there.
            watches: column(&mut connection, "SELECT name FROM devices_watches ORDER BY name").await,
            labels: labels
                .iter()
                .flat_map(|text| read_labels(text))
                .map(|(key, value)| format!("{key}={value}"))
                .collect(),
        };
        // Nothing was written; the system closes what this cannot.
        let _ = connection.close().await;
        names
    }
}

async fn column(connection: &mut SqliteConnection, text: &'static str) -> Vec<String> {
    sqlx::query_scalar(text).fetch_all(connection).await.unwrap_or_default()
}

fn parsed<N: std::str::FromStr>(names: &[String]) -> Vec<N> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}
