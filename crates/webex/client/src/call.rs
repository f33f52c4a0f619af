//! A request that is sent again where that can do no harm.

use std::time::Duration;

use lanyard_protocol::{Environment, Request};
use lanyard_time::Moment;

use crate::limits::Api;
use crate::patience::{self, Verdict};
use crate::{CallError, Exchange, Patience, SubjectKey, Transport};

/// How a call is made.
#[derive(Clone, Debug)]
pub struct CallOptions {
    /// How much the caller puts up with.
    pub patience: Patience,
    /// Whose limit the call counts against; without one it waits for nobody, and nobody for it.
    pub subject: Option<SubjectKey>,
    /// How many bytes of an answer are read at most.
    pub longest: usize,
}

/// The longest answer of one resource that is read.
const LONGEST_RESOURCE: usize = 16 * 1024 * 1024;

impl Default for CallOptions {
    fn default() -> Self {
        Self { patience: Patience::default(), subject: None, longest: LONGEST_RESOURCE }
    }
}

impl CallOptions {
    /// One try, and no wait before it.
    pub fn once() -> Self {
        Self { patience: Patience::NONE, ..Self::default() }
    }

    /// A call that counts against the limit of `subject`.
    #[must_use]
    pub fn of(mut self, subject: SubjectKey) -> Self {
        self.subject = Some(subject);
        self
    }

    /// A call of another patience.
    #[must_use]
    pub fn with(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
}

impl Transport {
    /// Sends a request, and sends it again where that can do no harm: after 429 and 423 any, where no connection came about any,
    /// after 502, 503, 504 and a lost answer only what reads. A POST, PUT, PATCH or DELETE whose outcome is unknown is never
    /// repeated.
    ///
    /// An answer is returned whatever its status is, also where patience ended on it. Where Webex asked the same subject to wait
    /// before, that is waited for first; a wait longer than the patience is [`CallError::Limited`], and nothing is sent.
    pub async fn call(
        &self,
        environment: &Environment,
        request: Request,
        options: &CallOptions,
    ) -> Result<Exchange, CallError> {
        let begun = self.clock.now();
        let api = Api::of(&request.url);
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        loop {
            self.wait_for_subject(options, &api, &begun, &mut waited).await?;
            let sent = self.clock.now();
            let outcome = self.send(environment, request.clone(), options.longest).await;
            tries += 1;
            let now = self.clock.now();
            let response = outcome.as_ref().map(|exchange| &exchange.response);
            let verdict = patience::judge(&request.method, response, &now);
            if let (Ok(response), Some(subject)) = (response, &options.subject) {
                match verdict {
                    Verdict::Again { asked: Some(asked) } if response.status == http::StatusCode::TOO_MANY_REQUESTS => {
                        self.limits.note(subject, api.clone(), asked, &now);
                    }
                    _ => self.limits.answered(subject, &api, &sent),
                }
            }
            let Verdict::Again { asked } = verdict else { return Ok(outcome?) };
            let pause = patience::pause(asked, tries, self.random());
            if tries >= options.patience.tries || !options.patience.allows(pause, spent(&begun, &now, waited)) {
                return Ok(outcome?);
            }
            tracing::debug!(url = %request.url, tries, pause_ms = pause.as_millis(), "waiting before another try");
            waited += pause;
            self.sleep.sleep(pause).await;
        }
    }

    /// Waits until Webex would hear this subject again; other calls may lengthen that meanwhile.
    async fn wait_for_subject(
        &self,
        options: &CallOptions,
        api: &Api,
        begun: &Moment,
        waited: &mut Duration,
    ) -> Result<(), CallError> {
        let Some(subject) = &options.subject else { return Ok(()) };
        loop {
            let now = self.clock.now();
            let Err(left) = self.limits.admit(subject, api, &now) else { return Ok(()) };
            if !options.patience.allows(left, spent(begun, &now, *waited)) {
                return Err(CallError::Limited(left));
            }
            let pause = patience::pause(Some(left), 0, self.random());
            *waited += pause;
            self.sleep.sleep(pause).await;
        }
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_be_bytes(bytes)
    }
}

/// The time that has passed: by the clock, or in waits if the machine's clock stands still.
fn spent(begun: &Moment, now: &Moment, waited: Duration) -> Duration {
    now.since(begun).max(waited)
}
