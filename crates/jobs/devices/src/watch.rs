//! A watch: a credential, tied to the devices that it sees.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lanyard_credential::{Credential, CredentialId};
use lanyard_operation::{Code, Problem};
use lanyard_protocol::{Device, DeviceType, OrgId};
use lanyard_store::sql::sql;
use lanyard_store::{About, Event, SealedRow, SealedTable, Store, StoreError, sealed_table};
use serde::{Deserialize, Serialize};

use crate::alerts::{self, Alert, Ending, Teller};
use crate::names::WatchName;

/// How often the devices of a watch are read, unless it says otherwise.
pub const INTERVAL: Duration = Duration::from_mins(3);
/// The shortest interval that a watch may have.
pub const SHORTEST_INTERVAL: Duration = Duration::from_secs(15);
/// The longest interval that a watch may have.
pub const LONGEST_INTERVAL: Duration = Duration::from_hours(24);

/// How often the statuses of each device are read, unless a watch says otherwise.
pub const READINGS: Duration = Duration::from_mins(15);
/// The shortest interval of those readings.
pub const SHORTEST_READINGS: Duration = Duration::from_mins(1);

/// How long a reading may be late, besides three intervals.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// A watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Its name.
    pub name: WatchName,
    /// The credential that reads the devices.
    pub credential: CredentialId,
    /// The organisation that is read, if it is not the credential's own: for partners.
    pub org: Option<OrgId>,
    /// The credential that reads the workspaces and locations, if it is not the first.
    #[serde(default)]
    pub against: Option<CredentialId>,
    /// How often the devices are read, in seconds.
    pub interval_seconds: u64,
    /// How often the statuses of each device are read, in seconds; 0 if they are not.
    #[serde(default = "default_readings")]
    pub readings_seconds: u64,
    /// The devices that are watched besides those of workspaces.
    pub kinds: WatchedKinds,
    /// The tags of Webex of which a device must have one; any device if there are none.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The locations where a device must be: their names, by the [key](lanyard_protocol::Location::key) of their ids. Anywhere if there are
    /// none.
    #[serde(default)]
    pub locations: BTreeMap<String, String>,
    /// Its own labels, which take the place of those of the credential.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether new devices wait until a person approves them.
    #[serde(default)]
    pub approve_new: bool,
    /// Since when it is paused.
    pub paused_at: Option<Timestamp>,
    /// When it was added.
    pub added_at: Timestamp,
}

/// For a watch that was stored before there were readings.
const fn default_readings() -> u64 {
    READINGS.as_secs()
}

/// The devices that a watch covers besides room and desk devices in workspaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchedKinds {
    /// Phones.
    pub phones: bool,
    /// Accessories of other devices.
    pub accessories: bool,
    /// Personal devices.
    pub personal: bool,
}

impl WatchedKinds {
    /// Whether a device is watched. One of which Webex does not say the kind is: it may be a new kind of room device.
    pub fn covers(self, device: &Device) -> bool {
        self.covers_kind(device.device_type) && (self.personal || device.person_id.is_none())
    }

    /// Whether devices of this kind in a workspace are watched.
    pub(crate) const fn covers_kind(self, kind: DeviceType) -> bool {
        match kind {
            DeviceType::RoomDesk | DeviceType::Unknown => true,
            DeviceType::Phone => self.phones,
            DeviceType::Accessory => self.accessories,
            DeviceType::WebexGo => false,
        }
    }
}

impl Watch {
    /// How often its devices are read.
    pub const fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    /// How often the statuses of each device are read, if they are.
    pub fn readings(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.readings_seconds)).filter(|every| !every.is_zero())
    }

    /// Whether a reading at this time is so old that nobody has read the devices since.
    pub fn is_late(&self, read_at: Timestamp, now: Timestamp) -> bool {
        let expected = SignedDuration::try_from(self.interval()).unwrap_or(SignedDuration::MAX);
        now.duration_since(read_at) > expected.saturating_mul(3).saturating_add(LATE)
    }
}

/// A watch, as it is stored.
#[derive(Clone, Debug)]
pub struct StoredWatch {
    /// Its id, which never changes: 32 hexadecimal digits.
    pub id: String,
    /// Counted up with every change.
    pub version: u64,
    /// The watch.
    pub watch: Watch,
}

/// All watches, by name. A row that was altered without Lanyard is an error in its place.
pub async fn watches(store: &Store) -> Result<Vec<Result<StoredWatch, StoreError>>, StoreError> {
    Ok(TABLE.all(store).await?.into_iter().map(|row| row.and_then(|row| read(&row))).collect())
}

/// The watch with this id.
pub async fn watch(store: &Store, id: &str) -> Result<Option<StoredWatch>, StoreError> {
    TABLE.by_id(store, id).await?.as_ref().map(read).transpose()
}

/// The watch with this name.
pub(crate) async fn named(store: &Store, name: &WatchName) -> Result<StoredWatch, Problem> {
    let row = TABLE.by_name(store, name.as_str()).await.map_err(|error| stored(&error))?;
    let found = row.as_ref().map(read).transpose().map_err(|error| stored(&error))?;
    found.ok_or_else(|| {
        Problem::new(Code::NoSuchName, format!("there is no watch named {name}"))
            .hint("list the watches: lanyard devices watch list")
    })
}

/// A credential of a watch; `None` if it was removed, or its row was altered without Lanyard: readings and lists of credentials name that.
pub(crate) async fn credential_of(store: &Store, id: CredentialId) -> Result<Option<Credential>, StoreError> {
    match store.credential_by_id(id).await {
        Err(error) if error.is_of_one_row() => Ok(None),
        found => found,
    }
}

/// Adds a watch. `false` if there is one with its name.
pub async fn insert(
    store: &Store,
    new: &StoredWatch,
    credential: &Credential,
    event: &Event,
) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            if !TABLE.insert(store, &mut tx, &row(new)).await? {
                return tx.abandon(false).await;
            }
            tx.record(About::credential(&credential.id, &credential.name), event.clone());
            tx.commit(true).await
        })
        .await
}

/// Replaces a watch whose version is one lower. `false` if it has another version now.
pub(crate) async fn update(store: &Store, changed: &StoredWatch, event: &Event) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            if !TABLE.update(store, &mut tx, &row(changed)).await? {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
}

/// Ends the alerts of a watch that was paused: nobody sees how they go on. What is still wrong when it is resumed is told again.
pub async fn end_alerts(store: &Store, paused: &StoredWatch, about: &About, at: Timestamp) -> Result<(), StoreError> {
    let teller = Teller { watch: paused.watch.name.as_str(), credential: None, at, places: None };
    store
        .write_rows(|mut tx| async move {
            let ended = |alert: &Alert| teller.ended(alert, Ending::Paused);
            alerts::end_open(&mut tx, &paused.id, about, (at, ended)).await?;
            tx.commit(()).await
        })
        .await
}

/// Removes a watch, and everything that was read for it.
pub async fn remove(
    store: &Store,
    name: &WatchName,
    (event, about): (&Event, &About),
    at: Timestamp,
) -> Result<Option<String>, StoreError> {
    let teller = Teller { watch: name.as_str(), credential: None, at, places: None };
    store
        .write_rows(|mut tx| async move {
            let Some(id) = TABLE.delete(&mut tx, name.as_str()).await? else { return tx.abandon(None).await };
            let ended = |alert: &Alert| teller.ended(alert, Ending::Removed);
            alerts::end_open(&mut tx, &id, about, (at, ended)).await?;
            alerts::forget_all(&mut tx, &id).await?;
            for (table, delete) in DELETES {
                tx.run(sql(table, delete).bind(id.as_str())).await?;
            }
            tx.record(About::Home, event.clone());
            tx.commit(Some(id)).await
        })
        .await
}

fn read(row: &SealedRow) -> Result<StoredWatch, StoreError> {
    let altered = || StoreError::Altered { table: TABLE.name, row: row.name.clone() };
    let watch: Watch = serde_json::from_slice(row.document.expose_secret()).map_err(|_| altered())?;
    if watch.name.as_str() != row.name {
        return Err(altered());
    }
    Ok(StoredWatch { id: row.id.clone(), version: row.version, watch })
}

fn row(watch: &StoredWatch) -> SealedRow {
    let document = serde_json::to_vec(&watch.watch).expect("a watch is written as JSON");
    SealedRow::new(&watch.id, watch.watch.name.as_str(), watch.version, document)
}

/// A failure of the store, as the caller sees it.
pub(crate) fn stored(error: &StoreError) -> Problem {
    Problem::of(Code::Store, error).hint(error.hint())
}

const TABLE: SealedTable = sealed_table!("devices_watches");
const DELETES: [(&str, &str); 8] = [
    ("devices_readings", "DELETE FROM devices_readings WHERE watch = $1"),
    ("devices_seen", "DELETE FROM devices_seen WHERE watch = $1"),
    ("devices_statuses", "DELETE FROM devices_statuses WHERE watch = $1"),
    ("devices_hourly", "DELETE FROM devices_hourly WHERE watch = $1"),
    ("devices_daily", "DELETE FROM devices_daily WHERE watch = $1"),
    ("devices_periods", "DELETE FROM devices_periods WHERE watch = $1"),
    ("devices_places", "DELETE FROM devices_places WHERE watch = $1"),
    ("devices_place_readings", "DELETE FROM devices_place_readings WHERE watch = $1"),
];
