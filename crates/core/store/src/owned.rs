//! Tables of other parts of Lanyard, such as a job's, in the same database.
//!
//! A part declares the steps that make its tables and the schema that they lead to. Its steps run when a home is opened, each in a
//! transaction of its own, with the home's key available: a step may be code. What the database has under the part's name is compared with
//! the declared schema, as the store's own tables are.

use std::fmt;
use std::pin::Pin;

use crate::engine::{Dialect, Row, sql};
use crate::schema::{self, Objects};
use crate::write::{Purpose, Tx};
use crate::{Store, StoreError};

/// The tables of one part of Lanyard, and how they came to be.
#[derive(Debug)]
pub struct Migrations {
    /// The part. The names of its tables and indexes begin with this word and an underscore.
    pub owner: &'static str,
    /// The steps from each version to the next, the first from nothing. Never changed once released, only added to.
    pub steps: &'static [Step],
    /// The schema after the last step.
    pub schema: OwnedSchema,
}

/// A step from one version of a part's tables to the next.
#[derive(Clone, Copy)]
pub enum Step {
    /// Statements, in the words of SQLite that `migrations/` uses; they are translated for PostgreSQL.
    Script(&'static str),
    /// Code that runs within the step's transaction, which it does not end.
    Code(StepCode),
}

/// See [`Step::Code`].
pub type StepCode = for<'a> fn(&'a mut Tx) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Script(_) => "Script",
            Self::Code(_) => "Code",
        })
    }
}

/// The objects of a part's schema, a line for each, as [`Store::owned_schema`] says them.
#[derive(Clone, Copy, Debug)]
pub struct OwnedSchema {
    /// On SQLite.
    pub sqlite: &'static str,
    /// On PostgreSQL.
    pub postgres: &'static str,
}

/// How the tables of a part differ from what this program needs.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// They have another version.
    Version {
        found: i64,
        known: i64,
    },
    /// They are not what the part's steps make.
    Schema(Vec<String>),
    Store(StoreError),
}

impl From<StoreError> for Unfit {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Migrations {
    /// The version after the last step.
    fn known(&self) -> i64 {
        i64::try_from(self.steps.len()).unwrap_or(i64::MAX)
    }

    /// Makes all steps, in the transaction that makes the home.
    pub(crate) async fn make(&self, tx: &mut Tx) -> Result<(), StoreError> {
        for (next, step) in (1..).zip(self.steps) {
            self.step(tx, next, step).await?;
        }
        Ok(())
    }

    async fn step(&self, tx: &mut Tx, next: i64, step: &Step) -> Result<(), StoreError> {
        match step {
            Step::Script(script) => tx.run_script(script).await?,
            Step::Code(code) => code(tx).await?,
        }
        tx.run(sql(TABLE, PUT).bind(self.owner).bind(next)).await.map(drop)
    }

    fn schema(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.schema.sqlite,
            Dialect::Postgres => self.schema.postgres,
        }
    }
}

impl Store {
    /// Brings the tables of a part up to date if it may, and compares them.
    pub(crate) async fn prepare(&self, part: &'static Migrations, upgrades: bool) -> Result<(), Unfit> {
        let engine = &self.inner.engine;
        let known = part.known();
        let found = version(engine.row(sql(TABLE, SELECT).bind(part.owner)).await?.as_ref())?;
        if found > known || (found < known && !upgrades) {
            return Err(Unfit::Version { found, known });
        }
        for (next, step) in (1..).zip(part.steps).skip(usize::try_from(found).unwrap_or_default()) {
            self.step(part, next, step).await?;
        }
        let objects = schema::owned(engine, part.owner).await?;
        let differences = schema::compare(&schema::known(part.schema(engine.dialect())), objects);
        if differences.is_empty() { Ok(()) } else { Err(Unfit::Schema(differences)) }
    }

    /// Makes one step, unless another process has made it.
    async fn step(&self, part: &'static Migrations, next: i64, step: &Step) -> Result<(), StoreError> {
        self.write_for(Purpose::ThoughPaused, |mut tx| async move {
            if version(tx.row(sql(TABLE, SELECT).bind(part.owner)).await?.as_ref())? >= next {
                return tx.abandon(()).await;
            }
            part.step(&mut tx, next, step).await?;
            tx.commit(()).await
        })
        .await
    }

    /// The objects of the schema that a part has in the database, a line for each: what its [`OwnedSchema`] is to say.
    pub async fn owned_schema(&self, owner: &str) -> Result<String, StoreError> {
        let objects: Objects = schema::owned(&self.inner.engine, owner).await?.into_iter().collect();
        let lines: Vec<String> = objects.iter().map(|(object, definition)| format!("{object}: {definition}")).collect();
        Ok(lines.join("\n"))
    }
}

fn version(row: Option<&Row>) -> Result<i64, StoreError> {
    row.map_or(Ok(0), |row| row.integer("version"))
}

const TABLE: &str = "migrations";
const SELECT: &str = "SELECT owner, version FROM migrations WHERE owner = $1";
const PUT: &str = "INSERT INTO migrations (owner, version) VALUES ($1, $2) \
     ON CONFLICT (owner) DO UPDATE SET version = excluded.version";
