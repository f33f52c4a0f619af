//! The deliveries of webhooks: signed POSTs to programs of this machine.
//!
//! A simulator calls nobody else: a target beyond loopback is kept, and never called. Deliveries go out beside the calls that
//! cause them and hold none of them up; what does not fit into the queue is lost, as it would be with a receiver that is away.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use lanyard_secret::SecretText;
use lanyard_time::{Sleep as _, SystemSleep};
use sha1::Sha1;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use url::{Host, Url};

use crate::random::hexadecimal;
use crate::webex::Webex;
use crate::world::Delivery;

/// Deliveries that wait.
pub(crate) const LONGEST_QUEUE: usize = 1_000;

/// Deliveries under way at a time.
const AT_ONCE: usize = 8;

/// How long a receiver may take. This concerns the machine and not the simulated Webex, so it waits on the machine's time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes the calls until the simulator is gone.
pub(crate) async fn deliver(webex: Webex, mut queue: mpsc::Receiver<Delivery>) {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(delivery) = queue.recv().await {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let webex = webex.clone();
        tokio::spawn(async move {
            let hook = delivery.hook;
            let sent = tokio::select! {
                sent = send(delivery) => sent,
                () = SystemSleep.sleep(PATIENCE) => None,
            };
            webex.state().hooks.delivered(hook, sent.is_some_and(|status| status.is_success()));
            drop(permit);
        });
    }
}

/// Where a target is, if it is on this machine and speaks plain HTTP.
pub(crate) fn loopback(target: &Url) -> Option<SocketAddr> {
    let port = target.port_or_known_default().filter(|_| target.scheme() == "http")?;
    let address = match target.host()? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain("localhost") => IpAddr::from([127, 0, 0, 1]),
        Host::Domain(_) => return None,
    };
    address.is_loopback().then(|| SocketAddr::new(address, port))
}

/// The status of the answer; nothing where there was none.
async fn send(delivery: Delivery) -> Option<StatusCode> {
    let stream = TcpStream::connect(loopback(&delivery.target)?).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let driving = tokio::spawn(connection);
    let mut path = delivery.target.path().to_owned();
    if let Some(query) = delivery.target.query() {
        path = format!("{path}?{query}");
    }
    let mut request = Request::post(path)
        .header(HOST, delivery.target.authority())
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header(USER_AGENT, "WebexSimulator");
    if let Some(secret) = &delivery.secret {
        request = request.header("X-Spark-Signature", signature(secret, delivery.body.as_bytes()));
    }
    let request = request.body(Full::new(Bytes::from(delivery.body))).ok()?;
    let answered = sender.send_request(request).await;
    driving.abort();
    answered.ok().map(|answer| answer.status())
}

/// Webex's: HMAC-SHA1 of the raw body, in hexadecimal.
fn signature(secret: &SecretText, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.expose_secret().as_bytes()).expect("a key has any length");
    mac.update(body);
    hexadecimal(&mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_rfc() {
        // RFC 2202, test case 2.
        let secret = SecretText::new("Jefe");
        assert_eq!(signature(&secret, b"what do ya want for nothing?"), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    }

    #[test]
    fn only_this_machine_is_called() {
        let reached = |url: &str| loopback(&url.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(reached("http://localhost:8080/x").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(reached("http://[::1]/x").as_deref(), Some("[::1]:80"));
        for elsewhere in
            ["https://127.0.0.1/x", "http://10.0.0.1/", "http://example.com/", "http://localhost.example.com/"]
        {
            assert_eq!(reached(elsewhere), None, "{elsewhere}");
        }
    }
}
