//! Authorization codes (RFC 6749, section 4.1; RFC 7636).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lanyard_protocol::{AppClientId, ScopeSet};
use lanyard_secret::{AuthorizationCode, CodeVerifier};
use lanyard_time::Entropy;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::grant::Grant;
use super::{ExchangeError, Identity, Issuer, Rights, Terms, TokenReply, after};
use crate::fingerprint::Fingerprint;
use crate::random;

/// How long a code can be exchanged.
const LIFE: Duration = Duration::from_mins(5);

/// The request that a person consented to.
#[derive(Clone, Debug)]
pub(crate) struct CodeRequest {
    pub(crate) client: AppClientId,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: ScopeSet,
    /// The S256 challenge, where PKCE is used.
    pub(crate) challenge: Option<String>,
    /// The nonce for the ID token.
    pub(crate) nonce: Option<String>,
}

#[derive(Debug)]
pub(super) struct Code {
    request: CodeRequest,
    account: Uuid,
    signed_in_at: Timestamp,
    expires_at: Timestamp,
}

impl Issuer {
    /// Makes a code for what `account`, who signed in at that moment, consented to.
    pub(crate) fn issue_code(
        &mut self,
        request: CodeRequest,
        account: Uuid,
        signed_in_at: Timestamp,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> AuthorizationCode {
        self.codes.retain(|_, code| code.expires_at > now);
        let code = AuthorizationCode::new(random::text(entropy));
        self.codes.insert(
            Fingerprint::of(code.expose_secret()),
            Code { request, account, signed_in_at, expires_at: after(now, LIFE) },
        );
        code
    }

    /// Exchanges a code, once: an attempt that does not fit ends the code too.
    pub(crate) fn exchange_code(
        &mut self,
        client: &AppClientId,
        code: &AuthorizationCode,
        redirect_uri: &str,
        verifier: Option<&CodeVerifier>,
        terms: Terms<'_>,
    ) -> Result<TokenReply, ExchangeError> {
        let code = self.codes.remove(&Fingerprint::of(code.expose_secret())).ok_or(ExchangeError::DeadCode)?;
        let fits = code.expires_at > terms.now
            && &code.request.client == client
            && code.request.redirect_uri == redirect_uri
            && verified(code.request.challenge.as_deref(), verifier)
            && !self.blocks(code.account, client);
        if !fits {
            return Err(ExchangeError::DeadCode);
        }
        self.make_room(code.account, terms.now)?;
        let rights = Rights::Consented(code.request.scopes.clone());
        let Code { request, account, signed_in_at, .. } = code;
        let identity = Identity { account, signed_in_at, nonce: request.nonce };
        let asked = request.scopes.iter().any(|scope| scope.as_str() == "openid");
        let reply = self.start_grant(Grant::new(Some(client.clone()), account, rights), request.scopes, terms);
        Ok(TokenReply { identity: asked.then_some(identity), ..reply })
    }
}

/// A verifier without a challenge is a sign of a stripped challenge and counts as wrong (RFC 9700, section 4.8.2).
fn verified(challenge: Option<&str>, verifier: Option<&CodeVerifier>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose_secret().as_bytes())) == challenge
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_must_fit_its_challenge() {
        // RFC 7636, appendix B.
        let verifier = CodeVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(verified(Some(challenge), Some(&verifier)));
        assert!(!verified(Some(challenge), Some(&CodeVerifier::new("another"))));
        assert!(!verified(Some(challenge), None));
        assert!(!verified(None, Some(&verifier)));
        assert!(verified(None, None));
    }
}
