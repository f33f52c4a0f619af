//! A token reply on its way into the store.

use lanyard_client::Obtained;
use lanyard_credential::{RefreshRight, Validity};
use lanyard_store::NewTokens;

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
