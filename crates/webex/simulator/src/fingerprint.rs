//! Tokens as they are remembered and shown: by their SHA-256.

use std::fmt;

use sha2::{Digest, Sha256};

/// The SHA-256 of a secret text. The issuer finds tokens by it, so that a look-up's timing tells nothing about a token.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The first twelve hexadecimal digits: enough to tell tokens apart, and no help in guessing one.
    pub(crate) fn short(&self) -> String {
        crate::random::hexadecimal(&self.0[..6])
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_shows_the_start_of_the_hash() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(Fingerprint::of("abc").short(), "ba7816bf8f01");
    }
}
