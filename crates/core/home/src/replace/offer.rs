//! The next key is offered: brokers of other homes have their keys from places of their own.
//!
//! An offered key wraps nothing. So it may be withdrawn, and a home that never gets it has lost nothing.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use lanyard_store::{HomeKeys, NextKey, RunningBroker, StoreError, TakenUp, this_host};
use lanyard_time::{Sleep as _, SystemSleep};
use lanyard_vault::{HomeKey, KeyId, KeySource};

use super::{LackingBroker, ReplaceKeyError, is_in_files};
use crate::files::quoted;
use crate::keys::{KeyError, keyring};
use crate::lock::try_lock_for_a_moment;
use crate::{KeyPlace, OpenHome};

/// An offer that was withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferWithdrawn {
    /// The key that was offered.
    pub key: KeyId,
    /// Where it is kept, if it is still there: an operator provides it, or it could not be removed.
    pub left_in: Option<KeyPlace>,
    /// The key that stays in force.
    pub current: KeyId,
}

/// The brokers are looked at as often.
const LOOK: Duration = Duration::from_millis(500);
/// A person is told what is waited for after so long.
const QUIET: Duration = Duration::from_secs(2);

impl OpenHome {
    /// Withdraws the key that is offered, and removes it where this home made it. The present key stays in force.
    pub async fn withdraw_offered_key(&self) -> Result<OfferWithdrawn, ReplaceKeyError> {
        let lock = try_lock_for_a_moment(&self.home).await.map_err(StoreError::Io)?;
        let _lock = lock.ok_or(ReplaceKeyError::Busy)?;
        self.refuse_while_moved().await?;
        let Some(offered) = self.store.withdraw_offered_key().await? else {
            let next = self.store.home_keys().await?.next;
            return Err(next.map_or(ReplaceKeyError::NothingOffered, |next| ReplaceKeyError::TooLate(next.id)));
        };
        let now = self.store.home_keys().await?;
        let removed = match offered.source {
            KeySource::File | KeySource::Passphrase => self.remove_next_file(&now),
            KeySource::Keyring => {
                let home = now.id.as_deref().unwrap_or_default();
                keyring::remove(home, offered.id, keyring::PROBE_LIMIT).await.map_err(KeyError::from)
            }
            KeySource::Command | KeySource::KeyFile => Ok(()),
        };
        let is_left = removed.is_err() || offered.source.is_provided();
        Ok(OfferWithdrawn {
            key: offered.id,
            left_in: is_left.then(|| self.place_of_next(offered.source)),
            current: now.key,
        })
    }

    /// The file may hold the present key too, under another passphrase.
    fn remove_next_file(&self, now: &HomeKeys) -> Result<(), KeyError> {
        let kept = self.home.key().read().unwrap_or_default();
        let needed: Vec<KeyId> = now.keys().filter(|id| kept.iter().all(|line| line.id() != *id)).collect();
        Ok(self.home.next_key().remove(&needed)?)
    }

    /// The key that is offered, from where this home will have it.
    pub(super) async fn offered_key(&self, now: &HomeKeys, offered: &NextKey) -> Result<HomeKey, ReplaceKeyError> {
        let (mut keys, error) = self.sources.fetch(&now.replaced_by(offered), &[offered.id]).await;
        if let Some(key) = keys.pop() {
            return Ok(key);
        }
        let foreign = KeyError::Foreign { found: Vec::new(), expected: offered.id };
        let step = self.step_here(offered).await?;
        Err(ReplaceKeyError::NotHere { key: offered.id, step, source: error.unwrap_or(foreign) })
    }

    /// Makes an offered key the next one as soon as all brokers that run on the store have it.
    pub(super) async fn take_up_when_ready(
        &self,
        offered: &HomeKey,
        source: KeySource,
        wait: Duration,
    ) -> Result<(), ReplaceKeyError> {
        let id = offered.id();
        let mut end = pin!(SystemSleep.sleep(wait));
        loop {
            let is_late = tokio::select! {
                biased;
                looked = self.until_all_have(id) => { looked?; false }
                () = &mut end => true,
            };
            match self.store.take_up_offered_key(offered).await? {
                TakenUp::Yes => return Ok(()),
                TakenUp::Withdrawn => return Err(ReplaceKeyError::Withdrawn(id)),
                TakenUp::Lacking(brokers) if is_late => {
                    let lacking = |broker: &RunningBroker| LackingBroker {
                        place: place(broker),
                        step: self.step_for(broker, id, source),
                    };
                    return Err(ReplaceKeyError::Lacking { key: id, brokers: brokers.iter().map(lacking).collect() });
                }
                TakenUp::InFlight(found) if is_late => return Err(ReplaceKeyError::InFlight(found)),
                TakenUp::InFlight(_) => SystemSleep.sleep(LOOK).await,
                TakenUp::Lacking(_) => {}
            }
        }
    }

    /// Completes when all running brokers have a key, or when it is not offered any more.
    async fn until_all_have(&self, id: KeyId) -> Result<(), StoreError> {
        let (mut waited, mut told) = (Duration::ZERO, Vec::new());
        loop {
            let mut lacking = self.store.running_brokers().await?;
            lacking.retain(|broker| !broker.has(id));
            if lacking.is_empty() {
                return Ok(());
            }
            if self.store.home_keys().await?.offered.is_none_or(|offered| offered.id != id) {
                return Ok(());
            }
            let places: Vec<String> = lacking.iter().map(place).collect();
            if let Some(tell) = self.sources.access.waiting.filter(|_| waited >= QUIET && places != told) {
                tell(&format!("these brokers to have the new key: {}", places.join(", ")));
                told = places;
            }
            SystemSleep.sleep(LOOK).await;
            waited += LOOK;
        }
    }

    /// How a broker gets the key that this home offers.
    fn step_for(&self, broker: &RunningBroker, id: KeyId, source: KeySource) -> String {
        let is_beside = broker.host == this_host();
        let append = |from: PathBuf, to: String| {
            let line = line(&from, id);
            if is_beside {
                format!("{line} >> {}", quoted(&to))
            } else {
                format!("append the line that this prints to {to} on {}: {line}", broker.host)
            }
        };
        let is_here = is_beside && *broker.home == *self.store.home().to_string_lossy();
        let target = format!("{}/home.key", broker.home);
        match source {
            KeySource::File if is_here => {
                format!("see its log: it cannot read {}", self.home.next_key_file().display())
            }
            KeySource::Passphrase if is_here => UNATTENDED.to_owned(),
            KeySource::File => append(self.file_with(id), target),
            KeySource::Passphrase => format!("{} (and {UNATTENDED})", append(self.file_with(id), target)),
            KeySource::KeyFile => {
                let from = self.sources.access.key_file.as_deref().unwrap_or(std::path::Path::new("FILE"));
                format!(
                    "append the line that this prints to the file that its LANYARD_KEY_FILE names: {}",
                    line(from, id)
                )
            }
            KeySource::Command => format!("have its key_command print the key {id} too"),
            KeySource::Keyring => {
                format!("run it in the session whose keyring has the key {id}, or give this store another key source")
            }
        }
    }

    /// How this home gets a key that another one offers.
    async fn step_here(&self, offered: &NextKey) -> Result<String, StoreError> {
        let brokers = self.store.running_brokers().await?;
        let holder = brokers.iter().find(|broker| broker.has(offered.id));
        let from = holder.map_or("the home that offered it".to_owned(), place);
        Ok(match self.place(offered.source) {
            KeyPlace { source: KeySource::File | KeySource::Passphrase, path: Some(path), .. } => format!(
                "append its line to {}, from home.key.next or home.key of {from}: grep -m 1 {} home.key.next",
                path.display(),
                offered.id
            ),
            KeyPlace { source: KeySource::KeyFile, path: Some(path), .. } => {
                format!("append its line to {}, as on {from}", path.display())
            }
            KeyPlace { source: KeySource::KeyFile, path: None, .. } => {
                "name the file that has it: LANYARD_KEY_FILE".to_owned()
            }
            place => format!("have {place} deliver it too, as on {from}"),
        })
    }

    /// The file of this home that has a next key.
    fn file_with(&self, id: KeyId) -> PathBuf {
        let is_in_next = self.home.next_key().read().is_ok_and(|lines| lines.iter().any(|line| line.id() == id));
        if is_in_next { self.home.next_key_file() } else { self.home.key_file() }
    }

    /// Where a key is that is not the home's yet.
    pub(crate) fn place_of_next(&self, source: KeySource) -> KeyPlace {
        let mut place = self.place(source);
        if is_in_files(source) {
            place.path = Some(self.home.next_key_file());
        }
        place
    }
}

/// A running broker prompts for nothing.
const UNATTENDED: &str = "start it with LANYARD_PASSPHRASE_FILE, which must have the passphrase of the new key, or stop it until the key is rotated";

/// A broker, for people.
fn place(broker: &RunningBroker) -> String {
    format!("{}:{}", broker.host, broker.home)
}

/// The command that prints the line of a key. Its first line lasts.
fn line(file: &std::path::Path, id: KeyId) -> String {
    format!("grep -m 1 {id} {}", quoted(&file.to_string_lossy()))
}
