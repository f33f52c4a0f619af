//! The keyring of the person who is signed in: the Secret Service of a Linux desktop, the Keychain of macOS.
//!
//! Linux's kernel keyrings are not meant: what they hold does not survive a reboot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
use lanyard_time::{Sleep as _, SystemSleep};
use lanyard_vault::{HomeKey, KeyId, KeyLine};
use thiserror::Error;
use zeroize::Zeroizing;

/// Under which service the entries stand.
const SERVICE: &str = "lanyard";
/// How long a person may take to unlock the keyring.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// How long a keyring may take to answer where nobody asked for one.
pub(crate) const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Why the keyring did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyringError {
    /// There is none, it is locked, or it refused.
    #[error("the keyring of this session cannot be used: {0}")]
    Unusable(String),
    /// It did not answer in time.
    #[error("the keyring of this session did not answer within {0} s")]
    Silent(u64),
    /// It has no such key.
    #[error("the keyring of this session has no key {0} of this home")]
    Missing(KeyId),
    /// The keyring's value under the key's name is not a key.
    #[error("what the keyring of this session keeps as the key {0} is no key")]
    Damaged(KeyId),
}

impl KeyringError {
    /// The next step for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::Unusable(_) | Self::Silent(_) => {
                "unlock it; programs that run without a session (cron, services) have none: give such a home another key \
                 source with lanyard key rotate --to, from a session that has one"
                    .to_owned()
            }
            Self::Missing(_) => "use the keyring of the user and the machine that the home was made with, or name a copy \
                 of the key: LANYARD_KEY_FILE"
                .to_owned(),
            Self::Damaged(_) => "name a copy of the key: LANYARD_KEY_FILE".to_owned(),
        }
    }
}

/// Puts the key of a home into the keyring, and sees that it can be read back.
pub(crate) async fn put(home: &str, key: &HomeKey, limit: Duration) -> Result<(), KeyringError> {
    let (home, key) = (home.to_owned(), key.clone());
    on_a_thread(limit, move || {
        let entry = entry(&home, key.id())?;
        let text = KeyLine::Open(key.clone()).to_text();
        entry.set_secret(text.as_bytes()).map_err(|error| unusable(&error))?;
        let read = Zeroizing::new(entry.get_secret().map_err(|error| unusable(&error))?);
        if *read == *text.as_bytes() { Ok(()) } else { Err(KeyringError::Damaged(key.id())) }
    })
    .await
}

/// Reads a key of a home.
pub(crate) async fn fetch(home: &str, id: KeyId) -> Result<KeyLine, KeyringError> {
    let home = home.to_owned();
    on_a_thread(LIMIT, move || {
        let text = match entry(&home, id)?.get_secret() {
            Ok(text) => Zeroizing::new(text),
            Err(Error::NoEntry) => return Err(KeyringError::Missing(id)),
            Err(error) => return Err(unusable(&error)),
        };
        let mut keys = KeyLine::parse_all(&text).map_err(|_| KeyringError::Damaged(id))?;
        keys.pop().filter(|key| key.id() == id).ok_or(KeyringError::Damaged(id))
    })
    .await
}

/// Removes a key of a home; that there is none is well.
pub(crate) async fn remove(home: &str, id: KeyId, limit: Duration) -> Result<(), KeyringError> {
    let home = home.to_owned();
    on_a_thread(limit, move || match entry(&home, id)?.delete_credential() {
        Ok(()) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(unusable(&error)),
    })
    .await
}

fn entry(home: &str, id: KeyId) -> Result<Entry, KeyringError> {
    let store = platform().map_err(|error| unusable(&error))?;
    let label = format!("Lanyard: key {id} of a home");
    let labelled = HashMap::from([("label", label.as_str())]);
    let modifiers = cfg!(target_os = "linux").then_some(&labelled);
    store.build(SERVICE, &format!("{home}/{id}"), modifiers).map_err(|error| unusable(&error))
}

#[cfg(target_os = "linux")]
fn platform() -> keyring_core::Result<Arc<dyn CredentialStoreApi>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn platform() -> keyring_core::Result<Arc<dyn CredentialStoreApi>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn platform() -> keyring_core::Result<Arc<dyn CredentialStoreApi>> {
    Err(Error::NotSupportedByStore("there is none on this system".to_owned()))
}

/// Some of the errors carry what was read: only their words go on.
fn unusable(error: &Error) -> KeyringError {
    let words: String = error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
    KeyringError::Unusable(words)
}

/// A keyring that waits for a person blocks its caller. The thread is not waited for: it ends with the process.
async fn on_a_thread<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
        // Whoever asked may have given up.
        let _ = tell.send(work());
    });
    thread.map_err(|error| KeyringError::Unusable(error.to_string()))?;
    tokio::select! {
        told = told => told.unwrap_or_else(|_| Err(KeyringError::Unusable("it failed".to_owned()))),
        () = SystemSleep.sleep(limit) => Err(KeyringError::Silent(limit.as_secs())),
    }
}
