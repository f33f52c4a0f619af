//! Connections that are kept for the next use, a limited number at once.
//!
//! A connection is given back only whole. One that is dropped instead is closed: a caller that goes away, whatever it was doing, leaves
//! no transaction behind. What is idle is not asked whether it still works; its first use shows that.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The connections that are idle, and how many may be in use.
pub(super) struct Pool {
    places: Arc<Semaphore>,
    idle: Idle,
}

type Idle = Arc<Mutex<Vec<PgConnection>>>;

/// The right to use a connection.
pub(super) struct Place {
    permit: OwnedSemaphorePermit,
    idle: Idle,
}

/// A connection in use.
pub(super) struct Lent {
    connection: PgConnection,
    was_idle: bool,
    place: Place,
}

impl Pool {
    pub(super) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), idle: Idle::default() }
    }

    /// Waits until a connection may be used.
    pub(super) async fn place(&self) -> Place {
        let permit = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        Place { permit, idle: Arc::clone(&self.idle) }
    }

    /// Takes all idle connections out.
    pub(super) fn take_idle(&self) -> Vec<PgConnection> {
        std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes all idle connections.
    pub(super) fn clear(&self) {
        drop(self.take_idle());
    }
}

impl Place {
    /// The connection that was used last; the place itself when none is idle.
    pub(super) fn idle(self) -> Result<Lent, Self> {
        let found = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match found {
            Some(connection) => Ok(Lent { connection, was_idle: true, place: self }),
            None => Err(self),
        }
    }

    /// Uses the place for a new connection.
    pub(super) fn fill(self, connection: PgConnection) -> Lent {
        Lent { connection, was_idle: false, place: self }
    }
}

impl Lent {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Whether it was used before, so that it may have been lost since.
    pub(super) fn was_idle(&self) -> bool {
        self.was_idle
    }

    /// Keeps the connection for the next use.
    pub(super) fn give_back(self) {
        let Place { permit, idle } = self.place;
        idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.connection);
        drop(permit);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.places.available_permits()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lent").field("was_idle", &self.was_idle).finish_non_exhaustive()
    }
}
