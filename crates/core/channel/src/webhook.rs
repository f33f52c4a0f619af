//! `CloudEvents`, signed as Standard Webhooks describe.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use sha2::Sha256;

use crate::http_post::Post;
use crate::notice::Notice;
use crate::target::{WebhookSecret, WebhookTarget};

/// The request for a notice. A repeated one has the same id, and a time and a signature of its own.
///
/// # Panics
/// Never: a notice has no value that JSON lacks, and its id fits into a header.
pub(crate) fn post<'a>(target: &'a WebhookTarget, notice: &Notice, at: Timestamp) -> Post<'a> {
    let body = serde_json::to_vec(notice).expect("a notice can be written as JSON");
    let seconds = at.as_second();
    let signature = sign(&target.secret, notice.id.as_str(), seconds, &body);
    let value = |text: &str| HeaderValue::from_str(text).expect("letters, digits and punctuation fit into a header");
    let headers = HeaderMap::from_iter([
        (HeaderName::from_static("webhook-id"), value(notice.id.as_str())),
        (HeaderName::from_static("webhook-timestamp"), value(&seconds.to_string())),
        (HeaderName::from_static("webhook-signature"), value(&signature)),
    ]);
    Post {
        receiver: target.url.host(),
        address: &target.url,
        allow_private: target.allow_private,
        url: target.url.expose_secret().clone(),
        headers,
        media_type: "application/cloudevents+json",
        body,
    }
}

/// The signature of version 1: HMAC-SHA256 over id, time and body.
fn sign(secret: &WebhookSecret, id: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret()).expect("any key has a fitting length");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the libraries of Standard Webhooks publish.
    #[test]
    fn a_signature_is_that_of_the_published_example() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
