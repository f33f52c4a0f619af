//! The tables of alerts and silences.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use lanyard_store::sql::{Row, Tx, sql};
use lanyard_store::{About, Event, Store, StoreError};
use serde_json::{Value, json};

use super::{Acknowledged, Alert, AlertFacts, AlertNumber, Ended, Raised};
use crate::rules::Rule;

/// The open alerts of a watch, by number. A row that was altered without Lanyard is left out, and its cause is an alert again.
pub(crate) async fn open_of(store: &Store, watch: &str) -> Result<BTreeMap<u64, Alert>, StoreError> {
    let rows = store.read(sql(TABLE, SELECT_OPEN).bind(watch)).await?;
    Ok(rows.iter().filter_map(|row| read(row).ok()).map(|alert| (alert.number.number(), alert)).collect())
}

/// Which alerts are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// The open ones.
    Open,
    /// The latest, ended ones included.
    Latest(u32),
}

/// The alerts of all watches, the latest first.
pub(crate) async fn alerts(store: &Store, filter: Filter) -> Result<Vec<Alert>, StoreError> {
    let rows = match filter {
        Filter::Open => store.read(sql(TABLE, SELECT_ALL_OPEN)).await?,
        Filter::Latest(limit) => store.read(sql(TABLE, SELECT_LATEST).bind(limit)).await?,
    };
    Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
}

/// The alert with this number.
pub(crate) async fn alert(store: &Store, number: AlertNumber) -> Result<Option<Alert>, StoreError> {
    let rows = store.read(sql(TABLE, SELECT_ONE).bind(number.number())).await?;
    rows.first().map(read).transpose()
}

fn read(row: &Row) -> Result<Alert, StoreError> {
    let altered = || StoreError::Altered { table: TABLE, row: row.integer("number").unwrap_or_default().to_string() };
    let acked = match row.optional_timestamp("acked")? {
        None => None,
        Some(at) => {
            let by = row.optional_text("acked_by")?.unwrap_or_default();
            Some(Acknowledged { at, by, note: row.optional_text("note")? })
        }
    };
    Ok(Alert {
        number: AlertNumber::new(u64::try_from(row.integer("number")?).map_err(|_| altered())?),
        watch: row.text("watch")?,
        rule: Rule::of_word(row.str("rule")?).ok_or_else(altered)?,
        since: row.timestamp("since")?,
        raised: row.timestamp("raised")?,
        ended: row.optional_timestamp("ended")?,
        facts: serde_json::from_str(row.str("facts")?).map_err(|_| altered())?,
        acked,
    })
}

/// Raises an alert, and records the event that tells people. Returns its number; `None` if another process has told them that the watch
/// cannot read.
pub(crate) async fn raise(
    tx: &mut Tx,
    watch: &str,
    (raised, about): (&Raised, &About),
    at: Timestamp,
) -> Result<Option<u64>, StoreError> {
    // Failed readings, unlike others, do not exclude each other.
    if raised.rule == Rule::Blind && !tx.rows(sql(TABLE, SELECT_BLIND).bind(watch)).await?.is_empty() {
        return Ok(None);
    }
    let credential = about.as_credential().map(|(id, name)| (*id, name.clone()));
    let facts = AlertFacts { credential, ..raised.facts.clone() };
    tx.run(sql(COUNTERS, COUNT).bind(COUNTER)).await?;
    let counted = tx.row(sql(COUNTERS, SELECT_COUNTER).bind(COUNTER)).await?;
    let number = counted.map(|row| row.integer("last")).transpose()?.unwrap_or_default();
    let number = u64::try_from(number).unwrap_or_default();
    let insert = sql(TABLE, INSERT)
        .bind(number)
        .bind(watch)
        .bind(raised.rule.as_str())
        .bind(raised.since)
        .bind(at)
        .bind(serde_json::to_string(&facts).expect("facts are written as JSON"));
    tx.run(insert).await?;
    let shown = AlertNumber::new(number);
    let hint = raised.hint.clone().unwrap_or_else(|| format!("lanyard devices alerts show {shown}"));
    tx.record(
        about.clone(),
        Event::JobAlert {
            job: JOB.to_owned(),
            news: raised.rule.event().to_owned(),
            state: "firing".to_owned(),
            severity: raised.severity().as_str().to_owned(),
            summary: raised.facts.summary.clone(),
            hint: Some(hint),
            details: details(shown, raised.rule, raised.since, &raised.facts),
        },
    );
    Ok(Some(number))
}

/// Ends an alert, and records the event that tells people. Nothing happens if it has ended already.
pub(crate) async fn end(tx: &mut Tx, (ended, about): (&Ended, &About), at: Timestamp) -> Result<(), StoreError> {
    let Ended { alert, summary } = ended;
    if tx.run(sql(TABLE, END).bind(alert.number.number()).bind(at)).await? == 0 {
        return Ok(());
    }
    let earlier = alert.facts.credential.as_ref().filter(|_| about.as_credential().is_none());
    tx.record(
        earlier.map_or_else(|| about.clone(), |(id, name)| About::credential(id, name)),
        Event::JobAlert {
            job: JOB.to_owned(),
            news: alert.rule.end_event().to_owned(),
            state: "resolved".to_owned(),
            severity: "info".to_owned(),
            summary: summary.clone(),
            hint: None,
            details: details(alert.number, alert.rule, alert.since, &alert.facts),
        },
    );
    Ok(())
}

/// Ends the open alerts of a watch.
pub(crate) async fn end_open(
    tx: &mut Tx,
    watch: &str,
    about: &About,
    (at, summary): (Timestamp, impl Fn(&Alert) -> String),
) -> Result<(), StoreError> {
    let rows = tx.rows(sql(TABLE, SELECT_OPEN).bind(watch)).await?;
    for alert in rows.iter().filter_map(|row| read(row).ok()) {
        let summary = summary(&alert);
        end(tx, (&Ended { alert, summary }, about), at).await?;
    }
    Ok(())
}

/// Forgets all alerts and silences of a watch that is removed.
pub(crate) async fn forget_all(tx: &mut Tx, watch: &str) -> Result<(), StoreError> {
    tx.run(sql(TABLE, DELETE).bind(watch)).await?;
    tx.run(sql(SILENCES, DELETE_SILENCES).bind(watch)).await.map(drop)
}

/// Removes alerts of a watch that ended before `before`, and silences that have.
pub(crate) async fn prune(tx: &mut Tx, watch: &str, (before, at): (Timestamp, Timestamp)) -> Result<(), StoreError> {
    tx.run(sql(TABLE, PRUNE).bind(watch).bind(before)).await?;
    tx.run(sql(SILENCES, PRUNE_SILENCES).bind(watch).bind(at)).await.map(drop)
}

/// Records that somebody handles an alert. `false` if it has ended, or there is none.
pub(crate) async fn acknowledge(
    store: &Store,
    number: AlertNumber,
    acked: &Acknowledged,
    event: &Event,
) -> Result<bool, StoreError> {
    store
        .write_rows(|mut tx| async move {
            let update = sql(TABLE, ACKNOWLEDGE)
                .bind(number.number())
                .bind(acked.at)
                .bind(acked.by.as_str())
                .bind(acked.note.as_deref());
            if tx.run(update).await? == 0 {
                return tx.abandon(false).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(true).await
        })
        .await
}

/// The facts of an alert's events. Those that identify it are the same in the event that ends it.
fn details(number: AlertNumber, rule: Rule, since: Timestamp, facts: &AlertFacts) -> BTreeMap<String, Value> {
    let one = facts.device.is_some();
    let all = [
        ("alert", json!(number.to_string())),
        ("rule", json!(rule.as_str())),
        ("rule_name", json!(facts.rule)),
        ("location", json!(facts.location)),
        ("watch", json!(facts.watch)),
        ("since", json!(since)),
        ("count", json!(facts.count)),
        ("device", json!(facts.names.first().filter(|_| one))),
        ("device_id", json!(facts.device)),
        ("product", json!(facts.product)),
        ("serial", json!(facts.serial)),
        ("devices", json!((!one && !facts.names.is_empty()).then_some(&facts.names))),
    ];
    all.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A time in which no new alerts are raised of a device, or of a whole watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Silence {
    /// The id of the watch.
    pub(crate) watch: String,
    /// The id of the device; empty for the whole watch.
    pub(crate) device: String,
    pub(crate) until: Timestamp,
    pub(crate) by: String,
    pub(crate) note: Option<String>,
}

/// The silences of a watch: until when, by device. The watch itself has an empty one.
pub(crate) async fn silences_of(store: &Store, watch: &str) -> Result<HashMap<String, Timestamp>, StoreError> {
    let rows = store.read(sql(SILENCES, SELECT_SILENCES_OF).bind(watch)).await?;
    rows.iter().map(|row| Ok((row.text("device")?, row.timestamp("until")?))).collect()
}

/// All silences that have not ended.
pub(crate) async fn silences(store: &Store, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
    let rows = store.read(sql(SILENCES, SELECT_SILENCES).bind(now)).await?;
    let read = |row: &Row| {
        Ok(Silence {
            watch: row.text("watch")?,
            device: row.text("device")?,
            until: row.timestamp("until")?,
            by: row.text("silenced_by")?,
            note: row.optional_text("note")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Silences watches or devices, in place of earlier silences of them.
pub(crate) async fn silence(store: &Store, silences: &[Silence], event: &Event) -> Result<(), StoreError> {
    store
        .write_rows(|mut tx| async move {
            for silence in silences {
                let put = sql(SILENCES, PUT_SILENCE)
                    .bind(silence.watch.as_str())
                    .bind(silence.device.as_str())
                    .bind(silence.until)
                    .bind(silence.by.as_str())
                    .bind(silence.note.as_deref());
                tx.run(put).await?;
            }
            tx.record(About::Home, event.clone());
            tx.commit(()).await
        })
        .await
}

/// Ends silences. Returns how many there were.
pub(crate) async fn lift(store: &Store, places: &[(String, String)], event: &Event) -> Result<u64, StoreError> {
    store
        .write_rows(|mut tx| async move {
            let mut count = 0;
            for (watch, device) in places {
                count += tx.run(sql(SILENCES, DELETE_SILENCE).bind(watch.as_str()).bind(device.as_str())).await?;
            }
            if count == 0 {
                return tx.abandon(0).await;
            }
            tx.record(About::Home, event.clone());
            tx.commit(count).await
        })
        .await
}

/// The job, as the audit names it.
const JOB: &str = "devices";
const TABLE: &str = "devices_alerts";
const SILENCES: &str = "devices_silences";
const COUNTERS: &str = "devices_counters";
/// The counter of alerts.
const COUNTER: &str = "alerts";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT number, watch, rule, since, raised, ended, facts, acked, acked_by, note FROM devices_alerts ",
            $rest
        )
    };
}

const SELECT_OPEN: &str = select!("WHERE watch = $1 AND ended IS NULL");
const SELECT_BLIND: &str = select!("WHERE watch = $1 AND rule = 'blind' AND ended IS NULL");
const SELECT_ALL_OPEN: &str = select!("WHERE ended IS NULL ORDER BY number DESC");
const SELECT_LATEST: &str = select!("ORDER BY number DESC LIMIT $1");
const SELECT_ONE: &str = select!("WHERE number = $1");
const INSERT: &str = "INSERT INTO devices_alerts (number, watch, rule, since, raised, ended, facts, acked, acked_by, note) \
     VALUES ($1, $2, $3, $4, $5, NULL, $6, NULL, NULL, NULL)";
const END: &str = "UPDATE devices_alerts SET ended = $2 WHERE number = $1 AND ended IS NULL";
const DELETE: &str = "DELETE FROM devices_alerts WHERE watch = $1";
const PRUNE: &str = "DELETE FROM devices_alerts WHERE watch = $1 AND ended < $2";
const ACKNOWLEDGE: &str =
    "UPDATE devices_alerts SET acked = $2, acked_by = $3, note = $4 WHERE number = $1 AND ended IS NULL";
/// The first alert is A-1001.
const COUNT: &str = "INSERT INTO devices_counters (name, last) VALUES ($1, 1001) \
     ON CONFLICT (name) DO UPDATE SET last = devices_counters.last + 1";
const SELECT_COUNTER: &str = "SELECT last FROM devices_counters WHERE name = $1";
const SELECT_SILENCES: &str =
    "SELECT watch, device, until, silenced_by, note FROM devices_silences WHERE until > $1 ORDER BY until";
const SELECT_SILENCES_OF: &str = "SELECT device, until FROM devices_silences WHERE watch = $1";
const PUT_SILENCE: &str = "INSERT INTO devices_silences (watch, device, until, silenced_by, note) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (watch, device) DO UPDATE SET until = excluded.until, \
     silenced_by = excluded.silenced_by, note = excluded.note";
const DELETE_SILENCE: &str = "DELETE FROM devices_silences WHERE watch = $1 AND device = $2";
const DELETE_SILENCES: &str = "DELETE FROM devices_silences WHERE watch = $1";
const PRUNE_SILENCES: &str = "DELETE FROM devices_silences WHERE watch = $1 AND until < $2";
