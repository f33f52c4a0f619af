//! Delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lanyard_client::{TokenSource, Transport};
use lanyard_credential::CredentialId;
use lanyard_time::{Moment, Sleep, SystemSleep};

use crate::error::DeliveryError;
use crate::http_post::Post;
use crate::notice::Notice;
use crate::outbound::Outbound;
use crate::target::{Target, TargetError};
use crate::{alertmanager, command, json_api, mail, space, webhook};

/// Delivers notices. Make one and keep it: it has the machinery of outbound connections.
pub struct Channels {
    transport: Arc<Transport>,
    outbound: Outbound,
    sleep: Arc<dyn Sleep>,
}

impl Channels {
    /// How long a delivery over HTTP may take.
    pub const LONGEST_HTTP: Duration = Duration::from_secs(10);
    /// How long any other delivery may take.
    pub const LONGEST: Duration = Duration::from_secs(30);

    /// Creates the machinery. Messages in spaces go over `transport`; everything else has connections of its own, and ignores the
    /// proxy that the environment may name.
    pub fn new(transport: Arc<Transport>) -> Self {
        Self { transport, outbound: Outbound::default(), sleep: Arc::new(SystemSleep) }
    }

    /// Waits in another way.
    #[must_use]
    pub fn with_sleep(mut self, sleep: Arc<dyn Sleep>) -> Self {
        self.sleep = sleep;
        self
    }

    /// Also trusts these authorities' certificates (PEM), besides those of the system.
    pub fn trusting(mut self, pem: &[u8]) -> Result<Self, TargetError> {
        self.outbound.trust(pem)?;
        Ok(self)
    }

    /// Uses an HTTP proxy for targets that may have public addresses only. The proxy resolves their names, so that it decides where a
    /// name leads; addresses that are written as such are still refused if they are not public. Mail is never sent through it.
    pub fn through(mut self, proxy: &str) -> Result<Self, TargetError> {
        self.outbound.use_proxy(proxy)?;
        Ok(self)
    }

    /// Delivers a notice to a target, once. `tokens` provides the tokens of the credential that writes to a space; other targets do not
    /// use it. A delivery that is repeated has the same id, by which its receiver can recognise it. `have_it` are the recipients of a mail
    /// who accepted it before ([`DeliveryError::Partly`]).
    pub async fn deliver<S: TokenSource>(
        &self,
        target: &Target,
        notice: &Notice,
        at: &Moment,
        have_it: &[String],
        tokens: impl FnOnce(CredentialId) -> S,
    ) -> Result<(), DeliveryError> {
        let receiver = target.receiver();
        match target {
            Target::Webhook(target) => self.post(webhook::post(target, notice, at.wall), at).await,
            Target::Alertmanager(target) => self.post(alertmanager::post(target, notice, at.wall)?, at).await,
            Target::Json(target) => self.post(json_api::post(target, notice)?, at).await,
            Target::Command(target) => {
                // It ends what it has begun itself.
                Box::pin(command::run(target, notice, receiver, Self::LONGEST, &*self.sleep)).await
            }
            Target::Space(target) => {
                let tokens = tokens(target.credential);
                let written = space::write(&self.transport, tokens, target, notice, receiver.clone());
                self.within(Self::LONGEST, receiver, Box::pin(written)).await
            }
            Target::Mail(target) => {
                let sent = mail::send(target, notice, have_it, at, self.outbound.authorities(), &*self.sleep);
                self.within(Self::LONGEST, receiver, Box::pin(sent)).await
            }
        }
    }

    async fn post(&self, post: Post<'_>, at: &Moment) -> Result<(), DeliveryError> {
        let receiver = post.receiver.clone();
        let sent = Box::pin(post.send(&self.outbound, at, &*self.sleep));
        self.within(Self::LONGEST_HTTP, receiver, sent).await
    }

    /// Ends a delivery that takes too long.
    async fn within(
        &self,
        limit: Duration,
        receiver: String,
        delivery: impl Future<Output = Result<(), DeliveryError>>,
    ) -> Result<(), DeliveryError> {
        tokio::select! {
            biased;
            done = delivery => done,
            () = self.sleep.sleep(limit) => Err(DeliveryError::TimedOut { receiver, limit }),
        }
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channels")
    }
}
