//! PostgreSQL: what only it has. Several connections read, several write, and each is opened when it is first needed.
//!
//! Transactions run at READ COMMITTED, so every statement sees what was committed before it began. What a transaction reads in order
//! to write is held by locks, always in this order: the home (the table of the schema's version, shared unless the transaction reaches everything),
//! the row of one credential, and the counter row at the very end. No transaction waits for one that waits for it.

mod address;
mod error;
mod passfile;
mod pool;
mod schema;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use lanyard_time::{Sleep as _, SystemSleep};
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _};

pub use self::address::{StoreAddress, StoreAddressError};
use self::error::{commit_error, is_lost, statement_error};
use self::pool::{Lent, Pool};
#[cfg(test)]
pub(crate) use self::schema::translated;
use super::row::Inner;
use super::{Reach, Row, Statement, Value, journal_head, sql};
use crate::StoreError;

/// A database of a server.
#[derive(Debug)]
pub(crate) struct PostgresEngine {
    address: StoreAddress,
    password_file: Option<PathBuf>,
    busy_timeout: Duration,
    readers: Pool,
    writers: Pool,
}

/// How many connections read at once, in one process.
const READERS: usize = 4;
/// How many connections write at once, in one process.
const WRITERS: usize = 8;
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the server works on one statement.
const STATEMENT: Duration = Duration::from_secs(30);
/// How long a connection may do nothing within a transaction: what it has locked is free afterwards, even if its process is stopped.
const IDLE: Duration = Duration::from_secs(10);
/// How long an answer is waited for: longer than the server works, so that only a server that is gone is given up.
const ANSWER: Duration = Duration::from_secs(45);

impl PostgresEngine {
    /// The database at `address`. Nothing is opened yet.
    pub(crate) fn new(address: StoreAddress, password_file: Option<PathBuf>, busy_timeout: Duration) -> Self {
        Self { address, password_file, busy_timeout, readers: Pool::new(READERS), writers: Pool::new(WRITERS) }
    }

    pub(crate) fn address(&self) -> &StoreAddress {
        &self.address
    }

    pub(super) async fn write(&self, reach: Reach) -> Result<PostgresTransaction, StoreError> {
        loop {
            let mut lent = self.lend(&self.writers).await?;
            match self.begin(lent.connection(), reach).await {
                Ok(()) => {
                    let address = self.address.clone();
                    return Ok(PostgresTransaction { lent, address, failed: false });
                }
                // The server was restarted since this connection was last used; the others are no better.
                Err(error) if is_lost(&error) && lent.was_idle() => self.writers.clear(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Begins a transaction, and takes the locks that its reach asks for.
    async fn begin(&self, connection: &mut PgConnection, reach: Reach) -> Result<(), StoreError> {
        match reach {
            Reach::Home => {
                script(connection, &self.address, BEGIN).await?;
                self.lock_home(connection).await
            }
            Reach::Credential(id) => {
                script(connection, &self.address, BEGIN_SHARED).await?;
                let lock = sql("credentials", LOCK_CREDENTIAL).bind(id.to_string());
                rows(connection, &self.address, lock).await.map(drop)
            }
            Reach::Journal => script(connection, &self.address, BEGIN_SHARED).await,
        }
    }

    /// Locks the home. Before there is a table to lock, whoever makes the store takes an advisory lock, which any role may take.
    async fn lock_home(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let look = async |connection: &mut PgConnection| {
            Ok::<_, StoreError>(!rows(connection, &self.address, sql("schema", IS_THERE)).await?.is_empty())
        };
        if !look(connection).await? {
            run(connection, &self.address, sql("home", LOCK_MAKING).bind(MAKING)).await?;
            // Another process may have made it meanwhile, whosever that was.
            if !look(connection).await? {
                return Ok(());
            }
        }
        script(connection, &self.address, LOCK_HOME).await?;
        look_at_owners(connection, &self.address).await
    }

    pub(super) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        loop {
            let mut lent = self.lend(&self.readers).await?;
            let read = rows(lent.connection(), &self.address, statement.clone()).await;
            if let Some(read) = self.settled(lent, read) {
                return read;
            }
        }
    }

    /// Gives back the reader of a read that succeeded. `None` if the read is to be repeated: the server was restarted since the connection
    /// was last used, and the other idle ones are no better.
    fn settled<T>(&self, lent: Lent, read: Result<T, StoreError>) -> Option<Result<T, StoreError>> {
        match read {
            Err(error) if is_lost(&error) && lent.was_idle() => {
                self.readers.clear();
                None
            }
            Ok(read) => {
                lent.give_back();
                Some(Ok(read))
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Reads the objects of the schema, with the help of the system's own catalogue only.
    pub(super) async fn schema_objects(&self) -> Result<Vec<Row>, StoreError> {
        loop {
            let mut lent = self.lend(&self.readers).await?;
            let looked = async {
                script(lent.connection(), &self.address, schema::LOOK).await?;
                let objects = rows(lent.connection(), &self.address, sql("schema", schema::SCHEMA_OBJECTS)).await?;
                script(lent.connection(), &self.address, "COMMIT").await?;
                Ok(objects)
            };
            let looked: Result<_, StoreError> = looked.await;
            if let Some(looked) = self.settled(lent, looked) {
                return looked;
            }
        }
    }

    pub(super) async fn each(
        &self,
        statement: Statement,
        mut keep: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        loop {
            let mut lent = self.lend(&self.readers).await?;
            let mut begun = false;
            let each = async {
                script(lent.connection(), &self.address, BEGIN_EACH).await?;
                let keep = |row| {
                    begun = true;
                    keep(row)
                };
                each(lent.connection(), &self.address, statement.clone(), keep).await?;
                script(lent.connection(), &self.address, "COMMIT").await
            };
            let read = each.await;
            // A row that was given cannot be taken back.
            if begun && read.is_err() {
                return read;
            }
            if let Some(read) = self.settled(lent, read) {
                return read;
            }
        }
    }

    /// The version, read while nobody can put another table in the place of the one that was looked at.
    pub(super) async fn schema_version(&self) -> Result<i64, StoreError> {
        loop {
            let mut lent = self.lend(&self.readers).await?;
            let looked = async {
                let connection = lent.connection();
                script(connection, &self.address, BEGIN_EACH).await?;
                let mut version = 0;
                if !rows(connection, &self.address, sql("schema", IS_THERE)).await?.is_empty() {
                    script(connection, &self.address, LOCK_VERSION).await?;
                    look_at_owners(connection, &self.address).await?;
                    version = read_version(&rows(connection, &self.address, sql("schema", SCHEMA_VERSION)).await?)?;
                }
                script(connection, &self.address, "COMMIT").await?;
                Ok(version)
            };
            let looked: Result<_, StoreError> = looked.await;
            if let Some(looked) = self.settled(lent, looked) {
                return looked;
            }
        }
    }

    /// The size of all that Lanyard has in the database, in bytes.
    pub(super) async fn size(&self) -> Result<u64, StoreError> {
        let rows = self.rows(sql("schema", SIZE)).await?;
        let bytes = rows.first().map_or(Ok(0), |row| row.integer("bytes"))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        for connection in self.readers.take_idle().into_iter().chain(self.writers.take_idle()) {
            // The server closes a connection automatically when its client is gone.
            let _ = limited(&self.address, connection.close()).await;
        }
        Ok(())
    }

    /// A connection of the pool, or a new one.
    async fn lend(&self, pool: &Pool) -> Result<Lent, StoreError> {
        let place = tokio::select! {
            place = pool.place() => place,
            () = SystemSleep.sleep(self.busy_timeout) => return Err(StoreError::Busy),
        };
        match place.idle() {
            Ok(lent) => Ok(lent),
            Err(place) => Ok(place.fill(self.connect().await?)),
        }
    }

    async fn connect(&self) -> Result<PgConnection, StoreError> {
        let options = self.address.connect_options(self.password_file.as_deref())?;
        let connecting = async {
            let mut connection = options.connect().await?;
            sqlx::raw_sql(AssertSqlSafe(self.session())).execute(&mut connection).await?;
            let owners = sqlx::query(OWNERS).fetch_optional(&mut connection).await?;
            sqlx::raw_sql(SEARCH).execute(&mut connection).await?;
            Ok((connection, owners))
        };
        let (connection, owners) = tokio::select! {
            connected = connecting => connected.map_err(|error| error::connect_error(&self.address, error))?,
            () = SystemSleep.sleep(CONNECT) => {
                return Err(error::unreachable(&self.address, "no answer within 10 seconds"));
            }
        };
        if let Some(owners) = owners {
            refuse_others(&self.address, &Row { table: "schema", inner: Inner::Postgres(owners) })?;
        }
        Ok(connection)
    }

    /// Settings of every session, whatever server, database and role set. Row security that hides rows is an error
    /// instead, and no schema but the system's is searched, until it is known whose Lanyard's is. The settings of how things are written and read are those that the schema is
    /// compared in. Foreign keys are checked: only a superuser can switch that off, and only a superuser switches it on again. The
    /// language of messages is the administrator's: nothing depends on it.
    fn session(&self) -> String {
        let (lock, statement, idle) = (self.busy_timeout.as_millis(), STATEMENT.as_millis(), IDLE.as_millis());
        format!(
            "SET search_path = pg_catalog, pg_temp; SET row_security = off; SET synchronous_commit = on; \
             SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; \
             SET quote_all_identifiers = off; SET standard_conforming_strings = on; SET bytea_output = 'hex'; \
             SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 1; \
             SET transform_null_equals = off; \
             SELECT set_config('session_replication_role', 'origin', false) \
                 WHERE current_setting('session_replication_role') <> 'origin'; \
             SET lock_timeout = {lock}; SET statement_timeout = {statement}; \
             SET idle_in_transaction_session_timeout = {idle}; \
             SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
        )
    }
}

/// A transaction of a server's database. Dropped, it closes its connection, and the server rolls it back.
#[derive(Debug)]
pub(crate) struct PostgresTransaction {
    lent: Lent,
    address: StoreAddress,
    /// Whether a statement failed. The server would answer COMMIT with a rollback, and not call that an error.
    failed: bool,
}

impl PostgresTransaction {
    pub(super) async fn run(&mut self, statement: Statement) -> Result<u64, StoreError> {
        let done = run(self.lent.connection(), &self.address, statement).await;
        self.failed |= done.is_err();
        done
    }

    pub(super) async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let done = rows(self.lent.connection(), &self.address, statement).await;
        self.failed |= done.is_err();
        done
    }

    pub(super) async fn schema_version(&mut self) -> Result<i64, StoreError> {
        if self.rows(sql("schema", IS_THERE)).await?.is_empty() {
            return Ok(0);
        }
        read_version(&self.rows(sql("schema", SCHEMA_VERSION)).await?)
    }

    pub(super) async fn migrate(&mut self, text: &'static str, version: i64) -> Result<(), StoreError> {
        if version == 1 {
            if self.rows(sql("schema", HAS_SCHEMA)).await?.is_empty() {
                self.script("CREATE SCHEMA lanyard")
                    .await
                    .map_err(|error| error::may_not_create(&self.address, error))?;
            } else {
                let looked = look_at_owners(self.lent.connection(), &self.address).await;
                self.failed |= looked.is_err();
                looked?;
            }
            self.script(schema::PRELUDE).await?;
        }
        self.run_script(text).await?;
        self.run(sql("schema", "UPDATE schema_version SET version = $1").bind(version)).await?;
        Ok(())
    }

    /// However long it takes: a large store has many rows to go through.
    pub(super) async fn run_script(&mut self, text: &'static str) -> Result<(), StoreError> {
        self.script("SET LOCAL statement_timeout = 0").await?;
        let script = sqlx::raw_sql(AssertSqlSafe(schema::translated(text))).execute(self.lent.connection()).await;
        self.failed |= script.is_err();
        script.map_err(|error| error::may_not_alter(statement_error(&self.address, error)))?;
        Ok(())
    }

    async fn script(&mut self, text: &str) -> Result<(), StoreError> {
        let done = script(self.lent.connection(), &self.address, text).await;
        self.failed |= done.is_err();
        done
    }

    pub(super) async fn lock_sealed_tables(&mut self) -> Result<(), StoreError> {
        self.script(LOCK_SEALED_TABLES).await
    }

    pub(super) async fn lock_counter(&mut self) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql("journal_head", LOCK_COUNTER)).await?.into_iter().next())
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Sqlx(sqlx::Error::Protocol("a statement of the transaction failed".to_owned())));
        }
        let commit = sqlx::raw_sql("COMMIT").execute(self.lent.connection());
        match limited(&self.address, commit).await {
            Ok(Ok(_)) => {
                self.lent.give_back();
                Ok(())
            }
            Ok(Err(error)) => Err(commit_error(&self.address, error)),
            Err(_) => Err(StoreError::Undecided(self.address.server().into())),
        }
    }

    pub(super) async fn abandon(mut self) -> Result<(), StoreError> {
        script(self.lent.connection(), &self.address, "ROLLBACK").await?;
        self.lent.give_back();
        Ok(())
    }
}

/// Waits for an answer as long as there can be one.
async fn limited<T>(
    address: &StoreAddress,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<Result<T, sqlx::Error>, StoreError> {
    tokio::select! {
        done = work => Ok(done),
        () = SystemSleep.sleep(ANSWER) => Err(error::unreachable(address, "no answer for 45 seconds")),
    }
}

async fn run(connection: &mut PgConnection, address: &StoreAddress, statement: Statement) -> Result<u64, StoreError> {
    let query = sqlx::query_with(statement.text, arguments(statement.values)?).execute(connection);
    let done = limited(address, query).await?.map_err(|error| statement_error(address, error))?;
    Ok(done.rows_affected())
}

async fn rows(
    connection: &mut PgConnection,
    address: &StoreAddress,
    statement: Statement,
) -> Result<Vec<Row>, StoreError> {
    let query = sqlx::query_with(statement.text, arguments(statement.values)?).fetch_all(connection);
    let rows = limited(address, query).await?.map_err(|error| statement_error(address, error))?;
    let row = |row| Row { table: statement.table, inner: Inner::Postgres(row) };
    Ok(rows.into_iter().map(row).collect())
}

async fn each(
    connection: &mut PgConnection,
    address: &StoreAddress,
    statement: Statement,
    mut keep: impl FnMut(Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_with(statement.text, arguments(statement.values)?).fetch(connection);
    while let Some(row) = limited(address, rows.try_next()).await?.map_err(|error| statement_error(address, error))? {
        keep(Row { table: statement.table, inner: Inner::Postgres(row) })?;
    }
    Ok(())
}

async fn script(connection: &mut PgConnection, address: &StoreAddress, text: &str) -> Result<(), StoreError> {
    let script = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(connection);
    limited(address, script).await?.map_err(|error| statement_error(address, error))?;
    Ok(())
}

fn arguments(values: Vec<Value>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Text(value) => arguments.add(value),
            Value::Integer(value) => arguments.add(value),
            Value::Boolean(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
        }
        .map_err(|error| StoreError::Sqlx(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

/// Refuses a schema within a transaction, however it came there since the connection was made.
async fn look_at_owners(connection: &mut PgConnection, address: &StoreAddress) -> Result<(), StoreError> {
    script(connection, address, "SET LOCAL search_path = pg_catalog, pg_temp").await?;
    let owners = rows(connection, address, sql("schema", OWNERS)).await?;
    script(connection, address, "SET LOCAL search_path = lanyard, pg_temp").await?;
    owners.first().map_or(Ok(()), |owners| refuse_others(address, owners))
}

/// Refuses a schema that others than those who may do so anyway own, have something in, or may put something into.
fn refuse_others(address: &StoreAddress, owners: &Row) -> Result<(), StoreError> {
    let what = if !owners.flag("trusted")? {
        format!("the schema lanyard belongs to the role {}", owners.str("owner")?)
    } else if let Some(name) = owners.optional_str("anothers")? {
        format!("lanyard.{name} belongs to another role")
    } else if owners.optional_str("kind")?.is_some_and(|kind| kind != "r") {
        "lanyard.schema_version is not a table".to_owned()
    } else if let Some(role) = owners.optional_str("creator")? {
        format!("the role {role} may create things in the schema lanyard")
    } else {
        return Ok(());
    };
    Err(error::anothers_schema(address, &what))
}

fn read_version(rows: &[Row]) -> Result<i64, StoreError> {
    rows.first().map_or(Ok(0), |row| row.integer("version"))
}

/// Whether a role that owns something can be trusted; `d` is the database.
macro_rules! trusted {
    ($owner:literal) => {
        concat!(
            "(pg_has_role(",
            $owner,
            ", 'USAGE') OR ",
            $owner,
            " = d.datdba OR EXISTS (SELECT 1 FROM pg_roles trusted WHERE trusted.oid = ",
            $owner,
            " AND trusted.rolsuper))"
        )
    };
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// The server counts the time that the process takes over the rows, too: a broker that starts on a busy machine takes long over many.
const BEGIN_EACH: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = '10min'";
/// A transaction that shares the home with others. Unlike an advisory lock, that of a table is for those alone who may write to it.
const BEGIN_SHARED: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; LOCK TABLE schema_version IN ROW SHARE MODE";
const LOCK_VERSION: &str = "LOCK TABLE schema_version IN ACCESS SHARE MODE";
const LOCK_HOME: &str = "LOCK TABLE schema_version IN EXCLUSIVE MODE";
/// Names the lock of whoever makes a store within the database.
const MAKING: i64 = i64::from_be_bytes(*b"lanyard\0");
const LOCK_MAKING: &str = "SELECT pg_advisory_xact_lock($1)";
const LOCK_CREDENTIAL: &str = "SELECT id FROM credentials WHERE id = $1 FOR UPDATE";
const LOCK_SEALED_TABLES: &str =
    "LOCK TABLE home, apps, credentials, clients, client_credentials, client_list IN SHARE ROW EXCLUSIVE MODE";
const LOCK_COUNTER: &str = concat!(journal_head!(), " FOR UPDATE");
/// The owner of the schema and of everything in it, and who may create more: read by each new connection before it reads anything else,
/// because a view, a policy, or a function or operator that fits better than the system's, runs its owner's code with the rights of whoever
/// reads. Trusted are this role, one that it belongs to, the database's owner, and superusers. While this is read, nothing but the system's
/// own catalogue is searched.
const OWNERS: &str = concat!(
    "SELECT CAST(pg_get_userbyid(n.nspowner) AS TEXT) AS owner, ",
    trusted!("n.nspowner"),
    " AS trusted, \
     (SELECT CAST(c.relkind AS TEXT) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relname = 'schema_version') AS kind, \
     COALESCE(\
         (SELECT MIN(CAST(c.relname AS TEXT)) FROM pg_class c WHERE c.relnamespace = n.oid AND NOT ",
    trusted!("c.relowner"),
    "), \
         (SELECT MIN(CAST(p.proname AS TEXT)) FROM pg_proc p WHERE p.pronamespace = n.oid AND NOT ",
    trusted!("p.proowner"),
    "), \
         (SELECT MIN(CAST(o.oprname AS TEXT)) FROM pg_operator o WHERE o.oprnamespace = n.oid AND NOT ",
    trusted!("o.oprowner"),
    "), \
         (SELECT MIN(CAST(t.typname AS TEXT)) FROM pg_type t WHERE t.typnamespace = n.oid AND NOT ",
    trusted!("t.typowner"),
    ")) AS anothers, \
     (SELECT MIN(CAST(r.rolname AS TEXT)) FROM pg_roles r WHERE has_schema_privilege(r.oid, n.oid, 'CREATE') \
         AND NOT pg_has_role(r.oid, n.nspowner, 'MEMBER') AND NOT pg_has_role(r.oid, d.datdba, 'MEMBER') \
         AND NOT pg_has_role(r.oid, current_user, 'MEMBER') AND NOT ",
    trusted!("r.oid"),
    ") AS creator \
     FROM pg_namespace n JOIN pg_database d ON d.datname = current_database() WHERE n.nspname = 'lanyard'"
);
/// The schemas that are searched after that.
const SEARCH: &str = "SET search_path = lanyard, pg_temp";
const HAS_SCHEMA: &str = "SELECT nspname FROM pg_namespace WHERE nspname = 'lanyard'";
const IS_THERE: &str = "SELECT nspname FROM pg_namespace WHERE nspname = 'lanyard' \
     AND EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = pg_namespace.oid AND relname = 'schema_version')";
const SCHEMA_VERSION: &str = "SELECT version FROM schema_version";
const SIZE: &str = "SELECT CAST(COALESCE(SUM(pg_total_relation_size(oid)), 0) AS BIGINT) AS bytes FROM pg_class \
     WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'lanyard')";
