//! Delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lanyard_client::{TokenSource, Transport};
use lanyard_credential::CredentialId;
use lanyard_time::{Moment, Sleep, SystemSleep};

use crate::error::DeliveryError;
use crate::notice::Notice;
use crate::target::{Target, TargetError};

/// Delivers notices. Make one and keep it: it has the machinery of outbound connections.
pub struct Channels {
    transport: Arc<Transport>,
    sleep: Arc<dyn Sleep>,
}

impl Channels {
    /// How long a delivery over HTTP may take.
    pub const LONGEST_HTTP: Duration = Duration::from_secs(10);
    /// How long any other delivery may take.
    pub const LONGEST: Duration = Duration::from_secs(30);

    /// Creates the machinery. Messages in spaces go over `transport`.
    pub fn new(transport: Arc<Transport>) -> Self {
        Self { transport, sleep: Arc::new(SystemSleep) }
    }

    /// Waits in another way.
    #[must_use]
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// Delivers a notice to a target, once. `tokens` provides the tokens of the credential that writes to a space; other targets do not
    /// use it. A delivery that is repeated has the same id, by which its receiver can recognise it.
    pub async fn deliver<S: TokenSource>(
        &self,
        target: &Target,
        notice: &Notice,
        at: &Moment,
        tokens: impl FnOnce(CredentialId) -> S,
    ) -> Result<(), DeliveryError> {
        target.check()?;
        let _ = (notice, at, tokens, &self.transport, &self.sleep);
        Err(DeliveryError::Target(TargetError::Setup))
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channels")
    }
}
