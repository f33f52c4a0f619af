//! The signature of a JSON Web Token (RFC 7515), by a set of keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use thiserror::Error;
use zeroize::Zeroizing;

/// The keys that sign the activation codes of a region.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct KeySet {
    #[serde(default)]
    keys: Vec<Key>,
}

#[derive(Clone, Debug, Deserialize)]
struct Key {
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// It does not have the three parts of a signed token.
    #[error("it is not a signed JSON Web Token")]
    NotAToken,
    /// It is signed in another way than RS256, or not at all.
    #[error("it is not signed with RS256")]
    Algorithm,
    /// None of the region's keys has its number.
    #[error("it is signed with a key that its region does not have")]
    UnknownKey,
    /// The signature is of another text, or was made with another key.
    #[error("its signature is wrong")]
    Wrong,
}

impl KeySet {
    /// Returns the payload of a token that one of the keys has signed.
    pub(crate) fn verified(&self, token: &str) -> Result<Zeroizing<Vec<u8>>, SignatureError> {
        let [header, payload, signature] = parts(token)?;
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| SignatureError::NotAToken)?;
        if header.alg != "RS256" {
            return Err(SignatureError::Algorithm);
        }
        let mut keys = self.keys.iter().filter(|key| key.kty == "RSA" && header.kid.is_some() && key.kid == header.kid);
        let key = keys.next().ok_or(SignatureError::UnknownKey)?;
        let key = RsaPublicKeyComponents { n: decoded(&key.n)?.to_vec(), e: decoded(&key.e)?.to_vec() };
        let signed = &token[..token.rfind('.').unwrap_or_default()];
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decoded(signature)?)
            .map_err(|_| SignatureError::Wrong)?;
        decoded(payload)
    }
}

/// The payload of a token whose signature nobody has checked.
pub(super) fn unverified(token: &str) -> Result<Zeroizing<Vec<u8>>, SignatureError> {
    let [_, payload, _] = parts(token)?;
    decoded(payload)
}

fn parts(token: &str) -> Result<[&str; 3], SignatureError> {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().map_err(|_| SignatureError::NotAToken)
}

fn decoded(part: &str) -> Result<Zeroizing<Vec<u8>>, SignatureError> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| SignatureError::NotAToken)?;
    Ok(Zeroizing::new(bytes))
}
