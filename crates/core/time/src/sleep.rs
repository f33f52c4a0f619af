//! Waiting.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A future behind a pointer, as a trait object must return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A way to wait.
pub trait Sleep: Debug + Send + Sync {
    /// Completes when `duration` has passed.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Waits on tokio's timer.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemSleep;

#[cfg(feature = "tokio")]
impl Sleep for SystemSleep {
    #[expect(clippy::disallowed_methods, reason = "this is the one door that waiting goes through")]
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Never waits; remembers what it was asked to wait for.
#[derive(Debug, Default)]
pub struct ManualSleep(Mutex<Vec<Duration>>);

impl ManualSleep {
    /// Every wait asked for so far, oldest first.
    pub fn asked(&self) -> Vec<Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sleep for ManualSleep {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(duration);
        Box::pin(std::future::ready(()))
    }
}
