//! The keyed chain that the audit's records hang on.

use std::fmt;
use std::str::FromStr;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::sealed::KEY;

/// A key that authenticates the audit's records, the list of clients or single rows. Wiped when dropped.
#[derive(Clone)]
pub struct AuditKey(Zeroizing<[u8; BLOCK]>);

/// SHA-256's block: the longest key that HMAC takes as it is.
const BLOCK: usize = 64;

/// The seal of one record over itself and all records before it. Compared in constant time.
#[derive(Clone, Copy)]
pub struct Mac([u8; Self::LENGTH]);

impl AuditKey {
    /// `purpose` tells the keys apart that are derived from one secret.
    pub(crate) fn derive(secret: &[u8; KEY], purpose: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; BLOCK]);
        Hkdf::<Sha256>::new(None, secret)
            .expand(purpose, key.as_mut_slice())
            .expect("64 bytes are within the limit of HKDF");
        Self(key)
    }

    /// The link that follows `previous` (HMAC-SHA-256, RFC 2104). `record` encodes the record so that no two are alike.
    pub fn chain(&self, previous: &Mac, record: &[u8]) -> Mac {
        let mut mac = Hmac::<Sha256>::new((&*self.0).into());
        // Of fixed length, so the border to the record cannot move.
        mac.update(&previous.0);
        mac.update(record);
        Mac(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey")
    }
}

impl Mac {
    const LENGTH: usize = 32;

    /// The mac that stands before the first record of a chain.
    pub const BEGINNING: Self = Self([0; Self::LENGTH]);

    /// The bytes, for storing and exporting.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes stored bytes back; `None` when there are not 32.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl PartialEq for Mac {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Mac {}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        if text.len() != 2 * Self::LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(MacError);
        }
        let mut bytes = [0; Self::LENGTH];
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 16).ok()).ok_or(MacError)?;
        }
        Ok(Self(bytes))
    }
}

/// A text that is no mac: 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a mac: 64 hexadecimal digits")]
pub struct MacError;

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mac({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_depends_on_the_key_the_record_and_all_before_it() {
        let key = AuditKey::derive(&[1; KEY], b"x");
        let first = key.chain(&Mac::BEGINNING, b"a");
        assert_eq!(first, key.chain(&Mac::BEGINNING, b"a"));
        assert_ne!(first, key.chain(&Mac::BEGINNING, b"b"));
        assert_ne!(first, AuditKey::derive(&[2; KEY], b"x").chain(&Mac::BEGINNING, b"a"));
        assert_ne!(first, AuditKey::derive(&[1; KEY], b"y").chain(&Mac::BEGINNING, b"a"));
        assert_ne!(key.chain(&first, b"a"), first);
    }

    #[test]
    fn the_derived_key_is_not_the_secret_and_is_not_shown() {
        let key = AuditKey::derive(&[1; KEY], b"x");
        assert_ne!(key.0[..KEY], [1; KEY]);
        assert_eq!(format!("{key:?}"), "AuditKey");
    }

    #[test]
    fn a_mac_survives_its_bytes() {
        let mac = AuditKey::derive(&[1; KEY], b"x").chain(&Mac::BEGINNING, b"a");
        assert_eq!(Mac::from_bytes(mac.as_bytes()), Some(mac));
        assert_eq!(Mac::from_bytes(&mac.as_bytes()[1..]), None);
        assert_eq!(mac.to_string().parse(), Ok(mac));
        assert_eq!("00".parse::<Mac>(), Err(MacError));
    }
}
