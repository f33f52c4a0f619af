//! An app's id and secret as HTTP Basic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::ClientAuth;
use crate::Request;
use crate::message::sensitive;

/// Adds `Authorization: Basic …`. RFC 6749, section 2.3.1: id and secret are form-encoded before they are joined.
pub(super) fn basic(mut request: Request, auth: &ClientAuth) -> Request {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let secret = Zeroizing::new(encode(auth.client_secret.expose_secret()));
    let pair = Zeroizing::new(format!("{}:{}", encode(auth.client_id.as_str()), *secret));
    let basic = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    if let Some(value) = sensitive("Basic ", &basic) {
        request.headers.insert(http::header::AUTHORIZATION, value);
    }
    request
}
