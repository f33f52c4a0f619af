//! Service apps' credentials that all fall due at once, the homes that share them, and the Webex that gave them.

use std::fs;
use std::process::Command;
use std::time::Duration;

use lanyard_credential::{RefreshRight, Validity};
use lanyard_store::Parts;
use lanyard_testkit::{Home, Options as Properties, Postgres, RefreshBehaviour, Webex, insert_fleet, left_out};
use lanyard_time::{BootId, BootTime, Moment};
use tokio::runtime::Runtime;

use super::record::fingerprint;
use crate::kinds::add_service_app;
use crate::{LANYARD, on_server, store_options};

/// The homes, the Webex, and the credentials between them.
pub(super) struct Fleet {
    pub(super) webex: Webex,
    /// One, or several that share a store on a server, as on several machines.
    pub(super) homes: Vec<Home>,
    /// The server that has the store, with the database's name; the homes go before it.
    pub(super) server: Option<(Postgres, String)>,
    pub(super) ships: Vec<Ship>,
}

/// One credential, as it was added.
pub(super) struct Ship {
    pub(super) id: String,
    pub(super) name: String,
    /// That of its first refresh token.
    pub(super) first: String,
}

/// How long the tokens last that Webex gives: nothing falls due twice.
const LIFE: Duration = Duration::from_hours(1);

/// How old the first ones are: good for half a minute more, and long due.
const AGE: Duration = Duration::from_secs(59 * 60 + 30);

impl Fleet {
    /// A Webex that treats refresh tokens so, and a home with so many of its credentials, made past the binary.
    pub(super) fn in_file(refresh: RefreshBehaviour, count: usize) -> Self {
        Self::new(refresh, count, vec![Home::new(LANYARD)], None)
    }

    /// Like [`in_file`](Self::in_file), in three homes that share a store on a new PostgreSQL server; `None` if none is installed.
    pub(super) fn on_server(refresh: RefreshBehaviour, count: usize) -> Option<Self> {
        let server = Postgres::start().map_err(|why| left_out(&why)).ok()?;
        let database = server.new_database();
        let address = server.address(&database);
        let homes = (0..3).map(|_| on_server::home(&address)).collect();
        Some(Self::new(refresh, count, homes, Some((server, database))))
    }

    /// A look at the database from outside: rows of columns.
    pub(super) fn query(&self, statement: &str) -> Vec<Vec<String>> {
        let text = if let Some((server, database)) = &self.server {
            server.query(database, &format!("SET search_path = lanyard; {statement}")).unwrap()
        } else {
            let mut command = Command::new("sqlite3");
            // Read while others write.
            let file = self.homes[0].path().join("lanyard.db");
            command.args(["-cmd", ".timeout 20000", "-separator", "|"]).arg(file).arg(statement);
            let output = command.output().expect("sqlite3(1) is here");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        text.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    }

    fn new(refresh: RefreshBehaviour, count: usize, homes: Vec<Home>, server: Option<(Postgres, String)>) -> Self {
        let properties = Properties {
            refresh,
            // A Webex that repeats its answers does so for longer than a busy machine needs to start a broker again.
            repeat_window: LIFE,
            access_token_ttl: LIFE,
            ..Properties::default()
        };
        let (webex, grants) = Webex::with_grants(properties, count);
        let home = &homes[0];
        let app = &webex.description().service_app;
        add_service_app(&webex, home, &app.application_id, &app.client_id, &app.client_secret);

        for other in &homes[1..] {
            fs::copy(home.path().join("home.key"), other.path().join("home.key")).unwrap();
        }
        let ships = runtime().block_on(fill(home, &grants));
        Self { webex, homes, server, ships }
    }
}

/// A runtime for looking into the store.
pub(super) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn fill(home: &Home, grants: &[String]) -> Vec<Ship> {
    let parts = Parts::system();
    let store = lanyard_home::open(&home.path(), parts.clone(), store_options()).await.unwrap().store;
    let app = store.app(&"fleet".parse().unwrap()).await.unwrap().unwrap();
    // Before the machine was started, so that it does not matter for how long it has run.
    let obtained = Moment {
        wall: parts.clock.now().wall - AGE,
        boot: BootTime { boot: BootId::new("an-earlier-boot"), elapsed: Duration::ZERO },
    };
    let validity = Validity { obtained, access: Some(LIFE), refresh: RefreshRight::Lasting(None) };
    let fleet = insert_fleet(&store, &app, grants, &validity).await;
    store.close().await.unwrap();
    let ships = fleet.into_iter().zip(grants);
    ships
        .map(|(added, first)| Ship {
            id: added.id.to_string(),
            name: added.name.to_string(),
            first: fingerprint(first),
        })
        .collect()
}
