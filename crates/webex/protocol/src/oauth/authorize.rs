//! The address that a browser opens to sign in.

use lanyard_secret::{CodeVerifier, SafeUrl, State};

use super::{RedirectUri, challenge};
use crate::{AppClientId, Environment, ScopeSet};

/// `GET /authorize` (RFC 6749, section 4.1.1, with PKCE).
#[derive(Debug)]
pub struct AuthorizationRequest<'a> {
    /// The app.
    pub client_id: &'a AppClientId,
    /// Where the code comes back; must be registered to the letter, port and path included.
    pub redirect_uri: &'a RedirectUri,
    /// The scopes to ask for. Webex refuses an empty set.
    pub scopes: &'a ScopeSet,
    /// Comes back with the code.
    pub state: &'a State,
    /// Stays here until the exchange.
    pub verifier: &'a CodeVerifier,
}

impl AuthorizationRequest<'_> {
    /// The address to open.
    pub fn url(&self, environment: &Environment) -> SafeUrl {
        let mut url = environment.authorize().into_inner();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client_id.as_str())
            .append_pair("redirect_uri", self.redirect_uri.as_str())
            .append_pair("scope", &self.scopes.to_string())
            .append_pair("state", self.state.expose_secret())
            .append_pair("code_challenge", &challenge(self.verifier))
            .append_pair("code_challenge_method", "S256");
        SafeUrl::new(url)
    }
}
