//! A year of ten thousand devices in a hundred watches, on each engine: how large it is, and how long questions about it take.
//!
//! The devices are read once. What happened to them before is written directly into the tables: an outage of ten minutes each day.

use std::time::Duration;

use lanyard_home::Options;
use lanyard_store::sql::sql;
use lanyard_store::{Parts, Store, StoreError};
use lanyard_testkit::{Home, Options as Properties, Postgres, Webex};
use lanyard_time::{Clock as _, SystemClock};

use crate::Plan;
use crate::devices::{Scene, WATCHES};
use crate::engines::home;
use crate::hand_out::median;
use crate::table::{Row, Table, say};

const DAYS: u32 = 365;
const DAY: Duration = Duration::from_hours(24);
const UP: Duration = Duration::from_mins(24 * 60 - 10);

/// The questions, and the arguments of `lanyard devices` that ask them; `ID` is that of a device, and `MONTH` is one that has ended.
const QUESTIONS: [(&str, &[&str]); 5] = [
    ("list", &["list"]),
    ("show a device", &["show", "ID"]),
    ("history of a device", &["history", "ID"]),
    ("report of a month, by customer", &["report", "--month", "MONTH", "--by", "customer"]),
    ("report of a month, by device", &["report", "--month", "MONTH", "--by", "device", "--json"]),
];

pub(crate) fn measure(plan: &Plan, table: &mut Table) {
    let devices = usize::try_from(plan.credentials / 10).expect("a few thousand");
    let webex = Webex::with(Properties { devices, people: 1, ..Properties::default() });
    of_engine("SQLite", plan, table, (&webex, devices), Home::new(&plan.binary), &|home| {
        std::fs::metadata(home.path().join("lanyard.db")).map_or(0, |file| file.len())
    });
    let server = match Postgres::start() {
        Ok(server) => server,
        Err(why) => return say(&format!("PostgreSQL is left out: {why}")),
    };
    let database = server.new_database();
    let at_server = home(plan, Some(&server.address(&database)));
    of_engine("PostgreSQL", plan, table, (&webex, devices), at_server, &|_| {
        let size = server.query(&database, "SELECT pg_database_size(current_database())");
        size.ok().and_then(|text| text.parse().ok()).unwrap_or_default()
    });
}

fn of_engine(
    engine: &str,
    plan: &Plan,
    table: &mut Table,
    (webex, devices): (&Webex, usize),
    home: Home,
    size: &dyn Fn(&Home) -> u64,
) {
    let scene = Scene::with_watches(plan, webex, home, WATCHES.min(devices));
    scene.run(&["devices", "sweep"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
    let (rows, device) = runtime.block_on(async {
        let options = Options { parts: &[lanyard_devices::MIGRATIONS], ..Options::default() };
        let opened = lanyard_home::open(&scene.home.path(), Parts::system(), options).await;
        let store = opened.expect("the home opens").store;
        let filled = fill(&store).await.expect("the tables are filled");
        store.close().await.expect("it is closed");
        filled
    });
    let what = format!("{devices} devices, a year, {engine}: size");
    #[expect(clippy::cast_precision_loss, reason = "a size is shown with two digits")]
    let gigabytes = size(&scene.home) as f64 / 1e9;
    table.add(Row::seen(what, format!("{gigabytes:.2} GB"), format!("{rows} periods of states")));
    let broker = scene.serve();
    let month = (SystemClock::new().now().wall - DAY * 31).strftime("%Y-%m").to_string();
    for (what, words) in QUESTIONS {
        let filled = |word: &&'static str| match *word {
            "ID" => device.clone(),
            "MONTH" => month.clone(),
            word => word.to_owned(),
        };
        let words: Vec<String> = words.iter().map(filled).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let times = (0..plan.rounds.min(5)).map(|_| scene.run(&[&["devices"], &words[..]].concat()).as_secs_f64());
        table.add(Row::seen(format!("{engine}: {what}"), format!("{:.0} ms", median(times) * 1e3), String::new()));
    }
    broker.stop();
}

/// Fills the tables with what happened before; returns the number of periods, and the id of a device.
async fn fill(store: &Store) -> Result<(i64, String), StoreError> {
    let now = SystemClock::new().now().wall;
    let first = (now - DAY * DAYS).as_millisecond();
    let watches = store.read(sql("devices_watches", "SELECT id FROM devices_watches")).await?;
    for watch in &watches {
        let watch = &watch.text("id")?;
        let millis = |time: Duration| i64::try_from(time.as_millis()).expect("less than a year");
        store
            .write_rows(|mut tx| async move {
                let fill = sql("devices_periods", FILL)
                    .bind(watch.as_str())
                    .bind(i64::from(DAYS))
                    .bind(first)
                    .bind(millis(DAY))
                    .bind(millis(UP));
                tx.run(fill).await?;
                tx.commit::<_, StoreError>(()).await
            })
            .await?;
    }
    let rows = store.read(sql("devices_periods", "SELECT COUNT(*) AS n FROM devices_periods")).await?;
    let device = store.read(sql("devices_seen", "SELECT device FROM devices_seen ORDER BY device LIMIT 1")).await?;
    Ok((rows[0].integer("n")?, device[0].text("device")?))
}

/// Two periods for each day of each device.
const FILL: &str = "WITH RECURSIVE days(day) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT day + 1 FROM days WHERE day + 1 < $2) \
     INSERT INTO devices_periods (watch, device, began, ended, state, cause) \
     SELECT watch, device, $3 + day * $4, $3 + day * $4 + $5, 'up', NULL FROM devices_seen, days WHERE watch = $1 \
     UNION ALL \
     SELECT watch, device, $3 + day * $4 + $5, $3 + (day + 1) * $4, 'down', NULL FROM devices_seen, days WHERE watch = $1";
