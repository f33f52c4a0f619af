//! Calls at a steady rate, whatever the answers take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_client::Transport;
use lanyard_protocol::{Environment, Method, Request};
use lanyard_secret::{AccessToken, SecretBytes};
use lanyard_time::{Clock as _, Sleep as _, SystemClock, SystemEntropy, SystemSleep};
use serde_json::Value;

/// A load: the address, the rate and the duration of its calls.
#[derive(Debug)]
pub struct Load<'a> {
    /// The address of the API that is called.
    pub url: &'a str,
    /// Calls in a second.
    pub rate: u32,
    /// For how long.
    pub time: Duration,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// After the API's address.
    pub path: String,
    /// The token.
    pub token: String,
    /// JSON, where there is a body.
    pub body: Option<Value>,
}

/// The results of a load.
#[derive(Debug, Default)]
pub struct Seen {
    /// From the moment at which a call was due to its whole answer, the shortest first.
    pub times: Vec<Duration>,
    /// Answers that were no success, and calls without an answer.
    pub failures: Vec<String>,
}

/// The longest answer that is read.
const LONGEST: usize = 16 * 1024 * 1024;

/// At most so many failures are told apart.
const MOST_FAILURES: usize = 100;

impl Load<'_> {
    /// Sends the calls that `next` names, and calls `each_second` about once a second. A call is due at its own moment, whether or
    /// not the ones before it were answered: a server that halts is seen to halt.
    pub fn run(&self, mut next: impl FnMut(usize) -> Sent, mut each_second: impl FnMut(u64)) -> Seen {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime is had");
        let environment = Arc::new(Environment::at(self.url).expect("an address of this machine"));
        let clock = SystemClock::new();
        let transport = Arc::new(Transport::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy)));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let total = u64::from(self.rate) * self.time.as_secs();
        let begun = clock.now();
        runtime.block_on(async {
            let mut under_way = tokio::task::JoinSet::new();
            for number in 0..total {
                let due = Duration::from_secs(1) * u32::try_from(number).unwrap_or(u32::MAX) / self.rate;
                let passed = clock.now().since(&begun);
                if let Some(early) = due.checked_sub(passed) {
                    SystemSleep.sleep(early).await;
                }
                if number % u64::from(self.rate) == 0 {
                    each_second(number / u64::from(self.rate));
                }
                let call = next(usize::try_from(number).unwrap_or(usize::MAX));
                let (transport, environment) = (Arc::clone(&transport), Arc::clone(&environment));
                let (seen, begun) = (Arc::clone(&seen), begun.clone());
                let url = self.url.to_owned();
                under_way.spawn(async move {
                    let failure = call.send(&transport, &environment, &url).await;
                    let took = SystemClock::new().now().since(&begun).saturating_sub(due);
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.times.push(took);
                    if seen.failures.len() < MOST_FAILURES {
                        seen.failures.extend(failure);
                    }
                });
                while under_way.try_join_next().is_some() {}
            }
            while under_way.join_next().await.is_some() {}
        });
        let mut seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.times.sort_unstable();
        seen
    }
}

impl Load<'_> {
    /// One answer, as JSON.
    pub fn read(&self, path: &str, token: &str) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime is had");
        let environment = Environment::at(self.url).expect("an address of this machine");
        let transport = Transport::new(Arc::new(SystemClock::new()), Arc::new(SystemEntropy));
        let target = format!("{}{path}", self.url).parse().expect("a URL");
        let request = Request::new(Method::GET, target).bearer(&AccessToken::new(token));
        let answered = runtime.block_on(transport.send(&environment, request, LONGEST)).expect("an answer");
        serde_json::from_slice(answered.response.body.expose_secret()).expect("JSON")
    }
}

impl Sent {
    /// Sends the call, and returns its failure if it fails.
    async fn send(&self, transport: &Transport, environment: &Environment, url: &str) -> Option<String> {
        let target = format!("{url}{}", self.path).parse().expect("a URL");
        let mut request = Request::new(self.method.clone(), target).bearer(&AccessToken::new(self.token.as_str()));
        if let Some(body) = &self.body {
            request = request.body("application/json", SecretBytes::new(body.to_string().into_bytes()));
        }
        match transport.send(environment, request, LONGEST).await {
            Ok(exchange) if exchange.response.status.is_success() => None,
            Ok(exchange) => Some(format!("{} {}: {}", self.method, self.path, exchange.response.status)),
            Err(error) => Some(format!("{} {}: {error}", self.method, self.path)),
        }
    }
}

impl Seen {
    /// The time within which this share of the calls was answered, from 0 to 1.
    pub fn within(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = ((self.times.len() as f64 - 1.0) * share).round() as usize;
        self.times.get(place).copied().unwrap_or_default()
    }
}
