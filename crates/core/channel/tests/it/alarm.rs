//! Waits that end when a test says so.

use std::time::Duration;

use lanyard_time::{BoxFuture, Sleep};
use tokio::sync::watch;

/// A way to wait that never ends before the test rings.
#[derive(Debug)]
pub(crate) struct Alarm {
    rung: watch::Sender<Vec<Duration>>,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self { rung: watch::Sender::new(Vec::new()) }
    }

    /// Ends all waits of this length, those that begin later included.
    pub(crate) fn ring(&self, duration: Duration) {
        self.rung.send_modify(|rung| rung.push(duration));
    }
}

impl Sleep for Alarm {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut rung = self.rung.subscribe();
        Box::pin(async move {
            if rung.wait_for(|rung| rung.contains(&duration)).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
