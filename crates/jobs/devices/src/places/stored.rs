//! Places, as they are stored.

use std::collections::HashMap;

use jiff::Timestamp;
use lanyard_store::sql::{Row, Tx, sql};
use lanyard_store::{Store, StoreError};

use super::{Place, Places};
use crate::held::hold;

/// How the last reading of a watch's places went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlacesReading {
    /// When all of them were read last.
    pub(crate) read_at: Option<Timestamp>,
    /// When the last reading ended.
    pub(crate) tried_at: Option<Timestamp>,
    /// Why that one was not complete.
    pub(crate) reason: Option<String>,
}

/// How many places one transaction writes: others wait for it.
const AT_ONCE: usize = 500;

/// The places of all watches, by the watch's id.
pub(crate) async fn all(store: &Store) -> Result<HashMap<String, Places>, StoreError> {
    let mut all: HashMap<String, Places> = HashMap::new();
    for row in &store.read(sql(PLACES, SELECT_ALL)).await? {
        let (id, place) = place(row)?;
        all.entry(row.text("watch")?).or_default().extend(place.map(|place| (id, place)));
    }
    Ok(all)
}

/// The places of one watch.
pub(crate) async fn of_watch(store: &Store, watch: &str) -> Result<Places, StoreError> {
    let mut places = Places::new();
    for row in &store.read(sql(PLACES, SELECT).bind(watch)).await? {
        let (id, place) = place(row)?;
        places.extend(place.map(|place| (id, place)));
    }
    Ok(places)
}

/// A place with its id. One that cannot be read is written again by the next reading.
fn place(row: &Row) -> Result<(String, Option<Place>), StoreError> {
    Ok((row.text("workspace")?, serde_json::from_str(row.str("facts")?).ok()))
}

/// How the last readings of the places of all watches went, by the watch's id.
pub(crate) async fn readings(store: &Store) -> Result<HashMap<String, PlacesReading>, StoreError> {
    let rows = store.read(sql(READINGS, SELECT_READINGS)).await?;
    rows.iter().map(|row| Ok((row.text("watch")?, reading(row)?))).collect()
}

/// How the last reading of a watch's places went.
pub(crate) async fn reading_of(store: &Store, watch: &str) -> Result<PlacesReading, StoreError> {
    let rows = store.read(sql(READINGS, SELECT_READING).bind(watch)).await?;
    rows.first().map_or_else(|| Ok(PlacesReading::default()), reading)
}

fn reading(row: &Row) -> Result<PlacesReading, StoreError> {
    Ok(PlacesReading {
        read_at: row.optional_timestamp("read_at")?,
        tried_at: row.optional_timestamp("tried_at")?,
        reason: row.optional_text("reason")?,
    })
}

/// Writes the places that have changed, and how the reading went. `false` if the watch was removed.
pub(crate) async fn write(
    store: &Store,
    watch: &str,
    (known, found): (&Places, &Places),
    reading: &PlacesReading,
) -> Result<bool, StoreError> {
    let changed: Vec<_> = found.iter().filter(|(id, place)| known.get(*id) != Some(*place)).collect();
    let gone: Vec<&String> = known.keys().filter(|id| !found.contains_key(*id)).collect();
    for changed in changed.chunks(AT_ONCE) {
        store
            .write_rows(|mut tx| async move {
                for (id, place) in changed {
                    put(&mut tx, watch, id, place).await?;
                }
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
    }
    if !note(store, watch, reading).await? {
        // It was removed while its places were read.
        forget_all(store, watch).await?;
        return Ok(false);
    }
    for gone in gone.chunks(AT_ONCE) {
        store
            .write_rows(|mut tx| async move {
                for id in gone {
                    tx.run(sql(PLACES, FORGET).bind(watch).bind(id.as_str())).await?;
                }
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
    }
    Ok(true)
}

/// Writes how a reading went. `false` if the watch was removed.
pub(crate) async fn note(store: &Store, watch: &str, reading: &PlacesReading) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            if !hold(&mut tx, watch).await? {
                return tx.abandon(false).await;
            }
            let put = sql(READINGS, PUT_READING)
                .bind(watch)
                .bind(reading.read_at)
                .bind(reading.tried_at.map_or(0, Timestamp::as_millisecond))
                .bind(reading.reason.as_deref());
            tx.run(put).await?;
            tx.commit::<_, StoreError>(true).await
        })
        .await
}

async fn put(tx: &mut Tx, watch: &str, id: &str, place: &Place) -> Result<(), StoreError> {
    let facts = serde_json::to_string(place).expect("a place is written as JSON");
    tx.run(sql(PLACES, PUT).bind(watch).bind(id).bind(facts)).await.map(drop)
}

/// Forgets all places of a watch, and that they were read.
pub(crate) async fn forget_all(store: &Store, watch: &str) -> Result<(), StoreError> {
    store
        .write_rows(|mut tx| async move {
            for (table, delete) in FORGET_ALL {
                tx.run(sql(table, delete).bind(watch)).await?;
            }
            tx.commit::<_, StoreError>(()).await
        })
        .await
}

const PLACES: &str = "devices_places";
const READINGS: &str = "devices_place_readings";
const SELECT_ALL: &str = "SELECT watch, workspace, facts FROM devices_places";
const SELECT: &str = "SELECT workspace, facts FROM devices_places WHERE watch = $1";
const PUT: &str = "INSERT INTO devices_places (watch, workspace, facts) VALUES ($1, $2, $3) \
     ON CONFLICT (watch, workspace) DO UPDATE SET facts = excluded.facts";
const FORGET: &str = "DELETE FROM devices_places WHERE watch = $1 AND workspace = $2";
const SELECT_READINGS: &str = "SELECT watch, read_at, tried_at, reason FROM devices_place_readings";
const SELECT_READING: &str = "SELECT watch, read_at, tried_at, reason FROM devices_place_readings WHERE watch = $1";
const PUT_READING: &str = "INSERT INTO devices_place_readings (watch, read_at, tried_at, reason) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (watch) DO UPDATE SET read_at = excluded.read_at, tried_at = excluded.tried_at, reason = excluded.reason";
pub(super) const FORGET_ALL: [(&str, &str); 2] = [
    (PLACES, "DELETE FROM devices_places WHERE watch = $1"),
    (READINGS, "DELETE FROM devices_place_readings WHERE watch = $1"),
];
