//! A notice, targets, and the machinery that delivers.

use std::convert::Infallible;
use std::sync::Arc;

use lanyard_channel::{
    AlertState, Channels, DeliveryError, Notice, NoticeCredential, NoticeData, NoticeType, Severity, Target,
    WebhookTarget,
};
use lanyard_client::{IssuedToken, TokenSource, Transport};
use lanyard_credential::Kind;
use lanyard_time::{Clock as _, ManualClock, Moment, SeededEntropy};

use crate::alarm::Alarm;

/// The machinery, and its time.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) channels: Channels,
    pub(crate) alarm: Arc<Alarm>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|channels| channels)
    }

    pub(crate) fn with(change: impl FnOnce(Channels) -> Channels) -> Self {
        let alarm = Arc::new(Alarm::new());
        let channels = Channels::new(transport()).with_sleep(Arc::<Alarm>::clone(&alarm));
        Self { channels: change(channels), alarm }
    }

    /// Delivers the notice, without tokens.
    pub(crate) async fn deliver(&self, target: &Target, notice: &Notice) -> Result<(), DeliveryError> {
        self.deliver_again(target, notice, &[]).await
    }

    /// Delivers the notice of a mail to those who do not have it.
    pub(crate) async fn deliver_again(
        &self,
        target: &Target,
        notice: &Notice,
        have_it: &[String],
    ) -> Result<(), DeliveryError> {
        self.channels.deliver(target, notice, &now(), have_it, |_| NoTokens).await
    }
}

pub(crate) fn transport() -> Arc<Transport> {
    Arc::new(Transport::new(Arc::new(clock()), Arc::new(SeededEntropy::new(7))))
}

fn clock() -> ManualClock {
    ManualClock::at("2026-11-30T12:00:05Z".parse().unwrap())
}

pub(crate) fn now() -> Moment {
    clock().now()
}

/// The source of tokens for targets that need none.
#[derive(Debug)]
pub(crate) struct NoTokens;

impl TokenSource for NoTokens {
    type Error = Infallible;

    async fn issue(&self) -> Result<IssuedToken, Infallible> {
        unreachable!("no token is needed")
    }

    async fn replace(&self, _: &IssuedToken) -> Result<Option<IssuedToken>, Infallible> {
        unreachable!("no token is needed")
    }
}

/// A credential that needs a new sign-in.
pub(crate) fn notice() -> Notice {
    let mut data = NoticeData::new("Webex refused to renew the credential.", Severity::Critical);
    data.state = AlertState::Firing;
    data.hint = Some("lanyard login acme".to_owned());
    data.link = Some("https://lanyard.example/credentials/acme".to_owned());
    data.credential = Some(NoticeCredential {
        id: "6ac7d7d6-0000-4000-8000-000000000000".parse().unwrap(),
        name: "acme".parse().unwrap(),
        kind: Kind::Integration,
        labels: [("customer".to_owned(), "acme-dental".to_owned())].into(),
    });
    let time = "2026-11-30T12:00:00Z".parse().unwrap();
    Notice::new("4711".parse().unwrap(), "/lanyard/homes/a", NoticeType::CREDENTIAL_NEEDS_LOGIN, time, data)
}

/// The key of the example that the libraries of Standard Webhooks publish.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) fn webhook(url: &str, allow_private: bool) -> Target {
    Target::Webhook(WebhookTarget { url: url.parse().unwrap(), secret: SECRET.parse().unwrap(), allow_private })
}
