//! A token reply on its way into the store, or back to Webex.

use lanyard_client::Obtained;
use lanyard_credential::{RefreshRight, Validity};
use lanyard_protocol::Environment;
use lanyard_protocol::oauth::{ClientAuth, TokenHint};
use lanyard_secret::{AccessToken, RefreshToken};
use lanyard_store::NewTokens;

use crate::broker::Broker;

/// The tokens of a new grant, as Webex gave them. Without a refresh token there is no right to renew.
pub(crate) fn tokens_of(obtained: Obtained) -> NewTokens {
    let Obtained { sent, reply } = obtained;
    let refresh = match &reply.refresh_token {
        Some(_) => RefreshRight::Lasting(reply.refresh_token_expires_in),
        None => RefreshRight::None,
    };
    NewTokens {
        access: Some(reply.access_token),
        refresh: reply.refresh_token,
        validity: Validity { obtained: sent, access: reply.expires_in, refresh },
        scopes: reply.scopes,
    }
}

impl Broker {
    /// Revokes tokens that are not kept: of a sign-in that was given up, of an answer that came too late. Best effort, once.
    pub(crate) async fn give_back(
        &self,
        environment: &Environment,
        auth: &ClientAuth,
        access: Option<&AccessToken>,
        refresh: Option<&RefreshToken>,
    ) {
        let refresh = refresh.map(|token| (token.expose_secret(), TokenHint::Refresh));
        let access = access.map(|token| (token.expose_secret(), TokenHint::Access));
        for (token, hint) in refresh.into_iter().chain(access) {
            if let Err(error) = self.transport.revoke(environment, auth, token, hint).await {
                tracing::warn!(%error, "a token that nobody keeps could not be revoked");
            }
        }
    }
}
