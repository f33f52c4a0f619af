//! The secret of a webhook.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lanyard_secret::SecretBytes;
use lanyard_time::Entropy;
use zeroize::Zeroizing;

use super::TargetError;

/// The key by which a webhook's receiver recognises Lanyard, written `whsec_` and base64 (Standard Webhooks).
#[derive(Clone)]
pub struct WebhookSecret(SecretBytes);

impl WebhookSecret {
    /// A new secret.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new(vec![0; USUAL]);
        entropy.fill(&mut key);
        Self(SecretBytes::new(std::mem::take(&mut *key)))
    }

    /// The key. Every use of this is a place to review.
    pub fn expose_secret(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// The text to enter at the receiver.
    pub fn expose_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + LONGEST * 2));
        text.push_str(PREFIX);
        STANDARD.encode_string(self.expose_secret(), &mut text);
        text
    }

    pub(super) fn from_key(key: SecretBytes) -> Result<Self, TargetError> {
        let fits = (SHORTEST..=LONGEST).contains(&key.expose_secret().len());
        if fits { Ok(Self(key)) } else { Err(TargetError::WebhookSecret) }
    }

    pub(super) fn as_bytes(&self) -> &SecretBytes {
        &self.0
    }
}

impl FromStr for WebhookSecret {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(TargetError::WebhookSecret)?;
        let key = STANDARD.decode(encoded).map_err(|_| TargetError::WebhookSecret)?;
        Self::from_key(SecretBytes::new(key))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

const PREFIX: &str = "whsec_";
/// The lengths that Standard Webhooks asks for, in bytes.
const SHORTEST: usize = 24;
const LONGEST: usize = 64;
const USUAL: usize = 32;
