//! A store with a queue, on either engine, and workers that tests stop like processes that are killed.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use lanyard_home::{KeyAccess, NewHomeKey, Options};
use lanyard_store::sql::sql;
use lanyard_store::{Parts, Store, StoreError};
use lanyard_testkit::{Postgres, left_out};
use lanyard_time::{BoxFuture, ManualClock, Sleep, SystemEntropy};
use lanyard_vault::KeySource;
use lanyard_work::{Claim, Halt, Handlers, Next, Queue, Worker};
use tokio::task::JoinHandle;

pub(crate) struct World {
    _directory: tempfile::TempDir,
    pub(crate) clock: ManualClock,
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    is_on_server: bool,
}

/// Time passes only if a test moves it.
#[derive(Debug)]
pub(crate) struct StandStill;

impl Sleep for StandStill {
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(pending())
    }
}

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
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let options = match &database {
            None => Options::default(),
            Some(database) => Options {
                keys: KeyAccess { new_home: NewHomeKey::In(KeySource::File), ..KeyAccess::default() },
                store: Some(database.parse().unwrap()),
                ..Options::default()
            },
        };
        let home = directory.path().join("home");
        let parts = Parts::new(Arc::new(clock.clone()), Arc::new(SystemEntropy));
        let store = lanyard_home::open_or_create(&home, parts, options).await.unwrap().store;
        let queue = Queue::new(&store);
        Self { _directory: directory, clock, store, queue, is_on_server: database.is_some() }
    }

    /// Does to the database what the queue would not.
    pub(crate) async fn tamper(&self, statement: String) {
        let statement: &'static str = Box::leak(statement.into_boxed_str());
        self.store
            .write_rows(|mut tx| async move {
                tx.run(sql("work", statement)).await?;
                tx.commit::<_, StoreError>(()).await
            })
            .await
            .unwrap();
    }

    /// Lets the claims of processes that have ended expire.
    pub(crate) async fn expire_claims(&self) {
        self.clock.advance(Duration::from_secs(61));
        if self.is_on_server {
            self.tamper("UPDATE work SET deadline = 0 WHERE deadline IS NOT NULL".to_owned()).await;
        }
    }

    /// A worker as another process has it. Aborting the task is the death of that process.
    pub(crate) fn worker<F>(
        &self,
        kind: &'static str,
        work: impl Fn(Claim) -> F + Send + Sync + 'static,
    ) -> JoinHandle<()>
    where
        F: Future<Output = Result<Next, Halt>> + Send + 'static,
    {
        let mut handlers = Handlers::default();
        handlers.add(kind, work);
        self.worker_with(handlers)
    }

    pub(crate) fn worker_with(&self, handlers: Handlers) -> JoinHandle<()> {
        let worker = Worker::new(&self.queue, handlers, Arc::new(StandStill));
        tokio::spawn(async move { worker.run(pending()).await.unwrap() })
    }
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
