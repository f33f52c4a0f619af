//! A home's key under a passphrase.
//!
//! The passphrase and a random salt give, through Argon2id (RFC 9106), the key that the home's key is sealed under. The parameters
//! stand beside it and are authenticated with it: a later version may choose others, and nobody can lower them unseen.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use lanyard_secret::SecretBytes;
use lanyard_time::Entropy;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::{seal_locked, unseal_locked};
use crate::sealed::KEY;
use crate::{HomeKey, KeyId, Sealed};

/// A passphrase that locks a home's key. Wiped on drop.
#[derive(Clone)]
pub struct Passphrase(SecretBytes);

/// A passphrase that is not taken for a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a passphrase has at least {} characters", Passphrase::SHORTEST)]
pub struct PassphraseError;

impl Passphrase {
    /// The least number of characters of a new one. What keeps guesses out is its length: no rule asks for digits or signs.
    pub const SHORTEST: usize = 12;

    /// Takes what was typed or stands in a file, without the line's end.
    pub fn new(text: &str) -> Self {
        Self(SecretBytes::new(text.trim_end_matches(['\r', '\n']).as_bytes().to_vec()))
    }

    /// Whether the passphrase is long enough to lock a key with.
    pub fn is_long_enough(&self) -> bool {
        str::from_utf8(self.0.expose_secret()).is_ok_and(|text| text.chars().count() >= Self::SHORTEST)
    }

    /// Whether both are the same text.
    pub fn matches(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.0.expose_secret().ct_eq(other.0.expose_secret()).into()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

/// How much work it is to try one passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Work {
    /// The second recommended option of RFC 9106, section 4: 64 MiB, three passes, four lanes.
    pub const RECOMMENDED: Self = Self { memory: 64 * 1024, passes: 3, lanes: 4 };

    /// The limits for the work that a file may ask for, so that a forged file cannot exhaust the machine: 1 GiB, sixteen passes, sixteen
    /// lanes.
    const MOST: Self = Self { memory: 1024 * 1024, passes: 16, lanes: 16 };

    fn params(self) -> Option<Params> {
        let within =
            self.memory <= Self::MOST.memory && self.passes <= Self::MOST.passes && self.lanes <= Self::MOST.lanes;
        let params = Params::new(self.memory, self.passes, self.lanes, Some(KEY)).ok();
        params.filter(|_| within)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory, self.passes, self.lanes)
    }
}

/// A home's key, locked. Its id shows; the key does not.
#[derive(Clone, PartialEq, Eq)]
pub struct LockedKey {
    pub(crate) id: KeyId,
    pub(crate) work: Work,
    pub(crate) salt: [u8; Self::SALT],
    pub(crate) sealed: Sealed,
}

/// The passphrase is another one, or the locked key was altered: the two cannot be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the passphrase does not open the key {0}")]
pub struct WrongPassphrase(pub KeyId);

impl LockedKey {
    pub(crate) const SALT: usize = 16;

    /// Locks a key under a passphrase.
    ///
    /// # Panics
    /// When `work` is beyond what [`unlock`](Self::unlock) would do.
    pub fn lock(key: &HomeKey, passphrase: &Passphrase, work: Work, entropy: &dyn Entropy) -> Self {
        let mut salt = [0; Self::SALT];
        entropy.fill(&mut salt);
        let derived = derive(passphrase, work, &salt).expect("the parameters are this program's own");
        let sealed = seal_locked(&derived, key.id(), key.expose_secret(), &context(work, &salt), entropy);
        Self { id: key.id(), work, salt, sealed }
    }

    /// Unlocks it. Takes time and memory, on purpose.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<HomeKey, WrongPassphrase> {
        let wrong = WrongPassphrase(self.id);
        let derived = derive(passphrase, self.work, &self.salt).ok_or(wrong)?;
        let opened =
            unseal_locked(&derived, self.id, &self.sealed, &context(self.work, &self.salt)).map_err(|_| wrong)?;
        let secret = <[u8; KEY]>::try_from(opened.expose_secret()).map_err(|_| wrong)?;
        Ok(HomeKey::from_parts(self.id, Zeroizing::new(secret)))
    }

    /// Which key it is.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How much work it is to try a passphrase.
    pub fn work(&self) -> Work {
        self.work
    }
}

impl fmt::Debug for LockedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LockedKey({}, {})", self.id, self.work)
    }
}

fn derive(passphrase: &Passphrase, work: Work, salt: &[u8]) -> Option<Zeroizing<[u8; KEY]>> {
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, work.params()?);
    let mut derived = Zeroizing::new([0; KEY]);
    argon.hash_password_into(passphrase.0.expose_secret(), salt, derived.as_mut_slice()).ok()?;
    Some(derived)
}

/// The context that is authenticated together with the key's id.
fn context(work: Work, salt: &[u8]) -> Vec<u8> {
    [format!("argon2id {work} ").as_bytes(), salt].concat()
}

#[cfg(test)]
mod tests {
    use lanyard_time::SeededEntropy;

    use super::*;

    /// Little work: what is tested here does not depend on how much it is.
    const LITTLE: Work = Work { memory: 64, passes: 1, lanes: 1 };

    fn locked() -> (HomeKey, LockedKey) {
        let entropy = SeededEntropy::new(1);
        let key = HomeKey::generate(&entropy);
        let locked = LockedKey::lock(&key, &Passphrase::new("correct horse battery"), LITTLE, &entropy);
        (key, locked)
    }

    #[test]
    fn the_passphrase_and_no_other_opens_the_key() {
        let (key, locked) = locked();
        let opened = locked.unlock(&Passphrase::new("correct horse battery\n")).unwrap();
        assert_eq!((opened.id(), opened.expose_secret()), (key.id(), key.expose_secret()));
        for wrong in ["", "correct horse batter", "Correct horse battery", " correct horse battery"] {
            assert_eq!(locked.unlock(&Passphrase::new(wrong)).unwrap_err(), WrongPassphrase(key.id()));
        }
    }

    #[test]
    fn parameters_that_were_altered_open_nothing() {
        let (_, locked) = locked();
        let passphrase = Passphrase::new("correct horse battery");
        for work in [Work { memory: 32, ..LITTLE }, Work { passes: 2, ..LITTLE }, Work { memory: u32::MAX, ..LITTLE }] {
            assert!(LockedKey { work, ..locked.clone() }.unlock(&passphrase).is_err(), "{work}");
        }
        let mut salt = locked.salt;
        salt[0] ^= 1;
        assert!(LockedKey { salt, ..locked.clone() }.unlock(&passphrase).is_err());
        let id = HomeKey::generate(&SeededEntropy::new(2)).id();
        assert!(LockedKey { id, ..locked }.unlock(&passphrase).is_err());
    }

    #[test]
    fn what_is_recommended_is_within_what_is_allowed() {
        assert!(Work::RECOMMENDED.params().is_some());
        assert!(Work { memory: Work::MOST.memory + 1, ..Work::RECOMMENDED }.params().is_none());
    }

    #[test]
    fn a_short_passphrase_is_not_taken_for_a_new_key() {
        assert!(!Passphrase::new("elevenchars\n").is_long_enough());
        assert!(Passphrase::new("twelve chars\n").is_long_enough());
    }

    #[test]
    fn debug_shows_neither_passphrase_nor_key() {
        let (key, locked) = locked();
        assert_eq!(format!("{:?}", Passphrase::new("correct horse")), "Passphrase");
        assert_eq!(format!("{locked:?}"), format!("LockedKey({}, m=64,t=1,p=1)", key.id()));
    }
}
