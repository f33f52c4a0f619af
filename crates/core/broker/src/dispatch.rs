//! All calls that travel, by name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use crate::task::joined;
use crate::wire::{WireError, decode, encode};
use crate::{
    AddApp, AddClient, AddGuest, AddServiceApp, AddToken, AwaitDevice, BeginDeviceSignIn, BeginSignIn, Broker, Call,
    CallApi, ChangeApp, ChangeClient, ChangeLabels, CheckCalls, Clear, Disable, Enable, Error, FindWebex, FinishSignIn,
    HandOut, IssueToken, Keep, KeepAudit, List, ListApps, ListClients, ListNames, ListRefusedClients, ListTokens,
    ListUnreadable, ListUnreadableApps, LookUp, Precheck, ReadAudit, RecordHandOut, Refresh, RemoveApp, RemoveClient,
    Rename, ReplaceSecret, Resume, RetryRevocations, RevokeTokens, Show, ShowApp, ShowAuditRetention, ShowClient,
    TakeToken, Test, TrySecret, VerifyAudit,
};

/// A use case that another process of the same owner may ask for.
///
/// Two calls are for the owner's own process alone: [`TryTokens`](crate::TryTokens) and [`RenewDataKeys`](crate::RenewDataKeys).
pub trait Travels: Call<Reply: Serialize + DeserializeOwned> + Serialize + DeserializeOwned {
    /// Its name on the wire.
    const NAME: &'static str;
}

/// Why a call that came was not answered.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// There is no such call.
    #[error("there is no call named {0:?}")]
    Unknown(String),
    /// The call cannot be read, or its reply not be written.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// It was not done.
    #[error(transparent)]
    Failed(#[from] Error),
}

macro_rules! travels {
    ($($call:ident,)+) => {
        $(impl Travels for $call {
            const NAME: &'static str = stringify!($call);
        })+

        /// The names of all calls that travel.
        pub const NAMES: &[&str] = &[$(stringify!($call)),+];

        /// Does the call of that name, as it came, and gives its reply as it goes.
        pub async fn dispatch(broker: &Broker, name: &str, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, DispatchError> {
            match name {
                $(stringify!($call) => Box::pin(one::<$call>(broker, body)).await,)+
                _ => Err(DispatchError::Unknown(name.chars().take(LONGEST_NAME).collect())),
            }
        }
    };
}

travels! {
    AddApp,
    AddClient,
    AddGuest,
    AddServiceApp,
    AddToken,
    AwaitDevice,
    BeginDeviceSignIn,
    BeginSignIn,
    CallApi,
    ChangeApp,
    ChangeClient,
    ChangeLabels,
    CheckCalls,
    Clear,
    Disable,
    Enable,
    FindWebex,
    FinishSignIn,
    HandOut,
    IssueToken,
    Keep,
    KeepAudit,
    List,
    ListApps,
    ListClients,
    ListNames,
    ListRefusedClients,
    ListTokens,
    ListUnreadable,
    ListUnreadableApps,
    LookUp,
    Precheck,
    ReadAudit,
    RecordHandOut,
    Refresh,
    RemoveApp,
    RemoveClient,
    Rename,
    ReplaceSecret,
    Resume,
    RetryRevocations,
    RevokeTokens,
    Show,
    ShowApp,
    ShowAuditRetention,
    ShowClient,
    TakeToken,
    Test,
    TrySecret,
    VerifyAudit,
}

async fn one<C: Travels>(broker: &Broker, body: &[u8]) -> Result<Zeroizing<Vec<u8>>, DispatchError> {
    let call: C = decode(body)?;
    let reply = broker.call(call).await?;
    // A list of all credentials takes long to write, and would hold up the other tasks of this thread.
    Ok(joined(spawn_blocking(move || encode(&reply))).await?)
}

/// How much of an unknown name is repeated.
const LONGEST_NAME: usize = 80;

#[cfg(test)]
mod tests;
