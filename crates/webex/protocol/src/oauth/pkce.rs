//! Proof Key for Code Exchange (RFC 7636), method S256.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lanyard_secret::CodeVerifier;
use sha2::{Digest, Sha256};

/// A verifier of 43 characters from 32 random bytes (RFC 7636, section 4.1).
pub fn verifier_from(random: &[u8; 32]) -> CodeVerifier {
    CodeVerifier::new(URL_SAFE_NO_PAD.encode(random))
}

/// The challenge that belongs to a verifier: its SHA-256, base64url without padding.
pub fn challenge(verifier: &CodeVerifier) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_appendix_b_holds() {
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_the_least_allowed_length() {
        assert_eq!(verifier_from(&[7; 32]).expose_secret().len(), 43);
    }
}
