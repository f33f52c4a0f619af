//! A store with a watch, on either engine, whose readings a test makes up.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lanyard_credential::{Credential, Kind};
use lanyard_devices::{Listing, Remembered, StoredWatch, Swept, Watch, WatchedKinds, record};
use lanyard_home::{KeyAccess, NewHomeKey, Options};
use lanyard_protocol::{Device, Environment};
use lanyard_store::{Event, NewCredential, Parts, Store};
use lanyard_testkit::{Postgres, left_out};
use lanyard_time::{ManualClock, SystemEntropy};
use lanyard_vault::KeySource;
use serde_json::{Value, json};

pub(crate) struct World {
    directory: tempfile::TempDir,
    database: Option<String>,
    pub(crate) store: Store,
}

const PARTS: &[lanyard_store::sql::Migrations] = &[lanyard_devices::MIGRATIONS];

impl World {
    pub(crate) async fn on_sqlite() -> Option<Self> {
        Some(Self::over(None).await)
    }

    pub(crate) async fn on_postgres() -> Option<Self> {
        let database = Postgres::shared().map(Postgres::database).map_err(left_out).ok()?;
        Some(Self::over(Some(database)).await)
    }

    async fn over(database: Option<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory, database.as_deref()).await;
        Self { directory, database, store }
    }

    pub(crate) fn is_on_sqlite(&self) -> bool {
        self.database.is_none()
    }

    /// The store, opened again.
    pub(crate) async fn again(&self) -> Store {
        open(&self.directory, self.database.as_deref()).await
    }

    /// A watch with a name of its own, and the readings that follow.
    pub(crate) async fn scene(&self, name: &str) -> Scene<'_> {
        self.scene_at(name, &Environment::commercial()).await
    }

    /// Like [`scene`](Self::scene), with a bot of another Webex.
    pub(crate) async fn scene_at(&self, name: &str, environment: &Environment) -> Scene<'_> {
        let mut credential = lanyard_testkit::credential(name, Kind::Bot, environment);
        credential.labels.insert("customer".to_owned(), "acme".to_owned());
        let watch = StoredWatch {
            id: format!("{name:0>32}"),
            version: 0,
            watch: Watch {
                name: name.parse().unwrap(),
                credential: credential.id,
                org: None,
                against: None,
                interval_seconds: 180,
                readings_seconds: 900,
                kinds: WatchedKinds::default(),
                tags: Vec::new(),
                locations: BTreeMap::new(),
                labels: BTreeMap::new(),
                approve_new: false,
                paused_at: None,
                added_at: at(0),
            },
        };
        let event = Event::JobChanged { job: "devices".to_owned(), what: "watch added".to_owned() };
        let new = NewCredential { credential: credential.clone(), tokens: None };
        self.store.insert_credential(&new).await.unwrap();
        assert!(lanyard_devices::insert(&self.store, &watch, &credential, &event).await.unwrap());
        Scene { store: &self.store, watch, credential, remembered: Remembered::default() }
    }
}

async fn open(directory: &tempfile::TempDir, database: Option<&str>) -> Store {
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let parts = Parts::new(Arc::new(clock), Arc::new(SystemEntropy));
    let options = Options {
        keys: KeyAccess { new_home: NewHomeKey::In(KeySource::File), ..KeyAccess::default() },
        store: database.map(|database| database.parse().unwrap()),
        parts: PARTS,
        ..Options::default()
    };
    lanyard_home::open_or_create(&directory.path().join("home"), parts, options).await.unwrap().store
}

/// A watch whose readings are made up.
pub(crate) struct Scene<'a> {
    pub(crate) store: &'a Store,
    pub(crate) watch: StoredWatch,
    pub(crate) credential: Credential,
    /// What the process that reads remembers.
    pub(crate) remembered: Remembered,
}

impl Scene<'_> {
    /// A reading at a minute in which Webex lists these devices.
    pub(crate) async fn read(&self, minute: i64, listed: &[Device]) -> Swept {
        self.record(minute, Ok(listed)).await
    }

    /// A reading that fails.
    pub(crate) async fn fail(&self, minute: i64, why: &str) -> Swept {
        self.record(minute, Err(why)).await
    }

    pub(crate) async fn record(&self, minute: i64, listed: Result<&[Device], &str>) -> Swept {
        let read_before = lanyard_devices::read_at(self.store, &self.watch.id).await.unwrap();
        let listing = self.listing(read_before, listed);
        record(self.store, &self.remembered, &self.watch, &listing, at(minute)).await.unwrap()
    }

    /// What Webex answers in a reading that is made up.
    pub(crate) fn listing(&self, read_before: Option<Timestamp>, listed: Result<&[Device], &str>) -> Listing {
        let devices = listed.map(<[Device]>::to_vec).map_err(str::to_owned);
        Listing { read_before, credential: Some(self.credential.clone()), devices }
    }

    /// What people were told: the type of each event, the number of its alert, and its sentence.
    pub(crate) async fn told(&self) -> Vec<(String, String, String)> {
        let entries = self.store.told_after(0, None, 1000).await.unwrap();
        let told = entries.into_iter().map(|entry| match entry.record.event {
            Event::JobAlert { news, summary, details, .. } => {
                let (id, _) = entry.record.about.as_credential().unwrap();
                assert_eq!(*id, self.credential.id, "channels choose events by the labels of the credential");
                let alert = details["alert"].as_str().unwrap().to_owned();
                (news, alert, summary)
            }
            other => panic!("{other:?}"),
        });
        told.collect()
    }

    /// The types of the events, in their order.
    pub(crate) async fn news(&self) -> Vec<String> {
        self.told().await.into_iter().map(|(news, ..)| news).collect()
    }
}

pub(crate) fn at(minute: i64) -> Timestamp {
    let begin: Timestamp = "2026-11-30T08:00:00Z".parse().unwrap();
    begin + SignedDuration::from_mins(minute)
}

/// A device whose name is "Room" and its id.
pub(crate) fn device(id: &str, status: &str) -> Device {
    device_with(id, status, &json!({}))
}

pub(crate) fn device_with(id: &str, status: &str, more: &Value) -> Device {
    let mut device = json!({
        "id": id, "displayName": format!("Room {id}"), "product": "Cisco Room Bar", "type": "roomdesk", "workspaceId": "w",
        "connectionStatus": status, "serial": format!("FOC{id}"),
    });
    device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(device).unwrap()
}

/// Makes two tests of each function, one for each engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::world::World::on_sqlite().await.unwrap()).await;
            })+
        }

        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(world) = $crate::world::World::on_postgres().await {
                    super::$name(world).await;
                }
            })+
        }
    };
}
pub(crate) use on_both_engines;
