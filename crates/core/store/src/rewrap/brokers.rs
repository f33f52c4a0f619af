//! The brokers that run on a store which several homes share, and which of the home's keys each has.
//!
//! A broker reports itself every few seconds for as long as it runs, by the server's clock, which all of them share. One that was not heard
//! of for a minute does not count. A home in a file has no use for this: all of its processes have its keys from the same place.
//!
//! A writer to the database without the home's key cannot forge such a row, because it carries a mac. Removing a row, or keeping it
//! alive, only hastens or delays the next replacement of the home's key.

use std::collections::HashSet;
use std::time::Duration;

use lanyard_time::Moment;
use lanyard_vault::{KeyId, Mac};

use crate::encode::encode;
use crate::engine::{Reach, Row, Statement, sql};
use crate::write::Purpose;
use crate::{HomeKeys, KeyUnavailable, NextKey, Store, StoreError};

/// A broker that runs, in this home or in another one of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningBroker {
    /// Its number, which its intents carry too.
    pub id: String,
    /// The name of its machine.
    pub host: String,
    /// The directory of its home there.
    pub home: String,
    /// Its version.
    pub version: String,
    /// The home keys that it has.
    pub keys: Vec<KeyId>,
    /// When it was last heard of.
    pub seen: Duration,
}

impl RunningBroker {
    /// Whether it has this key.
    pub fn has(&self, id: KeyId) -> bool {
        self.keys.contains(&id)
    }
}

/// The number under which a broker reports itself.
#[derive(Clone, Debug)]
pub struct BrokerId(String);

/// So long after its last report a broker counts as running.
const COUNTS: Duration = Duration::from_mins(1);
/// So long after its last report the row of a broker is removed by others.
const FORGOTTEN: Duration = Duration::from_mins(10);
/// An offer waits as long for the reports of brokers that were not heard of for a while: the server may have been out of reach for all of
/// them.
const SETTLES: Duration = Duration::from_secs(30);

impl Store {
    /// Whether homes on several machines may use the store.
    pub fn is_shared(&self) -> bool {
        self.inner.engine.is_shared()
    }

    /// The number of this process, as a broker that is about to report itself. Its intents carry the same.
    pub fn new_broker(&self) -> BrokerId {
        BrokerId(self.inner.presence.announce(self.entropy()).number.into())
    }

    /// Reports that a broker runs, and which keys it has. Returns the home's keys if it lacks one of them, or one that is offered. Does nothing in a home
    /// that shares its store with no other.
    pub async fn report_broker(&self, id: &BrokerId) -> Result<Option<HomeKeys>, StoreError> {
        if !self.is_shared() {
            return Ok(None);
        }
        let host = &*this_host();
        let home = &*self.home().to_string_lossy();
        self.write_within(Reach::Journal, Purpose::Keys, |mut tx| async move {
            let keys = tx.home_row().await?.checked(&self.inner.seals_key)?.keys;
            let offered = keys.offered.as_ref().map(|offered| offered.id);
            let held = keys.keys().chain(offered).filter(|id| self.inner.keys.holds(*id));
            let held = held.map(|id| id.to_string()).collect::<Vec<_>>().join(",");
            let seal = self.seal_of_broker([&*id.0, host, home, VERSION, &*held]);
            tx.run(sql("brokers", FORGET).bind(FORGOTTEN)).await?;
            let report = sql("brokers", REPORT)
                .bind(id.0.as_str())
                .bind(host)
                .bind(home)
                .bind(VERSION)
                .bind(held.as_str())
                .bind(seal.as_bytes());
            tx.run(report).await?;
            let lacks = keys.keys().chain(offered).any(|id| !self.inner.keys.holds(id));
            tx.commit(lacks.then_some(keys)).await
        })
        .await
    }

    /// Removes a broker that is about to end.
    pub async fn remove_broker(&self, id: &BrokerId) -> Result<(), StoreError> {
        if !self.is_shared() {
            return Ok(());
        }
        self.write_within(Reach::Journal, Purpose::Keys, |mut tx| async move {
            tx.run(sql("brokers", "DELETE FROM brokers WHERE id = $1").bind(id.0.as_str())).await?;
            tx.commit(()).await
        })
        .await
    }

    /// The brokers that run on the store, of whichever home. Those of a home that shares its store with no other are not known.
    pub async fn running_brokers(&self) -> Result<Vec<RunningBroker>, StoreError> {
        if !self.is_shared() {
            return Ok(Vec::new());
        }
        let offered = self.home_keys().await?.offered;
        self.authentic(&self.engine().rows(running(offered.as_ref(), &self.now())).await?)
    }

    /// Fetches the next key, or the offered one, from where this process would have to fetch it once it is active. Asks no person. `keys` are
    /// the home's.
    pub async fn fetch_next_key(&self, keys: &HomeKeys) -> Result<(), KeyUnavailable> {
        match keys.next.as_ref().or(keys.offered.as_ref()) {
            Some(offered) => self.inner.keys.look_for(&keys.replaced_by(offered)).await,
            None => Ok(()),
        }
    }

    /// The brokers that Lanyard wrote.
    pub(super) fn authentic(&self, rows: &[Row]) -> Result<Vec<RunningBroker>, StoreError> {
        let mut brokers = Vec::with_capacity(rows.len());
        for row in rows {
            let [id, host, home] = [row.text("id")?, row.text("host")?, row.text("home")?];
            let [version, keys] = [row.text("version")?, row.text("keys")?];
            let seal = self.seal_of_broker([&*id, &*host, &*home, &*version, &*keys]);
            if Mac::from_bytes(&row.bytes("seal")?) != Some(seal) {
                tracing::warn!(broker = id, "the row of a broker was altered without Lanyard, and does not count");
                continue;
            }
            let keys = keys.split(',').filter_map(|id| id.parse().ok()).collect();
            let seen = Duration::from_millis(row.integer("ago")?.try_into().unwrap_or(0));
            brokers.push(RunningBroker { id, host, home, version, keys, seen });
        }
        // One that was not heard of for a while has ended where another runs in its place.
        let of = |broker: &RunningBroker| (broker.host.clone(), broker.home.clone());
        let replaced: HashSet<_> = brokers.iter().filter(|broker| broker.seen < COUNTS).map(of).collect();
        brokers.retain(|broker| broker.seen < COUNTS || !replaced.contains(&of(broker)));
        Ok(brokers)
    }

    fn seal_of_broker(&self, columns: [&str; 5]) -> Mac {
        let fields: Vec<_> = ["brokers"].iter().chain(&columns).map(|text| Some(text.as_bytes())).collect();
        self.inner.seals_key.chain(&Mac::BEGINNING, &encode(&fields))
    }
}

/// The name of this machine.
pub fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The brokers that count, one for each row.
pub(super) fn running(offered: Option<&NextKey>, now: &Moment) -> Statement {
    let is_new = |offer: &NextKey| now.wall.duration_since(offer.since).unsigned_abs() < SETTLES;
    sql("brokers", RUNNING).bind(if offered.is_some_and(is_new) { FORGOTTEN } else { COUNTS })
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The server's clock.
macro_rules! server_now {
    () => {
        "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
    };
}

pub(crate) use server_now;

pub(crate) const SERVER_TIME: &str = concat!("SELECT ", server_now!(), " AS now");

const REPORT: &str = concat!(
    "INSERT INTO brokers (id, host, home, version, keys, seal, seen) VALUES ($1, $2, $3, $4, $5, $6, ",
    server_now!(),
    ") ON CONFLICT (id) DO UPDATE SET host = excluded.host, home = excluded.home, version = excluded.version, keys = excluded.keys, \
     seal = excluded.seal, seen = excluded.seen"
);

const FORGET: &str = concat!("DELETE FROM brokers WHERE seen < ", server_now!(), " - $1");

const RUNNING: &str = concat!(
    "SELECT id, host, home, version, keys, seal, ",
    server_now!(),
    " - seen AS ago FROM brokers WHERE seen > ",
    server_now!(),
    " - $1 ORDER BY host, home, id"
);
