//! ID tokens (`OpenID` Connect Core, section 2): who signed in, signed.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lanyard_protocol::AppClientId;
use lanyard_secret::AccessToken;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::RSA_PKCS1_SHA256;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Identity, after};

/// How long an ID token is good.
const LIFE: Duration = Duration::from_hours(1);

/// Published, and the same for every simulator: it guards nothing, since whoever trusts a simulator trusts what is made up.
const KEY: &[u8] = include_bytes!("../../keys/published.pk8");

/// The key's name in headers and in the key set.
const KEY_ID: &str = "simulator-published";

static SIGNER: LazyLock<KeyPair> =
    LazyLock::new(|| KeyPair::from_pkcs8(KEY).expect("the published key is a key of 2048 bits"));

/// Writes and signs an ID token for an app.
pub(crate) fn id_token(
    issuer: &str,
    client: &AppClientId,
    identity: &Identity,
    access: &AccessToken,
    now: Timestamp,
) -> String {
    let mut claims = json!({
        "iss": issuer,
        "aud": client,
        "sub": identity.account.to_string(),
        "iat": now.as_second(),
        "exp": after(now, LIFE).as_second(),
        "auth_time": identity.signed_in_at.as_second(),
        "at_hash": half_hash(access),
    });
    if let Some(nonce) = &identity.nonce {
        claims["nonce"] = json!(nonce);
    }
    signed(&claims)
}

/// A JSON Web Token with these claims, signed with the published key.
pub(crate) fn signed(claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": KEY_ID, "typ": "JWT" });
    let signed = format!("{}.{}", encoded(&header), encoded(claims));
    let mut signature = vec![0; SIGNER.public().modulus_len()];
    SIGNER
        .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
        .expect("the buffer is as long as the key");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The key set that verifies them (RFC 7517).
pub(crate) fn key_set() -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(SIGNER.public());
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    json!({ "keys": [{
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KEY_ID,
        "n": number(&public.n),
        "e": number(&public.e),
    }] })
}

/// Ties an ID token to the access token beside it (section 3.1.3.6).
fn half_hash(access: &AccessToken) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(access.expose_secret().as_bytes())[..16])
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_key_set_verifies_what_was_signed_and_nothing_else() {
        let identity = Identity { account: Uuid::nil(), signed_in_at: Timestamp::UNIX_EPOCH, nonce: None };
        let token = id_token("i", &AppClientId::new("C1"), &identity, &AccessToken::new("a"), Timestamp::UNIX_EPOCH);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let set = key_set();
        let (n, e) = (bytes(set["keys"][0]["n"].as_str().unwrap()), bytes(set["keys"][0]["e"].as_str().unwrap()));
        let key = RsaPublicKeyComponents { n, e };
        let verify = |text: &str| key.verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &bytes(signature));
        assert!(verify(signed).is_ok());
        assert!(verify(&format!("{signed}x")).is_err());
        let claims: Value = serde_json::from_slice(&bytes(signed.split_once('.').unwrap().1)).unwrap();
        assert!(claims.get("nonce").is_none() && claims["sub"] == Uuid::nil().to_string(), "{claims}");
    }
}
