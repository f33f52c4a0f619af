//! A transport whose time is the test's.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use lanyard_client::Transport;
use lanyard_time::{BoxFuture, ManualClock, SeededEntropy, Sleep};

/// A transport, its clock, and the waits that it asked for.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) transport: Transport,
    pub(crate) clock: ManualClock,
    sleep: Arc<Passing>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
        let sleep = Arc::new(Passing { clock: clock.clone(), asked: Mutex::default() });
        let entropy = Arc::new(SeededEntropy::new(7));
        let transport =
            Transport::new(Arc::new(clock.clone()), entropy).with_sleep(Arc::clone(&sleep) as Arc<dyn Sleep>);
        Self { transport, clock, sleep }
    }

    /// Every wait so far, in whole seconds: what Webex asks for is spread by a fraction of one.
    pub(crate) fn waits(&self) -> Vec<u64> {
        self.sleep.asked.lock().unwrap().iter().map(Duration::as_secs).collect()
    }
}

/// A wait that lets the clock's time pass at once.
#[derive(Debug)]
struct Passing {
    clock: ManualClock,
    asked: Mutex<Vec<Duration>>,
}

impl Sleep for Passing {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.asked.lock().unwrap().push(duration);
        self.clock.advance(duration);
        Box::pin(std::future::ready(()))
    }
}
