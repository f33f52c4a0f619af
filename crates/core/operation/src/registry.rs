//! The operations that another process may ask for by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::bytes::{WireError, decode, encode};
use crate::caller::Caller;
use crate::operation::Operation;
use crate::perform::{Door, joined, perform};
use crate::problem::{Code, Problem};

/// Operations by name, each with its context. Any crate can add its own.
pub struct Registry<D>(BTreeMap<&'static str, Handler<D>>);

type Bytes = Zeroizing<Vec<u8>>;
type Handler<D> = Arc<dyn Fn(D, Caller, Bytes) -> BoxFuture<'static, Result<Bytes, Problem>> + Send + Sync>;

impl<D: Door> Registry<D> {
    /// Adds an operation.
    ///
    /// # Panics
    ///
    /// If the name is taken: two crates declare the same one.
    pub fn add<O: Operation>(&mut self, on: &O::Context) -> &mut Self {
        let on = on.clone();
        let handler: Handler<D> = Arc::new(move |door, caller, body| {
            let on = on.clone();
            Box::pin(async move {
                let operation: O = decode(&body).map_err(|error| unreadable(O::DECLARED.name, error))?;
                drop(body);
                let reply = perform(&door, &on, &caller, operation).await?;
                // A list of all credentials takes long to serialise, and would block the other tasks of this thread.
                let written = joined(spawn_blocking(move || encode(&reply))).await;
                written.map_err(|error| Problem::of(Code::Internal, &error))
            })
        });
        let earlier = self.0.insert(O::DECLARED.name, handler);
        assert!(earlier.is_none(), "two operations are called {}", O::DECLARED.name);
        self
    }

    /// The names of all operations, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }

    /// Performs the operation of that name: `body` is its request, and the returned bytes are its reply.
    pub async fn perform(&self, door: D, caller: Caller, name: &str, body: Bytes) -> Result<Bytes, Problem> {
        let Some(handler) = self.0.get(name) else {
            let name: String = name.chars().take(LONGEST_NAME).collect();
            return Err(Problem::new(Code::NoSuchOperation, format!("there is no operation named {name:?}")));
        };
        handler(door, caller, body).await
    }
}

fn unreadable(name: &str, error: WireError) -> Problem {
    Problem::new(Code::UnreadableOperation, format!("the request for {name} cannot be read")).because(&error)
}

impl<D> Default for Registry<D> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<D> fmt::Debug for Registry<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The part of an unknown name that is repeated, in characters.
const LONGEST_NAME: usize = 80;
